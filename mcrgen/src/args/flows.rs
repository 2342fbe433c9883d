//! From groups and numbers of flows to the list of them.

use std::net::Ipv4Addr;

use crate::error::Error;
use crate::sender::FlowPlan;

/// The most groups or flows of one process.
const MAX: u64 = 65_536;
/// Flows of a group that have a port of their own.
pub(super) const MAX_PORTS: u32 = 64;

/// Each of `first` and the `count - 1` addresses after it.
pub(super) fn groups(first: &[Ipv4Addr], count: u32) -> Result<Vec<Ipv4Addr>, Error> {
    let usage = |text: String| Err(Error::Usage(text));
    if count == 0 {
        return usage("--groups must be at least 1".to_owned());
    }
    if first.len() as u64 * u64::from(count) > MAX {
        return usage(format!("more than {MAX} groups"));
    }
    let mut groups = Vec::new();
    for start in first {
        if start.is_unspecified() || start.is_broadcast() {
            return usage(format!("--group {start}: neither a group nor a host"));
        }
        let end = u32::from(*start).checked_add(count - 1).map(Ipv4Addr::from);
        let Some(end) = end.filter(|end| end.is_multicast() == start.is_multicast()) else {
            return usage(format!(
                "--groups {count} from {start} on leave the range of groups \
                 (224.0.0.0 to 239.255.255.255)"
            ));
        };
        groups.extend((u32::from(*start)..=u32::from(end)).map(Ipv4Addr::from));
    }
    let mut sorted = groups.clone();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return usage(format!("group {} is given twice", twice[0]));
    }
    Ok(groups)
}

/// `flows` of each group, numbered from `base` on.
pub(super) fn flows(groups: &[Ipv4Addr], flows: u32, base: u32) -> Result<Vec<FlowPlan>, Error> {
    if flows == 0 {
        return Err(Error::Usage("--flows must be at least 1".to_owned()));
    }
    let total = groups.len() as u64 * u64::from(flows);
    if total > MAX {
        return Err(Error::Usage(format!("more than {MAX} flows")));
    }
    if u64::from(base) + total > u64::from(u32::MAX) {
        return Err(Error::Usage(format!(
            "--flow-base {base}: flow numbers would pass {}",
            u32::MAX
        )));
    }
    let each = groups
        .iter()
        .flat_map(|group| (0..flows).map(move |m| (*group, m)));
    Ok((base..)
        .zip(each)
        .map(|(flow, (destination, m))| FlowPlan {
            flow,
            destination,
            source: (m % MAX_PORTS) as usize,
        })
        .collect())
}
