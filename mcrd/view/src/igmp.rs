//! Memberships and queriers.

use mcr_api::router::{FilterMode, IgmpGroup, IgmpInterface, IgmpSource};
use mcr_proto::config::{IgmpInterfaceConfig, IgmpVersion};
use mcr_proto::id::{GroupAddr, IfIndex, InterfaceName, UnicastAddr};
use mcr_proto::igmp::{self, Group, Membership, oldest_host};
use mcr_proto::router::{IgmpTimer, RouterInterface, TimerId};
use mcr_wire::igmp::Version;

use crate::{View, seconds};

/// A group on an interface.
pub type Key = (IfIndex, GroupAddr);

/// All interfaces with IGMP.
pub fn interfaces(view: View<'_>) -> Vec<IgmpInterface> {
    let configured = view.router.config().interfaces.iter();
    configured
        .filter_map(|(name, config)| Some(interface(view, name, config.igmp.as_ref()?)))
        .collect()
}

fn interface(view: View<'_>, name: &InterfaceName, config: &IgmpInterfaceConfig) -> IgmpInterface {
    let known = view.router.interfaces().by_name(name);
    let index = known.map(RouterInterface::index);
    let state = index.and_then(|index| view.router.igmp().interface(index));
    let querier = state.map(igmp::IgmpInterface::state);
    let left = |timer: fn(IfIndex) -> IgmpTimer| {
        index.and_then(|index| view.left(TimerId::Igmp(timer(index))))
    };
    let groups = index.map_or(0, |index| view.router.igmp().groups_on(index).count());
    IgmpInterface {
        interface: name.to_string(),
        up: state.is_some(),
        version: match config.version {
            IgmpVersion::V2 => 2,
            IgmpVersion::V3 => 3,
        },
        querier: state.map(igmp::IgmpInterface::querier),
        is_querier: querier.is_some_and(|querier| querier.is_querier()),
        next_query: left(IgmpTimer::GeneralQuery),
        other_querier_expires: left(IgmpTimer::OtherQuerierPresent),
        robustness: querier.map_or(config.robustness, |querier| querier.robustness(config)),
        query_interval: seconds(querier.map_or(config.query_interval, |querier| {
            querier.query_interval(config)
        })),
        query_response_interval: seconds(config.query_response_interval),
        last_member_query_interval: seconds(config.last_member_query_interval),
        groups,
    }
}

/// The group as a page names the one it ends with.
pub fn cursor((iface, group): &Key) -> String {
    format!("{iface} {group}")
}

/// The group that a cursor names.
pub fn read_cursor(cursor: &str) -> Option<Key> {
    let (iface, group) = cursor.split_once(' ')?;
    let iface = IfIndex::new(iface.parse().ok()?)?;
    let group: std::net::Ipv4Addr = group.parse().ok()?;
    Some((iface, GroupAddr::try_from(group).ok()?))
}

/// The groups of all interfaces, after one.
pub fn keys(view: View<'_>, after: Option<Key>) -> impl Iterator<Item = Key> {
    let igmp = view.router.igmp();
    let interfaces = igmp.interfaces().map(|(iface, _)| iface);
    let interfaces = interfaces.filter(move |iface| after.is_none_or(|(from, _)| *iface >= from));
    let keys = interfaces.flat_map(move |iface| {
        let groups = igmp.groups_on(iface);
        groups.map(move |(group, _, _)| (iface, group))
    });
    keys.filter(move |key| after.is_none_or(|after| *key > after))
}

/// What there is to tell of a group on an interface.
pub fn group(view: View<'_>, (iface, group): Key) -> IgmpGroup {
    let igmp = view.router.igmp();
    let hosts = igmp.interface(iface).and_then(|state| state.group(group));
    let membership = igmp.membership(iface, group);
    let left = |timer| view.left(TimerId::Igmp(timer));
    IgmpGroup {
        interface: view.name(iface),
        group: group.get(),
        mode: match (hosts.map(Group::mode), membership) {
            (Some(igmp::FilterMode::Exclude), _) | (None, Some(Membership::Exclude(_))) => {
                FilterMode::Exclude
            }
            (Some(igmp::FilterMode::Include), _) | (None, Some(Membership::Include(_)) | None) => {
                FilterMode::Include
            }
        },
        version: match oldest_host(view.router.timers(), iface, group) {
            Version::V1 => 1,
            Version::V2 => 2,
            Version::V3 => 3,
        },
        uptime: hosts.map_or(0.0, |hosts| view.since(hosts.since())),
        expires: left(IgmpTimer::GroupMembership(iface, group)),
        sources: match (hosts, membership) {
            (Some(hosts), _) => sources(view, iface, group, hosts),
            (None, Some(Membership::Include(sources))) => {
                let sources = sources.iter();
                sources.map(|source| listed(*source, true, None)).collect()
            }
            (None, Some(Membership::Exclude(_)) | None) => Vec::new(),
        },
        last_reporter: hosts.and_then(Group::last_reporter),
        is_static: is_static(view, iface, group),
    }
}

fn sources(view: View<'_>, iface: IfIndex, group: GroupAddr, hosts: &Group) -> Vec<IgmpSource> {
    let left = |source| view.left(TimerId::Igmp(IgmpTimer::Source(iface, group, source)));
    let forwarded = hosts.forward();
    let mut sources: Vec<IgmpSource> = forwarded
        .map(|source| listed(source, true, left(source)))
        .collect();
    let blocked = hosts.blocked().iter();
    sources.extend(blocked.map(|source| listed(*source, false, None)));
    sources
}

fn listed(source: UnicastAddr, forward: bool, expires: Option<f64>) -> IgmpSource {
    IgmpSource {
        source: source.get(),
        forward,
        expires,
    }
}

fn is_static(view: View<'_>, iface: IfIndex, group: GroupAddr) -> bool {
    let iface = view.router.interfaces().get(iface);
    let config = iface.and_then(RouterInterface::igmp);
    config.is_some_and(|config| config.static_groups.iter().any(|(of, _)| *of == group))
}
