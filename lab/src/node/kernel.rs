//! A router that is nothing but the kernel's own unicast forwarding.

use super::NodeKind;

/// Plain forwarding, which every namespace of a lab has switched on.
pub(super) struct Kernel;

impl NodeKind for Kernel {}
