//! A rate as a person writes it: `1000pps`, `10Mbit/s`.

#[cfg(test)]
mod tests;

use std::str::FromStr;

/// How fast to send, all flows together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Datagrams per second.
    Pps(f64),
    /// UDP payload bits per second.
    Bps(f64),
}

impl Rate {
    /// Datagrams per second, for datagrams of `size` bytes of UDP payload.
    pub fn pps(self, size: u16) -> f64 {
        match self {
            Self::Pps(pps) => pps,
            Self::Bps(bps) => bps / (8.0 * f64::from(size)),
        }
    }
}

/// A rate that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a rate is a number above 0 with a unit: pps, kpps, Mpps, bit/s, kbit/s, \
     Mbit/s or Gbit/s, as in 1000pps or 10Mbit/s"
)]
pub struct BadRate;

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let text = text.trim();
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or(BadRate)?;
        let (number, unit) = text.split_at(end);
        let number: f64 = number.parse().map_err(|_| BadRate)?;
        let rate = match unit.trim().to_ascii_lowercase().as_str() {
            "pps" => Self::Pps(number),
            "kpps" => Self::Pps(number * 1e3),
            "mpps" => Self::Pps(number * 1e6),
            "bit/s" | "bps" => Self::Bps(number),
            "kbit/s" | "kbps" => Self::Bps(number * 1e3),
            "mbit/s" | "mbps" => Self::Bps(number * 1e6),
            "gbit/s" | "gbps" => Self::Bps(number * 1e9),
            _ => return Err(BadRate),
        };
        if number > 0.0 && rate.pps(1) <= MAX_PPS {
            Ok(rate)
        } else {
            Err(BadRate)
        }
    }
}

/// No machine sends more; it keeps sums far from the ends of their types.
const MAX_PPS: f64 = 1e12;
