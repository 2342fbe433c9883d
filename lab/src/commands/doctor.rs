//! `lab doctor`: what this machine has for labs. What a lab needs of the kernel
//! is tried by small labs, for a setting that promises it may be wrong.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde::Serialize;
use serde_json::Value;

use crate::args::DoctorArgs;
use crate::exit::Exit;
use crate::node::{Daemons, Programs};
use crate::report::text;
use crate::topology;

/// A small lab that needs one thing.
struct Trial {
    /// What it needs.
    what: &'static str,
    /// No lab runs without it.
    needed: bool,
    /// The lab.
    text: &'static str,
}

const TRIALS: [Trial; 4] = [
    Trial {
        what: "namespaces and links",
        needed: true,
        text: "lab: 1\nnodes: {a: host, b: host}\nlinks: [a -- b]\n\
               steps: [{exec: {at: a, run: 'true'}}]\n",
    },
    Trial {
        what: "bridges with IGMP snooping",
        needed: false,
        text: "lab: 1\nnodes: {a: host, b: host}\n\
               segments: {lan: {members: [a, b], snooping: true, querier: true}}\n\
               steps: [{exec: {at: a, run: 'true'}}]\n",
    },
    Trial {
        what: "multicast routing with mcrd",
        needed: false,
        text: "lab: 1\ntimers: fast\nunicast: oracle\npim: {rp: '${r1.lo}'}\n\
               nodes: {a: host, r1: mcrd, b: host}\nlinks: [a -- r1, r1 -- b]\n\
               receivers: {R: {at: b, group: 239.1.1.1}}\n\
               sources: {S: {at: a, group: 239.1.1.1}}\n\
               steps: [{join: R, send: S, expect: {rx: {by: R, of: S}, within: 10s}}]\n",
    },
    Trial {
        what: "wires with delay and loss",
        needed: false,
        text: "lab: 1\nnodes: {a: host, b: host}\nlinks: [a -- b: {delay: 5ms, loss: 1%}]\n\
               steps: [{exec: {at: a, run: 'true'}}]\n",
    },
];

/// What commands of a lab file may ask of the kernel, and the lab never does.
const KERNEL: &str = "lab: 1
nodes: {a: host, b: host}
links: [a -- b]
steps:
  - 'netem (tc)': {exec: {at: a, run: 'tc qdisc add dev b root netem delay 1ms'}}
  - 'dummy interfaces': {exec: {at: a, run: 'ip link add x1 type dummy'}}
  - 'VRF': {exec: {at: a, run: 'ip link add x2 type vrf table 5'}}
  - 'VLAN': {exec: {at: a, run: 'ip link add link b name x3 type vlan id 5'}}
  - 'GRE tunnels': {exec: {at: a, run: 'ip link add x4 type gre remote 10.0.0.2'}}
";

/// Routers of others, each with a lab that needs it.
const OTHERS: [(&str, &str); 3] = [
    ("FRR", "lab: 1\npim: {}\nnodes: {r: frr}\n"),
    ("pimd", "lab: 1\npim: {}\nnodes: {r: pimd}\n"),
    (
        "smcroute",
        "lab: 1\nnodes: {r: {kind: smcroute, mroutes: []}}\n",
    ),
];

/// One thing, and whether it is there.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    ok: bool,
    needed: bool,
    /// Why it is not there, or how much of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Runs `lab doctor`.
pub fn run(args: &DoctorArgs) -> Exit {
    let findings = match all(args) {
        Ok(findings) => findings,
        Err(error) => {
            anstream::eprintln!("lab doctor: {error}");
            return Exit::Infrastructure;
        }
    };
    if args.json {
        let document = serde_json::json!({ "findings": findings });
        anstream::println!("{document:#}");
    } else {
        findings.iter().for_each(print);
    }
    if findings.iter().any(|finding| finding.needed && !finding.ok) {
        Exit::Unfit
    } else {
        Exit::Pass
    }
}

fn print(finding: &Finding) {
    let mark = match (finding.ok, finding.needed) {
        (true, _) => "ok",
        (false, true) => "NO",
        (false, false) => "-",
    };
    anstream::println!("{mark:<4} {}", finding.what);
    for line in finding.detail.iter().flat_map(|detail| detail.lines()) {
        for line in text::hanging(&format!("       {line}")) {
            anstream::println!("{line}");
        }
    }
}

