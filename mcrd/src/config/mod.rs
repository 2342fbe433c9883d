//! The running configuration against a file: what differs, and saving it. What
//! a file may say is crate mcr-config's.

pub(crate) mod reload;
pub(crate) mod save;
