//! Which machine this is, so that a receiver knows whose clock a send time is
//! of.

/// A number that the processes of one running kernel share, containers and
/// network namespaces included; 0 where the kernel does not tell.
pub(crate) fn clock_id() -> u32 {
    std::fs::read("/proc/sys/kernel/random/boot_id").map_or(0, |id| crc32fast::hash(&id))
}
