//! What a reader sees at once: rows are straight, rings are round, and no two
//! nodes are in one place.

use super::*;

fn apart(one: Place, other: Place) -> f64 {
    (one.x - other.x).hypot(one.y - other.y)
}

fn all_apart(places: &[Place]) {
    for (position, one) in places.iter().enumerate() {
        for other in &places[position + 1..] {
            assert!(apart(*one, *other) > 0.4, "{places:?}");
        }
    }
}

#[test]
fn a_row_is_a_row() {
    let links: Vec<_> = (1..8).map(|node| (node - 1, node)).collect();
    let places = places(8, &links);
    for pair in places.windows(2) {
        let right = (pair[1].x - pair[0].x).abs();
        let down = (pair[1].y - pair[0].y).abs();
        assert!((0.8..1.2).contains(&right) && down < 0.3, "{places:?}");
    }
}

#[test]
fn a_ring_is_open() {
    let links: Vec<_> = (0..10).map(|node| (node, (node + 1) % 10)).collect();
    let places = places(10, &links);
    all_apart(&places);
    let height = places.iter().map(|place| place.y.abs()).fold(0.0, f64::max);
    assert!(height > 0.8, "{places:?}");
}

#[test]
fn stars_parts_and_single_nodes_have_places_of_their_own() {
    let star: Vec<_> = (1..12).map(|node| (0, node)).collect();
    all_apart(&places(12, &star));
    all_apart(&places(6, &[(0, 1), (2, 3), (4, 5)]));
    assert_eq!(places(0, &[]), []);
    let single = places(1, &[]);
    assert!(single.iter().all(|place| place.x.is_finite()), "{single:?}");
}

#[test]
fn a_very_large_network_is_a_grid() {
    let links: Vec<_> = (1..1000).map(|node| (node / 2, node)).collect();
    all_apart(&places(1000, &links));
}
