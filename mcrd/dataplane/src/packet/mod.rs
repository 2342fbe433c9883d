//! The packet plane: AF_PACKET sockets, moved by io_uring or by
//! recvmmsg/sendmmsg, in a worker process that holds no privilege.
//!
//! A packet's way: `parse` → [`crate::table`] → `runs` → `forward` (which uses
//! [`crate::rewrite`] for each copy) → `engine`. `worker` is the loop around it.

mod engine;
pub mod forward;
pub mod parse;
mod runs;
pub mod worker;
