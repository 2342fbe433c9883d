//! `mcrctl config`

use std::io::Write;
use std::path::{self, Path};

use mcr_api::Method;
use mcr_api::client::Client;
use mcr_api::config::ConfigFile;
use mcr_api::state::{ConfigChange, RuleStatus, Saved};

use crate::args::{self, Config, Global};
use crate::connect::{connect, connect_for_long};
use crate::error::Error;
use crate::render::Output;
use crate::render::text;

pub(crate) fn run(
    config: &Config,
    global: &Global,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    match config {
        Config::Show => out.json(&running(&mut connect(global)?)?)?,
        Config::Check(file) => {
            let merge = file.merge;
            let change: ConfigChange = send(global, &file.file, Method::ConfigCheck { merge })?;
            out.show(&change, |change| checked(file, change))?;
        }
        Config::Load(file) => {
            let merge = file.merge;
            let change: ConfigChange = send(global, &file.file, Method::ConfigLoad { merge })?;
            out.show(&change, text::config_change)?;
        }
        Config::Save { path } => {
            let saved = save(path.as_deref(), global)?;
            out.show(&saved, |saved| {
                let rules = text::count(saved.rules, "rule");
                format!("wrote {} with {rules}\n", saved.path)
            })?;
        }
        Config::Diff { file } => {
            let merge = false;
            let change: ConfigChange = match file {
                Some(file) => send(global, file, Method::ConfigCheck { merge })?,
                None => connect_for_long(global)?.call(Method::ConfigDiff {})?,
            };
            out.show(&change, text::config_change)?;
        }
        Config::Reload => {
            let change: ConfigChange = connect_for_long(global)?.call(Method::ConfigReload {})?;
            out.show(&change, text::config_change)?;
        }
    }
    Ok(())
}

/// The running configuration with its rules: a file that can be loaded.
pub(crate) fn running(client: &mut Client) -> Result<ConfigFile, Error> {
    let mut config: ConfigFile = client.call(Method::ConfigShow {})?;
    let rules: Vec<RuleStatus> = client.pages(|cursor| Method::RulesList { cursor })?;
    config.rules = rules.into_iter().map(|status| status.rule).collect();
    Ok(config)
}

/// Hands a file's text to the daemon and asks `method` of it.
fn send(global: &Global, file: &Path, method: Method) -> Result<ConfigChange, Error> {
    let text = super::read(file)?;
    let mut client = connect_for_long(global)?;
    client.put_config(&super::name(file), &text)?;
    Ok(client.call(method)?)
}

fn checked(file: &args::ConfigFile, change: &ConfigChange) -> String {
    format!(
        "{} is valid. Its load would do this:\n{}",
        super::name(&file.file),
        text::config_change(change)
    )
}

/// The daemon has another working folder, so it gets a whole path.
fn save(path: Option<&Path>, global: &Global) -> Result<Saved, Error> {
    let path = path
        .map(|path| {
            let whole = path::absolute(path)
                .map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
            whole
                .into_os_string()
                .into_string()
                .map_err(|_| Error::Usage(format!("{}: the path is not UTF-8", path.display())))
        })
        .transpose()?;
    Ok(connect_for_long(global)?.call(Method::ConfigSave { path })?)
}
