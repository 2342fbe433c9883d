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
    let own = env::var_os("SHELL").filter(|shell| Path::new(shell).is_file());
    let shell = own.unwrap_or_else(|| OsString::from("/bin/sh"));
    settle(in_node(args.lab.as_deref(), &args.node, &[shell]))
}
