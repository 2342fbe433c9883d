//! Tests of the routes of a table.

use mcr_proto::fib::{Accept, RouteOutput};
use mcr_proto::id::{GroupAddr, IfIndex, MacAddr, UnicastAddr};

use super::*;
use crate::table::{Table, TableError};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);

fn key(source: Option<[u8; 4]>) -> RouteKey {
    RouteKey {
        iif: IfIndex::new(3).unwrap(),
        group: GroupAddr::try_from(GROUP).unwrap(),
        source: source.map(|source| UnicastAddr::try_from(Ipv4Addr::from(source)).unwrap()),
    }
}

fn entry(accept: Accept) -> RouteEntry {
    RouteEntry {
        accept,
        register: false,
        new_sources: false,
        outputs: vec![RouteOutput {
            oif: IfIndex::new(9).unwrap(),
            source_mac: MacAddr([2; 6]),
            mtu: 1500,
        }],
    }
}

#[test]
fn the_table_and_its_digest_follow() {
    let mut table = Table::new(IfIndex::new(3).unwrap());
    let source = Some([10, 0, 0, 1]);
    let set =
        |table: &mut Table, key, accept| table.set_route(key, entry(accept), Slot(0), None, |_| 0);
    set(&mut table, key(None), Accept::Forward).unwrap();
    set(&mut table, key(source), Accept::Discard).unwrap();
    set(&mut table, key(source), Accept::Forward).unwrap();
    assert_eq!(table.len(), 2);
    let digest = FibDigest::default()
        .with_route(&key(None), &entry(Accept::Forward))
        .with_route(&key(source), &entry(Accept::Forward));
    assert_eq!(table.digest(), digest);
    let found = |table: &Table, source: [u8; 4]| {
        let at = table.routes().lookup(source.into(), GROUP)?;
        Some(table.routes().get(at)?.key.source.is_some())
    };
    assert_eq!(found(&table, [10, 0, 0, 1]), Some(true));
    assert_eq!(found(&table, [10, 0, 0, 2]), Some(false));
    assert!(table.is_own(MacAddr([2; 6])));
    assert!(table.remove_route(&key(None)));
    assert!(!table.remove_route(&key(None)));
    assert_eq!(found(&table, [10, 0, 0, 2]), None);
    assert!(table.remove_route(&key(source)));
    assert!(table.is_empty() && !table.is_own(MacAddr([2; 6])));
    assert_eq!(table.digest(), FibDigest::default());
    let mut other = Table::new(IfIndex::new(4).unwrap());
    let refused = set(&mut other, key(None), Accept::Forward);
    assert!(matches!(refused, Err(TableError::Interface { .. })));
}
