//! What is asked of a lab and of each node, and the file that has the answer.

use std::path::PathBuf;

use super::{NodeState, Running};

/// The network as the file describes it, resolved, and as it is.
pub(super) const NETWORK: &str = "network.json";

/// What mcrd knows.
const MCRD: [&[&str]; 12] = [
    &["status"],
    &["rules", "list"],
    &["workers"],
    &["interfaces"],
    &["stats"],
    &["config", "show"],
    &["show", "interfaces"],
    &["show", "neighbors"],
    &["show", "rp"],
    &["show", "igmp"],
    &["show", "mroute"],
    &["show", "counters"],
];

/// What FRR knows.
const FRR: [&str; 10] = [
    "show version",
    "show running-config",
    "show ip route json",
    "show ip pim interface json",
    "show ip pim neighbor json",
    "show ip pim rp-info json",
    "show ip pim state json",
    "show ip pim upstream json",
    "show ip igmp groups json",
    "show ip mroute json",
];

/// What every kernel knows.
const KERNEL: [(&str, &[&str]); 5] = [
    ("addresses.json", &["ip", "-j", "address"]),
    ("routes.json", &["ip", "-j", "route"]),
    ("mroutes.txt", &["ip", "-s", "mroute"]),
    ("links.txt", &["ip", "-s", "-d", "link"]),
    (
        "proc.txt",
        &[
            "sh",
            "-c",
            "for f in ip_mr_vif ip_mr_cache igmp snmp; do \
             echo \"# /proc/net/$f\"; cat /proc/net/$f; done",
        ],
    ),
];

/// A question, and where its answer goes.
pub(super) struct Asked {
    pub(super) file: PathBuf,
    /// In this node; without one it is a command of lab.
    node: Option<String>,
    words: Vec<String>,
}

impl Asked {
    fn of_lab(file: &str, words: &[&str]) -> Asked {
        Asked {
            file: file.into(),
            node: None,
            words: words.iter().map(ToString::to_string).collect(),
        }
    }

    fn of_node(node: &NodeState, file: &str, words: Vec<String>) -> Asked {
        Asked {
            file: PathBuf::from("nodes").join(&node.name).join(file),
            node: Some(node.name.clone()),
            words,
        }
    }

    /// The arguments of lab.
    pub(super) fn command(&self, lab: &str) -> Vec<String> {
        let Some(node) = &self.node else {
            return self.words.clone();
        };
        let before = ["exec", "-l", lab, node, "--"].map(str::to_owned);
        before.into_iter().chain(self.words.clone()).collect()
    }
}

/// What is asked of the lab as a whole.
pub(super) fn of_lab(lab: &Running) -> Vec<Asked> {
    let name = lab.name.as_str();
    vec![
        Asked::of_lab(NETWORK, &["graph", name, "--format", "json"]),
        Asked::of_lab("network.svg", &["graph", name, "--format", "svg"]),
        Asked::of_lab("status.json", &["watch", "-l", name, "--once", "--json"]),
        Asked::of_lab("doctor.json", &["doctor", "--json"]),
        Asked::of_lab("version.txt", &["--version"]),
    ]
}

/// What is asked of a node.
pub(super) fn of_node(node: &NodeState) -> Vec<Asked> {
    let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    let kernel = KERNEL.iter();
    let mut asked: Vec<Asked> = kernel
        .map(|(file, words)| Asked::of_node(node, file, owned(words)))
        .collect();
    if let Some(state) = &node.state {
        let words = owned(&["sh", "-c", state]);
        asked.push(Asked::of_node(node, "state.txt", words));
    }
    match node.kind.as_str() {
        "mcrd" => {
            asked.push(Asked::of_node(
                node,
                "version.txt",
                owned(&["mcrd", "--version"]),
            ));
            for words in MCRD {
                let file = format!("{}.json", words.join("-"));
                let all: Vec<&str> = ["mcrctl"]
                    .iter()
                    .chain(words)
                    .chain(&["--json"])
                    .copied()
                    .collect();
                asked.push(Asked::of_node(node, &file, owned(&all)));
            }
        }
        "frr" => {
            for words in FRR {
                let (name, end) = match words.strip_suffix(" json") {
                    Some(name) => (name, "json"),
                    None => (words, "txt"),
                };
                let file = format!("{}.{end}", name.replace(' ', "-"));
                let all = owned(&["vtysh", "-N", &node.name, "-c", words]);
                asked.push(Asked::of_node(node, &file, all));
            }
        }
        _ => {}
    }
    asked
}
