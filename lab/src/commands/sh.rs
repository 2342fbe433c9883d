//! `lab sh`: a shell in a node.

use std::env;
use std::ffi::OsString;
use std::path::Path;

use super::exec::in_node;
use super::running::settle;
use crate::args::ShArgs;
use crate::exit::Exit;

/// Runs `lab sh`.
pub fn run(args: ShArgs) -> Exit {
    settle(in_node(args.lab.as_deref(), &args.node, &[shell()]))
}

/// The user's own shell, or one of the system's: bash first, because dash
/// cannot give the terminal back from a PID namespace, and ends with status 2.
fn shell() -> OsString {
    let own = env::var_os("SHELL");
    let system = ["/bin/bash", "/bin/sh"].map(OsString::from);
    own.into_iter()
        .chain(system)
        .find(|shell| Path::new(shell).is_file())
        .unwrap_or_else(|| OsString::from("/bin/sh"))
}
