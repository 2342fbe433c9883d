//! One of several equal parts of the files.

/// A part of the files: the `part`-th of `parts`, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which.
    pub part: usize,
    /// Of how many.
    pub parts: usize,
}

impl Shard {
    /// Whether the file at this position belongs to it.
    #[must_use]
    pub fn has(self, position: usize) -> bool {
        position % self.parts == self.part - 1
    }
}

pub(super) fn parse_shard(text: &str) -> Result<Shard, String> {
    let numbers = text.split_once('/');
    let numbers = numbers.and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
    match numbers {
        Some((part, parts)) if (1..=parts).contains(&part) => Ok(Shard { part, parts }),
        Some(_) | None => Err("write it as K/N, K from 1 to N".to_owned()),
    }
}
