//! `lab matrix`: the same file with every combination of some values. Each is a
//! `lab test` of its own, so that several can go on at a time and none knows of
//! another.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::Value;

use crate::args::MatrixArgs;
use crate::exit::Exit;
use crate::topology;

#[cfg(test)]
mod tests;

/// The most combinations.
const MAX_CELLS: usize = 256;

/// How often running tests are looked at.
const LOOK: Duration = Duration::from_millis(20);

/// One combination and what came of it.
#[derive(Debug, Serialize)]
struct Cell {
    /// The variables.
    values: Vec<(String, String)>,
    /// `PASS`, `FAIL`, `SKIP` or `ERROR`.
    verdict: &'static str,
    /// The exit status of its test.
    exit: i32,
    /// How long it took.
    seconds: f64,
    /// The step that failed, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<usize>,
    /// Why it was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The folder with everything that was kept.
    evidence: PathBuf,
}

/// Runs `lab matrix`.
pub fn run(args: &MatrixArgs) -> Exit {
    let (name, cells) = match cells(args) {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    let done = match all(args, &name, cells) {
        Ok(done) => done,
        Err(error) => {
            anstream::eprintln!("lab matrix: {error}");
            return Exit::Infrastructure;
        }
    };
    if args.json {
        let document = serde_json::json!({ "lab": name, "cells": done });
        anstream::println!("{document:#}");
    } else {
        anstream::println!("\n{name}\n{}", grid(&done));
    }
    conclude(&done)
}

/// The lab's name and every combination, each of which has been read.
#[expect(
    clippy::type_complexity,
    reason = "names and values, as everywhere here"
)]
fn cells(args: &MatrixArgs) -> Result<(String, Vec<Vec<(String, String)>>), Exit> {
    let read = |vars: &[(String, String)]| {
        topology::load(&args.file, vars).map_err(|mistakes| {
            super::check::tell(&mistakes);
            Exit::InvalidFile
        })
    };
    let mut values = args.values.clone();
    if values.is_empty() {
        values = read(&args.vars.vars)?.matrix;
    }
    let count = values.iter().map(|(_, values)| values.len()).product();
    if values.is_empty() || !(1..=MAX_CELLS).contains(&count) {
        let file = args.file.display();
        if values.is_empty() {
            anstream::eprintln!(
                "lab matrix: {file} has no `matrix`; write one, or type, as an example:\n  \
                 lab matrix {file} rp=mcrd,frr lhr=mcrd,frr"
            );
        } else {
            anstream::eprintln!("lab matrix: {count} combinations are more than {MAX_CELLS}");
        }
        return Err(Exit::Usage);
    }
    let cells = combinations(&values);
    let mut name = String::new();
    for cell in &cells {
        let vars: Vec<_> = args.vars.vars.iter().chain(cell).cloned().collect();
        name = read(&vars)?.name;
    }
    Ok((name, cells))
}

