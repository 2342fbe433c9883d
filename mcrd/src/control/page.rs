//! Long lists in pages, each of which fits a line.

use mcr_api::MAX_PAGE;
use mcr_api::state::Page;
use serde::Serialize;

use super::Answer;
use super::session::value;

/// A page ends before its items take more than this, so that it fits a line.
const PAGE_BYTES: usize = 512 * 1024;

/// The first page of the items as `show` tells them. `cursor` names an item, so
/// that the next page can start after it.
pub(super) fn page<Item, T: Serialize>(
    items: impl Iterator<Item = Item>,
    cursor: impl Fn(&Item) -> String,
    show: impl Fn(&Item) -> T,
) -> Answer {
    let mut rest = items.peekable();
    let mut items = Vec::new();
    let mut bytes = 0;
    let mut next = None;
    while let Some(item) = rest.next() {
        let told = value(&show(&item))?;
        bytes += told.to_string().len();
        items.push(told);
        if (bytes > PAGE_BYTES || items.len() >= MAX_PAGE) && rest.peek().is_some() {
            next = Some(cursor(&item));
            break;
        }
    }
    value(&Page { items, next })
}
