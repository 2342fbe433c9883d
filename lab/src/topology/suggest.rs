//! The nearest of the known names, for "did you mean".

/// The known name nearest to `name`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &str| {
        // The beginning of a longer name was meant for the whole of it.
        if name.len() >= 3 && candidate.starts_with(name) {
            return 0;
        }
        strsim::osa_distance(name, candidate)
    };
    known
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed(name, candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters may be wrong in a name of this length.
fn allowed(name: &str, candidate: &str) -> usize {
    match name.chars().count().max(candidate.chars().count()) {
        0 | 1 => 0,
        2..=4 => 1,
        5..=7 => 2,
        _ => 3,
    }
}

/// What to tell somebody who wrote a name that is not known: the nearest one,
/// or all where they are few.
pub(crate) fn advice<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(nearest) = nearest(name, known.clone()) {
        return Some(format!("did you mean `{nearest}`?"));
    }
    let known: Vec<&str> = known.into_iter().collect();
    match known.len() {
        0 => None,
        1..=12 => Some(format!("known: {}", known.join(", "))),
        _ => Some(format!("known: {}, ...", known[..12].join(", "))),
    }
}
