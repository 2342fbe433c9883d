//! Whole networks of a known shape, written as their nodes and links.

use std::collections::BTreeSet;

use mcr_proto::rng::Rng;

use super::decode::decode;
use super::file::Generate;
use super::place::{At, OneOrMany, Part};
use super::problem::{Problem, Sink};
use super::tree::{Key, Span, Tree, Value, nodes_over};
use super::vars::Scope;

/// The most nodes of one shape.
const MAX_NODES: usize = 5_000;

/// The most links of one shape.
const MAX_LINKS: usize = 20_000;

/// Nodes by name, and links as pairs of positions.
struct Shape {
    names: Vec<String>,
    links: Vec<(usize, usize)>,
}

/// Puts the nodes and links of `generate` before those of the file. A node that
/// the file has too is laid upon the generated one.
pub(super) fn generate(root: Tree, scope: Scope<'_>, sink: &Sink) -> Tree {
    let Some(spec) = root.get("generate") else {
        return root;
    };
    let Some(OneOrMany(parts)) = decode::<OneOrMany<Part<Generate>>>(spec, sink) else {
        return root;
    };
    let (mut nodes, mut links) = (Vec::new(), Vec::new());
    for part in parts {
        let span = part.tree.span;
        let before = sink.count();
        let own = Part::<Generate>::new(part.tree.clone().without(&["node", "link"]));
        let Some(written) = own.read(&scope, sink) else {
            continue;
        };
        if sink.count() > before {
            continue;
        }
        match shape(&written, span) {
            Ok(shape) => put(&shape, &part.tree, span, &mut nodes, &mut links),
            Err(problem) => sink.add(problem),
        }
    }
    laid_under(root, nodes, links)
}

/// Writes a shape as the file would. The node and the link are taken as they
/// stand in the file, for what they name may be known later only.
fn put(
    shape: &Shape,
    written: &Tree,
    span: Span,
    nodes: &mut Vec<(Key, Tree)>,
    links: &mut Vec<Tree>,
) {
    let value = Value::Map(Vec::new());
    let empty = Tree { span, value };
    let node = written.get("node").unwrap_or(&empty);
    for text in &shape.names {
        let text = text.clone();
        nodes.push((Key { span, text }, node.clone()));
    }
    for (from, to) in &shape.links {
        let text = format!("{} -- {}", shape.names[*from], shape.names[*to]);
        let value = match written.get("link") {
            Some(options) => Value::Map(vec![(Key { span, text }, options.clone())]),
            None => Value::String(text),
        };
        links.push(Tree { span, value });
    }
}

fn laid_under(root: Tree, nodes: Vec<(Key, Tree)>, links: Vec<Tree>) -> Tree {
    let span = root.span;
    let map = |entries: Vec<(Key, Tree)>| {
        let value = Value::Map(entries);
        Tree { span, value }
    };
    let key = |text: &str| {
        let text = text.to_owned();
        Key { span, text }
    };
    let own = root.get("links").cloned();
    let links = match own.map(|own| own.value) {
        None | Some(Value::Null) => Value::List(links),
        Some(Value::List(own)) => Value::List(links.into_iter().chain(own).collect()),
        // Told where the file is read.
        Some(other) => other,
    };
    let links = Tree { span, value: links };
    let nodes = match root.get("nodes").cloned() {
        None
        | Some(Tree {
            value: Value::Null, ..
        }) => map(nodes),
        Some(Tree {
            value: Value::Map(own),
            ..
        }) => map(nodes_over(nodes, own)),
        Some(other) => other,
    };
    let made = [(key("nodes"), nodes), (key("links"), links)];
    let rest = root.without(&["generate", "nodes", "links"]);
    let mut entries = rest.entries().to_vec();
    entries.extend(made);
    map(entries)
}

fn shape(written: &Generate, span: Span) -> Result<Shape, Problem> {
    let counts = [
        ("chain", &written.chain, 1),
        ("ring", &written.ring, 3),
        ("star", &written.star, 2),
        ("mesh", &written.mesh, 2),
        ("tree", &written.tree, 1),
        ("random", &written.random, 1),
    ];
    let counts = counts.into_iter();
    let counts: Vec<(&str, usize)> = counts
        .filter_map(|(shape, count, least)| Some(sized(shape, count.as_ref()?, least)))
        .collect::<Result<_, Problem>>()?;
    let prefix = written.names.as_ref().map(|names| names.value.as_str());
    let named = |count: usize| {
        let prefix = prefix.unwrap_or("r");
        (1..=count)
            .map(|number| format!("{prefix}{number}"))
            .collect()
    };
    match (counts.as_slice(), &written.grid, &written.clos) {
        ([(shape, count)], None, None) => Ok(Shape {
            names: named(*count),
            links: links(shape, *count, written)?,
        }),
        ([], Some(grid), None) => self::grid(grid, prefix.unwrap_or("r")),
        ([], None, Some(clos)) => self::clos(clos, prefix.unwrap_or_default()),
        (_, _, _) => Err(Problem::new(span, "one shape is made at a time")
            .help("write one of chain, ring, star, mesh, tree, random, grid and clos")),
    }
}

