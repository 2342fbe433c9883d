//! mcrctl as its user meets it, beside a daemon that the tests write.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a fake answers what is asked"
)]

mod bulk;
mod exit_codes;
mod fake;
mod router;
mod transcripts;
mod watch;
