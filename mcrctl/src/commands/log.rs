//! `mcrctl log`

use std::io::Write;

use mcr_api::Method;
use mcr_api::client::Client;
use mcr_api::state::{Facility, LogLevels};

use crate::args::Log;
use crate::error::Error;
use crate::render::Output;
use crate::render::table::{Column, Sheet};

pub(crate) fn run(
    log: &Log,
    client: &mut Client,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let levels = match log {
        Log::Get => client.call(Method::LogGet {})?,
        Log::Set { settings } => {
            let mut levels: Option<LogLevels> = None;
            for setting in settings {
                levels = Some(client.call(Method::LogSet {
                    facility: setting.facility,
                    level: setting.level,
                })?);
            }
            match levels {
                Some(levels) => levels,
                None => client.call(Method::LogGet {})?,
            }
        }
    };
    out.show(&levels, render)?;
    Ok(())
}

fn render(levels: &LogLevels) -> String {
    let mut sheet = Sheet::new(&[("FACILITY", Column::Word), ("LEVEL", Column::Word)]);
    let general = levels.level.name();
    sheet.row(["(general)", general]);
    for facility in Facility::ALL {
        match levels.facilities.get(&facility) {
            Some(level) => sheet.row([facility.name(), level.name()]),
            None => sheet.row([facility.name().to_owned(), format!("{general} (general)")]),
        }
    }
    sheet.text()
}
