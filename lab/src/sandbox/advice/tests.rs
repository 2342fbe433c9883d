//! Tests of the advice for systems that refuse namespaces.

use super::*;

fn refused() -> WorldError {
    WorldError::User(Errno::EPERM.into())
}

#[test]
fn every_known_setting_is_named_with_the_way_to_change_it() {
    for (name, value, expected) in [
        (
            "kernel/unprivileged_userns_clone",
            "0",
            "kernel.unprivileged_userns_clone=1",
        ),
        (
            "user/max_user_namespaces",
            "0",
            "user.max_user_namespaces=10000",
        ),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ] {
        let text = advice(&refused(), |asked| {
            (asked == name).then(|| format!("{value}\n"))
        });
        assert!(text.contains(expected), "{name}: {text}");
        assert!(text.contains("sudo lab"), "{name}: {text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{name}: {text}");
    }
}

#[test]
fn other_refusals_have_an_answer_too() {
    let text = advice(&refused(), |_| None);
    assert!(text.contains("forbids namespaces"), "{text}");
    let full = WorldError::Namespaces(Errno::ENOSPC.into());
    let text = advice(&full, |_| None);
    assert!(text.contains("limit on namespaces"), "{text}");
}

#[test]
fn refused_namespaces_mean_an_unfit_machine() {
    assert_eq!(SandboxError::from(refused()).exit(), Exit::Unfit);
    assert_eq!(
        SandboxError::Killed(Signal::SIGKILL).exit(),
        Exit::Infrastructure
    );
}
