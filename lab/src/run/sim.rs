//! A scenario in virtual time: the routers of the daemon in one process, with
//! modelled hosts, links and kernels. What happens is decided by the seed.

mod hosting;
mod machine;
mod receiver;
mod time;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ipnet::Ipv4Net;
use mcr_api::Method;
use mcr_api::router::ProtocolCounters;
use mcr_api::state::Page;
use mcr_sim::rules::Rule;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::capture::{Count, Frame};
use super::chosen::Chosen;
use super::datagrams::{self, Asked, Cursor};
use super::engine::Engine;
use super::events::Events;
use super::evidence::RunFolder;
use super::ledger::Ledger;
use super::locate::Passed;
use super::messages::Told;
use super::notices::Notice;
use super::pause::{Pause, Paused};
use super::shell::Finished;
use super::stage::{Drops, Stage, sleep};
use super::wires::Laid;
use super::{Course, Options, Progress, Silent, again, begin, probe};
use crate::assertion::counters::Counters;
use crate::assertion::router::Rpf;
use crate::assertion::tables::{Database, Forwarding};
use crate::backend::netns::{Carried, Gone};
use crate::explain::Explanation;
use crate::node::Life;
use crate::report::{RunReport, Simulated};
use crate::topology::model::{
    CounterOf, DaemonChange, Exec, Hosts, LinkChange, LinkId, NodeId, Topology, Wire, WireId,
};

pub use hosting::{Hosted, NotHosted, host};

use machine::Machine;
use time::Clock;

/// Runs a lab once in virtual time.
///
/// # Errors
/// The run's folder cannot be made; everything later is in the report.
pub fn run(
    hosted: &Hosted<'_>,
    seed: u64,
    options: &Options,
    progress: &mut dyn Progress,
) -> io::Result<RunReport> {
    let nothing = async |_: &Simulation<'_>| ();
    Ok(run_and_look(hosted, seed, options, progress, nothing)?.0)
}

/// Runs a lab once in virtual time, and explains at its end why a receiver gets
/// nothing of a source. `None` where the run ended otherwise.
///
/// # Errors
/// The run's folder cannot be made.
pub fn explain(
    hosted: &Hosted<'_>,
    seed: u64,
    options: &Options,
    receiver: usize,
    source: usize,
) -> io::Result<Option<Explanation>> {
    let look = async |stage: &Simulation<'_>| super::explain::now(stage, receiver, source).await;
    let (_, told) = run_and_look(hosted, seed, options, &mut Silent, look)?;
    Ok(told.flatten())
}

/// Runs a lab once, and looks at the network after its last step.
fn run_and_look<T>(
    hosted: &Hosted<'_>,
    seed: u64,
    options: &Options,
    progress: &mut dyn Progress,
    look: impl AsyncFnOnce(&Simulation<'_>) -> T,
) -> io::Result<(RunReport, Option<T>)> {
    let began = Instant::now();
    let topology = hosted.topology;
    let folder = RunFolder::create(&options.runs, &topology.name)?;
    let simulated = |seconds| Some(Simulated { seconds });
    let mut report = begin(topology, options, &folder, seed);
    report.simulated = simulated(0.0);
    again::keep(&folder.path, topology, options, seed, true)?;
    progress.began(&report);
    hosted.keep_configs(&folder.path.join("configs"))?;
    let stage = Simulation::new(hosted, seed);
    let clock = Rc::clone(&stage.clock);
    let course = Course {
        topology,
        options,
        folder: &folder.path,
    };
    progress.deployed(&report, topology);
    let events = Events::create(&folder.path.join("events.ndjson"), stage.now_ns())?;
    let mut engine = Engine::new(stage, events);
    let mut seen = None;
    let ended = time::block_on(&clock, async {
        let clock = Rc::clone(&engine.stage.clock);
        let steps = std::pin::pin!(async {
            course.steps(&mut engine, &mut report, progress).await;
            seen = Some(look(&engine.stage).await);
        });
        let limit = std::pin::pin!(clock.sleep_until(topology.max_time));
        match futures_util::future::select(steps, limit).await {
            futures_util::future::Either::Left(_) => None,
            futures_util::future::Either::Right(_) => Some(over_limit(topology)),
        }
    });
    let ended = ended.unwrap_or_else(|| Some(STANDS_STILL.to_owned()));
    if let Some(reason) = ended {
        course.stopped(&mut report, progress, reason);
    }
    course.packets_of_all(&engine, &mut report);
    engine.tell_notices();
    let (now_ns, elapsed) = (engine.stage.now_ns(), engine.stage.elapsed());
    engine.events.note(now_ns, "ended", json!({ "seed": seed }));
    if let Some(error) = engine.events.take_error() {
        report
            .errors
            .push(format!("cannot write the events: {error}"));
    }
    report.seconds = began.elapsed().as_secs_f64();
    report.simulated = simulated(elapsed.as_secs_f64());
    course.conclude(&mut report, progress);
    Ok((report, seen))
}

/// Why a run did not end.
const STANDS_STILL: &str = "the simulated network stands still";
/// Why there is no table of one.
const NO_KERNEL: &str = "a simulated node has no kernel";

fn over_limit(topology: &Topology) -> String {
    let limit = topology.max_time.as_secs();
    format!("the run took longer than its limit, max_time {limit}s")
}

/// A simulated network, as steps see it.
struct Simulation<'a> {
    hosted: &'a Hosted<'a>,
    seed: u64,
    topology: &'a Topology,
    clock: Rc<Clock>,
    machine: Rc<RefCell<Machine>>,
    ledger: Rc<RefCell<Ledger>>,
}

