//! The rank test of Mann and Whitney: whether two samples may be of the same
//! distribution, whatever that is.

/// How often two samples of the same distribution differ as much, in either
/// direction: by the normal approximation, with ties and continuity.
#[must_use]
pub(super) fn chance(a: &[f64], b: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = Vec::with_capacity(a.len() + b.len());
    all.extend(a.iter().map(|value| (*value, true)));
    all.extend(b.iter().map(|value| (*value, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut ranks_of_a, mut ties, mut at) = (0.0, 0.0, 0);
    while let Some((value, _)) = all.get(at) {
        let same = all[at..].iter().take_while(|one| one.0 == *value);
        let count = same.clone().count();
        // The ranks from at + 1 on, which they share.
        let rank = number(at) + (number(count) + 1.0) / 2.0;
        ranks_of_a += rank * number(same.filter(|one| one.1).count());
        ties += number(count).powi(3) - number(count);
        at += count;
    }
    let (n, m) = (number(a.len()), number(b.len()));
    let both = n + m;
    let u = ranks_of_a - n * (n + 1.0) / 2.0;
    let variance = n * m / 12.0 * ((both + 1.0) - ties / (both * (both - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let distance = ((u - n * m / 2.0).abs() - 0.5).max(0.0);
    complementary_error(distance / variance.sqrt() / std::f64::consts::SQRT_2)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "samples are no longer than that"
)]
fn number(count: usize) -> f64 {
    count as f64
}

/// erfc of a number that is not negative, to 7 digits (Abramowitz and Stegun,
/// 7.1.26).
fn complementary_error(x: f64) -> f64 {
    const FACTORS: [f64; 5] = [
        0.254_829_592,
        -0.284_496_736,
        1.421_413_741,
        -1.453_152_027,
        1.061_405_429,
    ];
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let sum = FACTORS
        .iter()
        .rev()
        .fold(0.0, |sum, factor| (sum + factor) * t);
    sum * (-x * x).exp()
}

#[cfg(test)]
mod tests;
