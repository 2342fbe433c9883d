//! Where the labs are handed out and their ends come in.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::super::progress::Printer;
use super::Hand;
use super::queue::Queue;
use super::worker::Said;
use crate::args::{TestArgs, TestFormat};
use crate::exit::Exit;
use crate::report::RunReport;
use crate::run::Progress;
use crate::topology::model::Topology;

/// How many messages of the workers wait to be looked at.
const WAITING: usize = 64;

/// What came of all labs.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// The runs, in the order of the files.
    pub(super) runs: Vec<RunReport>,
    /// What there is beside the runs' own statuses.
    pub(super) exits: Vec<Exit>,
}

/// A worker that lives.
struct Worker {
    pid: Pid,
    /// Where it is told what to run; closed when nothing follows.
    orders: Option<OwnedWriteHalf>,
    /// The lab it runs.
    lab: Option<usize>,
}

/// A lab that runs.
struct Block<'a> {
    lab: &'a Topology,
    printer: Printer,
    /// What is printed when it is done.
    said: Vec<Said>,
    /// The run that goes on.
    run: Option<RunReport>,
    /// Steps done.
    steps: usize,
    /// The runs that ended.
    runs: Vec<RunReport>,
}

struct Floor<'a> {
    labs: &'a [Topology],
    format: TestFormat,
    printer: &'a Printer,
    queue: Queue,
    workers: Vec<Worker>,
    blocks: BTreeMap<usize, Block<'a>>,
    /// The runs of the labs that are done, by their positions.
    done: BTreeMap<usize, Vec<RunReport>>,
    exits: Vec<Exit>,
    /// What this machine lacks, as it was told already.
    told: BTreeSet<String>,
}

/// Runs all labs to their ends.
pub(super) async fn run(
    args: &TestArgs,
    labs: &[Topology],
    hands: Vec<Hand>,
    printer: &Printer,
) -> io::Result<Done> {
    let (say, mut heard) = mpsc::channel(WAITING);
    let mut workers = Vec::new();
    for (number, hand) in hands.into_iter().enumerate() {
        hand.line.set_nonblocking(true)?;
        let (reads, orders) = UnixStream::from_std(hand.line)?.into_split();
        tokio::task::spawn_local(listen(number, reads, say.clone()));
        workers.push(Worker {
            pid: hand.pid,
            orders: Some(orders),
            lab: None,
        });
    }
    drop(say);
    let mut floor = Floor {
        labs,
        format: args.format,
        printer,
        queue: Queue::new(labs.iter().map(|lab| lab.alone)),
        workers,
        blocks: BTreeMap::new(),
        done: BTreeMap::new(),
        exits: Vec::new(),
        told: BTreeSet::new(),
    };
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    floor.hand_out().await?;
    loop {
        let asked = tokio::select! {
            said = heard.recv() => match said {
                Some((number, said)) => {
                    floor.hear(number, said).await?;
                    continue;
                }
                None => break,
            },
            _ = interrupt.recv() => Signal::SIGINT,
            _ = terminate.recv() => Signal::SIGTERM,
            _ = hangup.recv() => Signal::SIGHUP,
        };
        floor.stop(asked)?;
    }
    Ok(floor.finish())
}

/// Passes on what a worker tells; `None` is its end.
async fn listen(number: usize, reads: OwnedReadHalf, say: mpsc::Sender<(usize, Option<Said>)>) {
    let mut lines = BufReader::new(reads).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let said = serde_json::from_str(&line).unwrap_or_else(|error| Said::Failed {
            reason: format!("a worker cannot be understood: {error}"),
            exit: Exit::Infrastructure.code(),
        });
        if say.send((number, Some(said))).await.is_err() {
            return;
        }
    }
    // Where nobody listens any more, nobody waits for it either.
    say.send((number, None)).await.unwrap_or_default();
}

impl<'a> Floor<'a> {
    /// Gives each idle worker a lab, as far as there are any for it.
    async fn hand_out(&mut self) -> io::Result<()> {
        for number in 0..self.workers.len() {
            let running = self.blocks.len();
            let Some(worker) = self.workers.get_mut(number) else {
                break;
            };
            let (None, Some(orders)) = (worker.lab, &mut worker.orders) else {
                continue;
            };
            let Some(position) = self.queue.next(running) else {
                break;
            };
            let order = format!("{position}\n");
            match orders.write_all(order.as_bytes()).await {
                Ok(()) => {}
                // It has ended, and that will be heard.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                Err(error) => return Err(error),
            }
            worker.lab = Some(position);
            if let Some(lab) = self.labs.get(position) {
                self.blocks.insert(position, Block::new(lab, self.printer));
            }
        }
        if self.queue.is_empty() {
            // Those that have nothing to do any more, end.
            for worker in self.workers.iter_mut().filter(|one| one.lab.is_none()) {
                worker.orders = None;
            }
        }
        self.show();
        Ok(())
    }

    /// A line on a terminal about what goes on.
    fn show(&self) {
        let running = self.blocks.values().map(|block| {
            let (done, all) = (block.steps, block.lab.steps.len());
            format!("{} {done}/{all}", block.lab.name)
        });
        let running: Vec<String> = running.collect();
        let (done, all) = (self.done.len(), self.labs.len());
        self.printer
            .status(format!("{done} of {all} done: {}", running.join(", ")));
    }

