//! Max Resp Code and QQIC: eight bits, from 128 on as a floating-point number
//! (RFC 9776 §4.1.1, §4.1.7).

/// What the code stands for.
pub fn decode(code: u8) -> u32 {
    let code = u32::from(code);
    match code {
        0..128 => code,
        _ => ((code & 0x0f) | 0x10) << (((code >> 4) & 0x07) + 3),
    }
}

/// The code of the largest value that can be told and is not above this one.
pub fn encode(value: u32) -> u8 {
    match u8::try_from(value) {
        Ok(code @ 0..128) => code,
        _ => (128..=u8::MAX)
            .rev()
            .find(|code| decode(*code) <= value)
            .unwrap_or(u8::MAX),
    }
}

#[cfg(test)]
mod tests;
