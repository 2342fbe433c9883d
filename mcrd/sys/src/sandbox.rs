//! The walls around a worker: what it has is what it was given, and it can get
//! nothing else.
//!
//! All of them are for the calling thread, so they go up before a second one is
//! started. A ring is not seen by seccomp: [`crate::uring`] restricts it.
//!
//! Nothing here needs locked memory. A ring's own memory counts against
//! RLIMIT_MEMLOCK on kernels before 5.12, so a supervisor that runs on them
//! raises the limit before it starts a worker.

use std::collections::BTreeMap;

use caps::CapSet;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError,
    RulesetStatus, Scope,
};
use nix::sys::prctl;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// A wall, and why it is not there if it is not.
pub type Wall = (String, Outcome);

type Outcome = Result<(), String>;

type Step = (&'static str, fn() -> Outcome);

/// Puts all walls up, as many as the system allows.
pub fn enter() -> Vec<Wall> {
    // In this order: each step is still possible after those before it.
    let steps: [Step; 6] = [
        ("no-new-privileges", || {
            prctl::set_no_new_privs().map_err(|e| e.to_string())
        }),
        ("bounding-set", drop_bounding_set),
        ("capabilities", drop_capabilities),
        ("not-dumpable", || {
            prctl::set_dumpable(false).map_err(|e| e.to_string())
        }),
        ("landlock", enter_landlock),
        ("seccomp", enter_seccomp),
    ];
    steps
        .into_iter()
        .map(|(name, step)| (name.to_owned(), step()))
        .collect()
}

/// Without CAP_SETPCAP this is refused; the other sets are then empty all the
/// same, and nothing can fill them under no_new_privs.
fn drop_bounding_set() -> Outcome {
    let held = caps::read(None, CapSet::Bounding).map_err(|error| error.to_string())?;
    for capability in held {
        caps::drop(None, CapSet::Bounding, capability).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn drop_capabilities() -> Outcome {
    // Effective before permitted, which it must be a part of.
    for set in [
        CapSet::Ambient,
        CapSet::Inheritable,
        CapSet::Effective,
        CapSet::Permitted,
    ] {
        caps::clear(None, set).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// No file can be opened and no address bound or connected to.
fn enter_landlock() -> Outcome {
    let ruleset = || -> Result<RulesetStatus, RulesetError> {
        let status = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ABI::V6))?
            .handle_access(AccessNet::from_all(ABI::V6))?
            .scope(Scope::from_all(ABI::V6))?
            .create()?
            .restrict_self()?;
        Ok(status.ruleset)
    };
    match ruleset().map_err(|error| error.to_string())? {
        RulesetStatus::FullyEnforced => Ok(()),
        RulesetStatus::PartiallyEnforced => {
            Err("this kernel enforces only a part (all of it from Linux 6.12)".to_owned())
        }
        RulesetStatus::NotEnforced => Err("this kernel does not have it".to_owned()),
    }
}

fn enter_seccomp() -> Outcome {
    let filter = filter().map_err(|error| error.to_string())?;
    seccompiler::apply_filter(&filter).map_err(|error| error.to_string())
}

/// The calls of the packet loop, of the allocator and of an orderly or
/// disorderly end; any other ends the process.
fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut allowed = vec![
        libc::SYS_io_uring_enter,
        libc::SYS_recvmsg,
        libc::SYS_sendmsg,
        libc::SYS_recvmmsg,
        libc::SYS_sendmmsg,
        libc::SYS_ppoll,
        libc::SYS_close,
        libc::SYS_fcntl,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_sched_yield,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigreturn,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigaction,
        libc::SYS_sigaltstack,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_tgkill,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    #[cfg(target_arch = "x86_64")]
    allowed.push(libc::SYS_poll);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        allowed.into_iter().map(|call| (call, Vec::new())).collect();
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        // Memory that can be executed is never needed again.
        let executable = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
        let condition = SeccompCondition::new(2, SeccompCmpArgLen::Dword, executable, 0)?;
        rules.insert(call, vec![SeccompRule::new(vec![condition])?]);
    }
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?;
    BpfProgram::try_from(filter)
}

#[cfg(test)]
mod tests;
