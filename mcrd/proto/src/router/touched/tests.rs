//! What is touched.

use std::net::Ipv4Addr;

use super::*;

fn source(last: u8) -> UnicastAddr {
    Ipv4Addr::new(10, 0, 0, last).try_into().unwrap()
}

fn sources(numbers: &[u8]) -> Touched {
    Touched::Sources(numbers.iter().map(|number| source(*number)).collect())
}

#[test]
fn sources_add_up_and_all_swallows_them() {
    let mut touched = Touched::default();
    touched.extend(sources(&[3]));
    touched.extend(sources(&[1, 3]));
    assert_eq!(touched, sources(&[1, 3]));
    touched.extend(Touched::All);
    touched.extend(sources(&[2]));
    assert_eq!(touched, Touched::All);
}

#[test]
fn only_entries_that_are_there_are_touched() {
    let table = BTreeMap::from([(source(1), 'a'), (source(2), 'b'), (source(3), 'c')]);
    let touched = sources(&[2, 4]).entries(&table);
    assert_eq!(touched, [(source(2), &'b')]);
    assert_eq!(Touched::All.entries(&table).len(), 3);
}