fn sized<'s>(shape: &'s str, count: &At<usize>, least: usize) -> Result<(&'s str, usize), Problem> {
    let At { span, value } = count;
    if (least..=MAX_NODES).contains(value) {
        return Ok((shape, *value));
    }
    let message = format!("a {shape} has {least} to {MAX_NODES} nodes, not {value}");
    Err(Problem::new(*span, message))
}

fn links(shape: &str, count: usize, written: &Generate) -> Result<Vec<(usize, usize)>, Problem> {
    let row = (1..count).map(|node| (node - 1, node));
    Ok(match shape {
        "chain" => row.collect(),
        "ring" => row.chain([(count - 1, 0)]).collect(),
        "star" => (1..count).map(|node| (0, node)).collect(),
        "mesh" => {
            if count * (count - 1) / 2 > MAX_LINKS {
                let span = written.mesh.as_ref().map(|mesh| mesh.span);
                return Err(too_many_links(span.unwrap_or_default()));
            }
            let pairs = |node| (node + 1..count).map(move |other| (node, other));
            (0..count).flat_map(pairs).collect()
        }
        "tree" => {
            let fanout = match &written.fanout {
                Some(At { span, value: 0 }) => {
                    return Err(Problem::new(
                        *span,
                        "a node of a tree has a branch at least",
                    ));
                }
                Some(fanout) => fanout.value,
                None => 2,
            };
            (1..count).map(|node| ((node - 1) / fanout, node)).collect()
        }
        _ => random(count, written)?,
    })
}

fn too_many_links(span: Span) -> Problem {
    Problem::new(span, format!("that is more than {MAX_LINKS} links"))
}

/// A connected network: a random tree, and other links until every node has
/// `degree` of them on average.
fn random(count: usize, written: &Generate) -> Result<Vec<(usize, usize)>, Problem> {
    let degree = written.degree.as_ref().map_or(3, |degree| degree.value);
    let most = count * count.saturating_sub(1) / 2;
    let wanted = (count.saturating_mul(degree) / 2).max(count.saturating_sub(1));
    let wanted = wanted.min(most);
    if wanted > MAX_LINKS {
        let span = written.degree.as_ref().map(|degree| degree.span);
        return Err(too_many_links(span.unwrap_or_default()));
    }
    let mut rng = Rng::new(written.seed.unwrap_or(1));
    let mut below = |end: usize| {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        usize::try_from(rng.below(end)).unwrap_or_default()
    };
    let mut links: Vec<(usize, usize)> = (1..count).map(|node| (below(node), node)).collect();
    let mut known: BTreeSet<(usize, usize)> = links.iter().copied().collect();
    // Where nearly all pairs are wanted, what is left is taken in order.
    let mut tries = wanted.saturating_mul(20);
    while links.len() < wanted && tries > 0 {
        tries -= 1;
        let (a, b) = (below(count), below(count));
        let link = (a.min(b), a.max(b));
        if a != b && known.insert(link) {
            links.push(link);
        }
    }
    let pairs = (0..count).flat_map(|node| (node + 1..count).map(move |other| (node, other)));
    let left = wanted - links.len();
    let rest = pairs.filter(|pair| !known.contains(pair)).take(left);
    links.extend(rest.collect::<Vec<_>>());
    Ok(links)
}

/// `4x3`, each at least 1.
fn sides(written: &At<String>) -> Result<(usize, usize), Problem> {
    let At { span, value } = written;
    let sides = value.split_once('x').and_then(|(a, b)| {
        let (a, b): (usize, usize) = (a.trim().parse().ok()?, b.trim().parse().ok()?);
        (a > 0 && b > 0).then_some((a, b))
    });
    let Some((a, b)) = sides else {
        let message = format!("expected two numbers such as `4x3`, found `{value}`");
        return Err(Problem::new(*span, message));
    };
    match a.checked_mul(b) {
        Some(nodes) if nodes <= MAX_NODES => Ok((a, b)),
        _ => {
            let message = format!("`{value}` is more than {MAX_NODES}");
            Err(Problem::new(*span, message))
        }
    }
}

/// Columns and rows; each node has a link to the next one in both directions.
fn grid(written: &At<String>, prefix: &str) -> Result<Shape, Problem> {
    let (columns, rows) = sides(written)?;
    let mut shape = Shape {
        names: Vec::new(),
        links: Vec::new(),
    };
    for row in 0..rows {
        for column in 0..columns {
            let node = row * columns + column;
            shape
                .names
                .push(format!("{prefix}{}-{}", row + 1, column + 1));
            if column > 0 {
                shape.links.push((node - 1, node));
            }
            if row > 0 {
                shape.links.push((node - columns, node));
            }
        }
    }
    Ok(shape)
}

/// Spines and leaves; each leaf has a link to every spine.
fn clos(written: &At<String>, prefix: &str) -> Result<Shape, Problem> {
    let (spines, leaves) = sides(written)?;
    let spine = (1..=spines).map(|number| format!("{prefix}spine{number}"));
    let leaf = (1..=leaves).map(|number| format!("{prefix}leaf{number}"));
    let pairs = |leaf| (0..spines).map(move |spine| (spine, spines + leaf));
    Ok(Shape {
        names: spine.chain(leaf).collect(),
        links: (0..leaves).flat_map(pairs).collect(),
    })
}
