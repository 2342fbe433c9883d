//! Tests of processes.

use std::io::Write as _;

use super::*;

#[test]
fn a_process_with_threads_does_not_fork() {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || stopped.recv());
    assert_eq!(fork().unwrap_err().raw_os_error(), Some(libc::EINVAL));
    drop(stop);
    assert!(other.join().unwrap().is_err());
}

#[test]
fn a_thread_takes_short_turns_and_keeps_the_rest() {
    // In a thread of its own: it would stay so for other tests.
    let thread = std::thread::spawn(|| {
        let before = scheduling().unwrap();
        take_short_turns().unwrap();
        (before, scheduling().unwrap())
    });
    let (before, after) = thread.join().unwrap();
    assert_eq!(after.sched_nice, before.sched_nice);
    assert_eq!(after.sched_policy, before.sched_policy);
    if before.sched_runtime == 0 {
        eprintln!("skipped: the length of turns cannot be chosen before Linux 6.12");
        return;
    }
    assert_eq!(after.sched_runtime, SLICE);
}

#[test]
fn a_pidfd_tells_the_end_of_its_process() {
    let mut child = Command::new("cat")
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    let pidfd = PidFd::open(pid).unwrap();
    assert!(!pidfd.wait_end(PollTimeout::ZERO).unwrap());
    pidfd.signal(Signal::SIGTERM).unwrap();
    assert!(pidfd.wait_end(PollTimeout::from(5000u16)).unwrap());
    child.wait().unwrap();
    assert_eq!(
        pidfd.signal(Signal::SIGTERM).unwrap_err().raw_os_error(),
        Some(libc::ESRCH)
    );
}

#[test]
fn a_command_starts_in_the_namespace_and_leads_its_group() {
    let here = std::fs::File::open("/proc/self/ns/net").unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "exit 7"]);
    let spawned = spawn_in(&mut command, here.as_fd());
    // setns into one's own namespace still needs CAP_SYS_ADMIN.
    if let Err(error) = &spawned
        && error.raw_os_error() == Some(libc::EPERM)
    {
        if let Some(file) = std::env::var_os("MCR_SKIPPED") {
            let mut file = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(file)
                .unwrap();
            let name = "a_command_starts_in_the_namespace_and_leads_its_group";
            writeln!(file, "{name}: needs CAP_SYS_ADMIN; run the tests as root").unwrap();
        }
        return;
    }
    let (mut child, pidfd) = spawned.unwrap();
    assert!(pidfd.wait_end(PollTimeout::from(5000u16)).unwrap());
    assert_eq!(child.wait().unwrap().code(), Some(7));
}
