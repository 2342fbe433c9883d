//! Where the nodes of a drawing are: distances on the page like those in the
//! network (stress majorization; Gansner, Koren and North 2004).

use std::collections::{BTreeMap, VecDeque};

/// A larger network is laid out in a grid.
const STRESSED: usize = 300;
const ROUNDS: usize = 120;

/// A place on the page; neighbours are about 1 apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

/// A place for each of `count` nodes with these links between them.
#[must_use]
pub fn places(count: usize, links: &[(usize, usize)]) -> Vec<Place> {
    let mut beside = vec![Vec::new(); count];
    for &(one, other) in links {
        if one < count && other < count && one != other {
            beside[one].push(other);
            beside[other].push(one);
        }
    }
    if count > STRESSED {
        return grid(&beside);
    }
    let hops: Vec<Vec<usize>> = (0..count).map(|from| hops(&beside, from)).collect();
    let mut places = start(&hops);
    for _ in 0..ROUNDS {
        for node in 0..count {
            places[node] = moved(node, &places, &hops);
        }
    }
    places
}

/// The number of links from one node to each; what cannot be reached is put
/// beyond everything else.
fn hops(beside: &[Vec<usize>], from: usize) -> Vec<usize> {
    let mut known: Vec<Option<usize>> = vec![None; beside.len()];
    known[from] = Some(0);
    let mut queue = VecDeque::from([(from, 0)]);
    let mut longest = 0;
    while let Some((node, far)) = queue.pop_front() {
        longest = far;
        for &next in &beside[node] {
            if known[next].is_none() {
                known[next] = Some(far + 1);
                queue.push_back((next, far + 1));
            }
        }
    }
    known.iter().map(|far| far.unwrap_or(longest + 2)).collect()
}

/// Along the longest way from left to right; what is beside it above and below
/// in turn, and what is as far from both ends side by side.
fn start(hops: &[Vec<usize>]) -> Vec<Place> {
    let farthest = |from: usize| {
        let row = hops.get(from)?.iter().enumerate();
        row.max_by_key(|(_, far)| **far).map(|(node, _)| node)
    };
    let left = farthest(0).unwrap_or(0);
    let right = farthest(left).unwrap_or(0);
    let whole = hops.get(left).map_or(0, |row| row[right]) as f64;
    let mut beside: BTreeMap<(&usize, &usize), Vec<usize>> = BTreeMap::new();
    let row = |from: usize| hops.get(from).map(Vec::as_slice).unwrap_or_default();
    for (node, far) in row(left).iter().zip(row(right)).enumerate() {
        beside.entry(far).or_default().push(node);
    }
    let mut places = vec![Place::default(); hops.len()];
    let mut side = 1.0;
    for ((to_left, to_right), nodes) in beside {
        let (to_left, to_right) = (*to_left as f64, *to_right as f64);
        let off = (to_left + to_right - whole) / 2.0;
        side = -side;
        let middle = (nodes.len() - 1) as f64 / 2.0;
        for (position, node) in nodes.into_iter().enumerate() {
            places[node] = Place {
                x: (to_left - to_right) / 2.0,
                y: side * off + 0.8 * (position as f64 - middle),
            };
        }
    }
    places
}

/// Where all others want the node to be.
fn moved(node: usize, places: &[Place], hops: &[Vec<usize>]) -> Place {
    let own = places[node];
    let (mut x, mut y, mut weights) = (0.0, 0.0, 0.0);
    for (other, place) in places.iter().enumerate() {
        if other == node {
            continue;
        }
        let wanted = hops[node][other].max(1) as f64;
        let weight = 1.0 / (wanted * wanted);
        let (right, down) = (own.x - place.x, own.y - place.y);
        let apart = right.hypot(down).max(1e-6);
        x += weight * (place.x + wanted * right / apart);
        y += weight * (place.y + wanted * down / apart);
        weights += weight;
    }
    if weights == 0.0 {
        return own;
    }
    Place {
        x: x / weights,
        y: y / weights,
    }
}

/// In rows, in the order of a walk along the links.
fn grid(beside: &[Vec<usize>]) -> Vec<Place> {
    let mut order = Vec::new();
    let mut seen = vec![false; beside.len()];
    for root in 0..beside.len() {
        let mut queue = VecDeque::from([root]);
        while let Some(node) = queue.pop_front() {
            if std::mem::replace(&mut seen[node], true) {
                continue;
            }
            order.push(node);
            queue.extend(&beside[node]);
        }
    }
    let columns = (beside.len() as f64).sqrt().ceil() as usize;
    let mut places = vec![Place::default(); beside.len()];
    for (position, node) in order.into_iter().enumerate() {
        places[node] = Place {
            x: (position % columns.max(1)) as f64,
            y: (position / columns.max(1)) as f64,
        };
    }
    places
}

#[cfg(test)]
mod tests;
