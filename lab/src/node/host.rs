//! A host: nothing runs in it but the receivers and sources of the steps.

use futures_util::future::LocalBoxFuture;

use super::{NodeError, NodeKind, Place, Programs, Unfit};
use crate::backend::netns::Child;

/// A host.
pub(super) struct Host;

impl NodeKind for Host {
    fn check(&self, _programs: &Programs) -> Result<(), Unfit> {
        Ok(())
    }

    fn configure(&self, _place: &Place<'_>) -> Result<(), NodeError> {
        Ok(())
    }

    fn start(&self, _place: &Place<'_>) -> Result<Vec<Child>, NodeError> {
        Ok(Vec::new())
    }

    fn ready<'a>(&'a self, _place: &'a Place<'_>) -> LocalBoxFuture<'a, Result<bool, NodeError>> {
        Box::pin(async { Ok(true) })
    }

    fn stop<'a>(
        &'a self,
        _place: &'a Place<'_>,
        _child: &'a Child,
    ) -> LocalBoxFuture<'a, Result<(), NodeError>> {
        Box::pin(async { Ok(()) })
    }
}
