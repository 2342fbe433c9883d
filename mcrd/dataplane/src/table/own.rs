//! The link-layer addresses that our own copies are sent from: a frame that
//! arrives with one of them has come back.

use mcr_proto::id::MacAddr;

/// Each address, as long as an output uses it.
#[derive(Debug, Default)]
pub(super) struct OwnAddresses(Vec<Own>);

#[derive(Clone, Copy, Debug)]
struct Own {
    mac: MacAddr,
    uses: usize,
}

impl OwnAddresses {
    pub(super) fn contains(&self, mac: MacAddr) -> bool {
        self.0.iter().any(|own| own.mac == mac)
    }

    pub(super) fn add(&mut self, mac: MacAddr) {
        // A link without addresses has this one, and so has every sender on it.
        if mac == MacAddr::default() {
            return;
        }
        match self.0.iter_mut().find(|own| own.mac == mac) {
            Some(own) => own.uses += 1,
            None => self.0.push(Own { mac, uses: 1 }),
        }
    }

    pub(super) fn remove(&mut self, mac: MacAddr) {
        let Some(at) = self.0.iter().position(|own| own.mac == mac) else {
            return;
        };
        let own = &mut self.0[at];
        own.uses -= 1;
        if own.uses == 0 {
            self.0.swap_remove(at);
        }
    }
}
