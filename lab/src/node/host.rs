//! A host: nothing runs in it but the receivers and sources of the steps.

use super::NodeKind;

/// A host.
pub(super) struct Host;

impl NodeKind for Host {}
