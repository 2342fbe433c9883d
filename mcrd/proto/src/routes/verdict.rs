//! What is to happen to a packet from S to G on an interface: the forwarding
//! rules of RFC 7761 §4.2, computed from the trees.

use crate::fib::Accept;
use crate::id::{IfIndex, UnicastAddr};
use crate::pim::macros::{Macros, Olist};
use crate::router::event::RegisterState;
use crate::tib::Target;

/// Everything that decides about the packets of one source to the group.
#[derive(Clone, Debug)]
pub struct SourceView {
    /// RPF_interface(S) and RPF'(S,G), as in force.
    pub rpf: Option<Target>,
    /// RPF_interface(RP(G)), as in force; `None` at the RP and in the SSM
    /// range.
    pub rpf_rp: Option<IfIndex>,
    /// SPTbit(S,G).
    pub spt_bit: bool,
    /// JoinDesired(S,G).
    pub join_desired: bool,
    /// Update_SPTbit(S,G,RPF_interface(S)) would set the bit.
    pub switches: bool,
    /// DirectlyConnected(S).
    pub connected: bool,
    /// Packets are registered.
    pub register: bool,
    /// inherited_olist(S,G).
    pub inherited: Olist,
    /// inherited_olist(S,G,rpt).
    pub inherited_rpt: Olist,
}

/// What is to happen on one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the packet is taken.
    pub accept: Accept,
    /// Where it goes.
    pub olist: Olist,
    /// It is registered.
    pub register: bool,
}

impl SourceView {
    /// The view of a source, known or not.
    pub fn new(macros: Macros<'_>, source: UnicastAddr) -> SourceView {
        let world = macros.world;
        let sg = macros.state.and_then(|state| state.sg.get(&source));
        let rpf = rpf_in_force(macros, source);
        let rpf_rp = rpf_rp_in_force(macros);
        let join_desired = macros.join_desired_sg(source);
        let mut inherited_rpt = macros.inherited_olist_sg_rpt(source);
        let connected = world.directly_connected(source, macros.group);
        if let Some(rpf) = rpf.filter(|_| connected) {
            // On its own link the source has sent the packet itself; its DR
            // would register what comes down the RP tree as another one.
            inherited_rpt.remove(&rpf.iface);
        }
        let registers = sg.is_some_and(|sg| sg.register == RegisterState::Join);
        let switches = join_desired && {
            let same_interface = rpf.map(|rpf| rpf.iface) == rpf_rp;
            let neighbor = rpf.and_then(|rpf| rpf.neighbor);
            let same_neighbor = neighbor.is_some()
                && neighbor == macros.rpf_star_g().and_then(|target| target.neighbor);
            connected
                || !same_interface
                || inherited_rpt.is_empty()
                || same_neighbor
                || rpf.is_some_and(|rpf| macros.lost_on(source, rpf.iface))
        };
        SourceView {
            rpf,
            rpf_rp,
            spt_bit: macros.spt_bit(source),
            join_desired,
            switches,
            connected,
            register: registers && !world.i_am_rp(macros.group),
            inherited: macros.inherited_olist_sg(source),
            inherited_rpt,
        }
    }

    /// The packet arrived on the interface that leads to its source.
    pub fn is_rpf(&self, iif: IfIndex) -> bool {
        self.rpf.is_some_and(|rpf| rpf.iface == iif)
    }

    /// What is to happen to packets that arrive on this interface.
    pub fn verdict(&self, iif: IfIndex) -> Verdict {
        if self.is_rpf(iif) {
            if self.spt_bit {
                return self.take(iif, Accept::Forward, &self.inherited);
            }
            if self.switches {
                return self.take(iif, Accept::Switch, &self.inherited);
            }
        }
        let on_rpt = self.rpf_rp == Some(iif) && !self.spt_bit;
        if on_rpt {
            // What comes down the other tree ends this one's packets.
            let accept = if self.switches && !self.is_rpf(iif) {
                Accept::UntilSwitch
            } else {
                Accept::Forward
            };
            return self.take(iif, accept, self.rpt_olist());
        }
        if self.is_rpf(iif) && self.connected {
            return self.take(iif, Accept::Forward, &Olist::new());
        }
        let expected = match self.spt_bit {
            true => &self.inherited,
            false => self.rpt_olist(),
        };
        Verdict {
            accept: match expected.contains(&iif) {
                true => Accept::WrongInterface,
                false => Accept::Discard,
            },
            olist: Olist::new(),
            register: false,
        }
    }

    /// Where packets go that come by the interface of the RP tree. Where the
    /// source's own tree comes by the same one, those who joined the source
    /// have them too, whichever router sent them: SPTbit waits for an Assert
    /// (§4.2.2), and there is none while the router of the RP tree has the
    /// packets from that link itself.
    fn rpt_olist(&self) -> &Olist {
        let one_way = self.rpf_rp.is_some() && self.rpf.map(|rpf| rpf.iface) == self.rpf_rp;
        match one_way && self.join_desired {
            true => &self.inherited,
            false => &self.inherited_rpt,
        }
    }

    fn take(&self, iif: IfIndex, accept: Accept, olist: &Olist) -> Verdict {
        let mut olist = olist.clone();
        olist.remove(&iif);
        // Packets of a connected source keep its Keepalive Timer running also
        // while nobody wants them, and those of a joined one also where the
        // members are on the link that they come from.
        let counts = self.is_rpf(iif) && (self.connected || self.join_desired);
        let accept = match olist.is_empty() && !counts {
            true => Accept::Discard,
            false => accept,
        };
        Verdict {
            accept,
            olist,
            register: self.register && self.is_rpf(iif),
        }
    }
}

/// RPF_interface(S) and RPF'(S,G): those that the last Join went to, while one
/// is in force.
pub fn rpf_in_force(macros: Macros<'_>, source: UnicastAddr) -> Option<Target> {
    let sg = macros.state.and_then(|state| state.sg.get(&source));
    let joined = sg.filter(|sg| sg.upstream.joined);
    joined
        .and_then(|sg| sg.upstream.target)
        .or_else(|| macros.rpf_sg(source))
}

/// RPF_interface(RP(G)), as in force.
pub fn rpf_rp_in_force(macros: Macros<'_>) -> Option<IfIndex> {
    let star_g = macros.state.and_then(|state| state.star_g.as_ref());
    let joined = star_g.filter(|star_g| star_g.upstream.joined);
    joined
        .and_then(|star_g| star_g.upstream.target)
        .or_else(|| macros.rpf_star_g())
        .map(|target| target.iface)
}

#[cfg(test)]
mod tests;
