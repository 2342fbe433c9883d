//! Running labs with FRR, pimd and smcroute, one beside the other: what `lab apply`
//! does to one of them disturbs no other.

use std::collections::BTreeMap;

use mcr_tests::eventually;
use serde_json::Value;

use super::{DEADLINE, User};

/// A router of each kind between the same two hosts, with a group of its own.
const ROUTERS: &str = "\
timers: fast
unicast: oracle
pim: {}
nodes:
  src: host
  rcv: host
  m: mcrd
  f: frr
  p: pimd
  s: { kind: smcroute, mroutes: [{ from: src, group: 239.1.1.4, to: rcv }] }
links:
  - src -- m
  - m -- rcv: { net: 10.1.1.0/24 }
  - src -- f
  - f -- rcv: { net: 10.1.2.0/24 }
  - src -- p
  - p -- rcv: { net: 10.1.3.0/24 }
  - src -- s
  - s -- rcv: { net: 10.1.4.0/24 }
receivers:
  m: { at: rcv, interface: m, group: 232.1.1.1, source: '${src.m.ip}' }
  f: { at: rcv, interface: f, group: 232.1.1.2, source: '${src.f.ip}' }
  p: { at: rcv, interface: p, group: 232.1.1.3, source: '${src.p.ip}' }
  s: { at: rcv, interface: s, group: 239.1.1.4 }
sources:
  Sm: { at: src, interface: m, group: 232.1.1.1, rate: 100pps }
  Sf: { at: src, interface: f, group: 232.1.1.2, rate: 100pps }
  Sp: { at: src, interface: p, group: 232.1.1.3, rate: 100pps }
  Ss: { at: src, interface: s, group: 239.1.1.4, rate: 100pps }
";
const ALL: [&str; 4] = ["m", "f", "p", "s"];

/// A lab of these routers that runs.
struct Lab<'a> {
    user: &'a User,
    name: String,
    file: String,
}

/// What must stay as it is where nothing is disturbed.
#[derive(Debug, PartialEq, Eq)]
struct Undisturbed {
    processes: Vec<i64>,
    lost: u64,
    duplicated: u64,
}

impl Lab<'_> {
    fn do_it(&self, arguments: &[&str]) -> String {
        let (verb, rest) = arguments.split_first().unwrap();
        let all = [&[*verb, "-l", self.name.as_str()][..], rest].concat();
        self.user.expect(0, &all)
    }

    /// What each of these sends arrives, from now on.
    fn arrives(&self, routers: &[&str]) {
        for one in routers {
            let rx = format!("{{by: {one}, of: S{one}, received: {{min: 20}}}}");
            self.do_it(&["do", &format!("expect: {{rx: {rx}, within: 40s}}")]);
        }
    }

    /// The daemons of all nodes.
    fn processes(&self) -> BTreeMap<String, Vec<i64>> {
        let listed: Value = serde_json::from_str(&self.user.expect(0, &["ps", "--json"])).unwrap();
        let mut labs = listed.as_array().unwrap().iter();
        let lab = labs.find(|one| one["name"] == *self.name).unwrap();
        let nodes = lab["nodes"].as_array().unwrap().iter();
        let processes = |node: &Value| {
            let all = node["processes"].as_array().unwrap().iter();
            all.map(|one| one["pid"].as_i64().unwrap()).collect()
        };
        nodes
            .map(|node| (node["name"].as_str().unwrap().to_owned(), processes(node)))
            .collect()
    }

    fn now(&self) -> BTreeMap<&'static str, Undisturbed> {
        let looked = self.do_it(&["watch", "--once", "--json", "-i", "10ms"]);
        let status: Value = serde_json::from_str(&looked).unwrap();
        let receivers = status["receivers"].as_array().unwrap();
        let processes = self.processes();
        let one = |name: &'static str| {
            let receiver = receivers.iter().find(|one| one["name"] == name).unwrap();
            let known = Undisturbed {
                processes: processes[name].clone(),
                lost: receiver["lost"].as_u64().unwrap(),
                duplicated: receiver["duplicated"].as_u64().unwrap(),
            };
            (name, known)
        };
        ALL.into_iter().map(one).collect()
    }

    /// The lab becomes what its file says with these words replaced: all but
    /// one go on as if nothing were, and that one starts again and works.
    fn becomes(&self, words: &[(&str, &str)], starts_again: Option<&str>) -> String {
        let mut text = ROUTERS.to_owned();
        for (old, new) in words {
            assert!(text.contains(old), "{old}");
            text = text.replacen(old, new, 1);
        }
        let mut before = self.now();
        self.user.file(&self.name, &text);
        let told = self.user.expect(0, &["apply", &self.file]);
        let again: Vec<&str> = starts_again.into_iter().collect();
        self.arrives(&ALL);
        let mut after = self.now();
        for one in again {
            let (was, is) = (before.remove(one), after.remove(one));
            let was = was.unwrap().processes;
            let is = is.unwrap().processes;
            assert!(was.iter().all(|pid| !is.contains(pid)), "{told}");
        }
        // mcrd serves a link that comes or goes by another worker.
        for side in [&mut before, &mut after] {
            side.get_mut("m").unwrap().processes.truncate(1);
        }
        assert_eq!(before, after, "{told}");
        told
    }
}

