//! Links and addresses in every order the kernel may tell them.

use super::*;

fn link(index: u32, name: &str) -> Link {
    Link {
        index,
        name: name.to_owned(),
        up: true,
        multicast: true,
        no_arp: false,
        mtu: 1500,
        mac: Some([2, 0, 0, 0, 0, 1]),
    }
}

fn address(index: u32, last: u8, secondary: bool) -> Address {
    Address {
        index,
        address: [10, 0, 0, last].into(),
        prefix: 24,
        secondary,
    }
}

fn addresses(change: Option<InterfaceChange>) -> Vec<String> {
    match change {
        Some(InterfaceChange::Present(interface)) => interface
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn primary_addresses_come_first_in_their_order() {
    let mut interfaces = Interfaces::new();
    assert_eq!(
        interfaces.change(&Change::Address(address(1, 9, false))),
        None
    );
    interfaces.change(&Change::Link(link(1, "eth0")));
    interfaces.change(&Change::Address(address(1, 2, true)));
    let now = interfaces.change(&Change::Address(address(1, 3, false)));
    assert_eq!(
        addresses(now),
        ["10.0.0.9/24", "10.0.0.3/24", "10.0.0.2/24"]
    );
    // Told again, it stays; promoted, it moves up.
    let now = interfaces.change(&Change::Address(address(1, 9, false)));
    assert_eq!(
        addresses(now),
        ["10.0.0.9/24", "10.0.0.3/24", "10.0.0.2/24"]
    );
    interfaces.change(&Change::AddressGone(address(1, 9, false)));
    interfaces.change(&Change::AddressGone(address(1, 3, false)));
    let now = interfaces.change(&Change::Address(address(1, 2, false)));
    assert_eq!(addresses(now), ["10.0.0.2/24"]);
}

#[test]
fn a_link_that_goes_takes_its_addresses_along() {
    let mut interfaces = Interfaces::new();
    interfaces.change(&Change::Link(link(1, "eth0")));
    interfaces.change(&Change::Address(address(1, 1, false)));
    let gone = interfaces.change(&Change::LinkGone(1));
    assert_eq!(gone, IfIndex::new(1).map(InterfaceChange::Gone));
    assert_eq!(interfaces.change(&Change::LinkGone(1)), None);
    let again = interfaces.change(&Change::Link(link(1, "eth0")));
    assert!(addresses(again).is_empty());
}

#[test]
fn a_new_list_says_what_is_gone() {
    let mut interfaces = Interfaces::new();
    interfaces.change(&Change::Link(link(1, "eth0")));
    interfaces.change(&Change::Link(link(2, "eth1")));
    interfaces.change(&Change::Address(address(2, 7, false)));
    let changes = interfaces.replace(vec![link(2, "eth1")], vec![address(2, 8, false)]);
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0], InterfaceChange::Gone(IfIndex::new(1).unwrap()));
    assert_eq!(addresses(changes.into_iter().nth(1)), ["10.0.0.8/24"]);
}

#[test]
fn a_name_that_no_rule_can_use_is_no_interface() {
    let mut interfaces = Interfaces::new();
    assert_eq!(interfaces.change(&Change::Link(link(1, "a:b"))), None);
}
