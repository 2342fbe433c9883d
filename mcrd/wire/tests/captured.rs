//! What other systems put on the wire: IP packets captured in labs of three to
//! five routers, each with the fields that a protocol analyser read from it. The
//! parser reads the same, and the encoder writes the same bytes: IGMP (RFC 2236,
//! RFC 9776), PIM (RFC 7761) and its bootstrap messages (RFC 5059).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_wire::igmp::{self, GroupRecord, Query, RecordType, Version};
use mcr_wire::ipv4;
use mcr_wire::pim::{
    self, Assert, AssertMetric, Bootstrap, BootstrapGroup, BootstrapRp, CandidateRp, EncodedGroup,
    EncodedSource, Hello, JoinPrune, JoinPruneGroup, LanPruneDelay, Register, RegisterStop,
};

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn range(group: &str, mask_len: u8) -> EncodedGroup {
    EncodedGroup {
        mask_len,
        ..EncodedGroup::host(ip(group))
    }
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|digits| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap())
        .collect()
}

/// The payload of a packet with these addresses and this TTL.
fn payload<'a>(frame: &'a [u8], source: &str, destination: &str, ttl: u8) -> &'a [u8] {
    let packet = ipv4::Packet::parse(frame).unwrap();
    let header = packet.header();
    assert_eq!(header.source(), ip(source));
    assert_eq!(header.destination(), ip(destination));
    assert_eq!(header.ttl, ttl);
    packet.payload()
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn pim_hello_1() {
    let frame = hex(
        "45c00036000100000167ce860a0c0001e000000d200093750001000200690002\
         000401f409c400130004000000010014000443cbfc64",
    );
    let payload = payload(&frame, "10.12.0.1", "224.0.0.13", 1);
    assert_eq!(pim::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> pim::Message<'static> {
        pim::Message::Hello(Hello {
            holdtime: Some(105),
            lan_prune_delay: Some(LanPruneDelay {
                tracking: false,
                propagation_delay: 500,
                override_interval: 2500,
            }),
            dr_priority: Some(1),
            generation_id: Some(1137441892),
            ..Hello::default()
        })
    }
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn pim_hello_2() {
    let frame = hex(
        "45c00036000100000167ce8a0a030006e000000d20000db80001000200690002\
         000401f409c40013000400000001001400040d2cb8c1",
    );
    let payload = payload(&frame, "10.3.0.6", "224.0.0.13", 1);
    assert_eq!(pim::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> pim::Message<'static> {
        pim::Message::Hello(Hello {
            holdtime: Some(105),
            lan_prune_delay: Some(LanPruneDelay {
                tracking: false,
                propagation_delay: 500,
                override_interval: 2500,
            }),
            dr_priority: Some(1),
            generation_id: Some(221034689),
            ..Hello::default()
        })
    }
}

/// Sent by Linux in a lab of FRR 10.8 routers.
#[test]
fn igmp_v3report_1() {
    let frame = hex(
        "46c00038000040000102f9dc0a0c0001e000001694040000220031d500000003\
         04000000e000000d04000000e000001604000000e0000002",
    );
    let payload = payload(&frame, "10.12.0.1", "224.0.0.22", 1);
    assert_eq!(igmp::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> igmp::Message {
        igmp::Message::ReportV3(vec![
            GroupRecord {
                record_type: RecordType::ToExclude,
                group: ip("224.0.0.13"),
                sources: vec![],
            },
            GroupRecord {
                record_type: RecordType::ToExclude,
                group: ip("224.0.0.22"),
                sources: vec![],
            },
            GroupRecord {
                record_type: RecordType::ToExclude,
                group: ip("224.0.0.2"),
                sources: vec![],
            },
        ])
    }
}

/// Sent by Linux in a lab of FRR 10.8 routers.
#[test]
fn igmp_v3report_2() {
    let frame = hex(
        "46c00028000040000102f9ec0a03000ae0000016940400002200e8f900000001\
         04000000ef020202",
    );
    let payload = payload(&frame, "10.3.0.10", "224.0.0.22", 1);
    assert_eq!(igmp::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> igmp::Message {
        igmp::Message::ReportV3(vec![GroupRecord {
            record_type: RecordType::ToExclude,
            group: ip("239.2.2.2"),
            sources: vec![],
        }])
    }
}

/// Sent by Linux in a lab of FRR 8.4.4 routers.
#[test]
fn igmp_v3report_3() {
    let frame = hex(
        "46c00028000040000102f9ec0a03000ae0000016940400002200eaf900000001\
         02000000ef020202",
    );
    let payload = payload(&frame, "10.3.0.10", "224.0.0.22", 1);
    assert_eq!(igmp::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> igmp::Message {
        igmp::Message::ReportV3(vec![GroupRecord {
            record_type: RecordType::IsExclude,
            group: ip("239.2.2.2"),
            sources: vec![],
        }])
    }
}

/// Sent by Linux in a lab of FRR 10.8 routers.
#[test]
fn igmp_v3report_4() {
    let frame = hex(
        "46c00028000040000102f9ec0a03000ae0000016940400002200eafb00000001\
         03000000ef010101",
    );
    let payload = payload(&frame, "10.3.0.10", "224.0.0.22", 1);
    assert_eq!(igmp::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> igmp::Message {
        igmp::Message::ReportV3(vec![GroupRecord {
            record_type: RecordType::ToInclude,
            group: ip("239.1.1.1"),
            sources: vec![],
        }])
    }
}

/// Sent by Linux in a lab of FRR 10.8 routers.
#[test]
fn igmp_v3report_5() {
    let frame = hex(
        "46c0002c000040000102f9e80a03000ae0000016940400002200e9ef00000001\
         01000001e80101010a01000a",
    );
    let payload = payload(&frame, "10.3.0.10", "224.0.0.22", 1);
    assert_eq!(igmp::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> igmp::Message {
        igmp::Message::ReportV3(vec![GroupRecord {
            record_type: RecordType::IsInclude,
            group: ip("232.1.1.1"),
            sources: vec![ip("10.1.0.10")],
        }])
    }
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn pim_jp_1() {
    let frame = hex(
        "45c00036000700000167ce7d0a0d0003e000000d2300d5cb01000a0d00010001\
         00d201000020e803030300010000010004200a01000a",
    );
    let payload = payload(&frame, "10.13.0.3", "224.0.0.13", 1);
    assert_eq!(pim::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> pim::Message<'static> {
        pim::Message::JoinPrune(JoinPrune {
            upstream_neighbor: ip("10.13.0.1"),
            holdtime: 210,
            groups: vec![JoinPruneGroup {
                group: EncodedGroup::host(ip("232.3.3.3")),
                joins: vec![EncodedSource {
                    source: ip("10.1.0.10"),
                    mask_len: 32,
                    sparse: true,
                    wildcard: false,
                    rpt: false,
                }],
                prunes: vec![],
            }],
        })
    }
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn pim_jp_2() {
    let frame = hex(
        "45c00036000500000167ce870a030005e000000d2300cadd01000a0300030001\
         00d201000020ef03030300010000010007200aff0002",
    );
    let payload = payload(&frame, "10.3.0.5", "224.0.0.13", 1);
    assert_eq!(pim::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> pim::Message<'static> {
        pim::Message::JoinPrune(JoinPrune {
            upstream_neighbor: ip("10.3.0.3"),
            holdtime: 210,
            groups: vec![JoinPruneGroup {
                group: EncodedGroup::host(ip("239.3.3.3")),
                joins: vec![EncodedSource {
                    source: ip("10.255.0.2"),
                    mask_len: 32,
                    sparse: true,
                    wildcard: true,
                    rpt: true,
                }],
                prunes: vec![],
            }],
        })
    }
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn pim_jp_3() {
    let frame = hex(
        "45c00036000600000167ce860a030005e000000d2300ced301000a0300030001\
         00d201000020ef03030300010000010004200a01000a",
    );
    let payload = payload(&frame, "10.3.0.5", "224.0.0.13", 1);
    assert_eq!(pim::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> pim::Message<'static> {
        pim::Message::JoinPrune(JoinPrune {
            upstream_neighbor: ip("10.3.0.3"),
            holdtime: 210,
            groups: vec![JoinPruneGroup {
                group: EncodedGroup::host(ip("239.3.3.3")),
                joins: vec![EncodedSource {
                    source: ip("10.1.0.10"),
                    mask_len: 32,
                    sparse: true,
                    wildcard: false,
                    rpt: false,
                }],
                prunes: vec![],
            }],
        })
    }
}

/// Sent by FRR 8.4.4 in a lab of FRR 8.4.4 routers.
#[test]
fn pim_jp_4() {
    let frame = hex(
        "45c00036000800000167ce700a180004e000000d2300cfc101000a1800020001\
         00d201000020ef02020200000001010004200a01000a",
    );
    let payload = payload(&frame, "10.24.0.4", "224.0.0.13", 1);
    assert_eq!(pim::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> pim::Message<'static> {
        pim::Message::JoinPrune(JoinPrune {
            upstream_neighbor: ip("10.24.0.2"),
            holdtime: 210,
            groups: vec![JoinPruneGroup {
                group: EncodedGroup::host(ip("239.2.2.2")),
                joins: vec![],
                prunes: vec![EncodedSource {
                    source: ip("10.1.0.10"),
                    mask_len: 32,
                    sparse: true,
                    wildcard: false,
                    rpt: false,
                }],
            }],
        })
    }
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn igmp_query_v3_general() {
    let frame = hex(
        "46c000248e9e400001026b720a010001e0000001940400001164e41e00000000\
         0a7d0000",
    );
    let payload = payload(&frame, "10.1.0.1", "224.0.0.1", 1);
    assert_eq!(igmp::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> igmp::Message {
        igmp::Message::Query(Query {
            version: Version::V3,
            group: None,
            max_response_time: Duration::from_millis(10000),
            suppress: true,
            robustness: 2,
            query_interval: Duration::from_secs(125),
            sources: vec![],
        })
    }
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn pim_assert() {
    let frame = hex(
        "45c0002e000700000167ce7c0a170002e000000d2500deb001000020ef500001\
         01000a01000a00000000000000d2",
    );
    let payload = payload(&frame, "10.23.0.2", "224.0.0.13", 1);
    assert_eq!(pim::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> pim::Message<'static> {
        pim::Message::Assert(Assert {
            group: EncodedGroup::host(ip("239.80.0.1")),
            source: ip("10.1.0.10"),
            metric: AssertMetric {
                rpt: false,
                preference: 0,
                metric: 210,
            },
        })
    }
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn pim_bsm_1() {
    let frame = hex(
        "45c00022000700000167ce940a0c0001e000000d240005adac201e3201000aff\
         0001",
    );
    let payload = payload(&frame, "10.12.0.1", "224.0.0.13", 1);
    assert_eq!(pim::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> pim::Message<'static> {
        pim::Message::Bootstrap(Bootstrap {
            no_forward: false,
            fragment_tag: 44064,
            hash_mask_len: 30,
            bsr_priority: 50,
            bsr: ip("10.255.0.1"),
            groups: vec![],
        })
    }
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn pim_bsm_2() {
    let frame = hex(
        "45c00058000e00000167ce570a0c0001e000000d2400e2c5ac221e3201000aff\
         000101000008ef0000000202000001000aff000200970a0001000aff00010097\
         140001000010e10100000101000001000aff000200970a00",
    );
    let payload = payload(&frame, "10.12.0.1", "224.0.0.13", 1);
    assert_eq!(pim::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> pim::Message<'static> {
        pim::Message::Bootstrap(Bootstrap {
            no_forward: false,
            fragment_tag: 44066,
            hash_mask_len: 30,
            bsr_priority: 50,
            bsr: ip("10.255.0.1"),
            groups: vec![
                BootstrapGroup {
                    group: range("239.0.0.0", 8),
                    rp_count: 2,
                    rps: vec![
                        BootstrapRp {
                            address: ip("10.255.0.2"),
                            holdtime: 151,
                            priority: 10,
                        },
                        BootstrapRp {
                            address: ip("10.255.0.1"),
                            holdtime: 151,
                            priority: 20,
                        },
                    ],
                },
                BootstrapGroup {
                    group: range("225.1.0.0", 16),
                    rp_count: 1,
                    rps: vec![BootstrapRp {
                        address: ip("10.255.0.2"),
                        holdtime: 151,
                        priority: 10,
                    }],
                },
            ],
        })
    }
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn pim_crpadv() {
    let frame = hex(
        "45c0003200050000406763a00aff00020aff00012800f742020a009701000aff\
         000201000008ef00000001000010e1010000",
    );
    let payload = payload(&frame, "10.255.0.2", "10.255.0.1", 64);
    assert_eq!(pim::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> pim::Message<'static> {
        pim::Message::CandidateRp(CandidateRp {
            priority: 10,
            holdtime: 151,
            rp: ip("10.255.0.2"),
            groups: vec![range("239.0.0.0", 8), range("225.1.0.0", 16)],
        })
    }
}

/// Sent by FRR 8.4.4 in a lab of FRR 8.4.4 routers.
#[test]
fn igmp_query_v2_general() {
    let frame = hex("46c00020550a40000102a5060a030003e0000001940400001114eeeb00000000");
    let payload = payload(&frame, "10.3.0.3", "224.0.0.1", 1);
    assert_eq!(igmp::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> igmp::Message {
        igmp::Message::Query(Query {
            version: Version::V2,
            group: None,
            max_response_time: Duration::from_millis(2000),
            suppress: false,
            robustness: 0,
            query_interval: Duration::from_secs(0),
            sources: vec![],
        })
    }
}

/// Sent by Linux in a lab of FRR 10.8 routers.
#[test]
fn igmp_v2report() {
    let frame = hex("46c00020000040000102ea080a03000aef010101940400001600f9fcef010101");
    let payload = payload(&frame, "10.3.0.10", "239.1.1.1", 1);
    assert_eq!(igmp::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> igmp::Message {
        igmp::Message::ReportV2(ip("239.1.1.1"))
    }
}

/// Sent by Linux in a lab of FRR 8.4.4 routers.
#[test]
fn igmp_leave() {
    let frame = hex("46c00020000040000102fa080a03000ae0000002940400001700f8faef010103");
    let payload = payload(&frame, "10.3.0.10", "224.0.0.2", 1);
    assert_eq!(igmp::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> igmp::Message {
        igmp::Message::Leave(ip("239.1.1.3"))
    }
}

/// Sent by FRR 8.4.4 in a lab of FRR 8.4.4 routers.
#[test]
fn igmp_query_v2_group() {
    let frame = hex("46c00020f96940000102f0a30a030003ef01010394040000110afef0ef010103");
    let payload = payload(&frame, "10.3.0.3", "239.1.1.3", 1);
    assert_eq!(igmp::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> igmp::Message {
        igmp::Message::Query(Query {
            version: Version::V2,
            group: Some(ip("239.1.1.3")),
            max_response_time: Duration::from_millis(1000),
            suppress: false,
            robustness: 0,
            query_interval: Duration::from_secs(0),
            sources: vec![],
        })
    }
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn pim_register() {
    let frame = hex(
        "45c0007800040000406764590a0100010aff00022100deff000000004500005c\
         71eb40001011fd960a01000aef02020287d713890048808d4d43545800000000\
         0000000018e9fb0966ae71c97878787878787878787878787878787878787878\
         787878787878787878787878787878787878787878787878",
    );
    let payload = payload(&frame, "10.1.0.1", "10.255.0.2", 64);
    assert_eq!(pim::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> pim::Message<'static> {
        pim::Message::Register(Register {
            border: false,
            null: false,
            packet: hex(
                "4500005c71eb40001011fd960a01000aef02020287d713890048808d4d435458\
000000000000000018e9fb0966ae71c978787878787878787878787878787878\
78787878787878787878787878787878787878787878787878787878",
            )
            .leak(),
        })
    }
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn pim_regstop() {
    let frame = hex(
        "45c0002600050000406764aa0aff00020a0100012200e0cf01000020ef020202\
         01000a01000a",
    );
    let payload = payload(&frame, "10.255.0.2", "10.1.0.1", 64);
    assert_eq!(pim::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> pim::Message<'static> {
        pim::Message::RegisterStop(RegisterStop {
            group: EncodedGroup::host(ip("239.2.2.2")),
            source: ip("10.1.0.10"),
        })
    }
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn igmp_query_v3_group() {
    let frame = hex(
        "46c00024eb4940000102fdc10a030001ef02020294040000110afb73ef020202\
         027d0000",
    );
    let payload = payload(&frame, "10.3.0.1", "239.2.2.2", 1);
    assert_eq!(igmp::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> igmp::Message {
        igmp::Message::Query(Query {
            version: Version::V3,
            group: Some(ip("239.2.2.2")),
            max_response_time: Duration::from_millis(1000),
            suppress: false,
            robustness: 2,
            query_interval: Duration::from_secs(125),
            sources: vec![],
        })
    }
}

/// Sent by FRR 8.4.4 in a lab of FRR 8.4.4 routers.
#[test]
fn igmp_query_v3_group_source_1() {
    let frame = hex(
        "46c00028010f40000102e7f80a030001ef02020294040000110afb72ef020202\
         027d000100000000",
    );
    let payload = payload(&frame, "10.3.0.1", "239.2.2.2", 1);
    assert_eq!(igmp::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> igmp::Message {
        igmp::Message::Query(Query {
            version: Version::V3,
            group: Some(ip("239.2.2.2")),
            max_response_time: Duration::from_millis(1000),
            suppress: false,
            robustness: 2,
            query_interval: Duration::from_secs(125),
            sources: vec![ip("0.0.0.0")],
        })
    }
}

/// Sent by FRR 10.8 in a lab of FRR 10.8 routers.
#[test]
fn igmp_query_v3_group_source_2() {
    let frame = hex(
        "46c00028f3a340000102fd650a030001e801010194040000110af969e8010101\
         027d00010a01000a",
    );
    let payload = payload(&frame, "10.3.0.1", "232.1.1.1", 1);
    assert_eq!(igmp::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> igmp::Message {
        igmp::Message::Query(Query {
            version: Version::V3,
            group: Some(ip("232.1.1.1")),
            max_response_time: Duration::from_millis(1000),
            suppress: false,
            robustness: 2,
            query_interval: Duration::from_secs(125),
            sources: vec![ip("10.1.0.10")],
        })
    }
}

/// Sent by FRR 8.4.4 in a lab of FRR 8.4.4 routers.
#[test]
fn pim_register_null() {
    let frame = hex(
        "45c00030000a00004067649b0a0100010aff000221009eff4000000045000014\
         00000000006700000a01000aef010109",
    );
    let payload = payload(&frame, "10.1.0.1", "10.255.0.2", 64);
    assert_eq!(pim::Message::parse(payload), Ok(expected()));
    assert_eq!(expected().emit(), payload);

    fn expected() -> pim::Message<'static> {
        pim::Message::Register(Register {
            border: false,
            null: true,
            packet: hex("4500001400000000006700000a01000aef010109").leak(),
        })
    }
}
