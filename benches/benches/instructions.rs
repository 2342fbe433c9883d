//! The gate: how many instructions the router takes for its common work, which
//! no other load on the machine changes. A limit that is exceeded is a failure;
//! each limit is a tenth above what was counted when it was set.

#![allow(missing_docs, reason = "the macros make public functions")]

use std::hint::black_box;
use std::time::Duration;

use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use mcr_benches::router::{Channels, Rig, Sign, UPSTREAM, join_prunes, report};
use mcr_wire::igmp::RecordType;

/// One source each.
const GROUPS: Channels = Channels {
    groups: 1000,
    sources: 1,
};
/// All of one group.
const SOURCES: Channels = Channels {
    groups: 1,
    sources: 1000,
};

/// A router, and payloads that arrive on its first interface beside `up`.
type Given = (Rig, Vec<Vec<u8>>);

fn rig() -> Rig {
    Rig::new(1).unwrap_or_else(|error| unreachable!("{error:#}"))
}

fn hear((rig, messages): &mut Given) {
    rig.hear(1, std::mem::take(messages))
        .unwrap_or_else(|error| unreachable!("{error:#}"));
}

fn reports() -> Given {
    let reports = (0..GROUPS.groups).map(|group| report(group, RecordType::Allow));
    (rig(), reports.collect())
}

fn joins(channels: Channels) -> Given {
    (rig(), join_prunes(1, channels, Sign::Join))
}

/// A router that has the channels joined.
fn joined(channels: Channels) -> Rig {
    let mut given = joins(channels);
    hear(&mut given);
    let entries = given.0.router.tib().entries();
    assert_eq!(entries, 1000, "the joins did not arrive");
    given.0
}

fn refresh(channels: Channels) -> Given {
    (joined(channels), join_prunes(1, channels, Sign::Join))
}

fn prunes(channels: Channels) -> Given {
    (joined(channels), join_prunes(1, channels, Sign::Prune))
}

fn limit(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

#[library_benchmark]
#[bench::of_1000_groups(setup = reports, config = limit(94_460_000))]
fn igmp_reports((mut rig, reports): Given) -> Rig {
    for report in reports {
        rig.igmp(1, report)
            .unwrap_or_else(|error| unreachable!("{error:#}"));
    }
    black_box(rig)
}

#[library_benchmark]
#[bench::of_1000_groups(args = (GROUPS), setup = joins, config = limit(72_240_000))]
#[bench::of_1000_sources(args = (SOURCES), setup = joins, config = limit(58_200_000))]
fn pim_joins(mut given: Given) -> Given {
    hear(&mut given);
    black_box(given)
}

#[library_benchmark]
#[bench::of_1000_groups(args = (GROUPS), setup = refresh, config = limit(8_310_000))]
#[bench::of_1000_sources(args = (SOURCES), setup = refresh, config = limit(7_130_000))]
fn pim_join_refresh(mut given: Given) -> Given {
    hear(&mut given);
    black_box(given)
}

#[library_benchmark]
#[bench::of_1000_groups(args = (GROUPS), setup = prunes, config = limit(44_650_000))]
#[bench::of_1000_sources(args = (SOURCES), setup = prunes, config = limit(30_490_000))]
fn pim_prunes(mut given: Given) -> Given {
    hear(&mut given);
    black_box(given)
}

// What the router does by itself in a Join/Prune_Interval.
#[library_benchmark]
#[bench::of_1000_groups(args = (GROUPS), setup = joined, config = limit(11_200_000))]
#[bench::of_1000_sources(args = (SOURCES), setup = joined, config = limit(7_590_000))]
fn own_refresh(mut rig: Rig) -> Rig {
    rig.pass(Duration::from_secs(60));
    black_box(rig)
}

// The way to all sources becomes another one.
#[library_benchmark]
#[bench::of_1000_groups(args = (GROUPS), setup = joined, config = limit(62_800_000))]
#[bench::of_1000_sources(args = (SOURCES), setup = joined, config = limit(48_910_000))]
fn way_changes(mut rig: Rig) -> Rig {
    rig.way(UPSTREAM[1])
        .unwrap_or_else(|error| unreachable!("{error:#}"));
    black_box(rig)
}

library_benchmark_group!(
    name = router;
    benchmarks = igmp_reports, pim_joins, pim_join_refresh, pim_prunes, own_refresh, way_changes
);

main!(library_benchmark_groups = router);
