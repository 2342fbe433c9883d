//! The mirror of `generate`: networks of a known shape.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{LinkOptions, NodeEntry};
use crate::topology::place::{At, Part};

/// A network of a known shape. Its nodes are named `r1`, `r2` and so on; a node
/// that the file has too is laid upon the generated one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generate {
    /// So many nodes in a row.
    #[schemars(range(min = 1, max = 5000))]
    pub(crate) chain: Option<At<usize>>,
    /// So many nodes in a circle.
    #[schemars(range(min = 3, max = 5000))]
    pub(crate) ring: Option<At<usize>>,
    /// So many nodes; all have a link to the first.
    #[schemars(range(min = 2, max = 5000))]
    pub(crate) star: Option<At<usize>>,
    /// So many nodes, each with a link to every other.
    #[schemars(range(min = 2, max = 5000))]
    pub(crate) mesh: Option<At<usize>>,
    /// So many nodes; the first is the root.
    #[schemars(range(min = 1, max = 5000))]
    pub(crate) tree: Option<At<usize>>,
    /// So many nodes, connected at random.
    #[schemars(range(min = 1, max = 5000))]
    pub(crate) random: Option<At<usize>>,
    /// Columns and rows: `4x3`. A node is named by its row and its column:
    /// `r2-4`.
    #[schemars(regex(pattern = "^[0-9]+x[0-9]+$"))]
    pub(crate) grid: Option<At<String>>,
    /// Spines and leaves: `2x4`. They are named `spine1` and `leaf1`.
    #[schemars(regex(pattern = "^[0-9]+x[0-9]+$"))]
    pub(crate) clos: Option<At<String>>,
    /// What the nodes' names begin with; `r` unless said otherwise.
    pub(crate) names: Option<At<String>>,
    /// Of a tree, the branches of a node; 2 unless said otherwise.
    #[schemars(range(min = 1))]
    pub(crate) fanout: Option<At<usize>>,
    /// Of random ones, how many links a node has on average; 3 unless said
    /// otherwise.
    #[schemars(range(min = 1))]
    pub(crate) degree: Option<At<usize>>,
    /// Of random ones, what decides; 1 unless said otherwise.
    pub(crate) seed: Option<u64>,
    /// What every node has.
    #[expect(dead_code, reason = "taken as the tree that it is")]
    pub(crate) node: Option<Part<NodeEntry>>,
    /// What every link has.
    #[expect(dead_code, reason = "taken as the tree that it is")]
    pub(crate) link: Option<Part<LinkOptions>>,
}
