//! The configuration file: its text in, typed settings and rules out, or every
//! mistake in it with its place.
//!
//! The same checks serve rules that arrive on the control socket. The file's
//! shape is [`mcr_api::config::ConfigFile`]; what its values must be is here
//! and in the constructors of `mcr-proto`.

mod across;
mod excerpt;
mod file;
mod problem;
mod router;
mod rule;
mod syntax;
mod walk;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use mcr_api::config::ConfigFile;
use mcr_proto::config::Config as RouterConfig;
use mcr_proto::id::InterfaceName;
use mcr_proto::relay::RelayRule;

pub use problem::Problems;
pub use rule::{DEFAULT_TTL, rule, to_api};

/// The largest file, in bytes.
pub const MAX_FILE: usize = 64 * 1024 * 1024;

/// The most values a file can have: 64 MiB of nothing but commas would take
/// gigabytes to read, and no real file comes near.
const MAX_VALUES: usize = 4_000_000;

/// The highest CPU number that `pinning` takes: what the kernel's fixed-size
/// CPU set holds.
pub const MAX_CPU: u32 = 1023;

/// A file without mistakes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// What it says, as it says it.
    pub file: ConfigFile,
    /// Its rules, in its order.
    pub rules: Vec<RelayRule>,
    /// Its `pinning`.
    pub pinning: BTreeMap<InterfaceName, Vec<u32>>,
    /// What it says of PIM, IGMP and static multicast routes.
    pub router: RouterConfig,
}

/// Reads and checks a file.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        Problems::whole_file(&name, format!("cannot read the file: {error}"), None)
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // One byte more than allowed shows that it is too large, also where the
    // size is not known before, as with a pipe.
    let limit = u64::try_from(MAX_FILE + 1).unwrap_or(u64::MAX);
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > MAX_FILE {
        return Err(too_large(&name));
    }
    match String::from_utf8(bytes) {
        Ok(text) => parse(&name, &text),
        Err(error) => Err(problem::not_utf8(&name, &error)),
    }
}

/// Checks a text; `name` stands for the file in messages.
pub fn parse(name: &str, text: &str) -> Result<Loaded, Problems> {
    if text.len() > MAX_FILE {
        return Err(too_large(name));
    }
    let separators = text.bytes().filter(|byte| b",[{".contains(byte));
    if separators.count() > MAX_VALUES {
        let message = format!("the file has more than {MAX_VALUES} values");
        return Err(Problems::whole_file(name, message, None));
    }
    // Editors of other systems put a byte order mark first.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    file::read(text).map_err(|found| Problems::in_text(name, text, found))
}

/// The text of a file that says the same.
pub fn to_text(file: &ConfigFile) -> Result<String, json5::Error> {
    json5::to_string(file).map(|text| text + "\n")
}

fn too_large(name: &str) -> Problems {
    Problems::whole_file(
        name,
        format!("the file is larger than {} MiB", MAX_FILE / 1024 / 1024),
        None,
    )
}
