//! The generator and the measuring receiver. The reports they print are types
//! here, so that whoever runs them can read them.

pub mod args;
pub mod error;
pub mod hosts;
mod igmp;
pub mod interface;
pub mod latency;
pub mod ledger;
mod machine;
pub mod output;
pub mod pacer;
pub mod payload;
pub mod progress;
pub mod rate;
pub mod receiver;
pub mod report;
mod schedule;
pub mod sender;
pub mod stop;
mod text;
pub mod window;

use std::io::Write;

/// Says something on standard error that does not change the result.
fn warn(message: &str) {
    // Where standard error is gone, nobody is left to be told.
    writeln!(std::io::stderr(), "mcrgen: {message}").unwrap_or_default();
}
