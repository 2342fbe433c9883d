//! The source's side: its Designated Router, its TTL, its Registers.

use std::net::Ipv4Addr;

use mcr_api::router::RegisterState;

use super::Kind;
use super::told::{Mroute, Told};
use super::walk::{Step, Walk, fault};
use crate::topology::model::NodeId;

impl Walk<'_> {
    /// The Designated Router of the source's link.
    pub(super) fn first_hop(&mut self) -> Step<NodeId> {
        let link = self.link(self.source_link)?;
        let routers = self.routers(self.source_link)?;
        let mut dr = None;
        for (at, interface) in &routers {
            let told = self.told(*at)?;
            // Where nobody is at work, no way matters.
            if !told.is_idle() {
                let way = self.way_to(told, *at, self.address)?;
                self.heard_where_expected(*at, way)?;
            }
            let alone = self.is_unheard(*at) && self.has_no_dr(self.source_link, &routers);
            let is_dr = told.pim_on(&interface.name).is_some_and(|pim| pim.is_dr);
            if is_dr || alone {
                dr = Some(*at);
            }
        }
        let Some(dr) = dr else {
            for (at, _) in &routers {
                self.idle(*at, None)?;
            }
            let names: Vec<&str> = routers.iter().map(|(at, _)| self.name(*at)).collect();
            let kind = if names.is_empty() {
                Kind::NoRouter
            } else {
                Kind::NotDr
            };
            return fault(
                kind,
                &link.name,
                format!(
                    "no router is the DR of the source's link {} (routers: {})",
                    link.name,
                    names.join(", ")
                ),
                format!("run PIM on {} at a router", link.name),
            );
        };
        let evidence = format!("it is the DR of {}", link.name);
        self.ok(self.name(dr), "DR", &evidence);
        Ok(dr)
    }

    /// Each router takes one off the TTL and forwards nothing with less than
    /// one left (RFC 1812 §5.3.1).
    pub(super) fn ttl(&mut self, first_hop: NodeId) -> Step<()> {
        let way = self.way();
        let routers = way.iter().filter(|(_, to)| *to != self.receiver.at).count();
        let ttl = usize::from(self.source.ttl);
        if ttl > routers {
            let plural = if routers == 1 { "" } else { "s" };
            let evidence = format!("{ttl}, and {routers} router{plural} on the way");
            self.ok(&self.source.name, "TTL", &evidence);
            return Ok(());
        }
        let last = match ttl {
            0 => Some(first_hop),
            ttl => way.get(ttl - 1).map(|(_, to)| *to),
        };
        let last = self.name(last.unwrap_or(first_hop));
        fault(
            Kind::Ttl,
            &self.source.name,
            format!(
                "{} sends with TTL {ttl}, and there are {routers} routers on the way: \
                 the datagrams end at {last}",
                self.source.name
            ),
            format!(
                "give {} a `ttl` of at least {}",
                self.source.name,
                routers + 1
            ),
        )
    }

    /// The way of the datagrams from the first hop to the RP.
    pub(super) fn register(&mut self, first: NodeId, at_rp: NodeId, rp: Ipv4Addr) -> Step<()> {
        let (name, rp_name) = (self.name(first), self.name(at_rp));
        let (told, rp_told) = (self.told(first)?, self.told(at_rp)?);
        if told.is_idle() || rp_told.is_idle() {
            // What it has set still forwards, or it were the fault.
            return Ok(());
        }
        let Some(entry) = self.source_entry(told) else {
            return fault(
                Kind::DataLost,
                name,
                format!(
                    "{name} is the DR of the source and has no (S,G): it has heard no datagram"
                ),
                format!("see what {} carries", self.link(self.source_link)?.name),
            );
        };
        if first != at_rp {
            let way = self.way_to(told, first, rp)?;
            if way.interface.is_none() {
                self.nothing_down(first)?;
                return fault(
                    Kind::RpUnreachable,
                    name,
                    format!(
                        "{name} cannot register with {}: {}",
                        self.who(rp),
                        way.reason
                    ),
                    format!("give {name} a unicast route to {rp}"),
                );
            }
            self.registered(first, entry, at_rp, rp)?;
        }
        if self.source_entry(rp_told).is_none() {
            let got = match rp_told.counters {
                Some(_) => drops(rp_told),
                None => format!(
                    "its kernel has no entry; links show {} Registers to it",
                    self.registers(rp_told, "rx", rp)
                ),
            };
            return fault(
                Kind::RegisterBlocked,
                rp_name,
                format!("the RP {rp_name} has no (S,G) of {} ({got})", self.address),
                self.see_mroute(at_rp),
            );
        }
        if first != at_rp {
            self.rp_joins(at_rp)?;
        }
        self.ok(rp_name, "source known", "(S,G)");
        Ok(())
    }

    /// The entry of the source, where it is one that forwards.
    fn source_entry<'t>(&self, told: &'t Told) -> Option<&'t Mroute> {
        let entry = told.mroute(Some(self.address))?;
        // What a daemon forwards by may be nothing that the kernel has.
        let known = entry.olist.is_some() || told.silent.is_some();
        known.then_some(entry)
    }

    /// Registers that a router sent, or that the RP got: as they count, or as
    /// the links showed.
    fn registers(&self, told: &Told, direction: &str, rp: Ipv4Addr) -> u64 {
        if told.counters.is_none() {
            return self.snapshot.heard.registers_to(rp);
        }
        told.count_all(&format!("pim.{direction}.register"))
            + told.count_all(&format!("pim.{direction}.null-register"))
    }

    fn registered(
        &mut self,
        first: NodeId,
        entry: &Mroute,
        at_rp: NodeId,
        rp: Ipv4Addr,
    ) -> Step<()> {
        let (name, rp_name) = (self.name(first), self.name(at_rp));
        let (told, rp_told) = (self.told(first)?, self.told(at_rp)?);
        let sent = self.registers(told, "tx", rp);
        let got = self.registers(rp_told, "rx", rp);
        let dropped = drops(rp_told);
        if rp_told.count_all("pim.drop.register-filter") > 0
            && rp_told
                .mroute(Some(self.address))
                .is_none_or(|entry| entry.joined != Some(true))
        {
            return fault(
                Kind::RegisterBlocked,
                rp_name,
                format!(
                    "the RP {rp_name} accepts no Register of {} for {} ({dropped})",
                    self.address, self.group
                ),
                format!("let `pim.register_accept` of {rp_name} have them"),
            );
        }
        let joined = entry.register == Some(RegisterState::Join);
        if rp_told.count_all("pim.drop.register-not-rp") > 0 && joined {
            return fault(
                Kind::WrongRp,
                rp_name,
                format!("{name} registers with {rp_name}, which is not the RP ({dropped})"),
                "configure the same RP on all routers",
            );
        }
        let none = match entry.register {
            Some(RegisterState::NoInfo) => Some("its Register state is NoInfo".to_owned()),
            None if sent == 0 => Some(format!("no link shows a Register to {rp}")),
            None => None,
            Some(RegisterState::Join | RegisterState::JoinPending | RegisterState::Prune) => None,
        };
        if let Some(why) = none {
            return fault(
                Kind::RegisterBlocked,
                name,
                format!("{name} does not register the source: {why}"),
                self.see_mroute(first),
            );
        }
        if got == 0 {
            return fault(
                Kind::RegisterBlocked,
                rp_name,
                format!("{name} has sent {sent} Registers, and the RP {rp_name} got none"),
                format!("see what drops PIM unicast from {name} to {rp_name}"),
            );
        }
        let state = entry.register;
        let state = state.map_or_else(String::new, |state| format!("{state:?}; "));
        let evidence = format!("{state}sent {sent}, {rp_name} got {got}");
        self.ok(name, "Register", &evidence);
        Ok(())
    }

    /// The RP joins the source, where it has receivers; it forwards Registers
    /// until the datagrams come by themselves, so this is never why nothing
    /// arrives at all.
    fn rp_joins(&mut self, at_rp: NodeId) -> Step<()> {
        let way = self.way_to(self.told(at_rp)?, at_rp, self.address)?;
        if way.interface.is_none() {
            let evidence = format!("no way to the source: {}", way.reason);
            self.ok(self.name(at_rp), "Registers only", &evidence);
        }
        Ok(())
    }
}

fn drops(told: &Told) -> String {
    let all = told.counters.iter().flatten();
    let all = all.flat_map(|one| &one.counters);
    let register = |name: &str| name.contains("register");
    let all: Vec<String> = all
        .filter(|(name, _)| register(name))
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    if all.is_empty() {
        "no Register counted".to_owned()
    } else {
        all.join(", ")
    }
}
