//! Whole files: what becomes of them.

use std::net::Ipv4Addr;
use std::path::Path;

use super::model::{Kind, Topology};
use crate::diagnostic::Diagnostics;

mod addressing;
mod by_hand;
mod changes;
mod deadlines;
mod guide;
mod inheritance;
mod kinds;
mod large;
mod loops;
mod mistakes;
mod names;
mod packets;
mod properties;
mod queriers;
mod routers;
mod schema;
mod step_mistakes;
mod steps;
mod variables;
mod wires;

/// Reads a text as the file `lab.yaml`, with an environment of one variable.
pub(super) fn read(text: &str) -> Result<Topology, Diagnostics> {
    let env = |name: &str| (name == "HOME_NET").then(|| "10.9.0.0/24".to_owned());
    super::parse(Path::new("lab.yaml"), text, &[], &env)
}

/// Reads a text that has no mistake.
pub(super) fn good(text: &str) -> Topology {
    read(text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

const QUICKSTART: &str = r#"
lab: 1
name: quickstart
vars: { g: 239.1.1.1, out: 239.2.2.2, port: 5000 }
nodes:
  src: host
  r1:
    kind: mcrd
    config:
      rules:
        - name: "to-${self.lan.if}"
          input: { interface: src, group: "${vars.g}", port: "${vars.port}", source: "${src.ip}" }
          outputs: [ { interface: lan, destination: "${vars.out}", port: 6000 } ]
  a: host
  b: host
links:
  - src -- r1: { net: 192.0.2.0/24 }
segments:
  lan: [r1, a, b]
receivers:
  A: { at: a, group: "${out}", port: 6000 }
sources:
  S: { at: src, group: "${g}", rate: 1000pps }
steps:
  - "join and send": { join: A, send: S }
"#;

#[test]
fn quickstart_is_read() {
    let topology = good(QUICKSTART);
    assert_eq!(topology.name, "quickstart");
    let links: Vec<&str> = topology
        .links
        .iter()
        .map(|link| link.name.as_str())
        .collect();
    assert_eq!(links, ["src--r1", "lan"]);
    let Kind::Mcrd { config } = &topology.nodes[1].kind else {
        panic!("r1 runs mcrd");
    };
    // A variable that is a number stays one.
    assert_eq!(config["rules"][0]["input"]["port"], 5000);
    assert_eq!(config["rules"][0]["input"]["source"], "192.0.2.1");
    assert_eq!(config["rules"][0]["name"], "to-lan");
    assert_eq!(topology.receivers[0].groups, [Ipv4Addr::new(239, 2, 2, 2)]);
}
