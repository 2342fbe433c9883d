//! `mcrctl version`

use std::io::Write;

use mcr_api::PROTOCOL;
use mcr_api::state::Version;
use serde::Serialize;

use crate::args::Global;
use crate::connect::connect;
use crate::error::Error;
use crate::render::Output;

/// Both programs' versions.
#[derive(Serialize)]
struct Versions {
    mcrctl: Version,
    mcrd: Version,
}

pub(crate) fn run(global: &Global, out: &mut Output<impl Write>) -> Result<(), Error> {
    let own = Version {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
    };
    // Our own version is worth knowing where the daemon does not answer.
    if !out.json {
        out.text(&line("mcrctl", &own))?;
        out.flush()?;
    }
    let client = connect(global)?;
    let versions = Versions {
        mcrctl: own,
        mcrd: Version {
            version: client.hello.version,
            protocol: client.hello.mcr,
        },
    };
    out.show(&versions, |versions| line("mcrd", &versions.mcrd))?;
    Ok(())
}

fn line(program: &str, version: &Version) -> String {
    format!(
        "{program:6} {}, control protocol {}\n",
        version.version, version.protocol
    )
}
