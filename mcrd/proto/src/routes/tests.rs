//! The table as a whole router keeps it.

use crate::fib::{Accept, FibDigest, RouteUpdate};
use crate::pim::tests::bed::{Bed, FAR_RP, GROUP, data, eth, group, unicast};
use crate::router::{DataPlaneEvent, Input, Output};

fn updates(outputs: Vec<Output>) -> Vec<RouteUpdate> {
    let routes = outputs.into_iter().filter_map(|output| match output {
        Output::Route(update) => Some(update),
        Output::Transmit(_) | Output::Forward(_) | Output::Listen { .. } | Output::Event(_) => None,
    });
    routes.collect()
}

/// A last hop's entries, from the RP tree to the source's own.
/// RFC 7761 §4.2, §4.2.2.
#[test]
fn a_last_hop_goes_from_one_tree_to_the_other() {
    let mut bed = Bed::new(FAR_RP);
    let told = updates(bed.member(group(GROUP)));
    let [RouteUpdate::Set(key, entry)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!((key.iif, key.source), (eth(2), None));
    assert!(entry.new_sources && entry.outputs[0].oif == eth(1));
    let packet = data("10.7.0.1", GROUP, 16, 100);
    let iif = eth(2);
    bed.give(Input::DataPlane(DataPlaneEvent::NewSource { iif, packet }));
    let table = bed.router.routes().table(eth(2)).unwrap();
    let of_source = table
        .entries()
        .iter()
        .find(|(key, _)| key.source == Some(unicast("10.7.0.1")));
    // RFC 7761 §4.2.2: both ways lead to the same neighbour.
    assert_eq!(of_source.unwrap().1.accept, Accept::Forward);
    assert!(
        bed.router
            .tib()
            .sg(unicast("10.7.0.1"), group(GROUP))
            .unwrap()
            .spt_bit
    );
}

/// Only differences are told, and the digest is that of the table.
#[test]
fn only_differences_are_told() {
    let mut bed = Bed::new(FAR_RP);
    bed.member(group(GROUP));
    let again = Input::Config(Box::new(bed.config.clone()));
    assert_eq!(updates(bed.give(again)), []);
    let table = bed.router.routes().table(eth(2)).unwrap();
    let sum = table
        .entries()
        .iter()
        .fold(FibDigest::default(), |sum, (key, entry)| {
            sum.with_route(key, entry)
        });
    assert_eq!(table.digest(), sum);
    bed.config.interfaces.clear();
    let off = Input::Config(Box::new(bed.config.clone()));
    let told = updates(bed.give(off));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(matches!(told[0], RouteUpdate::Remove(_)));
    assert!(bed.router.routes().table(eth(2)).is_none());
}
