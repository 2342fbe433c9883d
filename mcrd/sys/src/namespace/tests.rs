//! Tests of namespaces.

use super::*;

#[test]
fn sysctls_stay_inside_the_network_namespace() {
    for (name, path) in [
        ("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward"),
        (
            "net/ipv4/conf/eth0.7/rp_filter",
            "/proc/sys/net/ipv4/conf/eth0.7/rp_filter",
        ),
    ] {
        assert_eq!(sysctl_path(name).unwrap(), PathBuf::from(path));
    }
    for name in [
        "",
        "net",
        "kernel.pid_max",
        "net..x",
        "net/../kernel/x",
        "net/./x",
        "vm.net.x",
    ] {
        assert!(sysctl_path(name).is_err(), "{name:?}");
    }
}

#[test]
fn a_panic_inside_a_namespace_is_an_error() {
    let here = File::open("/proc/self/ns/net").unwrap();
    let result = on_thread(|| -> io::Result<()> { panic!("on purpose") });
    assert!(result.unwrap_err().to_string().contains("panicked"));
    drop(here);
}

#[test]
fn a_process_with_threads_does_not_leave_its_world() {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let other = thread::spawn(move || stopped.recv());
    let error = leave_world(true).unwrap_err();
    assert!(
        matches!(error, WorldError::Threads(count) if count > 1),
        "{error}"
    );
    drop(stop);
    assert!(other.join().unwrap().is_err());
}
