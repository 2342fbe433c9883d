//! The mirror of what a wire does to frames.

use mcr_sim::wire::Impairment;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::topology::place::{At, Named, OneOrMany};
use crate::topology::value::{BitRate, Dur, Percent};

/// The keys of a wire, which a segment leaves to its members.
pub(crate) const WIRE_KEYS: [&str; 8] = [
    "wire", "loss", "delay", "jitter", "dup", "reorder", "corrupt", "rate",
];

/// Whether there is a wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WireMode {
    /// Where the file or a step needs one.
    #[default]
    Auto,
    /// In any case, so that faults can be laid upon it while the lab runs.
    Always,
}

/// Something that has the impairments of a wire.
pub(crate) trait OfWire {
    /// What of a wire is written here.
    fn written(&self) -> Written;
}

/// Makes a struct that has the impairments of a wire beside its own fields.
macro_rules! impaired {
    ($(#[$about:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$about])*
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $($own)*
            /// Frames that get lost.
            pub(crate) loss: Option<$crate::topology::value::Percent>,
            /// How long a frame takes.
            pub(crate) delay: Option<$crate::topology::value::Dur>,
            /// It takes so much more or less; frames keep their order.
            pub(crate) jitter: Option<$crate::topology::value::Dur>,
            /// Frames that arrive twice.
            pub(crate) dup: Option<$crate::topology::value::Percent>,
            /// Frames that take no delay, and so overtake others.
            pub(crate) reorder: Option<$crate::topology::value::Percent>,
            /// Frames in which one bit behind the Ethernet header is changed.
            pub(crate) corrupt: Option<$crate::topology::value::Percent>,
            /// Bits a second; a frame waits for its turn up to 100 ms.
            pub(crate) rate: Option<$crate::topology::value::BitRate>,
        }

        impl $crate::topology::file::OfWire for $name {
            fn written(&self) -> $crate::topology::file::Written {
                $crate::topology::file::Written {
                    loss: self.loss,
                    delay: self.delay,
                    jitter: self.jitter,
                    dup: self.dup,
                    reorder: self.reorder,
                    corrupt: self.corrupt,
                    rate: self.rate,
                }
            }
        }
    };
}

impaired!(
    /// One direction of a wire.
    Impaired {}
);
impaired!(
    /// A wire, in both directions.
    Fault {
        /// Others in one direction: `{a>b: {loss: 1%}}`.
        #[serde(default)]
        pub(crate) dir: Named<Impaired>,
        /// Messages of IGMP and PIM that get lost, late or doubled; in the place
        /// of those that were named before.
        #[serde(default)]
        pub(crate) messages: Option<OneOrMany<At<MessageFault>>>,
    }
);

/// What becomes of messages of one kind: `{drop: "pim.join r2>r1", first: 2}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageFault {
    /// These get lost.
    pub(crate) drop: Option<At<String>>,
    /// These take longer, and others overtake them.
    pub(crate) delay: Option<At<String>>,
    /// These arrive twice.
    pub(crate) dup: Option<At<String>>,
    /// How much longer.
    pub(crate) by: Option<At<Dur>>,
    /// Only the first ones, counted on the wire from here.
    #[schemars(range(min = 1))]
    pub(crate) first: Option<At<u64>>,
    /// Only this one, counted from 1.
    #[schemars(range(min = 1))]
    pub(crate) nth: Option<At<u64>>,
}

/// Wires by link.
pub(crate) type FaultVerb = Named<At<Fault>>;

/// What is written of one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) loss: Option<Percent>,
    pub(crate) delay: Option<Dur>,
    pub(crate) jitter: Option<Dur>,
    pub(crate) dup: Option<Percent>,
    pub(crate) reorder: Option<Percent>,
    pub(crate) corrupt: Option<Percent>,
    pub(crate) rate: Option<BitRate>,
}

impl Written {
    /// There is something.
    pub(crate) fn any(&self) -> bool {
        let shares = [self.loss, self.dup, self.reorder, self.corrupt];
        let times = [self.delay, self.jitter];
        shares.iter().any(Option::is_some)
            || times.iter().any(Option::is_some)
            || self.rate.is_some()
    }

    /// Laid upon what there was.
    pub(crate) fn upon(&self, below: Impairment) -> Impairment {
        let share = |own: Option<Percent>, below| own.map_or(below, |Percent(share)| share);
        let time = |own: Option<Dur>, below| own.map_or(below, |Dur(time)| time);
        Impairment {
            loss: share(self.loss, below.loss),
            delay: time(self.delay, below.delay),
            jitter: time(self.jitter, below.jitter),
            dup: share(self.dup, below.dup),
            reorder: share(self.reorder, below.reorder),
            corrupt: share(self.corrupt, below.corrupt),
            rate: self.rate.map_or(below.rate, |BitRate(rate)| Some(rate)),
        }
    }
}
