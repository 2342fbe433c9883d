//! Tests of the table.

use mcr_proto::fib::{Rewrite, TtlRewrite};
use mcr_proto::id::{GroupAddr, IpProtocol, Port, Ttl, UnicastAddr};

use super::*;

fn iif() -> IfIndex {
    IfIndex::new(3).unwrap()
}

fn key(source: Option<u8>, port: Option<u16>) -> FibKey {
    FibKey {
        iif: iif(),
        group: GroupAddr::try_from(Ipv4Addr::new(239, 1, 1, 1)).unwrap(),
        source: source.map(|n| UnicastAddr::try_from(Ipv4Addr::new(10, 0, 0, n)).unwrap()),
        protocol: IpProtocol::UDP,
        port: port.map(|port| Port::new(port).unwrap()),
    }
}

fn entry(name: &str) -> FibEntry {
    let rewrite = Rewrite {
        source: None,
        source_port: None,
        destination: None,
        port: None,
        ttl: TtlRewrite::Set(Ttl::MIN),
        dscp: None,
    };
    let egress = Egress::Ready {
        oif: IfIndex::new(9).unwrap(),
        source_mac: MacAddr([2; 6]),
        destination_mac: MacAddr([1; 6]),
        mtu: 1500,
    };
    FibEntry {
        rule: name.parse().unwrap(),
        outputs: vec![FibOutput { egress, rewrite }],
    }
}

fn packet(source: u8, port: Option<u16>) -> Lookup {
    Lookup {
        source: Ipv4Addr::new(10, 0, 0, source),
        group: Ipv4Addr::new(239, 1, 1, 1),
        protocol: 17,
        port,
    }
}

fn found(table: &Table, packet: &Lookup) -> Option<String> {
    let entry = table.entry(table.lookup(packet)?)?;
    Some(entry.entry.rule.as_str().to_owned())
}

#[test]
fn the_most_specific_key_wins() {
    let mut table = Table::new(iif());
    let order = [
        ("source-and-port", key(Some(1), Some(5000))),
        ("source", key(Some(1), None)),
        ("port", key(None, Some(5000))),
        ("group", key(None, None)),
    ];
    for (name, key) in &order {
        table.set(*key, entry(name), Slot(0), |_| 0).unwrap();
    }
    for (name, key) in &order {
        let got = found(&table, &packet(1, Some(5000)));
        assert_eq!(got.as_deref(), Some(*name));
        assert!(table.remove(key));
        assert!(!table.remove(key));
    }
    assert_eq!(found(&table, &packet(1, Some(5000))), None);
    assert!(table.is_empty());
    assert_eq!(table.digest(), FibDigest::default());
}

#[test]
fn a_fragment_matches_no_port() {
    let mut table = Table::new(iif());
    let with_port = key(None, Some(5000));
    table.set(with_port, entry("port"), Slot(0), |_| 0).unwrap();
    assert_eq!(table.lookup(&packet(1, None)), None);
    table
        .set(key(None, None), entry("any"), Slot(0), |_| 0)
        .unwrap();
    assert_eq!(found(&table, &packet(1, None)).as_deref(), Some("any"));
    assert_eq!(found(&table, &packet(1, Some(0))).as_deref(), Some("any"));
}

#[test]
fn an_entry_is_replaced_and_the_digest_follows() {
    let mut table = Table::new(iif());
    let key = key(None, None);
    table.set(key, entry("one"), Slot(0), |_| 0).unwrap();
    table.set(key, entry("two"), Slot(9), |_| 0).unwrap();
    assert_eq!(table.len(), 1);
    assert_eq!(
        table.digest(),
        FibDigest::default().with(&key, &entry("two"))
    );
    let held = table
        .lookup(&packet(1, None))
        .and_then(|at| table.entry(at));
    assert_eq!(held.map(|held| held.slot), Some(Slot(9)));
}

#[test]
fn our_own_addresses_are_known_as_long_as_they_are_used() {
    let mut table = Table::new(iif());
    let mac = MacAddr([2; 6]);
    assert!(!table.is_own(mac));
    table
        .set(key(None, None), entry("a"), Slot(0), |_| 0)
        .unwrap();
    table
        .set(key(Some(1), None), entry("b"), Slot(0), |_| 0)
        .unwrap();
    table.remove(&key(None, None));
    assert!(table.is_own(mac));
    table.remove(&key(Some(1), None));
    assert!(!table.is_own(mac));
}

#[test]
fn an_entry_for_another_interface_is_refused() {
    let mut table = Table::new(IfIndex::new(4).unwrap());
    let refused = table.set(key(None, None), entry("a"), Slot(0), |_| 0);
    assert!(matches!(refused, Err(TableError::Interface { .. })));
}