    async fn hear(&mut self, number: usize, said: Option<Said>) -> io::Result<()> {
        let Some(worker) = self.workers.get_mut(number) else {
            return Ok(());
        };
        match said {
            None => {
                worker.orders = None;
                if worker.lab.is_some() {
                    let reason = "the lab's engine was killed; the lab is gone";
                    self.lost(number, reason, Exit::Infrastructure);
                }
                self.hand_out().await?;
            }
            Some(Said::Failed { reason, exit }) => {
                worker.orders = None;
                self.lost(number, &reason, Exit::Status(exit));
                self.hand_out().await?;
            }
            Some(Said::Done { told, blind }) => {
                let lab = worker.lab.take();
                self.ended(lab, &told);
                if blind {
                    self.exits.push(Exit::Failed);
                }
                self.hand_out().await?;
            }
            Some(said) => {
                let block = worker.lab.and_then(|lab| self.blocks.get_mut(&lab));
                if let Some(block) = block {
                    block.hear(said, self.format == TestFormat::Ndjson);
                }
                self.show();
            }
        }
        if self.workers.iter().all(|worker| worker.orders.is_none()) {
            self.nobody_left();
        }
        Ok(())
    }

    /// A lab is done: its lines are printed at once.
    fn ended(&mut self, lab: Option<usize>, told: &[String]) {
        let Some((position, block)) =
            lab.and_then(|lab| self.blocks.remove(&lab).map(|block| (lab, block)))
        else {
            return;
        };
        let runs = block.print();
        self.printer.aside(told);
        self.done.insert(position, runs);
    }

    /// A worker is lost, and the lab that it ran.
    fn lost(&mut self, number: usize, reason: &str, exit: Exit) {
        let lab = self.workers.get_mut(number).and_then(|one| one.lab.take());
        if let Some(block) = lab.and_then(|lab| self.blocks.get_mut(&lab))
            && block.run.is_some()
        {
            block.fail(reason);
            self.ended(lab, &[]);
            return;
        }
        self.exits.push(exit);
        let block = lab.and_then(|lab| self.blocks.remove(&lab));
        if exit.code() == Exit::Unfit.code() {
            // What one is refused, all are.
            self.queue.clear();
            if self.told.insert(reason.to_owned()) {
                anstream::eprintln!("lab test: {reason}");
            }
        } else if let Some(block) = block {
            anstream::eprintln!("lab test: {}: {reason}", block.lab.name);
        } else {
            anstream::eprintln!("lab test: {reason}");
        }
    }

    /// No worker is left for the labs that wait.
    fn nobody_left(&mut self) {
        let left = self.queue.clear();
        if !left.is_empty() {
            let names = left.iter().filter_map(|lab| self.labs.get(*lab));
            let names: Vec<&str> = names.map(|lab| lab.name.as_str()).collect();
            anstream::eprintln!("lab test: not run: {}", names.join(", "));
            self.exits.push(Exit::Infrastructure);
        }
    }

    /// A signal asks for the end: what runs takes its network down.
    fn stop(&mut self, signal: Signal) -> io::Result<()> {
        self.queue.clear();
        for worker in &mut self.workers {
            if worker.lab.is_none() {
                worker.orders = None;
                continue;
            }
            match kill(worker.pid, signal) {
                // It is waited for later, so its number is still its own.
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    fn finish(self) -> Done {
        self.printer.status(String::new());
        Done {
            runs: self.done.into_values().flatten().collect(),
            exits: self.exits,
        }
    }
}

impl<'a> Block<'a> {
    fn new(lab: &'a Topology, printer: &Printer) -> Block<'a> {
        Block {
            lab,
            printer: printer.another(),
            said: Vec::new(),
            run: None,
            steps: 0,
            runs: Vec::new(),
        }
    }

    fn hear(&mut self, said: Said, at_once: bool) {
        match &said {
            Said::Began(run) => {
                self.run = Some(run.clone());
                self.steps = 0;
            }
            Said::StepEnded(step) => {
                self.steps += 1;
                if let Some(run) = &mut self.run {
                    run.steps.push(step.clone());
                }
            }
            Said::Ended(run) => {
                self.run = None;
                self.runs.push(run.clone());
            }
            Said::Deployed(_) | Said::StepBegan(_) | Said::Done { .. } | Said::Failed { .. } => {}
        }
        if at_once {
            tell(&mut self.printer, self.lab, &said);
        } else {
            self.said.push(said);
        }
    }

    /// The run that goes on does not end by itself.
    fn fail(&mut self, reason: &str) {
        if let Some(mut run) = self.run.take() {
            run.errors.push(reason.to_owned());
            run.conclude();
            self.said.push(Said::Ended(run.clone()));
            self.runs.push(run);
        }
    }

    /// Prints what is not printed yet.
    fn print(mut self) -> Vec<RunReport> {
        for said in &self.said {
            tell(&mut self.printer, self.lab, said);
        }
        self.runs
    }
}

fn tell(printer: &mut Printer, lab: &Topology, said: &Said) {
    match said {
        Said::Began(run) => printer.began(run),
        Said::Deployed(run) => printer.deployed(run, lab),
        Said::StepBegan(title) => printer.step_began(title),
        Said::StepEnded(step) => printer.step_ended(step),
        Said::Ended(run) => printer.ended(run),
        Said::Done { .. } | Said::Failed { .. } => {}
    }
}
