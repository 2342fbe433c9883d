//! The receiver's link: who has the member, and who forwards for it.

use mcr_api::router as api;

use super::walk::{Step, Walk, fault};
use super::{Kind, Told};
use crate::topology::model::{Medium, NodeId};

impl Walk<'_> {
    /// The router that is to forward onto the receiver's link.
    pub(super) fn last_hop(&mut self) -> Step<NodeId> {
        let routers = self.routers(self.receiver_link)?;
        let link = &self.link(self.receiver_link)?.name;
        if routers.is_empty() {
            return fault(
                Kind::NoRouter,
                link,
                format!("no router is on {link}"),
                "put a router on the receiver's link",
            );
        }
        let mut with_member = None;
        for (at, interface) in &routers {
            let told = self.told(*at)?;
            if let Some(group) = self.member(told, &interface.name) {
                let who = group.last_reporter;
                let who = who.map_or("its configuration".to_owned(), |who| self.who(who));
                let evidence = format!("IGMPv{}, by {who}", group.version);
                self.ok(self.name(*at), "member", &evidence);
                with_member.get_or_insert(*at);
                if told.pim_on(&interface.name).is_some_and(|pim| pim.is_dr) {
                    let evidence = format!("it is the DR of {link}");
                    self.ok(self.name(*at), "DR", &evidence);
                    return Ok(*at);
                }
            }
        }
        match with_member {
            None => self.no_member(),
            Some(at) => self.not_dr(at),
        }
    }

    /// The group's members on an interface, where they want the source.
    fn member<'t>(&self, told: &'t Told, interface: &str) -> Option<&'t api::IgmpGroup> {
        let mut groups = told.members.iter();
        let found = groups.find(|one| one.interface == interface && one.group == self.group)?;
        let listed = found.sources.iter().find(|one| one.source == self.address);
        let wanted = match found.mode {
            api::FilterMode::Include => listed.is_some_and(|one| one.forward),
            api::FilterMode::Exclude => listed.is_none_or(|one| one.forward),
        };
        wanted.then_some(found)
    }

    fn no_member<T>(&self) -> Step<T> {
        let link = self.link(self.receiver_link)?;
        let routers = self.routers(self.receiver_link)?;
        let mut asking = Vec::new();
        for (at, interface) in &routers {
            let told = self.told(*at)?;
            let mut igmp = told.igmp.iter();
            if let Some(igmp) = igmp.find(|one| one.interface == interface.name) {
                asking.push((*at, told, igmp));
            }
        }
        let Some((at, told, igmp)) = asking.first().copied() else {
            return self.nobody_asks();
        };
        let (name, interface) = (self.name(at), igmp.interface.as_str());
        let place = format!("{name}:{interface}");
        if !igmp.up {
            return fault(
                Kind::LinkDown,
                &place,
                format!("{place} is down or has no address"),
                format!("set {} up", link.name),
            );
        }
        let dropped = |reason: &str| told.count(interface, reason);
        let evidence = Self::counted(told, interface, &["igmp.rx.report", "igmp.drop"]);
        if dropped("igmp.drop.ssm") > 0 && !self.receiver.wanted.is_specific() {
            return fault(
                Kind::SsmRange,
                &place,
                format!(
                    "{name} refuses a join of {} that names no source: {} ({evidence})",
                    self.group, told.rp.reason
                ),
                format!(
                    "take {} out of the SSM range of {name}, or let the receiver name \
                     its source with `source:`",
                    self.group
                ),
            );
        }
        for reason in ["group-filter", "max-groups", "max-sources", "router-alert"] {
            if dropped(&format!("igmp.drop.{reason}")) > 0 {
                return fault(
                    Kind::MembershipRefused,
                    &place,
                    format!("{place} refuses the report: igmp.drop.{reason} ({evidence})"),
                    format!("look at `igmp.interfaces.{interface}` of {name}"),
                );
            }
        }
        fault(
            Kind::NoMembership,
            &place,
            format!(
                "{place} knows no member of {} ({evidence}; IGMPv{}, {} groups)",
                self.group, igmp.version, igmp.groups
            ),
            format!(
                "see whether the host's report leaves it, and whether {} loses it",
                link.name
            ),
        )
    }

    fn nobody_asks<T>(&self) -> Step<T> {
        let link = self.link(self.receiver_link)?;
        let routers = self.routers(self.receiver_link)?;
        let names: Vec<&str> = routers.iter().map(|(at, _)| self.name(*at)).collect();
        let names = names.join(", ");
        if let Medium::Bridge { snooping: true, .. } = link.medium {
            return fault(
                Kind::NoQuerier,
                &link.name,
                format!(
                    "the switch of {} snoops IGMP, and nobody asks: IGMP runs at no \
                     router there ({names})",
                    link.name
                ),
                format!("run IGMP on {} at {names}", link.name),
            );
        }
        fault(
            Kind::NoMembership,
            &link.name,
            format!(
                "IGMP runs at no router on {} ({names}): nobody hears the receiver",
                link.name
            ),
            format!("run IGMP on {} at {names}", link.name),
        )
    }

    /// A router that has the member, and is not the Designated Router: the one
    /// that is has to have it too.
    fn not_dr<T>(&self, at: NodeId) -> Step<T> {
        let link = self.link(self.receiver_link)?;
        let name = self.name(at);
        let interface = self.interface(at, self.receiver_link).unwrap_or("?");
        let told = self.told(at)?;
        let Some(dr) = told.pim_on(interface).and_then(|pim| pim.dr) else {
            return fault(
                Kind::NoPim,
                format!("{name}:{interface}"),
                format!("PIM does not run on {name}:{interface}, so it has no DR"),
                format!("run PIM on {} at {name}", link.name),
            );
        };
        let other = self.owner_on(self.receiver_link, dr);
        let why = match other.map(|other| (other, self.told(other))) {
            None => "which is no router of this lab".to_owned(),
            Some((_, Err(_))) => "which gave no answer".to_owned(),
            Some((other, Ok(told))) => {
                let interface = self.interface(other, self.receiver_link).unwrap_or("?");
                if told.igmp.iter().any(|one| one.interface == interface) {
                    let evidence = Self::counted(told, interface, &["igmp.rx.report", "igmp.drop"]);
                    format!("which knows no member ({evidence})")
                } else {
                    "where IGMP does not run".to_owned()
                }
            }
        };
        fault(
            Kind::NotDr,
            &link.name,
            format!(
                "{name} has the member and is not the DR of {}: that is {}, {why}",
                link.name,
                self.who(dr)
            ),
            format!("run IGMP at the DR, or give {name} a higher DR priority"),
        )
    }
}
