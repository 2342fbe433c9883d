//! Messages by hand, of the forms that no capture has, and properties (RFC 7761
//! §4.9).

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::checksum;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// A message of this type with the checksum in its place.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x20 | kind, 0, 0, 0];
    bytes.extend(body);
    summed(bytes)
}

fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[2..4].fill(0);
    let sum = checksum::internet(&bytes).to_be_bytes();
    bytes[2..4].copy_from_slice(&sum);
    bytes
}

fn err(kind: u8, body: &[u8]) -> BadMessage {
    Message::parse(&message(kind, body)).unwrap_err()
}

fn hello(options: &[u8]) -> Result<Hello, BadMessage> {
    match Message::parse(&message(0, options)) {
        Ok(Message::Hello(hello)) => Ok(hello),
        Ok(other) => panic!("{other:?}"),
        Err(reason) => Err(reason),
    }
}

/// RFC 7761 §4.9: the version is 2.
#[test]
fn other_versions() {
    let mut bytes = message(0, &[]);
    bytes[0] = 0x10;
    assert_eq!(Message::parse(&summed(bytes)), Err(BadMessage::Version));
}

#[test]
fn too_short() {
    for length in 0..4 {
        let bytes = &message(0, &[])[..length];
        assert_eq!(Message::parse(bytes), Err(BadMessage::Truncated));
    }
    let stop = [1, 0, 0, 32, 239, 1, 2, 3, 1, 0, 10, 0, 0, 9];
    for length in 0..stop.len() {
        assert_eq!(err(2, &stop[..length]), BadMessage::Truncated);
    }
}

/// RFC 7761 §4.9: the checksum is over the whole message, without a
/// pseudo-header.
#[test]
fn any_flipped_bit_spoils_the_checksum() {
    let right = message(3, &[1, 0, 10, 0, 0, 1, 0, 0, 0, 210]);
    assert!(Message::parse(&right).is_ok());
    for bit in 8..right.len() * 8 {
        let mut wrong = right.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(Message::parse(&wrong), Err(BadMessage::Checksum));
    }
}

/// RFC 7761 §4.9: an unknown type is ignored; those of dense mode are known by
/// name only.
#[test]
fn types_that_are_not_ours() {
    for (kind, want) in [
        (6, Message::Graft),
        (7, Message::GraftAck),
        (9, Message::StateRefresh),
        (12, Message::Unknown(12)),
    ] {
        assert_eq!(Message::parse(&message(kind, &[1, 2, 3])), Ok(want));
    }
}

/// RFC 7761 §4.9.2: unknown options are skipped.
#[test]
fn hello_skips_unknown_options() {
    let options = [0, 77, 0, 3, 9, 9, 9, 0, 1, 0, 2, 0, 105, 0, 22, 0, 0];
    let want = Hello {
        holdtime: Some(105),
        unknown_options: 2,
        ..Hello::default()
    };
    assert_eq!(hello(&options), Ok(want));
}

/// RFC 7761 §4.9.2: the T bit, and 15 bits of delay beside it.
#[test]
fn hello_lan_prune_delay_with_tracking() {
    let options = [0, 2, 0, 4, 0x81, 0xf4, 0x09, 0xc4];
    let want = Some(LanPruneDelay {
        tracking: true,
        propagation_delay: 500,
        override_interval: 2500,
    });
    assert_eq!(hello(&options).unwrap().lan_prune_delay, want);
}

/// RFC 7761 §4.9.2: secondary addresses; those of another family that is known
/// are passed over.
#[test]
fn hello_address_list() {
    let mut options = vec![0, 24, 0, 30, 1, 0, 10, 9, 0, 1, 2, 0];
    options.extend([0xfe; 16]);
    options.extend([1, 0, 10, 9, 0, 2]);
    let want = vec![Ipv4Addr::new(10, 9, 0, 1), Ipv4Addr::new(10, 9, 0, 2)];
    assert_eq!(hello(&options).unwrap().address_list, want);
    assert_eq!(
        hello(&[0, 24, 0, 6, 7, 0, 10, 9, 0, 1]),
        Err(BadMessage::Family)
    );
}

