//! Baselines: the figures of earlier runs, machine by machine, in a file that
//! belongs beside the lab files.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::distribution::Values;

#[cfg(test)]
mod tests;

/// The form of the file.
const VERSION: u32 = 1;
/// Values of one figure that are kept: the latest.
const KEPT: usize = 10_000;

/// A baseline file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    version: u32,
    machines: Vec<Measured>,
}

/// What was measured on one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Measured {
    machine: Machine,
    /// When, in RFC 3339.
    written: String,
    figures: Vec<Kept>,
}

/// The values of a figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    lab: String,
    metric: String,
    unit: String,
    values: Vec<f64>,
}

/// What figures depend on, beside the programs. Those of two machines are not
/// compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The CPU's name; `virtual time` where no machine has to do with it.
    pub cpu: String,
    /// How many CPUs there are.
    pub cpus: usize,
    /// The kernel's version, without what a distribution adds.
    pub kernel: String,
    /// `debug` or `release`.
    pub build: String,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn this() -> Machine {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let build = if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        };
        Machine {
            cpu: cpu_name(&info).to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel_version(&release),
            build: build.to_owned(),
        }
    }

    /// No machine's: in virtual time the seeds alone decide.
    #[must_use]
    pub fn of_virtual_time() -> Machine {
        Machine {
            cpu: "virtual time".to_owned(),
            cpus: 0,
            kernel: String::new(),
            build: String::new(),
        }
    }
}

/// x86 has the model's name; Arm has numbers.
fn cpu_name(info: &str) -> &str {
    let field = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.trim() == name)
    };
    let found = field("model name").or_else(|| field("CPU part"));
    found.map_or("unknown", |(_, value)| value.trim())
}

fn kernel_version(release: &str) -> String {
    let number = release.trim().split(['-', '+']).next().unwrap_or_default();
    number.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// What a baseline says of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Known<'a> {
    /// These values.
    Values(&'a [f64]),
    /// Values of other machines alone.
    OtherMachine,
    /// Nothing.
    Nothing,
}

impl Baseline {
    /// Reads a file.
    ///
    /// # Errors
    /// In one sentence, why it is no baseline.
    pub fn read(path: &Path) -> Result<Baseline, String> {
        let shown = path.display();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(format!(
                    "there is no baseline {shown}; `--baseline-write` makes it"
                ));
            }
            Err(error) => return Err(format!("cannot read {shown}: {error}")),
        };
        let read: Baseline = serde_json::from_str(&text)
            .map_err(|error| format!("{shown} is no baseline of lab test: {error}"))?;
        if read.version != VERSION {
            return Err(format!(
                "{shown} has the form {}, and this lab reads {VERSION}; write it anew",
                read.version
            ));
        }
        Ok(read)
    }

    /// One without figures.
    #[must_use]
    pub fn empty() -> Baseline {
        Baseline {
            version: VERSION,
            machines: Vec::new(),
        }
    }

    /// What it says of a figure on a machine.
    #[must_use]
    pub fn of(&self, machine: &Machine, figure: &Values) -> Known<'_> {
        let is_meant = |kept: &&Kept| {
            kept.lab == figure.lab && kept.metric == figure.metric && kept.unit == figure.unit
        };
        let mut elsewhere = false;
        for measured in &self.machines {
            if let Some(kept) = measured.figures.iter().find(is_meant) {
                if measured.machine == *machine {
                    return Known::Values(&kept.values);
                }
                elsewhere = true;
            }
        }
        match elsewhere {
            true => Known::OtherMachine,
            false => Known::Nothing,
        }
    }

    /// Takes these figures in the place of this machine's earlier ones.
    pub fn set(&mut self, machine: &Machine, written: String, figures: Vec<Values>) {
        let at = self.machines.iter().position(|one| one.machine == *machine);
        let at = at.unwrap_or_else(|| {
            self.machines.push(Measured {
                machine: machine.clone(),
                written: String::new(),
                figures: Vec::new(),
            });
            self.machines.len() - 1
        });
        let measured = &mut self.machines[at];
        measured.written = written;
        for figure in figures {
            let mut values = figure.all;
            values.drain(..values.len().saturating_sub(KEPT));
            let kept = Kept {
                lab: figure.lab,
                metric: figure.metric,
                unit: figure.unit.into_owned(),
                values,
            };
            let same = |one: &&mut Kept| one.lab == kept.lab && one.metric == kept.metric;
            match measured.figures.iter_mut().find(same) {
                Some(slot) => *slot = kept,
                None => measured.figures.push(kept),
            }
        }
    }

    /// Writes the file, beside and renamed, so that nobody reads half of it.
    ///
    /// # Errors
    /// In one sentence, what the file system says.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let beside = path.with_extension("new");
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other);
        let written = text
            .and_then(|text| fs::write(&beside, text + "\n"))
            .and_then(|()| fs::rename(&beside, path));
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}
