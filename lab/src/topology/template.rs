//! Text with `${...}` in it, which may be nested: `${r${i}.lo}`.

/// The deepest that `${...}` may be nested.
const MAX_DEPTH: usize = 4;

/// A part of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// As it stands there.
    Text(String),
    /// `$${`, which stands for `${` itself.
    Escape,
    /// What is between `${` and its `}`.
    Variable(Vec<Piece>),
}

/// Why a text is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    /// A `${` has no `}`.
    Open,
    /// Nested too deeply.
    Deep,
}

/// The parts of a text.
pub(super) fn parse(text: &str) -> Result<Vec<Piece>, Fault> {
    let mut rest = text;
    pieces(&mut rest, 0)
}

/// Up to the end, or inside of a variable up to its `}`, which is taken too.
fn pieces(rest: &mut &str, depth: usize) -> Result<Vec<Piece>, Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::Deep);
    }
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut keep = |plain: &mut String, piece: Option<Piece>| {
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(plain)));
        }
        pieces.extend(piece);
    };
    loop {
        if let Some(after) = rest.strip_prefix("$${") {
            *rest = after;
            keep(&mut plain, Some(Piece::Escape));
        } else if let Some(after) = rest.strip_prefix("${") {
            *rest = after;
            let inside = self::pieces(rest, depth + 1)?;
            keep(&mut plain, Some(Piece::Variable(inside)));
        } else if depth > 0 && rest.starts_with('}') {
            *rest = &rest[1..];
            keep(&mut plain, None);
            return Ok(pieces);
        } else {
            let mut letters = rest.chars();
            match letters.next() {
                Some(letter) => plain.push(letter),
                None if depth > 0 => return Err(Fault::Open),
                None => {
                    keep(&mut plain, None);
                    return Ok(pieces);
                }
            }
            *rest = letters.as_str();
        }
    }
}

#[cfg(test)]
mod tests;
