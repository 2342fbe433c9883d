//! `mcrd worker`: the process that the supervisor starts for an input
//! interface.

use std::process::ExitCode;

/// Runs the worker on the channel that the supervisor left open.
#[allow(clippy::print_stderr, reason = "a worker has no log of its own")]
pub(crate) fn run() -> ExitCode {
    let channel = match mcr_sys::spawn::inherited(mcr_dataplane::channel::CHANNEL_FD) {
        Ok(channel) => channel,
        Err(error) => {
            eprintln!("mcrd worker: started without its channel, as only mcrd run can: {error}");
            return ExitCode::from(2);
        }
    };
    match mcr_dataplane::packet::worker::run(channel) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mcrd worker: {error}");
            ExitCode::from(3)
        }
    }
}
