//! What Asserts compare: the metric macros of RFC 7761 §4.6.3.

use std::net::Ipv4Addr;

use mcr_wire::pim::AssertMetric;

use super::Macros;
use crate::id::{IfIndex, UnicastAddr};

impl Macros<'_> {
    /// spt_assert_metric(S,I) without its address; infinite without a way.
    pub fn spt_assert_metric(&self, source: UnicastAddr) -> AssertMetric {
        let rpf = self.world.rpf_source(source, self.group);
        rpf.map_or(AssertMetric::INFINITE, |rpf| AssertMetric {
            rpt: false,
            preference: rpf.preference,
            metric: rpf.metric,
        })
    }

    /// rpt_assert_metric(G,I) without its address; infinite without a way. The
    /// RP itself is as near to the RP as can be.
    pub fn rpt_assert_metric(&self) -> AssertMetric {
        let (preference, metric) = match self.world.rpf_rp(self.group) {
            Some(rpf) => (rpf.preference, rpf.metric),
            None if self.world.i_am_rp(self.group) => (0, 0),
            None => return AssertMetric::INFINITE,
        };
        AssertMetric {
            rpt: true,
            preference,
            metric,
        }
    }

    /// my_assert_metric(S,G,I) without its address.
    pub fn my_assert_metric_sg(&self, source: UnicastAddr, iface: IfIndex) -> AssertMetric {
        if self.could_assert_sg(source, iface) {
            self.spt_assert_metric(source)
        } else {
            self.my_assert_metric_star_g(iface)
        }
    }

    /// my_assert_metric(*,G,I) without its address.
    pub fn my_assert_metric_star_g(&self, iface: IfIndex) -> AssertMetric {
        if self.could_assert_star_g(iface) {
            self.rpt_assert_metric()
        } else {
            AssertMetric::INFINITE
        }
    }

    /// The address this router asserts with on an interface.
    pub fn my_address(&self, iface: IfIndex) -> Ipv4Addr {
        let iface = self.world.interfaces.get(iface);
        iface
            .and_then(|iface| iface.address())
            .unwrap_or(Ipv4Addr::UNSPECIFIED)
    }
}

/// Whether one Assert beats another: the lower metric, then the higher address
/// (RFC 7761 §4.6.1).
pub fn better(one: (AssertMetric, Ipv4Addr), other: (AssertMetric, Ipv4Addr)) -> bool {
    (one.0, std::cmp::Reverse(one.1)) < (other.0, std::cmp::Reverse(other.1))
}
