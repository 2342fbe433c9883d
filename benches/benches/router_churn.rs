//! What a change costs the router, without sockets and forwarding: joins and
//! prunes of PIM neighbours, reports of hosts, refreshes, and a way to the
//! sources that becomes another one.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mcr_benches::router::{Channels, Rig, Sign, UPSTREAM, join_prunes, report};
use mcr_wire::igmp::RecordType;

const ALL: u32 = 10_000;

/// 10 000 (S,G), in one group and in as many groups as there can be.
const SHAPES: [(&str, Channels); 3] = [
    ("1 group", channels(1)),
    ("100 groups", channels(100)),
    ("10000 groups", channels(ALL)),
];

const fn channels(groups: u32) -> Channels {
    Channels {
        groups,
        sources: ALL / groups,
    }
}

fn rig(downstream: u8) -> Rig {
    Rig::new(downstream).unwrap_or_else(|error| unreachable!("{error:#}"))
}

fn hear(rig: &mut Rig, iface: u8, messages: Vec<Vec<u8>>) {
    rig.hear(iface, messages)
        .unwrap_or_else(|error| unreachable!("{error:#}"));
}

/// A router that the first neighbours, so many, have joined.
fn joined(channels: Channels, downstream: u8) -> Rig {
    let mut rig = rig(downstream);
    for iface in 1..=downstream {
        hear(&mut rig, iface, join_prunes(iface, channels, Sign::Join));
    }
    assert_eq!(rig.router.tib().entries(), ALL as usize);
    rig
}

/// Measures `run` on routers that `make` makes.
fn measure(
    criterion: &mut Criterion,
    name: &str,
    of: &str,
    count: u32,
    make: impl Fn() -> Rig,
    run: impl Fn(&mut Rig),
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(u64::from(count)));
    group.sample_size(10);
    // Making the routers takes several times as long as what is measured.
    group.warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(1));
    group.bench_function(BenchmarkId::from_parameter(of), |bencher| {
        let run = |mut rig| {
            run(&mut rig);
            rig
        };
        bencher.iter_batched(&make, run, BatchSize::PerIteration);
    });
    group.finish();
}

fn neighbors(criterion: &mut Criterion) {
    for (of, channels) in SHAPES {
        let joins = join_prunes(1, channels, Sign::Join);
        let prunes = join_prunes(1, channels, Sign::Prune);
        measure(
            criterion,
            "pim join",
            of,
            ALL,
            || rig(1),
            |rig| {
                hear(rig, 1, joins.clone());
            },
        );
        let one = || joined(channels, 1);
        measure(criterion, "pim refresh", of, ALL, one, |rig| {
            hear(rig, 1, joins.clone());
        });
        measure(criterion, "pim prune", of, ALL, one, |rig| {
            hear(rig, 1, prunes.clone());
            assert_eq!(rig.router.tib().entries(), 0);
        });
        measure(criterion, "own refresh", of, ALL, one, |rig| {
            rig.pass(Duration::from_secs(60));
        });
        measure(criterion, "way changes", of, ALL, one, |rig| {
            rig.way(UPSTREAM[1])
                .unwrap_or_else(|error| unreachable!("{error:#}"));
        });
    }
}

fn outputs(criterion: &mut Criterion) {
    let channels = channels(100);
    let messages: Vec<_> = (1..=10)
        .map(|iface| join_prunes(iface, channels, Sign::Join))
        .collect();
    measure(
        criterion,
        "pim join of 10 outputs",
        "100 groups",
        10 * ALL,
        || rig(10),
        |rig| {
            for (iface, messages) in (1..).zip(&messages) {
                hear(rig, iface, messages.clone());
            }
        },
    );
}

fn hosts(criterion: &mut Criterion) {
    const GROUPS: u32 = 5000;
    let tell = |rig: &mut Rig, record_type| {
        for group in 0..GROUPS {
            rig.igmp(1, report(group, record_type))
                .unwrap_or_else(|error| unreachable!("{error:#}"));
        }
    };
    let members = || {
        let mut rig = rig(1);
        tell(&mut rig, RecordType::Allow);
        assert_eq!(rig.router.tib().entries(), GROUPS as usize);
        rig
    };
    let of = "5000 groups";
    measure(
        criterion,
        "igmp join",
        of,
        GROUPS,
        || rig(1),
        |rig| {
            tell(rig, RecordType::Allow);
        },
    );
    measure(criterion, "igmp refresh", of, GROUPS, members, |rig| {
        tell(rig, RecordType::IsInclude);
    });
    measure(criterion, "igmp leave", of, GROUPS, members, |rig| {
        tell(rig, RecordType::Block);
        rig.pass(Duration::from_secs(3));
        assert_eq!(rig.router.tib().entries(), 0);
    });
}

criterion_group!(benches, neighbors, outputs, hosts);
criterion_main!(benches);
