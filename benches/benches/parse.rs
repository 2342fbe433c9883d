//! Reading: the headers of a packet, and a configuration of 10 000 rules.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcr_wire::{IntoBytes, checksum, ethernet, ipv4, udp};

const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);

/// A frame with a datagram of `payload` bytes, all checksums right.
fn frame(payload: usize) -> Option<Vec<u8>> {
    let payload = vec![0x5a; payload];
    let mut header = udp::Header::new(5000, 5000, payload.len())?;
    let bare = [header.as_bytes(), &payload].concat();
    header.checksum = checksum::udp(SOURCE, GROUP, &bare).into();
    let ip = ipv4::Header::new(SOURCE, GROUP, 17, 16, udp::HEADER_LEN + payload.len())?;
    let link = ethernet::Header {
        destination: [0x01, 0x00, 0x5e, 0x01, 0x01, 0x01],
        source: [2, 0, 0, 0, 0, 1],
        ethertype: ethernet::ETHERTYPE_IPV4.into(),
    };
    let mut frame = Vec::new();
    frame.extend_from_slice(link.as_bytes());
    frame.extend_from_slice(ip.as_bytes());
    frame.extend_from_slice(header.as_bytes());
    frame.extend_from_slice(&payload);
    Some(frame)
}

fn headers(frame: &[u8]) -> Result<(Ipv4Addr, u16), mcr_wire::Malformed> {
    let (_, rest) = ethernet::Header::parse(frame)?;
    let packet = ipv4::Packet::parse(rest)?;
    let datagram = udp::Datagram::parse(packet.payload())?;
    let port = datagram.header().destination_port.get();
    Ok((packet.header().destination(), port))
}

fn packets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("headers");
    group.throughput(Throughput::Elements(1));
    for payload in [100, 1316, 8972] {
        let Some(frame) = frame(payload) else {
            continue;
        };
        assert_eq!(headers(&frame), Ok((GROUP, 5000)));
        group.bench_function(format!("{payload} bytes"), |bencher| {
            bencher.iter(|| headers(black_box(&frame)));
        });
    }
    group.finish();
}

fn sums(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    let bytes = vec![0x5a; 1480];
    group.bench_function("whole, 1480 bytes", |bencher| {
        bencher.iter(|| checksum::internet(black_box(&bytes)));
    });
    group.bench_function("by difference, two addresses", |bencher| {
        bencher.iter(|| {
            checksum::Adjust::new()
                .address(black_box(SOURCE), black_box(GROUP))
                .address(black_box(GROUP), black_box(SOURCE))
                .apply(black_box(0x1234))
        });
    });
    group.finish();
}

/// 10 000 rules; `ttl` is in every output.
fn rules(ttl: u16) -> String {
    let rules: String = (0..10_000)
        .map(|n| {
            let (a, b) = (n / 250 + 1, n % 250 + 1);
            format!(
                "    {{ input: {{ interface: \"in0\", group: \"239.1.{a}.{b}\", port: 5000 }},\n\
                 \x20     outputs: [{{ interface: \"out0\", ttl: {ttl} }}] }},\n"
            )
        })
        .collect();
    format!("{{\n  rules: [\n{rules}  ],\n}}\n")
}

fn configuration(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("configuration of 10 000 rules");
    group.sample_size(10);
    let right = rules(8);
    group.bench_function("right", |bencher| {
        bencher.iter(|| mcr_config::parse("x", black_box(&right)).is_ok());
    });
    let wrong = rules(0);
    group.bench_function("all wrong, with the report", |bencher| {
        bencher.iter(|| {
            let problems = mcr_config::parse("x", black_box(&wrong));
            problems.map_err(|problems| problems.render(false).len())
        });
    });
    group.finish();
}

criterion_group!(benches, packets, sums, configuration);
criterion_main!(benches);
