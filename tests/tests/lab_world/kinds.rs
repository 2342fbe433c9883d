//! What runs in nodes: configurations of the user's, commands that tell and
//! stop, daemons that are never ready; for root and for an ordinary user.

use std::fs;

use mcr_tests::skip;

use super::User;

const UNFIT: i32 = 5;
const NETWORK: i32 = 6;

/// Two routers, of which FRR has the lower address.
const ROUTERS: &str = "\
timers: fast
unicast: oracle
pim: {}
vars: { dr: 200 }
nodes:
  r1: { kind: frr, config_file: OWN }
  r2: mcrd
links: [r1 -- r2]
steps:
  - expect:
      - { neighbors: r1/r2, within: 60s }
      - { dr: { at: r1--r2, is: r1 }, within: 60s }
";

/// Only this text makes FRR the DR.
const PRIORITY: &str = "\
service integrated-vtysh-config
interface r2
 ip pim
 ip pim hello 1 4
 ip pim drpriority ${vars.dr}
";

#[test]
fn frr_reads_a_configuration_of_the_users() {
    let test = "frr_reads_a_configuration_of_the_users";
    User::each(test, |user| {
        user.bring_daemon();
        fs::write(user.home().join("own.conf"), PRIORITY).unwrap();
        for (own, generated) in [("own.conf", true), ("{ instead: own.conf }", false)] {
            let file = user.file("own", &ROUTERS.replace("OWN", own));
            let output = user.run(&["test", "--format", "plain", &file]);
            let told = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            if output.status.code() == Some(UNFIT) {
                let first = told.lines().next().unwrap_or_default();
                return skip(test, "FRR is not there", first);
            }
            assert_eq!(output.status.code(), Some(0), "{told}");
            let configs = user.home().join("runs/latest/configs");
            let read = fs::read_to_string(configs.join("r1.pimd.conf")).unwrap();
            assert_eq!(read.contains("interface lo"), generated, "{read}");
            assert!(read.ends_with(" ip pim drpriority 200\n"), "{read}");
            assert!(
                read.contains("! not this daemon's: service integrated"),
                "{read}"
            );
            let zebra = fs::read_to_string(configs.join("r1.zebra.conf")).unwrap();
            assert!(
                zebra.contains("! not this daemon's:  ip pim hello 1 4"),
                "{zebra}"
            );
        }
        fs::write(user.home().join("own.conf"), "ip forwarding\nip pimm\n").unwrap();
        let file = user.file("own", &ROUTERS.replace("OWN", "own.conf"));
        let told = user.expect(NETWORK, &["test", "--format", "plain", &file]);
        let joined = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            joined.contains("r1: FRR does not know these lines of"),
            "{told}"
        );
        assert!(joined.contains("own.conf: 2 ip pimm"), "{told}");
        assert!(!joined.contains("ip forwarding"), "{told}");
    });
}

/// A running lab, whose folders are its daemons' too.
#[test]
fn frr_runs_in_a_lab_that_stays() {
    let test = "frr_runs_in_a_lab_that_stays";
    User::each(test, |user| {
        user.bring_daemon();
        let name = user.name("frr");
        let lab = "timers: fast\nunicast: oracle\npim: {}\n\
                   nodes: {r1: frr, r2: mcrd}\nlinks: [r1 -- r2]\n";
        let output = user.run(&["up", &user.file(&name, lab)]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() == Some(UNFIT) {
            let first = told.lines().next().unwrap_or_default();
            return skip(test, "FRR is not there", first);
        }
        assert_eq!(output.status.code(), Some(0), "{told}");
        let met = "expect: { neighbors: r1/r2, within: 60s }";
        user.expect(0, &["do", "-l", &name, met]);
        user.expect(0, &["down", &name]);
    });
}

#[test]
fn commands_of_a_custom_node_stop_it_and_tell_its_state() {
    User::each(
        "commands_of_a_custom_node_stop_it_and_tell_its_state",
        |user| {
            let name = user.name("commands");
            // Only `stop` ends it in time, and leaves a trace of that.
            let lab = "nodes:\n  h: host\n  r:\n    kind: custom\n    \
                   cmd: \"trap '' TERM; mkfifo $PLACE/ask; cat $PLACE/ask > $PLACE/stopped\"\n    \
                   ready: test -p $PLACE/ask\n    \
                   stop: echo asked > $PLACE/ask\n    \
                   state: echo its state is $WORD\n    \
                   env: { PLACE: PLACE_OF, WORD: good }\nlinks: [h -- r]\n\
                   steps:\n  - { exec: { at: h, run: \"false\" } }\n";
            let place = user.home().join("place");
            let lab = lab.replace("PLACE_OF", place.to_str().unwrap());
            let file = user.file(&name, &lab);
            let told = "its state is good\n";
            let fresh = || {
                fs::remove_dir_all(&place).ok();
                fs::create_dir(&place).unwrap();
                user.own(&place);
            };
            fresh();
            user.expect(1, &["test", "--format", "plain", &file]);
            let kept = user.home().join("runs/latest/state/r.txt");
            assert_eq!(fs::read_to_string(kept).unwrap(), told);
            let stopped = || fs::read_to_string(place.join("stopped")).unwrap();
            assert_eq!(stopped(), "asked\n");
            fresh();
            user.expect(0, &["up", &file]);
            let saved = user.home().join("saved");
            let into = saved.to_str().unwrap();
            user.expect(0, &["save", "-l", &name, into]);
            let state = fs::read_to_string(saved.join("nodes/r/state.txt")).unwrap();
            assert!(state.contains(told), "{state}");
            user.expect(0, &["down", &name]);
            assert_eq!(stopped(), "asked\n");
        },
    );
}

#[test]
fn a_daemon_that_is_never_ready_is_told_with_its_last_lines() {
    User::each(
        "a_daemon_that_is_never_ready_is_told_with_its_last_lines",
        |user| {
            let name = user.name("never");
            let lab = "limits: { ready: 1s }\nnodes:\n  \
                   r: { kind: custom, cmd: \"echo I wait; IDLE\", ready: \"false\" }\n\
                   steps:\n  - exec: { at: r, run: \"true\" }\n";
            let file = user.file(&name, lab);
            let told = user.expect(NETWORK, &["test", "--format", "plain", &file]);
            let said = "r: not ready within 1s; its last lines:";
            assert!(told.contains(said) && told.contains("I wait"), "{told}");
            let told = user.expect(NETWORK, &["up", &file]);
            assert!(told.contains(said) && told.contains("I wait"), "{told}");
            user.wait_for_no_process();
            assert!(user.world().is_empty(), "{:?}", user.world());
        },
    );
}
