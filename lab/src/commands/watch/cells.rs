//! What stands in the cells of the screen.

use std::net::Ipv4Addr;

use ratatui::text::Span;

pub(super) fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}

/// A text that fits, or its beginning and `…`.
pub(super) fn cut(text: &str, width: usize) -> String {
    let fits = |text: &str, width| Span::raw(text).width() <= width;
    if fits(text, width) {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        if !fits(&kept, width.saturating_sub(1)) {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

pub(super) fn right(text: &str, width: usize) -> String {
    format!("{text:>width$}")
}

pub(super) fn groups(all: &[Ipv4Addr]) -> String {
    match all {
        [] => String::new(),
        [one] => one.to_string(),
        [one, rest @ ..] => format!("{one} +{}", rest.len()),
    }
}
