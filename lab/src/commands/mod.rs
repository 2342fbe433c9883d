//! One file a command; each is given its arguments and returns the exit
//! status.

pub mod apply;
pub mod capture;
pub mod check;
pub mod clean;
pub mod completion;
pub mod doctor;
pub mod down;
pub mod exec;
pub mod explain;
pub mod export;
pub mod fuzz;
pub mod graph;
pub mod hand;
pub mod logs;
pub mod matrix;
pub mod new;
pub mod ps;
pub mod replay;
pub mod report;
mod running;
pub mod save;
pub mod schema;
pub mod sh;
pub mod test;
pub mod traffic;
pub mod up;
pub mod watch;

use crate::args::Command;
use crate::exit::Exit;

/// Runs a command to its end.
pub fn run(command: Command) -> Exit {
    match command {
        Command::Check(args) => check::run(&args),
        Command::Up(args) => up::run(args),
        Command::Apply(args) => apply::run(&args),
        Command::Down(args) => down::run(args),
        Command::Ps(args) => ps::run(args),
        Command::Exec(args) => exec::run(args),
        Command::Sh(args) => sh::run(args),
        Command::Logs(args) => logs::run(&args),
        Command::Save(args) => save::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Capture(args) => capture::run(&args),
        Command::Snap(args) => hand::snap(&args),
        Command::Diff(args) => hand::diff(&args),
        Command::Join(args) => traffic::join(&args),
        Command::Leave(args) => traffic::leave(&args),
        Command::Send(args) => traffic::send(&args),
        Command::Stop(args) => traffic::stop(&args),
        Command::Link(args) => hand::link(&args),
        Command::Fault(args) => hand::fault(&args),
        Command::Heal(args) => hand::heal(&args),
        Command::Daemon(args) => hand::daemon(&args),
        Command::Restart(args) => hand::restart(&args),
        Command::Do(args) => hand::step(&args),
        Command::Test(args) => test::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Report(args) => report::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Matrix(args) => matrix::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Clean => clean::run(),
        Command::Schema => schema::run(),
        Command::New(args) => new::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completion(args) => completion::run(&args),
    }
}
