//! What a whole network knows, in a form in which two moments are alike where
//! nothing differs that lasts: no times, no counts.

use std::collections::{BTreeMap, BTreeSet};

use super::Observed;

#[cfg(test)]
mod tests;

/// What a router knows: what it is about, and what is known of it.
pub type Facts = BTreeMap<String, String>;

/// What each router and each switch that snoops knows, by its name.
pub type State = BTreeMap<String, Facts>;

/// What is not as it was, a line each.
#[must_use]
pub fn differences(before: &State, now: &State) -> Vec<String> {
    let nothing = Facts::new();
    let routers: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let mut lines = Vec::new();
    for router in routers {
        let then = before.get(router).unwrap_or(&nothing);
        let now = now.get(router).unwrap_or(&nothing);
        let about: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        for about in about {
            let said = match (then.get(about), now.get(about)) {
                (Some(then), Some(now)) if then != now => format!("was {then}; is {now}"),
                (Some(then), None) => format!("was {then}; is no more"),
                (None, Some(now)) => format!("is new: {now}"),
                (Some(_), Some(_)) | (None, None) => continue,
            };
            lines.push(format!("{router} {about} {said}"));
        }
    }
    lines
}

/// Judges whether the network is as it was when a snap was taken.
#[must_use]
pub fn judge(snap: &str, before: &State, now: &State) -> Observed {
    let missed = differences(before, now);
    let facts: usize = now.values().map(BTreeMap::len).sum();
    let measured = match missed.len() {
        0 => format!("all {facts} facts as in {snap}"),
        1 => format!("1 of {facts} facts is not as in {snap}"),
        other => format!("{other} of {facts} facts are not as in {snap}"),
    };
    Observed::judged(measured, missed)
}
