//! The forwarding table as whole routers compute it.
