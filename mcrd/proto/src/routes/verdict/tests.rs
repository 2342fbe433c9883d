//! The forwarding rules of RFC 7761 §4.2, a row per case.

use super::*;

fn eth(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

fn olist(numbers: &[u32]) -> Olist {
    numbers.iter().map(|number| eth(*number)).collect()
}

/// The source is over eth1, the RP over eth2; members of the source are on eth3
/// and, of the group, on eth4.
fn view() -> SourceView {
    SourceView {
        rpf: Some(Target {
            iface: eth(1),
            neighbor: None,
        }),
        rpf_rp: Some(eth(2)),
        spt_bit: false,
        join_desired: false,
        switches: false,
        connected: false,
        register: false,
        inherited: olist(&[3, 4]),
        inherited_rpt: olist(&[4]),
    }
}

fn switching() -> SourceView {
    SourceView {
        join_desired: true,
        switches: true,
        ..view()
    }
}

fn switched() -> SourceView {
    SourceView {
        spt_bit: true,
        ..switching()
    }
}

fn same(view: SourceView) -> SourceView {
    SourceView {
        rpf_rp: Some(eth(1)),
        ..view
    }
}

fn connected(view: SourceView) -> SourceView {
    SourceView {
        connected: true,
        register: true,
        ..view
    }
}

/// RFC 7761 §4.2.
#[test]
fn packets_are_taken_by_the_rules() {
    use Accept::{Discard, Forward, Switch, UntilSwitch, WrongInterface};
    for (what, view, iif, accept, out) in [
        ("RP tree only", view(), 2, Forward, &[4][..]),
        ("not joined", view(), 1, Discard, &[]),
        (
            "on the olist of the RP tree",
            view(),
            4,
            WrongInterface,
            &[],
        ),
        ("on that of the source only", view(), 3, Discard, &[]),
        ("elsewhere", view(), 5, Discard, &[]),
        ("before the switch", switching(), 2, UntilSwitch, &[4]),
        ("the switch", switching(), 1, Switch, &[3, 4]),
        ("after it", switched(), 1, Forward, &[3, 4]),
        ("the RP tree after it", switched(), 2, Discard, &[]),
        ("an output after it", switched(), 3, WrongInterface, &[]),
        ("one way for both", same(view()), 1, Forward, &[4]),
        ("and it may switch", same(switching()), 1, Switch, &[3, 4]),
        ("connected, unwanted", connected(view()), 1, Forward, &[]),
        (
            "connected, wanted",
            connected(switching()),
            1,
            Switch,
            &[3, 4],
        ),
    ] {
        let verdict = view.verdict(eth(iif));
        assert_eq!(verdict.accept, accept, "{what}");
        assert_eq!(verdict.olist, olist(out), "{what}");
        assert_eq!(verdict.register, view.connected && iif == 1, "{what}");
    }
}

/// RFC 7761 §4.2: the interface a packet came from is never among its outputs.
#[test]
fn nothing_goes_back() {
    let looped = SourceView {
        inherited: olist(&[1, 3]),
        inherited_rpt: olist(&[2]),
        ..switched()
    };
    assert_eq!(looped.verdict(eth(1)).olist, olist(&[3]));
    let before = SourceView {
        spt_bit: false,
        ..looped
    };
    assert_eq!(before.verdict(eth(2)).accept, Accept::Discard);
}

/// RFC 7761 §4.2: packets of a joined source restart its Keepalive Timer where
/// inherited_olist(S,G) is not empty, also if it is the interface they came
/// from; so the data plane has to tell of them.
#[test]
fn members_on_the_incoming_link_count() {
    let members_there = SourceView {
        inherited: olist(&[1]),
        inherited_rpt: olist(&[]),
        ..switched()
    };
    let verdict = members_there.verdict(eth(1));
    assert_eq!(verdict.accept, Accept::Forward);
    assert_eq!(verdict.olist, olist(&[]));
    let before = SourceView {
        spt_bit: false,
        ..members_there.clone()
    };
    assert_eq!(before.verdict(eth(1)).accept, Accept::Switch);
    let left = SourceView {
        join_desired: false,
        inherited: olist(&[]),
        ..members_there
    };
    assert_eq!(left.verdict(eth(1)).accept, Accept::Discard);
}
