//! A network in one process and in virtual time: routers are
//! [`mcr_proto::router::Router`]s, and hosts, links, unicast routes and the
//! data plane are models. One seed decides everything that is left to chance,
//! so a run that went wrong can be repeated.

pub mod check;
pub mod clock;
pub mod host;
pub mod link;
pub mod network;
pub mod packet;
pub mod packet_expr;
pub mod plane;
pub mod reference;
pub mod rules;
pub mod switch;
pub mod trace;
pub mod unicast;
pub mod wire;

pub use host::Filter;
pub use link::{LinkId, LinkOptions, Medium};
pub use network::{ControlSent, Delivery, FlowId, Heard, Network, NodeId, Stream, Told};
