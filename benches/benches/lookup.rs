//! The lookup in a table of 10 000 entries: what matches, and what does not.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{Criterion, criterion_group, criterion_main};
use mcr_dataplane::counters::Slot;
use mcr_dataplane::table::{Lookup, Table};
use mcr_proto::fib::{FibEntry, FibKey};
use mcr_proto::id::{GroupAddr, IfIndex, IpProtocol, Port};

const ENTRIES: u32 = 10_000;

fn group(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(0xef01_0000 + n % ENTRIES)
}

fn table() -> Option<Table> {
    let iif = IfIndex::new(1)?;
    let mut table = Table::new(iif);
    let entry = FibEntry {
        rule: "bench".parse().ok()?,
        outputs: Vec::new(),
    };
    for n in 0..ENTRIES {
        let key = FibKey {
            iif,
            group: GroupAddr::try_from(group(n)).ok()?,
            source: None,
            protocol: IpProtocol::UDP,
            port: Port::new(5000),
        };
        table.set(key, entry.clone(), Slot(n), |_| 0).ok()?;
    }
    Some(table)
}

fn lookup(criterion: &mut Criterion) {
    let Some(table) = table() else { return };
    for (name, port) in [("match", 5000), ("no match", 5001)] {
        let mut n = 0u32;
        criterion.bench_function(&format!("lookup of 10000, {name}"), |bencher| {
            bencher.iter(|| {
                n = n.wrapping_add(7919);
                table.lookup(black_box(&Lookup {
                    source: Ipv4Addr::new(10, 0, 0, 1),
                    group: group(n),
                    protocol: 17,
                    port: Some(port),
                }))
            });
        });
    }
}

criterion_group!(benches, lookup);
criterion_main!(benches);
