//! Asking a node's mcrd, on a thread of its own: the client blocks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcr_api::Method;
use mcr_api::client::{Client, ClientError};
use mcr_api::router::ProtocolCounters;
use mcr_api::state::{InputStats, RuleStats};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::assertion::counters::{Counters, of_input, of_rule};
use crate::topology::model::CounterOf;

/// How long one answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// A counter's owner, read once.
///
/// # Errors
/// Why the daemon does not tell it, in one sentence.
pub(super) async fn counters(socket: PathBuf, of: CounterOf) -> Result<Counters, String> {
    blocking(move || read_counters(&socket, &of)).await
}

/// What every input interface dropped, by interface and reason.
///
/// # Errors
/// As [`counters`].
pub(super) async fn drops(socket: PathBuf) -> Result<BTreeMap<(String, String), u64>, String> {
    blocking(move || {
        let mut client = Client::connect(&socket, ANSWER_TIME).map_err(sentence)?;
        let inputs: Vec<InputStats> = client.call(Method::StatsInputs {}).map_err(sentence)?;
        let mut drops = BTreeMap::new();
        for input in inputs {
            for (reason, count) in input.drops {
                drops.insert((input.interface.clone(), reason), count);
            }
            let kernel = "kernel drops".to_owned();
            drops.insert((input.interface, kernel), input.kernel_drops);
        }
        Ok(drops)
    })
    .await
}

/// Everything that the daemon tells of itself, as evidence.
pub(super) async fn state(socket: PathBuf) -> Value {
    let told = blocking(move || {
        let mut client = Client::connect(&socket, ANSWER_TIME).map_err(sentence)?;
        let mut all = Map::new();
        let methods = daemon_methods().into_iter().chain(router_methods());
        for (name, method) in methods {
            // A part that is refused says why, and the others are still told.
            let told: Result<Value, ClientError> = client.call(method);
            let value = told.unwrap_or_else(|error| error.to_string().into());
            all.insert(name.to_owned(), value);
        }
        Ok(Value::Object(all))
    });
    told.await
        .unwrap_or_else(|error| serde_json::json!({ "error": error }))
}

/// What is asked of mcrd for its state, beside its router's.
fn daemon_methods() -> [(&'static str, Method); 6] {
    [
        ("status", Method::Status {}),
        ("interfaces", Method::Interfaces {}),
        ("workers", Method::Workers {}),
        ("inputs", Method::StatsInputs {}),
        ("rules", Method::RulesList { cursor: None }),
        ("stats", Method::StatsRules { cursor: None }),
    ]
}

/// What is asked of mcrd for the state of its router.
pub(super) fn router_methods() -> [(&'static str, Method); 7] {
    [
        ("pim interfaces", Method::PimInterfaces {}),
        ("pim neighbors", Method::PimNeighbors {}),
        ("pim rps", Method::PimRps {}),
        ("igmp interfaces", Method::IgmpInterfaces {}),
        ("igmp groups", Method::IgmpGroups { cursor: None }),
        (
            "mroute",
            Method::Mroute {
                group: None,
                cursor: None,
            },
        ),
        ("protocol counters", Method::StatsProtocols {}),
    ]
}

/// What a daemon answers to one request.
///
/// # Errors
/// As [`counters`].
pub(super) async fn call<T>(socket: PathBuf, method: Method) -> Result<T, String>
where
    T: DeserializeOwned + Send + 'static,
{
    blocking(move || {
        let mut client = Client::connect(&socket, ANSWER_TIME).map_err(sentence)?;
        client.call(method).map_err(sentence)
    })
    .await
}

/// All pages of a list.
///
/// # Errors
/// As [`counters`].
pub(super) async fn pages<T>(
    socket: PathBuf,
    page: impl Fn(Option<String>) -> Method + Send + 'static,
) -> Result<Vec<T>, String>
where
    T: DeserializeOwned + Send + 'static,
{
    blocking(move || {
        let mut client = Client::connect(&socket, ANSWER_TIME).map_err(sentence)?;
        client.pages(page).map_err(sentence)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(error.to_string()),
    }
}

fn sentence(error: ClientError) -> String {
    error.to_string()
}

fn read_counters(socket: &Path, of: &CounterOf) -> Result<Counters, String> {
    let mut client = Client::connect(socket, ANSWER_TIME).map_err(sentence)?;
    match of {
        CounterOf::Rule(name) => {
            let rules: Vec<RuleStats> = client
                .pages(|cursor| Method::StatsRules { cursor })
                .map_err(sentence)?;
            let rule = rules.iter().find(|rule| rule.name == *name);
            rule.map(of_rule)
                .ok_or_else(|| format!("mcrd has no rule named {name}"))
        }
        CounterOf::Input(name) => {
            let inputs: Vec<InputStats> = client.call(Method::StatsInputs {}).map_err(sentence)?;
            let input = inputs.iter().find(|input| input.interface == *name);
            input
                .map(of_input)
                .ok_or_else(|| format!("mcrd receives nothing on {name}: no rule has that input"))
        }
        CounterOf::Protocols(name) => {
            let all: Vec<ProtocolCounters> =
                client.call(Method::StatsProtocols {}).map_err(sentence)?;
            Ok(on_interface(all, name))
        }
    }
}

/// Those of one interface.
pub(super) fn on_interface(all: Vec<ProtocolCounters>, name: &str) -> Counters {
    let on = |one: &ProtocolCounters| one.interface.as_deref() == Some(name);
    let found = all.into_iter().find(on);
    found.map(|one| one.counters).unwrap_or_default()
}
