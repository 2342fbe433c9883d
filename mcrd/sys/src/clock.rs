//! The clocks a measurement needs, in nanoseconds.

use nix::time::{ClockId, clock_gettime};

/// CLOCK_REALTIME: nanoseconds since 1970. The kernel stamps received
/// datagrams by the same clock.
pub fn realtime_ns() -> u64 {
    read(ClockId::CLOCK_REALTIME)
}

/// CLOCK_MONOTONIC: never set back, so it is the one to wait by.
pub fn monotonic_ns() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// Both clocks are there on every Linux; an error can only mean a time before
/// 1970, which reads as 0.
fn read(clock: ClockId) -> u64 {
    let Ok(time) = clock_gettime(clock) else {
        return 0;
    };
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec()).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// Lets the kernel end this thread's waits as near to their time as it can,
/// instead of up to 50 us later to save wake-ups.
pub fn ask_for_exact_waits() -> std::io::Result<()> {
    Ok(nix::sys::prctl::set_timerslack(1)?)
}
