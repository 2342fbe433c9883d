//! The receiver's link: who has the member, and who forwards for it.

use super::Kind;
use super::told::Told;
use super::walk::{Step, Walk, fault};
use crate::topology::model::{Interface, Kind as NodeKind, LinkId, Medium, NodeId};

impl Walk<'_> {
    /// The router that is to forward onto a link: the receiver's, or that of a
    /// router that knows no PIM.
    pub(super) fn forwarder(&mut self, link_id: LinkId) -> Step<NodeId> {
        let mut routers = self.routers(link_id)?;
        routers.retain(|(at, _)| !self.hops.iter().any(|(_, passed)| passed == at));
        let link = &self.link(link_id)?.name;
        if routers.is_empty() {
            let (other, whose) = match link_id == self.receiver_link {
                true => ("", "the receiver's"),
                false => ("other ", "this"),
            };
            return fault(
                Kind::NoRouter,
                link,
                format!("no {other}router is on {link}"),
                format!("put a router on {whose} link"),
            );
        }
        let mut with_member = None;
        for (at, interface) in &routers {
            let told = self.told(*at)?;
            let mut members = told.members.iter();
            let found = members.find(|one| one.interface == interface.name && one.takes);
            if let Some(member) = found {
                let unheard = self.is_unheard(*at) && self.has_no_dr(link_id, &routers);
                let is_dr = told.pim_on(&interface.name).is_some_and(|pim| pim.is_dr);
                if unheard || is_dr {
                    self.come_to(*at, link_id)?;
                } else if told.is_idle() {
                    // It has the member no more.
                    continue;
                }
                let who = member.last_reporter;
                let who = who.map_or("its configuration".to_owned(), |who| self.who(who));
                let version = member.version.map_or_else(String::new, |v| v.to_string());
                let evidence = format!("IGMPv{version}, by {who}");
                self.ok(self.name(*at), "member", &evidence);
                with_member.get_or_insert(*at);
                if unheard {
                    let evidence = format!("no Hello holds on {link}");
                    self.ok(self.name(*at), "DR", &evidence);
                    return Ok(*at);
                }
                if is_dr {
                    let evidence = format!("it is the DR of {link}");
                    self.ok(self.name(*at), "DR", &evidence);
                    return Ok(*at);
                }
            }
        }
        // Static multicast routes need no member.
        let fixed = || routers.iter().filter(|(at, _)| self.is_static(*at));
        let forwards = fixed().find(|(at, _)| self.forwards(*at, link_id));
        let alone = fixed().next().filter(|_| fixed().count() == routers.len());
        match (forwards, with_member, alone) {
            (Some((at, _)), _, _) | (None, None, Some((at, _))) => Ok(*at),
            (None, Some(at), _) => self.not_dr(at, link_id),
            (None, None, None) => match self.idle_one(&routers) {
                Some(at) => {
                    self.come_to(at, link_id)?;
                    Ok(at)
                }
                None => self.no_member(link_id),
            },
        }
    }

    /// The router that is not at work, where no other can have the member.
    fn idle_one(&self, routers: &[(NodeId, &Interface)]) -> Option<NodeId> {
        let told = |at| self.told(at).ok();
        let mut idle = routers.iter().map(|(at, _)| *at);
        let idle = idle.find(|at| told(*at).is_some_and(Told::is_idle))?;
        let asks = |(at, interface): &(NodeId, &Interface)| {
            told(*at).is_some_and(|told| !told.is_idle() && told.igmp_on(&interface.name).is_some())
        };
        (!routers.iter().any(asks)).then_some(idle)
    }

    /// What there is to say about reports on a router's link.
    fn reports(&self, at: NodeId, told: &Told, link: LinkId) -> String {
        let node = self.node(at).map(|node| &node.kind);
        if let (Some(NodeKind::Mcrd { .. }), Some(interface)) = (node, self.interface(at, link)) {
            return Self::counted(told, interface, &["igmp.rx.report", "igmp.drop"]);
        }
        let hosts = self.snapshot.heard.members(link);
        let hosts: Vec<String> = hosts.map(|(host, _)| self.who(host)).collect();
        match hosts.is_empty() {
            true => "the link has shown no report of it".to_owned(),
            false => format!("the link has shown reports of {}", hosts.join(", ")),
        }
    }

    fn no_member<T>(&self, link_id: LinkId) -> Step<T> {
        let link = self.link(link_id)?;
        let routers = self.routers(link_id)?;
        let mut asking = Vec::new();
        for (at, interface) in &routers {
            let told = self.told(*at)?;
            if let Some(igmp) = told.igmp_on(&interface.name) {
                asking.push((*at, told, igmp));
            }
        }
        let Some((at, told, igmp)) = asking.first().copied() else {
            return self.nobody_asks(link_id);
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
        let evidence = self.reports(at, told, link_id);
        let refuses = told.is_source_specific() || dropped("igmp.drop.ssm") > 0;
        if refuses && !self.receiver.wanted.is_specific() {
            return fault(
                Kind::SsmRange,
                &place,
                format!(
                    "{name} refuses a join of {} that names no source: {} ({evidence})",
                    self.group,
                    told.why_rp()
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
        let version = igmp
            .version
            .map_or_else(String::new, |v| format!("; IGMPv{v}"));
        fault(
            Kind::NoMembership,
            &place,
            format!(
                "{place} knows no member of {} ({evidence}{version})",
                self.group
            ),
            format!(
                "see whether the host's report leaves it, and whether {} loses it",
                link.name
            ),
        )
    }

    fn nobody_asks<T>(&self, link: LinkId) -> Step<T> {
        let passed = |at: &NodeId| self.hops.iter().any(|(_, passed)| passed == at);
        let routers = self.routers(link)?.into_iter().map(|(at, _)| at);
        let names: Vec<&str> = routers
            .filter(|at| !passed(at))
            .map(|at| self.name(at))
            .collect();
        let names = names.join(", ");
        let below = self.hops.last().map(|(_, at)| self.name(*at));
        let unheard = below.unwrap_or("the receiver");
        let link = self.link(link)?;
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
                "IGMP runs at no router on {} ({names}): nobody hears {unheard}",
                link.name
            ),
            format!("run IGMP on {} at {names}", link.name),
        )
    }

    /// A router that has the member, and is not the Designated Router: the one
    /// that is has to have it too.
    fn not_dr<T>(&self, at: NodeId, link_id: LinkId) -> Step<T> {
        let link = self.link(link_id)?;
        let name = self.name(at);
        let interface = self.interface(at, link_id).unwrap_or("?");
        let told = self.told(at)?;
        let Some(dr) = told.pim_on(interface).and_then(|pim| pim.dr) else {
            return fault(
                Kind::NoPim,
                format!("{name}:{interface}"),
                format!("PIM does not run on {name}:{interface}, so it has no DR"),
                format!("run PIM on {} at {name}", link.name),
            );
        };
        let other = self.owner_on(link_id, dr);
        let why = match other.map(|other| (other, self.told(other))) {
            None => "which is no router of this lab".to_owned(),
            Some((_, Err(_))) => "which gave no answer".to_owned(),
            Some((other, Ok(told))) => {
                self.idle(other, Some(link_id))?;
                let interface = self.interface(other, link_id).unwrap_or("?");
                if told.igmp_on(interface).is_some() {
                    let evidence = self.reports(other, told, link_id);
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
