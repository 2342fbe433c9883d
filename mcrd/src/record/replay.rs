//! `mcrd replay`: feeds a recording to a router, prints what comes out, and
//! says where that is not what the recording has.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

use mcr_proto::router::{Output, Router};
use mcr_proto::time::Instant;

use super::{FORMAT, Head, Line, What};
use crate::args::Replay;
use crate::observe::events;

/// The longest line; a packet of 64 KiB has twice as many digits, and a list of
/// routes is longer.
const MAX_LINE: u64 = 512 * 1024 * 1024;

/// What a replay found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// Outputs made.
    outputs: u64,
    /// The first place where they differ from the recording.
    differs: Option<String>,
    /// Lines that the recording lost.
    lost: u64,
    /// The line in the middle of which it ends.
    cut: Option<u64>,
}

/// Runs the command.
#[allow(clippy::print_stderr, reason = "it is a command's answer")]
pub(crate) fn run(arguments: &Replay) -> ExitCode {
    let mut out = io::stdout().lock();
    let found = match replay(&arguments.file, arguments.json, &mut out) {
        Ok(found) => found,
        Err(reason) => {
            eprintln!("mcrd: {}: {reason}", arguments.file.display());
            return ExitCode::from(3);
        }
    };
    if let Some(number) = found.cut {
        eprintln!(
            "mcrd: the recording ends in the middle of line {number}; what comes before was replayed"
        );
    }
    if found.lost > 0 {
        eprintln!(
            "mcrd: the recording lost {} lines, so outputs cannot be compared",
            found.lost
        );
        return ExitCode::SUCCESS;
    }
    match found.differs {
        Some(place) => {
            eprintln!("mcrd: not as recorded: {place}");
            ExitCode::from(1)
        }
        None => ExitCode::SUCCESS,
    }
}

fn replay(path: &Path, json: bool, out: &mut impl Write) -> Result<Found, String> {
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut lines = Lines {
        file: BufReader::new(file),
        number: 0,
        cut: false,
    };
    let head = lines.next().ok_or("it is empty")??;
    let head: Head = lines.parse(&head)?;
    if head.recording != FORMAT {
        return Err(format!(
            "it has form {}; this version reads form {FORMAT}",
            head.recording
        ));
    }
    let start = Instant::ZERO;
    let mut player = Player {
        router: Router::new(head.config, head.seed, start),
        found: Found::default(),
        json,
    };
    let mut last = start;
    while let Some(text) = lines.next() {
        let line: Line = lines.parse(&text?)?;
        last = Instant::from_micros(line.at);
        player.take(line, lines.number, out)?;
    }
    player.found.cut = lines.cut.then_some(lines.number);
    player.end(last, lines.number, out)?;
    Ok(player.found)
}

struct Player {
    router: Router,
    found: Found,
    json: bool,
}

impl Player {
    /// Outputs are taken where the recording has them: the daemon may have given
    /// the router several things before it asked what came out.
    fn take(&mut self, line: Line, number: u64, out: &mut impl Write) -> Result<(), String> {
        let now = Instant::from_micros(line.at);
        match line.what {
            What::Input(input) => self.router.handle(now, *input),
            What::Timeout => self.router.handle_timeout(now),
            What::Stop => self.router.stop(),
            What::Lost(count) => self.found.lost += count,
            What::Output(recorded) => {
                let made = self.made(now, out)?;
                if made.as_ref() != Some(&*recorded) {
                    self.differs(number, &format!("it has {recorded:?}, now it is {made:?}"));
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, now: Instant, number: u64, out: &mut impl Write) -> Result<(), String> {
        while let Some(more) = self.made(now, out)? {
            if self.found.cut.is_none() {
                self.differs(number, &format!("after it, there is now {more:?} too"));
            }
        }
        Ok(())
    }

    fn differs(&mut self, number: u64, how: &str) {
        self.found
            .differs
            .get_or_insert_with(|| format!("line {number}: {how}"));
    }

    /// The router's next output, printed.
    fn made(&mut self, now: Instant, out: &mut impl Write) -> Result<Option<Output>, String> {
        let Some(output) = self.router.poll_output() else {
            return Ok(None);
        };
        self.found.outputs += 1;
        let printed = if self.json {
            let line = Line {
                at: now.as_micros(),
                what: What::Output(Box::new(output.clone())),
            };
            serde_json::to_string(&line).map_err(|error| error.to_string())?
        } else {
            format!("{now} {}", self.text(&output))
        };
        writeln!(out, "{printed}").map_err(|error| format!("cannot print: {error}"))?;
        Ok(Some(output))
    }

    fn text(&self, output: &Output) -> String {
        let name = |iface| match self.router.interfaces().get(iface) {
            Some(known) => known.kernel.name.to_string(),
            None => format!("#{iface}"),
        };
        match output {
            Output::Transmit(packet) => format!(
                "send {} {} > {} {} type {:#04x} {} bytes",
                packet.iface.map_or_else(|| "-".to_owned(), name),
                packet.src,
                packet.dst,
                packet.protocol,
                packet.payload.first().copied().unwrap_or(0),
                packet.payload.len(),
            ),
            Output::Forward(packet) => format!(
                "forward {} bytes to {}",
                packet.packet.len(),
                packet
                    .outputs
                    .iter()
                    .map(|iface| name(*iface))
                    .collect::<Vec<_>>()
                    .join(" ")
            ),
            Output::Route(update) => format!("table {update:?}"),
            Output::Listen { iface, on: true } => format!("listen {}", name(*iface)),
            Output::Listen { iface, on: false } => format!("ignore {}", name(*iface)),
            Output::Event(event) => {
                let told = events::told(event, self.router.interfaces());
                let json = serde_json::to_string(&told);
                json.unwrap_or_else(|error| error.to_string())
            }
        }
    }
}

/// The lines of a file, none longer than a recording's can be.
struct Lines {
    file: BufReader<File>,
    number: u64,
    /// The last line was cut off: the daemon was killed while it wrote, or the
    /// disk was full.
    cut: bool,
}

impl Lines {
    fn next(&mut self) -> Option<Result<String, String>> {
        use io::Read;
        let mut text = String::new();
        self.number += 1;
        let number = self.number;
        let mut part = (&mut self.file).take(MAX_LINE);
        match part.read_line(&mut text) {
            Ok(0) => None,
            Ok(_) if text.ends_with('\n') => Some(Ok(text)),
            Ok(_) => {
                self.cut = true;
                None
            }
            Err(error) => Some(Err(format!("line {number}: {error}"))),
        }
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, text: &str) -> Result<T, String> {
        serde_json::from_str(text).map_err(|error| format!("line {}: {error}", self.number))
    }
}

#[cfg(test)]
mod tests;
