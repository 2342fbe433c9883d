//! What the daemons say of a file, and what follows from it.

use std::collections::BTreeSet;

use super::{by_all, refused, without};

#[test]
fn the_lines_are_read_out_of_what_a_daemon_says() {
    let zebra = "2026/11/22 07:26:50 ZEBRA: [SHWNK-NWT5S][EC 100663304] \
                 No such command on config line 7:  ip pim";
    assert_eq!(refused(zebra), Some(7));
    let other = "PIM: [EC 1] Command returned Warning Config Failed on config line 3: x";
    assert_eq!(refused(other), None);
    assert_eq!(
        refused("PIM: [QF5NQ-EJ8X3] pim_vrf_enable: for default 0"),
        None
    );
}

#[test]
fn what_one_of_them_takes_is_not_refused() {
    let text = "ip forwarding\nip pim rp 10.0.0.1\nnonsense\nservice integrated-vtysh-config\n";
    let (zebra, pimd) = (BTreeSet::from([2, 3, 4]), BTreeSet::from([1, 3, 4]));
    let all = by_all(text, &[zebra, pimd.clone()]);
    assert_eq!(all, [(3, "nonsense".to_owned())]);
    let kept = without(text, &pimd);
    let lines: Vec<&str> = kept.lines().collect();
    assert_eq!(
        lines[..2],
        ["! not this daemon's: ip forwarding", "ip pim rp 10.0.0.1"]
    );
}
