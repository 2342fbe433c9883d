//! Gives out the gates between workers (see [`mcr_dataplane::gate`]): one for
//! each source and group that is being switched to the source's own tree.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::{Rc, Weak};

use mcr_dataplane::gate::{Fingerprint, GateCell, GateFile, MAX_GATES};
use mcr_proto::fib::{Accept, RouteEntry, RouteKey};
use mcr_proto::id::{GroupAddr, UnicastAddr};

type Flow = (UnicastAddr, GroupAddr);

/// All gates.
pub(super) struct Gates(Rc<Shared>);

struct Shared {
    file: GateFile,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    free: Vec<u32>,
    /// Those above were never given out.
    fresh: u32,
    flows: BTreeMap<Flow, Weak<Gate>>,
}

/// A gate, as long as an entry uses it or a worker may.
pub(super) struct Gate {
    pub(super) cell: GateCell,
    flow: Flow,
    shared: Rc<Shared>,
}

impl Gates {
    pub(super) fn new() -> io::Result<Gates> {
        Ok(Gates(Rc::new(Shared {
            file: GateFile::create()?,
            state: RefCell::default(),
        })))
    }

    /// The gate of the entry; `None` where it needs none, or where all are in
    /// use: then the switch costs a duplicate or two.
    pub(super) fn of(&self, key: &RouteKey, entry: &RouteEntry) -> Option<Rc<Gate>> {
        match entry.accept {
            Accept::UntilSwitch | Accept::Switch => {}
            Accept::Forward | Accept::WrongInterface | Accept::Discard => return None,
        }
        let flow = (key.source?, key.group);
        let mut state = self.0.state.borrow_mut();
        if let Some(gate) = state.flows.get(&flow).and_then(Weak::upgrade) {
            return Some(gate);
        }
        let cell = match state.free.pop() {
            Some(cell) => cell,
            None if state.fresh < MAX_GATES => {
                state.fresh += 1;
                state.fresh - 1
            }
            None => return None,
        };
        let gate = Rc::new(Gate {
            cell: GateCell(cell),
            flow,
            shared: Rc::clone(&self.0),
        });
        state.flows.insert(flow, Rc::downgrade(&gate));
        Some(gate)
    }

    /// Whether a packet that came down the shared tree by way of the supervisor
    /// may be forwarded: what a worker asks for each of its own.
    pub(super) fn pass_shared(&self, packet: &[u8]) -> bool {
        let Some(flow) = flow(packet) else {
            return true;
        };
        let gate = self
            .0
            .state
            .borrow()
            .flows
            .get(&flow)
            .and_then(Weak::upgrade);
        match (gate, Fingerprint::of(packet)) {
            (Some(gate), Some(print)) => self.0.file.pass_shared(gate.cell, print),
            (None, _) | (_, None) => true,
        }
    }

    /// How many are in use.
    pub(super) fn in_use(&self) -> usize {
        self.0.state.borrow().flows.len()
    }
}

fn flow(packet: &[u8]) -> Option<Flow> {
    let packet = mcr_wire::ipv4::Packet::parse(packet).ok()?;
    let header = packet.header();
    let source = UnicastAddr::try_from(header.source()).ok()?;
    let group = GroupAddr::try_from(header.destination()).ok()?;
    Some((source, group))
}

/// The descriptor to hand to workers.
impl AsFd for Gates {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.file.as_fd()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shared.file.clear(self.cell);
        let mut state = self.shared.state.borrow_mut();
        state.free.push(self.cell.0);
        // It is the flow's own: another is made only when this is gone.
        state.flows.remove(&self.flow);
    }
}