/// Every combination; the values of the last name change fastest.
fn combinations(values: &[(String, Vec<String>)]) -> Vec<Vec<(String, String)>> {
    let mut all = vec![Vec::new()];
    for (name, values) in values {
        let longer = |cell: &Vec<(String, String)>| {
            let cell = cell.clone();
            values.iter().map(move |value| {
                let mut cell = cell.clone();
                cell.push((name.clone(), value.clone()));
                cell
            })
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// A test that goes on.
struct Running {
    position: usize,
    child: Child,
    began: Instant,
    folder: PathBuf,
}

fn all(args: &MatrixArgs, name: &str, cells: Vec<Vec<(String, String)>>) -> io::Result<Vec<Cell>> {
    let count = cells.len();
    let mut waiting = cells.iter().enumerate();
    let mut running: Vec<Running> = Vec::new();
    let mut done: Vec<(usize, Cell)> = Vec::new();
    while done.len() < count {
        while running.len() < usize::from(args.jobs) {
            let Some((position, values)) = waiting.next() else {
                break;
            };
            running.push(start(args, name, position, values)?);
        }
        let mut ended = Vec::new();
        for (place, one) in running.iter_mut().enumerate() {
            ended.extend(one.child.try_wait()?.map(|status| (place, status.code())));
        }
        for (place, code) in ended.into_iter().rev() {
            let one = running.remove(place);
            let values = cells.get(one.position).cloned().unwrap_or_default();
            let cell = judged(&one, values, code.unwrap_or(6))?;
            if !args.json {
                anstream::println!("{}", line(&cell));
            }
            done.push((one.position, cell));
        }
        std::thread::sleep(LOOK);
    }
    done.sort_by_key(|(position, _)| *position);
    Ok(done.into_iter().map(|(_, cell)| cell).collect())
}

fn start(
    args: &MatrixArgs,
    name: &str,
    position: usize,
    values: &[(String, String)],
) -> io::Result<Running> {
    let folder = args.run_dir.join(format!("{name}-matrix-{}", position + 1));
    fs::create_dir_all(&folder)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["test", "--format", "json", "--run-dir"]);
    command.arg(&folder);
    for (name, value) in args.vars.vars.iter().chain(values) {
        command.arg("--var").arg(format!("{name}={value}"));
    }
    if args.sim {
        command.arg("--sim");
    }
    if let Some(folder) = &args.bin_dir {
        command.args([OsString::from("--bin-dir"), folder.into()]);
    }
    command.arg("--").arg(&args.file).stdin(Stdio::null());
    command.stdout(File::create(output(&folder))?);
    command.stderr(File::create(errors(&folder))?);
    Ok(Running {
        position,
        began: Instant::now(),
        child: command.spawn()?,
        folder,
    })
}

fn output(folder: &Path) -> PathBuf {
    folder.join("output.json")
}

fn errors(folder: &Path) -> PathBuf {
    folder.join("errors.txt")
}

fn judged(one: &Running, values: Vec<(String, String)>, exit: i32) -> io::Result<Cell> {
    let text = fs::read_to_string(output(&one.folder))?;
    let said = fs::read_to_string(errors(&one.folder))?;
    // Nothing is printed where nothing was run.
    let document: Value = serde_json::from_str(&text).unwrap_or_default();
    let steps = document["runs"][0]["steps"].as_array();
    let step = steps.and_then(|steps| {
        let good = |step: &Value| matches!(step["outcome"].as_str(), Some("pass" | "skip"));
        steps.iter().position(|step| !good(step))
    });
    let (verdict, reason) = match exit {
        0 | 3 => ("PASS", None),
        1 => ("FAIL", None),
        2 => ("SKIP", said.lines().next().map(str::to_owned)),
        _ => ("ERROR", said.lines().next().map(str::to_owned)),
    };
    Ok(Cell {
        values,
        verdict,
        exit,
        seconds: one.began.elapsed().as_secs_f64(),
        step: step.map(|step| step + 1),
        reason,
        evidence: one.folder.clone(),
    })
}

fn words(values: &[(String, String)]) -> String {
    let words = values.iter().map(|(name, value)| format!("{name}={value}"));
    words.collect::<Vec<_>>().join(" ")
}

fn line(cell: &Cell) -> String {
    let more = match (&cell.reason, cell.verdict) {
        (Some(reason), _) => format!("\n      {reason}"),
        (None, "PASS") => String::new(),
        (None, _) => format!("\n      {}", cell.evidence.display()),
    };
    format!("{:<5} {}{more}", cell.verdict, words(&cell.values))
}

/// What stands in the grid.
fn entry(cell: &Cell) -> String {
    match (cell.verdict, cell.step) {
        ("PASS", _) => format!("PASS {:.1}s", cell.seconds),
        ("FAIL", Some(step)) => format!("FAIL step {step}"),
        ("SKIP", _) => "-".to_owned(),
        (verdict, _) => verdict.to_owned(),
    }
}

/// The first variable across, the others down.
fn grid(cells: &[Cell]) -> Table {
    let mut columns: Vec<String> = Vec::new();
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for cell in cells {
        let (first, others) = cell.values.split_at(cell.values.len().min(1));
        let (column, row) = (words(first), words(others));
        if !columns.contains(&column) {
            columns.push(column);
        }
        match rows.iter_mut().find(|(known, _)| *known == row) {
            Some((_, entries)) => entries.push(entry(cell)),
            None => rows.push((row, vec![entry(cell)])),
        }
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(std::iter::once(String::new()).chain(columns));
    for (row, entries) in rows {
        table.add_row(std::iter::once(row).chain(entries));
    }
    table
}

fn conclude(cells: &[Cell]) -> Exit {
    let any = |verdict: &str| cells.iter().any(|cell| cell.verdict == verdict);
    if any("ERROR") {
        Exit::Infrastructure
    } else if any("FAIL") {
        Exit::Failed
    } else if any("PASS") {
        Exit::Pass
    } else {
        Exit::NothingToRun
    }
}