fn all(args: &DoctorArgs) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let programs = Programs::locate(args.bin_dir.as_deref())?;
    for program in ["mcrd", "mcrctl", "mcrgen"] {
        let missing = programs.find(program).err();
        findings.push(Finding {
            what: program.to_owned(),
            ok: missing.is_none(),
            needed: true,
            detail: missing.map(|missing| missing.to_string()),
        });
    }
    let folder = tempfile::tempdir()?;
    for trial in &TRIALS {
        findings.push(tried(args, trial, folder.path())?);
    }
    findings.extend(kernel(args, folder.path())?);
    for (name, text) in OTHERS {
        let lab = topology::parse(Path::new(name), text, &[], &|_| None);
        let missing = match lab {
            Ok(lab) => Daemons::check(&lab, &programs).err(),
            Err(mistakes) => return Err(io::Error::other(mistakes)),
        };
        findings.push(Finding {
            what: name.to_owned(),
            ok: missing.is_none(),
            needed: false,
            detail: missing.map(|missing| missing.to_string()),
        });
    }
    findings.extend(limits());
    Ok(findings)
}

/// Runs a lab as a test of its own, so that it has the same rights.
fn test(args: &DoctorArgs, text: &str, folder: &Path) -> io::Result<Output> {
    let file = folder.join("doctor.yaml");
    fs::write(&file, text)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args([
        "test",
        "--keep-going",
        "--format",
        "json",
        "--capture",
        "never",
        "--run-dir",
    ]);
    command.arg(folder.join("runs")).arg(&file);
    if let Some(folder) = &args.bin_dir {
        command.arg("--bin-dir").arg(folder);
    }
    command.stdin(Stdio::null()).output()
}

/// What the kernel has beside what labs need, as far as a lab can be run.
fn kernel(args: &DoctorArgs, folder: &Path) -> io::Result<Vec<Finding>> {
    let output = test(args, KERNEL, folder)?;
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let steps = document["runs"][0]["steps"].as_array();
    let steps = steps.into_iter().flatten();
    let finding = |step: &Value| {
        let ok = step["outcome"] == "pass";
        let error = step["error"].as_str().map(str::to_owned);
        Some(Finding {
            what: step["title"].as_str()?.to_owned(),
            ok,
            needed: false,
            detail: error.or((!ok).then(|| "no lab could be run to try it".to_owned())),
        })
    };
    Ok(steps.filter_map(finding).collect())
}

fn tried(args: &DoctorArgs, trial: &Trial, folder: &Path) -> io::Result<Finding> {
    let output = test(args, trial.text, folder)?;
    let ok = output.status.success();
    let said = String::from_utf8_lossy(&output.stderr);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let run = &document["runs"][0];
    let reasons = run["errors"].as_array().into_iter().flatten();
    let steps = run["steps"].as_array().into_iter().flatten();
    let errors = steps.map(|step| &step["error"]);
    let reasons = reasons.chain(errors).filter_map(Value::as_str);
    let mut reason = reasons.collect::<Vec<_>>().join("\n");
    if reason.is_empty() {
        said.trim().clone_into(&mut reason);
    }
    let way = if run["rootless"] == true {
        "rootless"
    } else {
        "as root"
    };
    Ok(Finding {
        what: trial.what.to_owned(),
        ok,
        needed: trial.needed,
        detail: if ok {
            Some(way.to_owned())
        } else {
            Some(reason)
        },
    })
}

/// What bounds the size of a lab.
fn limits() -> Vec<Finding> {
    let settings = [
        ("processes (kernel.pid_max)", "/proc/sys/kernel/pid_max"),
        (
            "namespaces (user.max_net_namespaces)",
            "/proc/sys/user/max_net_namespaces",
        ),
        ("open files (fs.file-max)", "/proc/sys/fs/file-max"),
        (
            "groups of a socket (net.ipv4.igmp_max_memberships); nodes have 1000000",
            "/proc/sys/net/ipv4/igmp_max_memberships",
        ),
    ];
    let settings = settings.into_iter().filter_map(|(what, file)| {
        let value = fs::read_to_string(file).ok()?;
        Some(Finding {
            what: what.to_owned(),
            ok: true,
            needed: false,
            detail: Some(format!("{} at most", value.trim())),
        })
    });
    // linux/mroute.h has it as a constant.
    let vifs = Finding {
        what: "interfaces of a router that routes by the kernel (MAXVIFS)".to_owned(),
        ok: true,
        needed: false,
        detail: Some("32 at most, its register interface among them; mcrd: any".to_owned()),
    };
    settings.chain([vifs]).collect()
}
