//! Routers whose daemon answers nothing: it does not run, or gets no time to run,
//! or does not answer in time.

use super::Kind;
use super::told::Silent;
use super::walk::{Step, Walk, fault};
use crate::topology::model::{Kind as NodeKind, LinkId, NodeId};

impl Walk<'_> {
    /// Comes to a router that is to forward onto a link: one that runs no more
    /// does not, and what a frozen one does is seen on that link.
    pub(super) fn come_to(&mut self, at: NodeId, onto: LinkId) -> Step<()> {
        let name = self.name(at);
        match &self.told(at)?.silent {
            None => Ok(()),
            Some(Silent::Slow(reason)) => {
                let evidence = format!("{reason}; what follows is seen from outside");
                self.ok(name, "no answer", &evidence);
                Ok(())
            }
            Some(Silent::Frozen) if self.carries(onto) => self.goes_on(at, "frozen", onto),
            Some(Silent::Hangs(_)) if self.carries(onto) => self.goes_on(at, "hangs", onto),
            Some(Silent::Ended(_) | Silent::Frozen | Silent::Hangs(_)) => self.idle(at, Some(onto)),
        }
    }

    fn goes_on(&mut self, at: NodeId, how: &str, onto: LinkId) -> Step<()> {
        let shown = self.shown(onto)?;
        let evidence = format!("it forwards by what it has set: {shown}");
        self.ok(self.name(at), how, &evidence);
        Ok(())
    }

    /// The fault that a router's daemon is not at work, where it is not.
    pub(super) fn idle(&self, at: NodeId, onto: Option<LinkId>) -> Step<()> {
        let (name, daemon) = (self.name(at), self.daemon(at));
        let shown = match onto {
            Some(onto) => format!(" ({})", self.shown(onto)?),
            None => String::new(),
        };
        match &self.told(at)?.silent {
            None | Some(Silent::Slow(_)) => Ok(()),
            Some(Silent::Ended(how)) => fault(
                Kind::DaemonEnded,
                name,
                format!("{daemon} does not run at {name}: {how}{shown}"),
                format!("`lab daemon start {name}`; `lab logs {name}` has its last words"),
            ),
            Some(Silent::Frozen) => fault(
                Kind::DaemonFrozen,
                name,
                format!("{daemon} is frozen at {name}: it hears and says nothing{shown}"),
                format!("`lab daemon thaw {name}`"),
            ),
            Some(Silent::Hangs(reason)) => fault(
                Kind::DaemonFrozen,
                name,
                format!("{daemon} hangs at {name}: no Hello of it holds, and {reason}{shown}"),
                format!("see `lab logs {name}`; `lab daemon restart {name}`"),
            ),
        }
    }

    /// What a link showed, where somebody looked.
    fn shown(&self, link: LinkId) -> Step<String> {
        let name = &self.link(link)?.name;
        Ok(match self.snapshot.links.get(&link) {
            Some(1) => format!("{name} shows 1 datagram"),
            Some(count) => format!("{name} shows {count} datagrams"),
            None => format!("nobody has looked at {name}"),
        })
    }

    fn daemon(&self, at: NodeId) -> &'static str {
        match self.node(at).map(|node| &node.kind) {
            Some(NodeKind::Mcrd { .. }) => "mcrd",
            Some(NodeKind::Frr) => "FRR",
            Some(NodeKind::Pimd) => "pimd",
            Some(NodeKind::Smcroute { .. }) => "smcrouted",
            Some(NodeKind::Custom(_)) => "its command",
            Some(NodeKind::Kernel | NodeKind::Host) | None => "its daemon",
        }
    }
}