impl<'a> Simulation<'a> {
    fn new(hosted: &'a Hosted<'a>, seed: u64) -> Simulation<'a> {
        let ledger: Rc<RefCell<Ledger>> = Rc::default();
        let machine = Machine::start(hosted, seed, Rc::clone(&ledger));
        let machine = Rc::new(RefCell::new(machine));
        Simulation {
            hosted,
            seed,
            topology: hosted.topology,
            clock: Rc::new(Clock::new(Rc::clone(&machine))),
            machine,
            ledger,
        }
    }

    fn answer(&self, at: NodeId, method: &Method) -> Result<Value, String> {
        self.machine.borrow().answer(at, method)
    }
}

impl Stage for Simulation<'_> {
    fn topology(&self) -> &Topology {
        self.topology
    }

    fn now_ns(&self) -> u64 {
        self.machine.borrow().now_ns()
    }

    fn elapsed(&self) -> Duration {
        self.machine.borrow().elapsed()
    }

    fn late(&self, _: u64) -> Duration {
        // Virtual time waits for the machine.
        Duration::ZERO
    }

    async fn sleep_until(&self, at: Duration) {
        self.clock.sleep_until(at).await;
    }

    /// Nothing tells of changes: time stands still while somebody looks.
    fn changed(&self) -> impl Future<Output = ()> {
        std::future::pending()
    }

    fn ledger(&self) -> &RefCell<Ledger> {
        &self.ledger
    }

    async fn join(&self, receiver: usize) -> Result<u64, String> {
        self.machine.borrow_mut().join(receiver)
    }

    async fn leave(&self, receiver: usize) -> Result<(), String> {
        self.machine.borrow_mut().leave(receiver)
    }

    async fn send(&self, source: usize) -> Result<(), String> {
        self.machine.borrow_mut().send(source)
    }

    async fn stop(&self, source: usize) -> Result<(), String> {
        self.machine.borrow_mut().stop(source)
    }

    async fn link(
        &self,
        change: LinkChange,
        link: LinkId,
        at: Option<NodeId>,
    ) -> Result<(), String> {
        self.machine.borrow_mut().link(change, link, at)
    }

    fn wire(&self, at: WireId, wire: &Wire) -> Result<(), String> {
        self.machine.borrow_mut().wire(at, wire);
        Ok(())
    }

    fn rules(&self, at: WireId, rules: &[Rule]) -> Result<(), String> {
        self.machine.borrow_mut().rules(at, rules);
        Ok(())
    }

    async fn reroute(&self, of: &[NodeId]) -> Result<(), String> {
        self.machine.borrow_mut().reroute(of);
        Ok(())
    }

    fn lose(&self, at: NodeId, net: Ipv4Net, lost: bool) {
        self.machine.borrow_mut().lose(at, net, lost);
    }

    async fn configure(&self, at: NodeId, config: &Value) -> Result<(), String> {
        self.machine.borrow_mut().configure(at, config)
    }

    async fn hosts(&self, hosts: &Hosts) -> Result<(), String> {
        let placed = self.machine.borrow_mut().hosts_join(hosts)?;
        sleep(self, hosts.time).await;
        self.machine.borrow_mut().hosts_leave(placed);
        Ok(())
    }

    async fn address(&self, _: NodeId, _: usize, _: &[Ipv4Net]) -> Result<(), String> {
        Err(hosting::ADDRESS.to_owned())
    }

    async fn daemon(&self, change: DaemonChange, at: NodeId) -> Result<(), String> {
        self.machine.borrow_mut().daemon(change, at)
    }

    async fn life(&self, at: NodeId) -> Life {
        self.machine.borrow().life(at)
    }

    async fn exec(&self, _: &Exec, _: Duration) -> Result<Finished, String> {
        Err(hosting::EXEC.to_owned())
    }

    async fn ask<T>(&self, at: NodeId, method: Method) -> Result<T, String>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let told = self.answer(at, &method)?;
        serde_json::from_value(told).map_err(|error| error.to_string())
    }

    async fn pages<T>(
        &self,
        at: NodeId,
        page: impl Fn(Option<String>) -> Method + Send + 'static,
    ) -> Result<Vec<T>, String>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let told: Page<T> = self.ask(at, page(None)).await?;
        Ok(told.items)
    }

    async fn counters(&self, at: NodeId, of: &CounterOf) -> Result<Counters, String> {
        let CounterOf::Protocols(interface) = of else {
            return Err(hosting::RULES.to_owned());
        };
        let all: Vec<ProtocolCounters> = self.ask(at, Method::StatsProtocols {}).await?;
        Ok(probe::on_interface(all, interface))
    }

    async fn forwarding(&self, _: NodeId) -> Result<Vec<Forwarding>, String> {
        Err(NO_KERNEL.to_owned())
    }

    async fn way(&self, at: NodeId, to: Ipv4Addr) -> Result<Rpf, String> {
        self.machine.borrow().way(at, to)
    }

    async fn database(&self, link: LinkId) -> Result<Database, String> {
        self.machine.borrow().database(link)
    }

    fn log_length(&self, _: NodeId) -> u64 {
        0
    }

    fn log(&self, _: NodeId, _: u64) -> Result<Vec<u8>, String> {
        Err(hosting::LOG.to_owned())
    }

    fn count(&self, at: NodeId, interface: usize, of: Option<Ipv4Addr>) -> Count {
        self.machine.borrow().count(at, interface, of)
    }

    fn by_link(&self, group: Ipv4Addr) -> BTreeMap<LinkId, u64> {
        self.machine.borrow().by_link(group)
    }

    async fn drops(&self) -> Drops {
        Drops::new()
    }

    fn passed(&self, runs: &BTreeSet<u64>, sent_ns: Range<u64>) -> Vec<Passed> {
        self.machine.borrow().passed(runs, &sent_ns)
    }

    fn last_on(&self, link: LinkId, group: Ipv4Addr) -> Option<u64> {
        self.machine.borrow().last_on(link, group)
    }

    fn messages(&self, from: u64) -> Told {
        self.machine.borrow_mut().messages(from)
    }

    /// Nobody asks: see [`hosting::DATAGRAMS`].
    fn datagrams(&self, _: &mut Cursor, _: &Asked<'_>) -> datagrams::Told {
        datagrams::Told::default()
    }

    fn notices(&self) -> (Vec<Notice>, u64) {
        self.machine.borrow_mut().notices()
    }

    async fn stand(&self, _: &Pause, _: &Paused, _: Laid) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn wires(&self) -> Vec<(WireId, [Carried; 2])> {
        self.machine.borrow().carried()
    }

    fn gone(&self, at: WireId) -> Gone {
        self.machine.borrow().gone(at)
    }

    fn is_virtual(&self) -> bool {
        true
    }

    fn through<T>(&self, work: impl AsyncFnOnce(Self) -> T) -> Result<T, String> {
        let fresh = Simulation::new(self.hosted, self.seed);
        let clock = Rc::clone(&fresh.clock);
        let limit = self.topology.max_time;
        let ended = time::block_on(&clock, async {
            let work = std::pin::pin!(work(fresh));
            let limit = std::pin::pin!(clock.sleep_until(limit));
            match futures_util::future::select(work, limit).await {
                futures_util::future::Either::Left((done, _)) => Some(done),
                futures_util::future::Either::Right(_) => None,
            }
        });
        match ended {
            Some(Some(done)) => Ok(done),
            Some(None) => Err(over_limit(self.topology)),
            None => Err(STANDS_STILL.to_owned()),
        }
    }

    fn looped(&self, _: u64) -> u64 {
        self.machine.borrow_mut().circles()
    }

    fn broken(&self) -> Vec<String> {
        self.machine.borrow_mut().broken()
    }

    /// It is found between the events, and told when the step ends.
    fn breaks(&self) -> impl Future<Output = ()> {
        std::future::pending()
    }

    async fn write_states(&self, folder: &Path) -> io::Result<()> {
        let machine = self.machine.borrow();
        for (position, node) in self.topology.nodes.iter().enumerate() {
            if !node.kind.is_router() {
                continue;
            }
            let mut all = serde_json::Map::new();
            for (name, method) in probe::router_methods() {
                let told = machine.answer(NodeId(position), &method);
                all.insert(name.to_owned(), told.unwrap_or_else(Into::into));
            }
            let state = Value::Object(all);
            let file = folder.join(format!("{}.json", node.name));
            fs::write(file, format!("{state:#}\n"))?;
        }
        fs::write(folder.join("trace.txt"), machine.trace())
    }

    fn packets(&self, chosen: &Chosen) -> (Vec<String>, Vec<(usize, Frame)>) {
        self.machine.borrow_mut().frames(chosen)
    }
}
