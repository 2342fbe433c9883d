//! RP(G) (RFC 7761 §4.7).

use super::*;
use crate::config::StaticRp;

fn address(text: &str) -> UnicastAddr {
    UnicastAddr::try_from(text.parse::<Ipv4Addr>().unwrap()).unwrap()
}

fn group(text: &str) -> GroupAddr {
    GroupAddr::try_from(text.parse::<Ipv4Addr>().unwrap()).unwrap()
}

fn rps(list: &[(&str, &[&str], u8)]) -> RpSet {
    let static_rps = list.iter().map(|(rp, groups, priority)| StaticRp {
        address: address(rp),
        groups: groups.iter().map(|range| range.parse().unwrap()).collect(),
        priority: *priority,
        r#override: false,
    });
    let config = PimConfig {
        static_rps: static_rps.collect(),
        ..PimConfig::default()
    };
    let mut set = RpSet::default();
    assert!(set.configure(&config));
    assert!(!set.configure(&config), "the same again changes nothing");
    set
}

fn choice(set: &RpSet, of: &str) -> Result<(Ipv4Addr, DecidedBy), NoRp> {
    let choice = set.choose(group(of))?;
    assert_eq!(set.rp(group(of)), Some(choice.mapping.rp));
    Ok((choice.mapping.rp.get(), choice.by))
}

/// RFC 7761 §4.7.2; the numbers were computed with integers of any length.
#[test]
fn hash_values_are_those_of_the_rfc() {
    for (group, mask_len, rp, value) in [
        ("239.1.1.1", 30, "10.0.0.1", 1_679_372_561),
        ("239.1.1.1", 30, "10.0.0.2", 694_951_000),
        ("239.1.1.1", 30, "10.0.0.3", 1_738_919_403),
        ("239.1.1.3", 30, "10.0.0.3", 1_738_919_403),
        ("239.1.1.4", 30, "10.0.0.3", 573_585_295),
        ("239.1.1.1", 0, "10.0.0.1", 1_410_713_617),
        ("239.1.1.1", 32, "10.0.0.1", 239_626_324),
    ] {
        let got = hash(group.parse().unwrap(), mask_len, rp.parse().unwrap());
        assert_eq!(got, value, "{group}/{mask_len} {rp}");
    }
}

/// RFC 7761 §4.7.1: longest range, lowest priority number, highest hash value,
/// highest address.
#[test]
fn rp_is_chosen_in_the_order_of_the_rfc() {
    let set = rps(&[
        ("10.0.0.9", &["224.0.0.0/4"], 0),
        ("10.0.0.1", &["239.1.0.0/16"], 100),
        ("10.0.0.2", &["239.1.0.0/16"], 100),
        ("10.0.0.3", &["239.1.0.0/16"], 100),
        ("10.0.0.4", &["239.1.0.0/16"], 101),
        ("10.0.0.5", &["239.2.0.0/16"], 7),
        ("10.0.0.6", &["239.2.0.0/16"], 8),
    ]);
    for (of, rp, by) in [
        ("225.1.1.1", "10.0.0.9", DecidedBy::Only),
        // The values of hash_values_are_those_of_the_rfc.
        ("239.1.1.1", "10.0.0.3", DecidedBy::Hash),
        ("239.1.1.3", "10.0.0.3", DecidedBy::Hash),
        ("239.1.1.4", "10.0.0.2", DecidedBy::Hash),
        ("239.1.1.8", "10.0.0.2", DecidedBy::Hash),
        ("239.2.0.1", "10.0.0.5", DecidedBy::Priority),
    ] {
        let want = Ok((rp.parse().unwrap(), by));
        assert_eq!(choice(&set, of), want, "{of}");
    }
    let set = rps(&[
        ("10.0.0.9", &["224.0.0.0/4"], 0),
        ("10.0.0.1", &["239.1.0.0/16"], 255),
    ]);
    let want = Ok((Ipv4Addr::new(10, 0, 0, 1), DecidedBy::Range));
    assert_eq!(choice(&set, "239.1.1.1"), want);
}

/// RFC 7761 §4.7.1: the address decides where the hash values are equal. The
/// function keeps 31 bits, so addresses that differ in the first bit only
/// collide.
#[test]
fn highest_address_decides_among_equal_hash_values() {
    let set = rps(&[
        ("10.0.0.1", &["224.0.0.0/4"], 0),
        ("138.0.0.1", &["224.0.0.0/4"], 0),
    ]);
    let want = Ok((Ipv4Addr::new(138, 0, 0, 1), DecidedBy::Address));
    assert_eq!(choice(&set, "239.1.1.1"), want);
}

/// A range means all its bits: a neighbouring range has another RP or none, and
/// the order of the settings does not matter.
#[test]
fn ranges_are_compared_in_full() {
    let one = ("10.0.0.1", &["239.1.0.0/16"][..], 0);
    let other = ("10.0.0.2", &["239.0.0.0/8", "238.1.0.0/16"][..], 0);
    let set = rps(&[one, other]);
    assert_eq!(set, rps(&[other, one]));
    assert_eq!(set.rp(group("239.1.255.1")), Some(address("10.0.0.1")));
    assert_eq!(set.rp(group("239.200.0.1")), Some(address("10.0.0.2")));
    assert_eq!(set.rp(group("238.1.0.1")), Some(address("10.0.0.2")));
    assert_eq!(choice(&set, "238.2.0.1"), Err(NoRp::NoRange));
    assert_eq!(set.mappings().len(), 3);
}

/// RFC 7761 §4.8: a source-specific group has no RP, whatever is configured.
#[test]
fn source_specific_groups_have_no_rp() {
    let set = rps(&[("10.0.0.1", &["224.0.0.0/4", "232.1.0.0/16"], 0)]);
    let ssm = "232.0.0.0/8".parse().unwrap();
    assert_eq!(choice(&set, "232.1.1.1"), Err(NoRp::Ssm(ssm)));
    assert_eq!(set.rp(group("232.1.1.1")), None);
    assert_eq!(set.rp(group("233.1.1.1")), Some(address("10.0.0.1")));
}