/// One comes, goes, gets another configuration, and has a link made anew: each
/// in turn, while all others forward.
#[test]
fn routers_of_other_kinds_come_change_and_go() {
    let test = "routers_of_other_kinds_come_change_and_go";
    User::each(test, |user| {
        user.bring_daemon();
        if user.bring_foreign(test).is_none() {
            return;
        }
        let name = user.name("foreign");
        let file = user.file(&name, ROUTERS);
        user.expect(0, &["up", &file]);
        let lab = Lab { user, name, file };
        lab.do_it(&["join", "m", "f", "p", "s"]);
        lab.do_it(&["send", "Sm", "Sf", "Sp", "Ss"]);
        lab.arrives(&ALL);
        let more = [
            (
                "links:\n",
                "  s2: { kind: smcroute, mroutes: { from: m, group: 239.1.1.9, to: f2 } }\n  \
                 f2: frr\n  p2: pimd\nlinks:\n",
            ),
            (
                "receivers:\n",
                "  - m -- f2\n  - m -- p2\n  - m -- s2\n  - s2 -- f2\nreceivers:\n",
            ),
        ];
        let told = lab.becomes(&more, None);
        assert!(told.contains("+ node f2  frr"), "{told}");
        let processes = lab.processes();
        let running = ["f2", "p2", "s2"].map(|node| processes[node].len());
        assert_eq!(running, [2, 1, 1]);
        // The latter ones go, and a setting of FRR is another.
        let query = ("f: frr", "f: { kind: frr, igmp: { query_interval: 7s } }");
        let told = lab.becomes(&[query], Some("f"));
        assert!(told.contains("- node p2  pimd"), "{told}");
        // Each begins with what the one before it left, and takes one step.
        let link = ("net: 10.1.3.0/24", "net: 10.1.3.0/24, mtu: 1400");
        let told = lab.becomes(&[query, link], Some("p"));
        assert!(told.contains("~ link p--rcv  made anew"), "{told}");
        let route = (
            "to: rcv }]",
            "to: rcv }, { from: src, group: 239.1.1.5, to: rcv }]",
        );
        lab.becomes(&[query, link, route], Some("s"));
        let wire = ("net: 10.1.2.0/24", "net: 10.1.2.0/24, delay: 0ms");
        let told = lab.becomes(&[query, link, route, wire], Some("f"));
        assert!(told.contains("it leads over a wire now"), "{told}");
        user.expect(0, &["down", &lab.name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

/// What FRR forwards is drawn, and what it says is kept.
#[test]
fn what_frr_knows_is_drawn_and_saved() {
    let test = "what_frr_knows_is_drawn_and_saved";
    User::each(test, |user| {
        user.bring_daemon();
        if user.bring_foreign(test).is_none() {
            return;
        }
        let name = user.name("saved");
        let file = user.file(&name, ROUTERS);
        user.expect(0, &["up", &file]);
        let lab = Lab { user, name, file };
        lab.do_it(&["join", "f"]);
        lab.do_it(&["send", "Sf"]);
        lab.arrives(&["f"]);
        let forwards = ["src--f", "f--rcv"];
        let shown = "expect: {tree: {group: 232.1.1.2, links: [src--f, f--rcv]}, within: 20s}";
        lab.do_it(&["do", shown]);
        let json = [
            "graph",
            &lab.name,
            "--format",
            "json",
            "--group",
            "232.1.1.2",
        ];
        let drawn = eventually(DEADLINE, || {
            let network: Value = serde_json::from_str(&user.expect(0, &json)).unwrap();
            let links = network["links"].as_array().unwrap().iter();
            let used = links.filter(|link| link["from"] != serde_json::json!([]));
            used.map(|link| link["name"].as_str().unwrap()).eq(forwards)
        });
        assert!(drawn, "{}", user.expect(0, &json));
        let folder = user.home().join("saved");
        let path = folder.to_str().unwrap();
        let said = user.expect(0, &["save", "-l", &lab.name, "--json", path]);
        let said: Value = serde_json::from_str(&said).unwrap();
        let mut problems = said.as_array().unwrap().iter();
        assert!(problems.all(|one| one["problem"].is_null()), "{said}");
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
        let routes: Value = serde_json::from_str(&read("nodes/f/show-ip-mroute.json")).unwrap();
        let oil = &routes["232.1.1.2"]["10.0.2.1"]["oil"];
        assert!(oil["rcv"].is_object(), "{routes}");
        assert!(read("nodes/f/show-running-config.txt").contains("ip igmp"));
        assert!(read("configs/f.pimd.conf").contains("interface rcv"));
        user.expect(0, &["down", &lab.name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

/// OSPF comes to a lab that runs, follows what changes, and goes.
#[test]
fn ospf_comes_and_goes_with_the_file() {
    let test = "ospf_comes_and_goes_with_the_file";
    User::each(test, |user| {
        user.bring_daemon();
        if user.bring_foreign(test).is_none() {
            return;
        }
        let name = user.name("ospf");
        let lab = |unicast: &str| {
            let text = format!(
                "unicast: {unicast}\npim: {{}}\n\
                 nodes: {{a: host, k: kernel, r: mcrd, f: frr, b: host}}\n\
                 links: [a -- k, k -- r, r -- f, f -- b]\n\
                 receivers: {{B: {{at: b, group: \"${{b.ip}}\"}}}}\n\
                 sources: {{A: {{at: a, host: \"${{b.ip}}\", rate: 100pps}}}}\n"
            );
            user.file(&name, &text)
        };
        let file = lab("oracle");
        let processes = || {
            let text = user.expect(0, &["ps"]);
            let ospf = text.lines().filter(|line| line.contains("frr/ospfd"));
            ospf.count()
        };
        let arrives = "expect: {rx: {by: B, of: A, received: {min: 5}}, within: 20s}";
        user.expect(0, &["up", &file]);
        assert_eq!(processes(), 0);
        user.expect(0, &["join", "-l", &name, "B"]);
        user.expect(0, &["send", "-l", &name, "A"]);
        lab("frr-ospf");
        let text = user.expect(0, &["apply", "-l", &name, &file]);
        assert!(text.contains("-> by OSPF"), "{text}");
        assert_eq!(processes(), 3);
        user.expect(0, &["do", "-l", &name, arrives]);
        // The end of a daemon of another kind ends none of it.
        user.expect(0, &["daemon", "-l", &name, "kill", "r"]);
        assert_eq!(processes(), 3);
        user.expect(0, &["do", "-l", &name, arrives]);
        lab("oracle");
        // Its end was asked for, and is no death.
        user.expect(0, &["apply", "-l", &name, &file]);
        assert_eq!(processes(), 0);
        user.expect(0, &["do", "-l", &name, arrives]);
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}
