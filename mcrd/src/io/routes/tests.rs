//! Which route of a prefix is told, as `ip route` changes the table.

use std::net::Ipv4Addr;

use mcr_sys::netlink::route::NextHop;

use super::*;

fn route(metric: u32, gateway: u8) -> TableRoute {
    TableRoute {
        prefix: Ipv4Addr::new(10, 5, 0, 0),
        length: 16,
        tos: 0,
        metric,
        protocol: 3,
        next_hops: vec![NextHop {
            index: 2,
            gateway: Some(Ipv4Addr::new(10, 0, 0, gateway)),
        }],
    }
}

fn best(table: &Table) -> Option<(u32, u8)> {
    let route = table.best("10.5.0.0/16".parse().unwrap())?;
    let gateway = route.next_hops.first()?.gateway?;
    Some((route.metric, gateway.octets()[3]))
}

fn set(table: &mut Table, metric: u32, gateway: u8, place: Place) -> bool {
    let change = TableChange::Set(route(metric, gateway), place);
    table.change(change).is_some()
}

fn gone(table: &mut Table, metric: u32, gateway: u8) -> bool {
    let change = TableChange::Gone(route(metric, gateway));
    table.change(change).is_some()
}

/// RFC 7761 §4.1: the MRIB is the kernel's table.
#[test]
fn the_lowest_metric_is_used_and_others_wait() {
    let mut table = Table::default();
    assert!(set(&mut table, 100, 1, Place::First));
    assert!(!set(&mut table, 200, 2, Place::First), "it is only second");
    assert!(set(&mut table, 50, 3, Place::First));
    assert_eq!(best(&table), Some((50, 3)));
    assert!(gone(&mut table, 50, 3));
    assert_eq!(best(&table), Some((100, 1)));
    assert!(!gone(&mut table, 200, 2));
    assert!(gone(&mut table, 100, 1));
    assert_eq!(best(&table), None);
    assert_eq!(table.len(), 0);
}

/// RFC 7761 §4.1.
#[test]
fn replace_prepend_and_append_do_what_ip_route_says() {
    let mut table = Table::default();
    set(&mut table, 0, 1, Place::First);
    assert!(set(&mut table, 0, 2, Place::Replace));
    assert_eq!(best(&table), Some((0, 2)));
    assert!(gone(&mut table, 0, 2), "the replaced one is not there");
    set(&mut table, 0, 1, Place::First);
    assert!(!set(&mut table, 0, 2, Place::Last), "append comes after");
    assert!(set(&mut table, 0, 3, Place::First), "prepend comes before");
    assert!(gone(&mut table, 0, 3));
    assert_eq!(best(&table), Some((0, 1)));
}

#[test]
fn what_is_told_twice_is_there_once() {
    let mut table = Table::from_list(vec![route(0, 1), route(0, 2)], BTreeSet::new());
    assert!(!set(&mut table, 0, 2, Place::Last));
    gone(&mut table, 0, 2);
    gone(&mut table, 0, 1);
    assert_eq!(table.len(), 0);
}

#[test]
fn a_list_differs_where_its_best_routes_do() {
    let one = Table::from_list(vec![route(0, 1), route(5, 9)], BTreeSet::new());
    let two = Table::from_list(vec![route(0, 1)], BTreeSet::new());
    assert_eq!(one.differences(&two).len(), 0);
    let three = Table::from_list(vec![route(0, 2)], BTreeSet::new());
    assert_eq!(one.differences(&three).len(), 1);
    assert_eq!(one.differences(&Table::default()).len(), 1);
}

#[test]
fn several_next_hops_and_none_are_told_as_they_are() {
    let mut several = route(0, 1);
    several.next_hops.push(NextHop {
        index: 3,
        gateway: None,
    });
    let mut table = Table::default();
    let told = table.change(TableChange::Set(several, Place::First));
    let Some(RouteChange::Set(told)) = told else {
        panic!("{told:?}");
    };
    assert_eq!(told.next_hops.len(), 2);
    let mut blackhole = route(0, 1);
    blackhole.next_hops.clear();
    let told = table.change(TableChange::Set(blackhole, Place::Replace));
    let Some(RouteChange::Set(told)) = told else {
        panic!("{told:?}");
    };
    assert_eq!(told.next_hops, []);
}

#[test]
fn routes_of_a_type_of_service_are_not_ours() {
    let mut table = Table::default();
    let mut other = route(0, 1);
    other.tos = 0x10;
    assert!(
        table
            .change(TableChange::Set(other.clone(), Place::First))
            .is_none()
    );
    set(&mut table, 0, 1, Place::First);
    assert!(table.change(TableChange::Gone(other)).is_none());
    assert_eq!(best(&table), Some((0, 1)));
}

/// When a link goes down, the kernel takes the routes over it away without a
/// word; one with a higher metric is used at once.
#[test]
fn a_route_over_a_link_that_is_down_gives_way() {
    let mut table = Table::default();
    set(&mut table, 20, 1, Place::First);
    let mut other = route(30, 2);
    other.next_hops[0].index = 3;
    assert!(
        table
            .change(TableChange::Set(other.clone(), Place::First))
            .is_none()
    );
    let prefix: Ipv4Net = "10.5.0.0/16".parse().unwrap();
    assert_eq!(table.link(2, false), BTreeSet::from([prefix]));
    assert_eq!(best(&table), Some((30, 2)));
    assert_eq!(table.link(2, false), BTreeSet::new(), "it is known");
    assert_eq!(table.link(3, false), BTreeSet::from([prefix]));
    assert_eq!(best(&table), Some((20, 1)), "both are down: as before");
    table.link(3, true);
    assert_eq!(table.link(2, true), BTreeSet::from([prefix]));
    assert_eq!(best(&table), Some((20, 1)));
}

/// A better route that comes while its link is down is none yet, and one that
/// comes over another link is told though the dead one has a lower metric.
#[test]
fn a_new_route_is_told_where_the_old_ones_link_is_down() {
    let mut table = Table::default();
    set(&mut table, 20, 1, Place::First);
    assert_eq!(table.link(2, false), BTreeSet::new(), "there is no other");
    let mut other = route(30, 2);
    other.next_hops[0].index = 3;
    let told = table.change(TableChange::Set(other, Place::First));
    assert!(matches!(told, Some(RouteChange::Set(route)) if route.metric == 30));
    assert!(!set(&mut table, 10, 4, Place::First));
}