#[test]
fn hello_option_lengths() {
    for options in [
        vec![0, 1, 0, 1, 105],
        vec![0, 1, 0, 3, 0, 105, 0],
        vec![0, 2, 0, 2, 0, 0],
        vec![0, 19, 0, 2, 0, 1],
        vec![0, 20, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![0, 24, 0, 5, 1, 0, 10, 9, 0],
        // More told than there is, and half an option.
        vec![0, 77, 0xff, 0xff, 1],
        vec![0, 1, 0],
    ] {
        assert_eq!(hello(&options), Err(BadMessage::Length), "{options:?}");
    }
}

/// RFC 7761 §4.9.5: several groups, each with joins and prunes; here (*,G) with
/// an (S,G,rpt) prune, and (S,G) of another group.
#[test]
fn join_prune_of_several_groups() {
    let mut body = vec![1, 0, 10, 0, 0, 1, 0, 2, 0, 210];
    body.extend([1, 0, 0, 32, 239, 1, 2, 3, 0, 1, 0, 1]);
    body.extend([1, 0, 7, 32, 10, 0, 0, 1]);
    body.extend([1, 0, 5, 32, 10, 0, 0, 9]);
    body.extend([1, 0, 0, 32, 239, 1, 2, 4, 0, 1, 0, 0]);
    body.extend([1, 0, 4, 32, 10, 0, 0, 9]);
    let want = JoinPrune {
        upstream_neighbor: ROUTER,
        holdtime: 210,
        groups: vec![
            JoinPruneGroup {
                group: EncodedGroup::host(GROUP),
                joins: vec![EncodedSource::star_g(ROUTER)],
                prunes: vec![EncodedSource::sg_rpt(SOURCE)],
            },
            JoinPruneGroup {
                group: EncodedGroup::host(Ipv4Addr::new(239, 1, 2, 4)),
                joins: vec![EncodedSource::sg(SOURCE)],
                prunes: Vec::new(),
            },
        ],
    };
    let length = want
        .groups
        .iter()
        .map(JoinPruneGroup::encoded_len)
        .sum::<usize>();
    let bytes = message(3, &body);
    assert_eq!(join_prune::FIXED_LEN + length, bytes.len());
    assert_eq!(want.groups.len(), 2);
    let want = Message::JoinPrune(want);
    assert_eq!(want.emit(), bytes);
    assert_eq!(Message::parse(&bytes), Ok(want));
}

#[test]
fn join_prune_counts_beyond_the_message() {
    let one_group = [
        1, 0, 10, 0, 0, 1, 0, 1, 0, 210, 1, 0, 0, 32, 239, 1, 2, 3, 0, 1, 0, 0, 1, 0, 4, 32, 10, 0,
        0, 9,
    ];
    assert!(Message::parse(&message(3, &one_group)).is_ok());
    for length in 10..one_group.len() {
        assert_eq!(err(3, &one_group[..length]), BadMessage::Length, "{length}");
    }
    let mut many = one_group;
    many[18..20].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(err(3, &many), BadMessage::Length);
    let mut groups = one_group;
    groups[7] = 255;
    assert_eq!(err(3, &groups), BadMessage::Length);
}

/// RFC 7761 §4.9.1: family 1, encoding 0, and a mask that an IPv4 address can
/// have; a group must be one.
#[test]
fn addresses_of_other_kinds() {
    let stop = [1, 0, 0, 32, 239, 1, 2, 3, 1, 0, 10, 0, 0, 9];
    for (at, value, want) in [
        (0, 2, BadMessage::Family),
        (1, 1, BadMessage::Family),
        (3, 33, BadMessage::Length),
        (4, 10, BadMessage::Address),
        (8, 2, BadMessage::Family),
        (9, 1, BadMessage::Family),
    ] {
        let mut wrong = stop;
        wrong[at] = value;
        assert_eq!(err(2, &wrong), want, "byte {at}");
    }
}

/// RFC 7761 §4.6.4, §4.9.6: AssertCancel of (S,G), and a (*,G) Assert.
#[test]
fn asserts() {
    let mut body = vec![1, 0, 0, 32, 239, 1, 2, 3, 1, 0, 10, 0, 0, 9];
    body.extend([0xff; 8]);
    let cancel = Message::Assert(Assert {
        group: EncodedGroup::host(GROUP),
        source: SOURCE,
        metric: AssertMetric::INFINITE,
    });
    assert_eq!(cancel.emit(), message(5, &body));
    assert_eq!(Message::parse(&message(5, &body)), Ok(cancel));

    let mut body = vec![1, 0, 0, 32, 239, 1, 2, 3, 1, 0, 0, 0, 0, 0];
    body.extend([0x80, 0, 0, 110, 0, 0, 0, 20]);
    let star_g = Message::Assert(Assert {
        group: EncodedGroup::host(GROUP),
        source: Ipv4Addr::UNSPECIFIED,
        metric: AssertMetric {
            rpt: true,
            preference: 110,
            metric: 20,
        },
    });
    assert_eq!(star_g.emit(), message(5, &body));
    assert_eq!(Message::parse(&message(5, &body)), Ok(star_g));
}

/// RFC 7761 §4.9.3: the checksum covers the first 8 bytes; one over the whole
/// message is understood too.
#[test]
fn register_checksums() {
    let packet = [0x45, 1, 2, 3, 4];
    let register = Message::Register(Register {
        border: false,
        null: false,
        packet: &packet,
    });
    let ours = register.emit();
    assert_eq!(checksum::internet(&ours[..8]), 0);
    assert_ne!(checksum::internet(&ours), 0);
    assert_eq!(Message::parse(&ours), Ok(register.clone()));
    assert_eq!(Message::parse(&summed(ours.clone())), Ok(register));
    let mut wrong = ours;
    wrong[3] ^= 1;
    assert_eq!(Message::parse(&wrong), Err(BadMessage::Checksum));
    assert_eq!(err(1, &[0; 3]), BadMessage::Truncated);
}

/// RFC 7761 §4.9.3: the dummy header of a Null-Register, whose checksum is
/// verified only where it is not 0.
#[test]
fn null_registers() {
    let header = Register::null_header(SOURCE, GROUP);
    assert_eq!(header[..10], [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 103]);
    assert_eq!(checksum::internet(&header), 0);
    assert_eq!(Register::null(&header).addresses(), Ok((SOURCE, GROUP)));

    let mut zero = header;
    zero[10..12].fill(0);
    assert_eq!(Register::null(&zero).addresses(), Ok((SOURCE, GROUP)));
    let mut wrong = header;
    wrong[11] ^= 1;
    assert_eq!(
        Register::null(&wrong).addresses(),
        Err(BadMessage::Checksum)
    );
    assert_eq!(
        Register::null(&header[..19]).addresses(),
        Err(BadMessage::Truncated)
    );
    let mut version_6 = zero;
    version_6[0] = 0x65;
    assert_eq!(
        Register::null(&version_6).addresses(),
        Err(BadMessage::Length)
    );
    let unicast = Register::null_header(SOURCE, ROUTER);
    assert_eq!(
        Register::null(&unicast).addresses(),
        Err(BadMessage::Address)
    );
}

/// The packet in a Register is checked like any that arrives.
#[test]
fn registers_carry_whole_packets() {
    let header = Register::null_header(SOURCE, GROUP);
    let data = |packet| Register {
        border: false,
        null: false,
        packet,
    };
    assert_eq!(data(&header[..]).addresses(), Ok((SOURCE, GROUP)));
    let mut zero = header;
    zero[10..12].fill(0);
    assert_eq!(data(&zero[..]).addresses(), Err(BadMessage::Checksum));
    assert_eq!(data(&header[..10]).addresses(), Err(BadMessage::Truncated));
}

/// RFC 5059 §4.1: N, and the counts of a fragment.
#[test]
fn bootstrap_fragment() {
    let mut body = vec![0xab, 0xcd, 30, 64, 1, 0, 10, 0, 0, 1];
    body.extend([1, 0, 0, 8, 239, 0, 0, 0, 2, 1, 0, 0]);
    body.extend([1, 0, 10, 0, 0, 9, 0, 150, 192, 0]);
    let mut bytes = message(4, &body);
    bytes[1] = 0x80;
    let bytes = summed(bytes);
    let want = Message::Bootstrap(Bootstrap {
        no_forward: true,
        fragment_tag: 0xabcd,
        hash_mask_len: 30,
        bsr_priority: 64,
        bsr: ROUTER,
        groups: vec![BootstrapGroup {
            group: EncodedGroup {
                group: Ipv4Addr::new(239, 0, 0, 0),
                mask_len: 8,
                bidirectional: false,
                scope_zone: false,
            },
            rp_count: 2,
            rps: vec![BootstrapRp {
                address: SOURCE,
                holdtime: 150,
                priority: 192,
            }],
        }],
    });
    assert_eq!(want.emit(), bytes);
    assert_eq!(Message::parse(&bytes), Ok(want));
    for length in 11..body.len() {
        assert_eq!(err(4, &body[..length]), BadMessage::Length, "{length}");
    }
}

/// RFC 5059 §4.2: no prefix stands for all groups.
#[test]
fn candidate_rp_of_all_groups() {
    let body = [0, 192, 0, 150, 1, 0, 10, 0, 0, 9];
    let want = Message::CandidateRp(CandidateRp {
        priority: 192,
        holdtime: 150,
        rp: SOURCE,
        groups: Vec::new(),
    });
    assert_eq!(want.emit(), message(8, &body));
    assert_eq!(Message::parse(&message(8, &body)), Ok(want));
    assert_eq!(
        err(8, &[1, 192, 0, 150, 1, 0, 10, 0, 0, 9]),
        BadMessage::Length
    );
}

prop_compose! {
    fn a_group()(
        first in 224..240u8,
        rest in any::<[u8; 3]>(),
        mask_len in 0..=32u8,
        bidirectional in any::<bool>(),
        scope_zone in any::<bool>(),
    ) -> EncodedGroup {
        let [b, c, d] = rest;
        EncodedGroup {
            group: Ipv4Addr::new(first, b, c, d),
            mask_len,
            bidirectional,
            scope_zone,
        }
    }
}

prop_compose! {
    fn a_source()(
        source in any::<Ipv4Addr>(),
        mask_len in 0..=32u8,
        sparse in any::<bool>(),
        wildcard in any::<bool>(),
        rpt in any::<bool>(),
    ) -> EncodedSource {
        EncodedSource { source, mask_len, sparse, wildcard, rpt }
    }
}

prop_compose! {
    fn a_delay()(
        tracking in any::<bool>(),
        propagation_delay in 0..0x8000u16,
        override_interval in any::<u16>(),
    ) -> LanPruneDelay {
        LanPruneDelay { tracking, propagation_delay, override_interval }
    }
}

prop_compose! {
    fn a_hello()(
        holdtime in any::<Option<u16>>(),
        lan_prune_delay in proptest::option::of(a_delay()),
        dr_priority in any::<Option<u32>>(),
        generation_id in any::<Option<u32>>(),
        address_list in vec_of(any::<Ipv4Addr>()),
    ) -> Hello {
        Hello {
            holdtime,
            lan_prune_delay,
            dr_priority,
            generation_id,
            address_list,
            unknown_options: 0,
        }
    }
}

fn vec_of<T: std::fmt::Debug>(item: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    proptest::collection::vec(item, 0..5)
}

fn a_join_prune() -> impl Strategy<Value = JoinPrune> {
    let group =
        (a_group(), vec_of(a_source()), vec_of(a_source())).prop_map(|(group, joins, prunes)| {
            JoinPruneGroup {
                group,
                joins,
                prunes,
            }
        });
    (any::<Ipv4Addr>(), any::<u16>(), vec_of(group)).prop_map(
        |(upstream_neighbor, holdtime, groups)| JoinPrune {
            upstream_neighbor,
            holdtime,
            groups,
        },
    )
}

prop_compose! {
    fn an_assert()(
        group in a_group(),
        source in any::<Ipv4Addr>(),
        rpt in any::<bool>(),
        preference in 0..0x8000_0000u32,
        metric in any::<u32>(),
    ) -> Assert {
        Assert { group, source, metric: AssertMetric { rpt, preference, metric } }
    }
}

fn a_bootstrap() -> impl Strategy<Value = Bootstrap> {
    let rp =
        (any::<Ipv4Addr>(), any::<u16>(), any::<u8>()).prop_map(|(address, holdtime, priority)| {
            BootstrapRp {
                address,
                holdtime,
                priority,
            }
        });
    let group =
        (a_group(), any::<u8>(), vec_of(rp)).prop_map(|(group, rp_count, rps)| BootstrapGroup {
            group,
            rp_count,
            rps,
        });
    let fixed = (
        any::<bool>(),
        any::<u16>(),
        0..=32u8,
        any::<u8>(),
        any::<Ipv4Addr>(),
    );
    (fixed, vec_of(group)).prop_map(
        |((no_forward, fragment_tag, hash_mask_len, bsr_priority, bsr), groups)| Bootstrap {
            no_forward,
            fragment_tag,
            hash_mask_len,
            bsr_priority,
            bsr,
            groups,
        },
    )
}

fn a_candidate() -> impl Strategy<Value = CandidateRp> {
    (
        any::<u8>(),
        any::<u16>(),
        any::<Ipv4Addr>(),
        vec_of(a_group()),
    )
        .prop_map(|(priority, holdtime, rp, groups)| CandidateRp {
            priority,
            holdtime,
            rp,
            groups,
        })
}

/// Those that borrow nothing.
fn a_message() -> impl Strategy<Value = Message<'static>> {
    prop_oneof![
        a_hello().prop_map(Message::Hello),
        a_join_prune().prop_map(Message::JoinPrune),
        an_assert().prop_map(Message::Assert),
        a_bootstrap().prop_map(Message::Bootstrap),
        a_candidate().prop_map(Message::CandidateRp),
        (a_group(), any::<Ipv4Addr>())
            .prop_map(|(group, source)| Message::RegisterStop(RegisterStop { group, source })),
        Just(Message::Graft),
        Just(Message::GraftAck),
        Just(Message::StateRefresh),
        (10..16u8).prop_map(Message::Unknown),
    ]
}

