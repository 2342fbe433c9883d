//! The packet plane: AF_PACKET sockets, moved by io_uring or by
//! recvmmsg/sendmmsg, in a worker process that holds no privilege.
//!
//! A packet's way: `parse` → [`crate::table`] → `route` where it is for a routed
//! group → `runs` → `forward` → `copies` (which uses [`crate::rewrite`] for
//! each) → `engine`. `worker` is the loop around it. What the router is to know
//! goes through `watch`.

mod copies;
mod engine;
pub mod forward;
pub mod parse;
mod route;
mod runs;
mod watch;
mod whole;
pub mod worker;
