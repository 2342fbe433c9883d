//! What the neighbours of an interface decide together: the Designated Router
//! (RFC 7761 §4.3.2) and the delays of the LAN (§4.3.3).

use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_wire::pim::LanPruneDelay;

use super::PimInterface;

/// Propagation_delay_default.
const PROPAGATION_DELAY: Duration = Duration::from_millis(500);

/// t_override_default.
const OVERRIDE_INTERVAL: Duration = Duration::from_millis(2500);

impl PimInterface {
    /// DR(I): the highest priority, where all on the LAN tell theirs; then the
    /// highest address.
    pub(super) fn elect(&self) -> Ipv4Addr {
        let mut others = self.neighbors.values();
        let by_priority = others.all(|neighbor| neighbor.hello.dr_priority.is_some());
        let me = (Some(self.config.dr_priority), self.address);
        let others = self.neighbors.iter();
        let others = others.map(|(address, neighbor)| (neighbor.hello.dr_priority, *address));
        let best = others.fold(me, |best, other| {
            let better = if by_priority {
                other > best
            } else {
                other.1 > best.1
            };
            if better { other } else { best }
        });
        best.1
    }

    /// Effective_Propagation_Delay(I).
    pub fn propagation_delay(&self) -> Duration {
        let own = self.config.propagation_delay;
        self.longest(own, PROPAGATION_DELAY, |delay| delay.propagation_delay)
    }

    /// Effective_Override_Interval(I).
    pub fn override_interval(&self) -> Duration {
        let own = self.config.override_interval;
        self.longest(own, OVERRIDE_INTERVAL, |delay| delay.override_interval)
    }

    /// Suppression_Enabled(I): it can be done without only where everybody can,
    /// this router too.
    pub fn suppression_enabled(&self) -> bool {
        let tracking = |delay: &LanPruneDelay| delay.tracking;
        let others = self.lan_prune_delays();
        !(self.config.tracking && others.is_some_and(|mut all| all.all(tracking)))
    }

    fn longest(
        &self,
        own: Duration,
        default: Duration,
        of: impl Fn(&LanPruneDelay) -> u16,
    ) -> Duration {
        match self.lan_prune_delays() {
            None => default,
            Some(delays) => {
                let delays = delays.map(|delay| Duration::from_millis(of(delay).into()));
                delays.fold(own, Duration::max)
            }
        }
    }

    /// What all neighbours said; `None` where one said nothing, so that
    /// lan_delay_enabled(I) is false.
    fn lan_prune_delays(&self) -> Option<impl Iterator<Item = &LanPruneDelay>> {
        let delays = || {
            let neighbors = self.neighbors.values();
            neighbors.map(|neighbor| neighbor.hello.lan_prune_delay.as_ref())
        };
        delays()
            .all(|delay| delay.is_some())
            .then(|| delays().flatten())
    }
}