proptest! {
    #[test]
    fn what_was_written_is_read(message in a_message()) {
        let bytes = message.emit();
        prop_assert_eq!(Message::parse(&bytes), Ok(message));
    }

    #[test]
    fn registers_that_were_written_are_read(
        border in any::<bool>(),
        null in any::<bool>(),
        packet in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let register = Register { border, null, packet: &packet };
        let message = Message::Register(register);
        let bytes = message.emit();
        prop_assert_eq!(Message::parse(&bytes), Ok(message));
        // No packet does harm.
        if let Ok((_, group)) = register.addresses() {
            prop_assert!(group.is_multicast());
        }
    }

    /// RFC 7761 §4.9: no bytes do harm, and what is read can be written. What a
    /// value leaves out, such as options that are not known, is not written.
    #[test]
    fn any_bytes_are_a_message_or_an_error(
        kind in any::<u8>(),
        body in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let bytes = message(kind & 0x0f, &body);
        if let Ok(read) = Message::parse(&bytes) {
            let again = read.emit();
            match (read, Message::parse(&again)) {
                (Message::Hello(read), Ok(Message::Hello(again))) => {
                    let unknown_options = 0;
                    prop_assert_eq!(again, Hello { unknown_options, ..read });
                }
                (read, again) => prop_assert_eq!(again, Ok(read)),
            }
        }
    }

    /// One changed byte and one cut: never a panic, whatever the counts say.
    #[test]
    fn spoilt_messages(
        written in a_message(),
        at in any::<proptest::sample::Index>(),
        value in any::<u8>(),
        keep in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = written.emit();
        let at = at.index(bytes.len());
        bytes[at] = value;
        bytes.truncate(4 + keep.index(bytes.len() - 3));
        if let Ok(read) = Message::parse(&summed(bytes)) {
            prop_assert!(!read.emit().is_empty());
        }
    }
}
