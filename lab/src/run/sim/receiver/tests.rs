//! What a host wants for its receivers together.

use super::filter;
use crate::topology::model::{NodeId, Receiver, Wanted};
use mcr_sim::Filter;

fn receiver(wanted: Wanted) -> Receiver {
    Receiver {
        name: "R".to_owned(),
        at: NodeId(0),
        interface: 0,
        groups: Vec::new(),
        port: 5000,
        wanted,
        igmp: None,
    }
}

#[test]
fn a_host_wants_what_any_of_its_receivers_does() {
    let [a, b, c] = [1, 2, 3].map(|last| [10, 0, 0, last].into());
    let set = |all: &[std::net::Ipv4Addr]| super::addresses(all).collect();
    for (wanted, filter_of_all) in [
        (vec![], Filter::none()),
        (
            vec![Wanted::Only(vec![a]), Wanted::Only(vec![b])],
            Filter::Include(set(&[a, b])),
        ),
        (
            vec![Wanted::Only(vec![a]), Wanted::default()],
            Filter::any(),
        ),
        (
            vec![Wanted::AllBut(vec![a, b]), Wanted::AllBut(vec![b, c])],
            Filter::Exclude(set(&[b])),
        ),
        (
            vec![Wanted::AllBut(vec![a, b]), Wanted::Only(vec![b, c])],
            Filter::Exclude(set(&[a])),
        ),
    ] {
        let all: Vec<Receiver> = wanted.iter().cloned().map(receiver).collect();
        assert_eq!(filter(all.iter()), filter_of_all, "{wanted:?}");
    }
}
