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

/// A fact of two states, as far as each has it.
type Both<'a> = (&'a String, &'a String, Option<&'a str>, Option<&'a str>);

/// All facts of two states: of whom, about what, and what each says.
fn facts<'a>(one: &'a State, other: &'a State) -> Vec<Both<'a>> {
    let keys = |state: &'a State| {
        let all = state.iter();
        all.flat_map(|(router, facts)| facts.keys().map(move |about| (router, about)))
    };
    let all: BTreeSet<(&String, &String)> = keys(one).chain(keys(other)).collect();
    let said = |state: &'a State, (router, about): (&String, &String)| {
        Some(state.get(router)?.get(about)?.as_str())
    };
    let all = all.into_iter();
    all.map(|key| (key.0, key.1, said(one, key), said(other, key)))
        .collect()
}

/// What is not as it was, a line each.
#[must_use]
pub fn differences(before: &State, now: &State) -> Vec<String> {
    let mut lines = Vec::new();
    for (router, about, then, now) in facts(before, now) {
        let said = match (then, now) {
            (Some(then), Some(now)) if then != now => format!("was {then}; is {now}"),
            (Some(then), None) => format!("was {then}; is no more"),
            (None, Some(now)) => format!("is new: {now}"),
            (Some(_), Some(_)) | (None, None) => continue,
        };
        lines.push(format!("{router} {about} {said}"));
    }
    lines
}

/// Judges whether the network is as the reference model has it.
#[must_use]
pub fn judge_model(want: &State, have: &State) -> Observed {
    let all = facts(want, have);
    let wrong = all.iter().filter(|(_, _, want, have)| want != have);
    let missed = wrong.map(|(router, about, want, have)| {
        let (want, have) = (want.unwrap_or("none"), have.unwrap_or("none"));
        format!("{router} {about}: have {have}; want {want}")
    });
    let missed: Vec<String> = missed.collect();
    let facts = all.len();
    let measured = match missed.len() {
        0 => format!("all {facts} facts as in the model"),
        1 => format!("1 of {facts} facts is not as in the model"),
        other => format!("{other} of {facts} facts are not as in the model"),
    };
    Observed::judged(measured, missed)
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
