//! rtnetlink: what the kernel says of links, addresses, routes and neighbours,
//! and what it is told. The only module that names the netlink crates, which
//! change together.

pub mod build;
pub mod mdb;
pub mod monitor;
pub mod notices;
pub mod route;
