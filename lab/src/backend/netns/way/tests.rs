//! A table as the kernel writes it, on a machine that counts from the low end.

use super::*;

const TABLE: &str = "\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
r1	00000000	0101000A	0003	0	0	20	00000000	0	0	0
r1	0000000A	0101000A	0003	0	0	20	00FFFFFF	0	0	0
r3	0000000A	0202000A	0003	0	0	10	00FFFFFF	0	0	0
r1	0001000A	00000000	0001	0	0	0	00FFFFFF	0	0	0
*	0009000A	00000000	0201	0	0	0	00FFFFFF	0	0	0
";

fn way(to: [u8; 4]) -> (Option<String>, Option<Ipv4Addr>) {
    let Rpf {
        interface,
        neighbor,
    } = way_in(TABLE, to.into()).unwrap();
    (interface, neighbor)
}

#[test]
fn the_longest_prefix_and_then_the_least_metric_leads() {
    if cfg!(target_endian = "big") {
        return;
    }
    let by = |interface: &str, neighbor: Option<[u8; 4]>| {
        (Some(interface.to_owned()), neighbor.map(Ipv4Addr::from))
    };
    assert_eq!(way([10, 0, 0, 1]), by("r3", Some([10, 0, 2, 2])));
    assert_eq!(way([10, 0, 1, 7]), by("r1", None));
    assert_eq!(way([192, 0, 2, 1]), by("r1", Some([10, 0, 1, 1])));
    assert_eq!(way([10, 0, 9, 1]), (None, None));
}

#[test]
fn no_table_is_no_way_and_another_form_an_error() {
    assert_eq!(way_in("Iface\n", Ipv4Addr::LOCALHOST), Ok(Rpf::default()));
    assert!(way_in("Iface\nr1 x\n", Ipv4Addr::LOCALHOST).is_err());
}
