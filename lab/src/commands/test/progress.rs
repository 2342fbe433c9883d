//! What `lab test` prints while it runs.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::args::TestFormat;
use crate::exit::Exit;
use crate::report::{RunReport, StepReport, distribution, ndjson, text};
use crate::run::Progress;
use crate::topology::model::Topology;

/// How often the line that shows what is being done is drawn.
const TICK: Duration = Duration::from_millis(100);

/// Prints to standard output; on a terminal a line on standard error shows
/// what is being done.
pub(super) struct Printer {
    format: TestFormat,
    spinner: Option<ProgressBar>,
    /// Lab and run of what is going on.
    run: (String, String),
    /// The lines of another run of the same file, which are printed only where it
    /// does not pass.
    held: Option<Vec<String>>,
}

impl Printer {
    pub(super) fn new(format: TestFormat) -> Printer {
        let live = format == TestFormat::Pretty && std::io::stderr().is_terminal();
        let spinner = live.then(|| {
            let spinner = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("  {spinner} {wide_msg} {elapsed}");
            if let Ok(style) = style {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(TICK);
            spinner
        });
        Printer {
            format,
            spinner,
            run: Default::default(),
            held: None,
        }
    }

    /// Another one for the same place, that knows of no run yet.
    pub(super) fn another(&self) -> Printer {
        Printer {
            format: self.format,
            spinner: self.spinner.clone(),
            run: Default::default(),
            held: None,
        }
    }

    /// What is said beside the runs: not in a document.
    pub(super) fn aside(&self, lines: &[String]) {
        for line in lines {
            if matches!(self.format, TestFormat::Pretty | TestFormat::Plain) {
                self.line(line);
            } else {
                anstream::eprintln!("{line}");
            }
        }
    }

    /// What goes on, while several runs do.
    pub(super) fn status(&self, what: String) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(what);
        }
    }

    /// How the runs ended, where there were several, and what they took.
    pub(super) fn summary(&self, runs: &[RunReport], took: Duration) {
        let passed = runs.iter().filter(|run| run.exit().code() == 0).count();
        let total = text::seconds(took.as_secs_f64());
        self.line(&format!(
            "{passed} of {} runs passed in {total}",
            runs.len()
        ));
        for run in runs.iter().filter(|run| run.exit().code() != 0) {
            self.line(&format!(
                "  {} exit {}: {}",
                run.lab,
                run.exit().code(),
                run.evidence.display()
            ));
        }
        for line in distribution::of(runs).iter().flat_map(distribution::lines) {
            self.line(&line);
        }
    }

    /// One object a line, where that is asked for.
    fn object(&self, object: impl FnOnce() -> String) {
        if self.format == TestFormat::Ndjson {
            print(&object());
        }
    }

    /// A line about the run that is going on.
    fn say(&mut self, line: String) {
        match &mut self.held {
            Some(held) => held.push(line),
            None => self.line(&line),
        }
    }

    fn line(&self, line: &str) {
        match self.format {
            TestFormat::Json | TestFormat::Ndjson | TestFormat::Junit => {}
            TestFormat::Markdown | TestFormat::Tap => {}
            TestFormat::Pretty => self.quietly(|| print(line)),
            TestFormat::Plain | TestFormat::Gha => {
                print(&anstream::adapter::strip_str(line).to_string());
            }
        }
    }

    /// Prints without leaving half a spinner behind.
    fn quietly(&self, print: impl FnOnce()) {
        match &self.spinner {
            Some(spinner) => spinner.suspend(print),
            None => print(),
        }
    }

    fn now(&self, what: String) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(what);
            spinner.reset_elapsed();
        }
    }
}

/// A run whose reader left, as with a terminal that is closed, goes on to its
/// end: there are reports and evidence to write, and a lab to take down.
fn print(line: &str) {
    writeln!(anstream::stdout(), "{line}").ok();
}

impl Progress for Printer {
    fn again(&mut self) {
        self.held = Some(Vec::new());
    }

    fn began(&mut self, run: &RunReport) {
        self.say(text::heading(run));
        self.object(|| ndjson::began(run));
        self.run = (run.lab.clone(), run.run.clone());
        self.now("builds the network and starts the daemons".to_owned());
    }

    fn deployed(&mut self, run: &RunReport, topology: &Topology) {
        self.say(text::deployed(run, topology));
    }

    fn step_began(&mut self, title: &str) {
        self.now(title.to_owned());
    }

    fn step_ended(&mut self, step: &StepReport) {
        let (lab, run) = &self.run;
        self.object(|| ndjson::step(lab, run, step));
        for line in text::step(step, true) {
            self.say(line);
        }
        self.now("takes the network down".to_owned());
    }

    fn paused(&mut self, pauses: bool) {
        // Whoever is asked has to see what failed.
        let held = self.held.take().into_iter().flatten();
        held.for_each(|line| self.line(&line));
        let Some(spinner) = &self.spinner else {
            return;
        };
        // What is typed is not to be written over.
        if pauses {
            spinner.disable_steady_tick();
            spinner.finish_and_clear();
        } else {
            spinner.reset();
            spinner.enable_steady_tick(TICK);
        }
    }

    fn ended(&mut self, run: &RunReport) {
        self.object(|| ndjson::ended(run));
        let held = self.held.take();
        if held.is_some() && run.exit() == Exit::Pass {
            self.line(&text::in_brief(run));
        } else {
            let lines = held.into_iter().flatten().chain(text::closing(run));
            lines.for_each(|line| self.line(&line));
        }
        if let Some(spinner) = &self.spinner {
            spinner.set_message("");
        }
    }
}
