//! The rewrite of one packet's headers, all fields changed.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mcr_dataplane::rewrite::{UdpChecksum, rewrite};
use mcr_proto::fib::{Rewrite, TtlRewrite};
use mcr_proto::id::{Dscp, Port, Ttl};

fn headers(criterion: &mut Criterion) {
    let change = Rewrite {
        source: Some([192, 0, 2, 1].into()),
        source_port: Port::new(7000),
        destination: Some([239, 9, 9, 9].into()),
        port: Port::new(6000),
        ttl: TtlRewrite::Set(Ttl::MIN),
        dscp: Dscp::try_from(46).ok(),
    };
    let mut bytes = [0x45u8; 28];
    bytes[9] = 17;
    for (name, state) in [
        ("complete", UdpChecksum::Complete),
        ("partial", UdpChecksum::Partial),
    ] {
        criterion.bench_function(&format!("rewrite, {name} checksum"), |bencher| {
            bencher.iter(|| {
                let mut copy = black_box(bytes);
                let done = rewrite(&mut copy, 20, Some(state), &change);
                (copy, done)
            });
        });
    }
}

criterion_group!(benches, headers);
criterion_main!(benches);
