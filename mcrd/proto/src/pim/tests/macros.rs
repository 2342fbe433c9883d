//! The macros of RFC 7761 §4.1.6 against their definitions, interface by
//! interface, over what neighbours and hosts say.

use mcr_wire::igmp::RecordType;
use mcr_wire::pim::{Assert, AssertMetric, EncodedGroup, Message};

use super::members::report;
use super::rig::*;
use crate::router::event::AssertRole;
use crate::tib::AssertState;

/// What is said on eth3.
#[derive(Clone, Copy, Debug)]
struct Said {
    join_star_g: bool,
    join_sg: bool,
    prune_sg_rpt: bool,
    member: Member,
    assert: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Member {
    None,
    Include,
    Exclude,
    ExcludeSource,
}

/// All there is to say.
fn all() -> Vec<Said> {
    let mut all = Vec::new();
    for bits in 0..8 {
        for member in [
            Member::None,
            Member::Include,
            Member::Exclude,
            Member::ExcludeSource,
        ] {
            for assert in [None, Some("0.0.0.0"), Some(S)] {
                all.push(Said {
                    join_star_g: bits & 1 != 0,
                    join_sg: bits & 2 != 0,
                    prune_sg_rpt: bits & 4 != 0,
                    member,
                    assert,
                });
            }
        }
    }
    all
}

/// A router that has heard it. Both trees have another receiver on eth4, so
/// that they stay.
fn heard(said: Said) -> Rig {
    let mut rig = Rig::new();
    let both: &[(&str, &[&str])] = &[(G, &["+*", "+10.8.0.1"])];
    rig.hear(4, "10.0.4.1", "10.0.4.5", both);
    for (spoken, word) in [
        (said.join_star_g, "+*"),
        (said.join_sg, "+10.8.0.1"),
        (said.prune_sg_rpt, "-10.8.0.1r"),
    ] {
        if spoken {
            rig.below(G, &[word]);
        }
    }
    match said.member {
        Member::None => {}
        Member::Include => drop(report(&mut rig, RecordType::Allow, G, &[S])),
        Member::Exclude => drop(report(&mut rig, RecordType::ToExclude, G, &[])),
        Member::ExcludeSource => drop(report(&mut rig, RecordType::ToExclude, G, &[S])),
    }
    rig.switched();
    if let Some(source) = said.assert {
        let assert = Message::Assert(Assert {
            group: EncodedGroup::host(ip(G)),
            source: ip(source),
            metric: AssertMetric {
                rpt: source != S,
                preference: 0,
                metric: 0,
            },
        });
        rig.packet(3, "10.0.3.1", &assert);
    }
    rig
}

fn lost(state: Option<&AssertState>) -> bool {
    state.is_some_and(|state| state.role == AssertRole::Loser)
}

/// RFC 7761 §4.1.6: the definitions, for an interface that leads neither to the
/// source nor to the RP, and whose DR this router is.
#[test]
fn the_olists_are_those_of_the_rfc() {
    let mut losers = [0, 0];
    for said in all() {
        let rig = heard(said);
        let state = &rig.router.tib().groups[&group(G)];
        let world = rig.router.world(rig.now);
        let macros = world.macros(group(G), Some(state));
        let lost_star_g = lost(macros.assert_star_g(index(3)));
        let lost_sg = lost(macros.assert_sg(host(S), index(3)));
        losers[0] += usize::from(lost_star_g);
        losers[1] += usize::from(lost_sg);

        let include_star_g =
            matches!(said.member, Member::Exclude | Member::ExcludeSource) && !lost_star_g;
        let exclude = said.member == Member::ExcludeSource && !lost_star_g;
        let include_sg = said.member == Member::Include && !lost_sg;
        let immediate_star_g = (said.join_star_g || include_star_g) && !lost_star_g;
        let immediate_sg = (said.join_sg || include_sg) && !lost_sg;
        let inherited_rpt = ((said.join_star_g && !said.prune_sg_rpt)
            || (include_star_g && !exclude))
            && !(lost_star_g || lost_sg);
        let inherited_sg = (inherited_rpt || said.join_sg || include_sg) && !lost_sg;
        for (name, olist, want) in [
            ("(*,G)", macros.immediate_olist_star_g(), immediate_star_g),
            ("(S,G)", macros.immediate_olist_sg(host(S)), immediate_sg),
            ("rpt", macros.inherited_olist_sg_rpt(host(S)), inherited_rpt),
            ("all", macros.inherited_olist_sg(host(S)), inherited_sg),
        ] {
            assert_eq!(olist.contains(&index(3)), want, "{name}: {said:?}");
            assert!(olist.contains(&index(4)), "{name}: {said:?}");
        }
    }
    assert!(losers.iter().all(|losers| *losers >= 8), "{losers:?}");
}
