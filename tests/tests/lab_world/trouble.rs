//! What goes wrong around labs: daemons that flood their logs or do not end,
//! full disks, commands that are killed at any moment, two at once.

use std::fs;
use std::process::{Child, Output};
use std::time::{Duration, Instant};

use mcr_tests::eventually;

use super::{DEADLINE, User};

/// A few nodes with a process each.
const SMALL: &str = "\
nodes:
  a: host
  r: { kind: custom, cmd: \"IDLE\" }
  b: host
links:
  - a -- r
  - r -- b
steps:
  - exec: { at: a, run: \"true\" }
";

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat()
}

/// Kills a command after a time; tells if it had ended by then.
fn kill_after(time: Duration, mut child: Child) -> bool {
    let ended = eventually(time, || child.try_wait().unwrap().is_some());
    child.kill().unwrap();
    child.wait().unwrap();
    ended
}

#[test]
fn a_flooded_log_is_cut_off_and_harms_nobody() {
    User::each("a_flooded_log_is_cut_off_and_harms_nobody", |user| {
        let floods = "head -c 70000000 /dev/zero | tr '\\\\0' x; IDLE";
        let lab = format!("nodes:\n  a: host\n  r: {{ kind: custom, cmd: \"{floods}\" }}\n");
        let name = user.name("flood");
        let file = user.file(&name, &format!("{lab}links: [a -- r]\n"));
        user.expect(0, &["up", &file]);
        let log = user.base().join(&name).join("logs/r.log");
        let size = || fs::metadata(&log).unwrap().len();
        assert!(eventually(DEADLINE, || size() == 64 << 20), "{}", size());
        // It was not ended by its log, and goes on.
        assert!(eventually(DEADLINE, || user.world().idle.len() == 1));
        let text = user.expect(0, &["logs", "-l", &name, "-n", "0", "r"]);
        assert!(text.contains("the log is full (64 MiB)"), "{text}");
        assert!(size() == 64 << 20);
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

#[test]
fn a_daemon_that_will_not_end_is_killed() {
    User::each("a_daemon_that_will_not_end_is_killed", |user| {
        let stubborn = "trap '' TERM HUP INT; IDLE";
        let lab = format!("nodes:\n  r: {{ kind: custom, cmd: \"{stubborn}\" }}\n");
        let name = user.name("stubborn");
        user.expect(0, &["up", &user.file(&name, &lab)]);
        assert!(eventually(DEADLINE, || user.world().idle.len() == 1));
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

/// Of several that want the name, one gets it.
#[test]
fn labs_of_one_name_that_come_at_once() {
    User::each("labs_of_one_name_that_come_at_once", |user| {
        let name = user.name("twins");
        let file = user.file(&name, SMALL);
        let start = |_| user.lab(&["up", &file]).spawn().unwrap();
        let ups: Vec<Child> = (0..4).map(start).collect();
        let ends = ups.into_iter().map(|up| up.wait_with_output().unwrap());
        let (up, refused): (Vec<_>, Vec<_>) = ends.partition(|end| end.status.success());
        assert_eq!(up.len(), 1, "{refused:?}");
        for end in refused {
            let (code, text) = (end.status.code(), text(&end));
            assert_eq!(code, Some(6), "{text}");
            assert!(text.contains("is running"), "{text}");
        }
        assert!(eventually(DEADLINE, || user.world().idle.len() == 1));
        // The same of those that take it down.
        let start = |_| user.lab(&["down", &name]).spawn().unwrap();
        let downs: Vec<Child> = (0..4).map(start).collect();
        let ends: Vec<Output> = downs
            .into_iter()
            .map(|down| down.wait_with_output().unwrap())
            .collect();
        assert!(ends.iter().any(|end| end.status.success()), "{ends:?}");
        for end in &ends {
            assert!(matches!(end.status.code(), Some(0 | 2)), "{}", text(end));
        }
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

/// Killed after every few milliseconds of its way, a command leaves what the
/// next one clears away.
#[test]
fn commands_killed_at_any_moment_leave_nothing() {
    User::each("commands_killed_at_any_moment_leave_nothing", |user| {
        let name = user.name("moments");
        let file = user.file(&name, SMALL);
        let mut ended_first = 0;
        // From its very beginning to five times its end.
        for moment in (0..).map(|step| Duration::from_millis(step * 7)) {
            let up = user.lab(&["up", &file]).spawn().unwrap();
            if kill_after(moment, up) {
                ended_first += 1;
                kill_after(moment / 4, user.lab(&["down", &name]).spawn().unwrap());
            }
            // It was there already, or was on its way, or never began.
            let down = user.run(&["down", &name]);
            let known = matches!(down.status.code(), Some(0 | 2));
            assert!(known, "after {moment:?}: {}", text(&down));
            user.wait_for_no_process();
            user.clean(&format!("after {moment:?}"));
            if ended_first == 5 || moment > DEADLINE {
                break;
            }
        }
        assert_eq!(ended_first, 5, "it never came up");
        for moment in (0..12).map(|step| Duration::from_millis(step * 15)) {
            let test = user.lab(&["test", &file]).spawn().unwrap();
            kill_after(moment, test);
            user.wait_for_no_process();
            assert!(
                user.world().is_empty(),
                "after {moment:?}: {:?}",
                user.world()
            );
        }
        user.expect(0, &["test", &file]);
    });
}

/// Whatever does not fit any more is told; nothing hangs, nothing stays.
#[test]
fn full_disks_are_told() {
    User::each("full_disks_are_told", |user| {
        user.bring_daemon();
        let name = user.name("full");
        let lab = "nodes: {a: host, r: mcrd, b: host}\nlinks: [a -- r, r -- b]\n\
                   steps:\n  - exec: { at: a, run: \"true\" }\n";
        let file = user.file(&name, lab);
        let place = user.home().join("small");
        fs::create_dir(&place).unwrap();
        let mut codes = Vec::new();
        for pages in [1, 2, 3, 4, 6, 8, 64] {
            // A place of that many pages for the labs and for what is kept.
            let script = format!(
                "mount -t tmpfs -o size={}k none /run && cd {} && \
                 mount -t tmpfs -o size={}k none . && cd . && exec \"$@\"",
                pages * 4,
                place.display(),
                pages * 4
            );
            let mut test = user.wrapped("unshare");
            test.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
            let program = user.home().join("lab");
            test.arg("sh").arg(program).args(["test", &file]);
            let end = test.output().unwrap();
            let text = text(&end);
            let code = end.status.code().unwrap();
            let told = text.contains("No space left on device");
            assert_eq!(told, code == 6, "{pages} pages: {text}");
            codes.push(code);
            user.wait_for_no_process();
            assert!(user.world().is_empty(), "{:?}", user.world());
        }
        assert!(codes.first() == Some(&6) && codes.last() == Some(&0));
        assert!(codes.is_sorted_by(|a, b| a >= b), "{codes:?}");
    });
}

/// A command that ends fails the step in which it does, at once, and all later
/// ones; one that a step stops does not.
#[test]
fn a_daemon_that_ends_by_itself_fails_the_steps() {
    User::each("a_daemon_that_ends_by_itself_fails_the_steps", |user| {
        let name = user.name("ends");
        let lab = "nodes:\n  a: host\n  \
                   r:\n    kind: custom\n    \
                   cmd: \"mkfifo END; echo why; read _ < END; exit 3\"\n    ready: test -p END\n  \
                   s: { kind: custom, cmd: \"IDLE\" }\nlinks: [a -- r, r -- s]\nsteps:\n  \
                   - \"another is stopped\": { daemon: { stop: s } }\n  \
                   - \"it ends\":\n      exec: { at: a, run: \"echo > END\" }\n      \
                   expect: { exec: { at: a, run: \"false\" }, within: 100s }\n  \
                   - \"later\": { expect: { exec: { at: a, run: \"false\" }, within: 100s } }\n  \
                   - \"started again\": { daemon: { start: s } }\n";
        let end = user.home().join("end");
        let lab = lab.replace("END", end.to_str().unwrap());
        let file = user.file(&name, &lab);
        let began = Instant::now();
        let text = user.expect(1, &["test", "--format", "plain", "--keep-going", &file]);
        assert!(began.elapsed() < Duration::from_secs(100), "{text}");
        let told = "r: its command ended by itself (exit status: 3); its last lines:";
        for step in ["FAIL it ends", "FAIL later", "FAIL started again"] {
            let (_, after) = text.split_once(step).unwrap_or_else(|| panic!("{text}"));
            let after = after.split("FAIL").next().unwrap();
            assert!(after.contains(told), "{step}: {text}");
            assert!(after.contains("why"), "{step}: {text}");
        }
        assert!(!text.contains("s: its command"), "{text}");
        let events = user.home().join("runs/latest/events.ndjson");
        let events = fs::read_to_string(events).unwrap();
        assert_eq!(events.matches("\"kind\":\"died\"").count(), 1, "{events}");
    });
}

/// A daemon that somebody kills, and no step, is told by the next step, by `lab
/// ps` and by `lab watch`, until it runs again.
#[test]
fn a_daemon_killed_from_outside_is_told() {
    User::each("a_daemon_killed_from_outside_is_told", |user| {
        user.bring_daemon();
        let name = user.name("outside");
        let lab = "nodes: {a: host, r1: mcrd, b: host}\nlinks: [a -- r1, r1 -- b]\n";
        user.expect(0, &["up", &user.file(&name, lab)]);
        let dead = "mcrd ended (signal: 9 (SIGKILL))";
        let text = user.expect(0, &["restart", "-l", &name, "r1"]);
        assert!(!text.contains("by itself"), "{text}");
        let pid = super::apply::daemons(user, &name, "r1")[0];
        let kill = format!("kill -9 {pid}");
        user.expect(0, &["exec", "-l", &name, "r1", "--", "sh", "-c", &kill]);
        let began = Instant::now();
        let text = user.expect(1, &["do", "-l", &name, "wait: 100s"]);
        assert!(began.elapsed() < Duration::from_secs(100), "{text}");
        let told = "r1: mcrd ended by itself (signal: 9 (SIGKILL))";
        assert!(text.contains(told), "{text}");
        assert!(user.expect(0, &["ps"]).contains(dead));
        let watched = user.expect(0, &["watch", "--once", "-l", &name]);
        let router = "mcrd ended: signal: 9 (SIGKILL)";
        assert!(watched.contains(router), "{watched}");
        assert!(watched.contains("mcrd: signal: 9 (SIGKILL)"), "{watched}");
        user.expect(0, &["daemon", "-l", &name, "start", "r1"]);
        assert!(!user.expect(0, &["ps"]).contains("ended"));
        user.expect(0, &["down", &name]);
    });
}
