//! A running lab as it is drawn and saved, and commands in its groups.

use std::fs;

use serde_json::Value;

use super::User;

const LAB: &str = "\
timers: fast
unicast: oracle
pim: { rp: \"${r2.lo}\" }
groups:
  edge: { members: [r1] }
  all: { members: [r1, r2] }
nodes:
  src: host
  r1: mcrd
  r2: mcrd
  rcv: host
links:
  - src -- r1
  - r1 -- r2: { delay: 1ms }
  - r2 -- rcv
receivers:
  R: { at: rcv, group: 239.1.1.1 }
sources:
  S: { at: src, group: 239.1.1.1, rate: 100pps }
";

#[test]
fn a_command_runs_in_a_group() {
    User::each("a_command_runs_in_a_group", |user| {
        user.bring_daemon();
        let name = user.name("groups");
        user.expect(0, &["up", &user.file(&name, LAB)]);
        let exec = |status: i32, words: &[&str]| {
            let words: Vec<&str> = ["exec", "-l", &name].iter().chain(words).copied().collect();
            user.expect(status, &words)
        };
        let text = exec(0, &["--group", "edge", "--", "echo", "here"]);
        assert_eq!(text.trim(), "r1  here");
        let text = exec(
            0,
            &["--group", "all", "--kind", "mcrd", "--", "echo", "here"],
        );
        assert_eq!(text.lines().count(), 2, "{text}");
        let text = exec(64, &["--group", "core", "--", "true"]);
        assert!(
            text.contains("in a group core; its groups: edge, all"),
            "{text}"
        );
        exec(64, &["--group", "edge", "--kind", "host", "--", "true"]);
        exec(64, &["--group", "edge", "--all", "--", "true"]);
        user.expect(0, &["down", &name]);
    });
}

#[test]
fn a_running_lab_is_drawn_as_it_is() {
    User::each("a_running_lab_is_drawn_as_it_is", |user| {
        user.bring_daemon();
        let name = user.name("drawn");
        let file = user.file(&name, LAB);
        user.expect(0, &["up", &file]);
        let draw = |words: &[&str]| {
            let words: Vec<&str> = ["graph", &name].iter().chain(words).copied().collect();
            user.expect(0, &words)
        };
        assert!(draw(&[]).contains("[delay 1ms]"), "{}", draw(&[]));
        user.expect(0, &["join", "-l", &name, "R"]);
        user.expect(0, &["send", "-l", &name, "S"]);
        let tree = "expect: {mroute: {at: r1, group: 239.1.1.1, source: \"${src.ip}\", \
                    oif: [r2]}, within: 20s}";
        user.expect(0, &["do", "-l", &name, tree]);
        let text = draw(&["--group", "239.1.1.1"]);
        assert!(text.contains("[from src]"), "{text}");
        assert!(text.contains("[delay 1ms, from r1]"), "{text}");
        let text = draw(&["--group", "239.9.9.9"]);
        assert!(!text.contains("from"), "{text}");
        user.expect(
            0,
            &["fault", "-l", &name, "r1--r2", "loss=7%", "--dir", "r2>r1"],
        );
        user.expect(0, &["link", "-l", &name, "down", "src--r1"]);
        let network: Value = serde_json::from_str(&draw(&["--format", "json"])).unwrap();
        assert_eq!(network["links"][0]["up"], false, "{network}");
        let wire = network["links"][1]["wire"].as_str().unwrap();
        assert!(
            wire.contains("r1>r2 delay 1ms") && wire.contains("loss 7%"),
            "{wire}"
        );
        user.expect(0, &["heal", "-l", &name, "r1--r2"]);
        assert!(draw(&[]).contains("[delay 1ms]"), "{}", draw(&[]));
        let text = user.expect(64, &["graph", &file, "--group", "239.1.1.1"]);
        assert!(text.contains("--group is for a running lab"), "{text}");
        user.expect(0, &["down", &name]);
        user.expect(4, &["graph", &name]);
    });
}

#[test]
fn all_there_is_to_know_is_saved() {
    User::each("all_there_is_to_know_is_saved", |user| {
        user.bring_daemon();
        let name = user.name("saved");
        user.expect(0, &["up", &user.file(&name, LAB)]);
        user.expect(0, &["join", "-l", &name, "R"]);
        let member = "expect: {igmp: {at: r2, interface: rcv, group: 239.1.1.1}, within: 20s}";
        user.expect(0, &["do", "-l", &name, member]);
        let folder = user.home().join("saved");
        let path = folder.to_str().unwrap();
        let listed = user.expect(0, &["save", "-l", &name, "--json", path]);
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let listed = listed.as_array().unwrap();
        let text = |file: &str| {
            let one = listed.iter().find(|one| one["file"] == file);
            let one = one.unwrap_or_else(|| panic!("no {file} in {listed:?}"));
            assert!(one["problem"].is_null(), "{one}");
            let text = fs::read_to_string(folder.join(file)).unwrap();
            assert_eq!(one["bytes"], text.len());
            text
        };
        let json = |file: &str| -> Value { serde_json::from_str(&text(file)).unwrap() };
        assert!(text("lab.yaml").contains(LAB.trim()));
        assert_eq!(
            json("network.json")["nodes"][1]["groups"],
            serde_json::json!(["edge", "all"])
        );
        assert!(text("network.svg").contains("<svg"));
        assert_eq!(json("status.json")["receivers"][0]["joined"], true);
        assert!(text("version.txt").starts_with("lab "));
        assert_eq!(json("lab.json")["name"], *name);
        assert!(text("configs/r1.json5").contains("pim"));
        assert!(!text("logs/r1.log").is_empty());
        assert!(text("nodes/r2/show-igmp.json").contains("239.1.1.1"));
        assert!(text("nodes/r2/config-show.json").contains("pim"));
        assert!(text("nodes/r1/version.txt").starts_with("mcrd "));
        for node in ["src", "r1", "r2", "rcv"] {
            assert!(
                !json(&format!("nodes/{node}/routes.json"))
                    .as_array()
                    .unwrap()
                    .is_empty()
            );
            assert!(text(&format!("nodes/{node}/proc.txt")).contains("/proc/net/igmp"));
        }
        // What is there is never overwritten.
        user.expect(64, &["save", "-l", &name, path]);
        let archive = user.home().join("saved.tar.gz");
        let said = user.expect(0, &["save", "-l", &name, archive.to_str().unwrap()]);
        assert!(said.contains("saved.tar.gz: "), "{said}");
        let mut tar = user.wrapped("tar");
        let names = tar.arg("-tzf").arg(&archive).output().unwrap();
        let names = String::from_utf8_lossy(&names.stdout);
        assert!(names.contains("/nodes/r1/show-mroute.json"), "{names}");
        let left = fs::read_dir(user.home()).unwrap();
        let left = left.filter(|one| {
            let name = one.as_ref().unwrap().file_name();
            name.to_string_lossy().contains("-save-")
        });
        assert_eq!(left.count(), 0);
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}
