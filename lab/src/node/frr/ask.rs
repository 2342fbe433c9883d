//! Asking FRR's daemons as vtysh does: a command and a NUL to the daemon's
//! socket; the answer ends with three NULs and a status.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::space;

/// How long one answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// The longest answer.
const MAX_ANSWER: usize = 16 << 20;

/// What a daemon of a router answers to a command.
///
/// # Errors
/// Why there is no answer, in one sentence.
pub async fn daemon(router: &str, daemon: &str, command: &str) -> Result<String, String> {
    let asked = timeout(ANSWER_TIME, talk(router, daemon, command)).await;
    let failed = |reason: &dyn std::fmt::Display| {
        format!("{router}'s FRR {daemon} does not answer `{command}`: {reason}")
    };
    match asked {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(failed(&"it takes too long")),
    }
}

/// pimd's answer, as JSON.
///
/// # Errors
/// As [`daemon`]; also an answer that is no JSON.
pub async fn json(router: &str, command: &str) -> Result<Value, String> {
    let answer = daemon(router, "pimd", &format!("{command} json")).await?;
    serde_json::from_str(&answer)
        .map_err(|_| format!("{router}'s FRR answers `{command}` with: {}", answer.trim()))
}

async fn talk(router: &str, daemon: &str, command: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(space(router).join(format!("{daemon}.vty"))).await?;
    let mut bytes = command.as_bytes().to_vec();
    bytes.push(0);
    stream.write_all(&bytes).await?;
    bytes.clear();
    loop {
        let ended = bytes.len().checked_sub(4).and_then(|end| bytes.get(end..));
        if let Some([0, 0, 0, _status]) = ended {
            bytes.truncate(bytes.len() - 4);
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        }
        if bytes.len() > MAX_ANSWER {
            return Err(std::io::Error::other("the answer is too long"));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Everything that it tells of multicast, as evidence.
pub async fn everything(router: &str) -> String {
    let commands = [
        ("zebra", "show ip route"),
        ("pimd", "show ip pim interface"),
        ("pimd", "show ip pim neighbor"),
        ("pimd", "show ip pim rp-info"),
        ("pimd", "show ip pim upstream"),
        ("pimd", "show ip pim join"),
        ("pimd", "show ip pim state"),
        ("pimd", "show ip pim assert"),
        ("pimd", "show ip mroute"),
        ("pimd", "show ip igmp groups"),
        ("pimd", "show ip igmp sources"),
    ];
    all(router, &commands).await
}

/// Everything that it tells of OSPF, as evidence.
pub async fn routing(router: &str) -> String {
    let commands = [
        ("zebra", "show ip route"),
        ("ospfd", "show ip ospf interface"),
        ("ospfd", "show ip ospf neighbor"),
        ("ospfd", "show ip ospf route"),
        ("ospfd", "show ip ospf database"),
    ];
    all(router, &commands).await
}

async fn all(router: &str, commands: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (of, command) in commands {
        let told = daemon(router, of, command)
            .await
            .unwrap_or_else(|error| error);
        text.push_str(&format!("# {command}\n{}\n\n", told.trim_end()));
    }
    text
}

/// PIM on an interface, as `show ip pim interface json` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// It is up.
    pub up: bool,
    /// Its address.
    pub address: Option<Ipv4Addr>,
    /// The Designated Router.
    pub dr: Option<Ipv4Addr>,
}

/// The interfaces with PIM.
///
/// # Errors
/// As [`json`].
pub async fn interfaces(router: &str) -> Result<Vec<Interface>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Told {
        #[serde(default)]
        state: String,
        #[serde(default)]
        address: String,
        #[serde(default)]
        pim_designated_router: String,
    }
    let told = json(router, "show ip pim interface").await?;
    let told: BTreeMap<String, Told> =
        serde_json::from_value(told).map_err(|error| error.to_string())?;
    let address = |text: &str| {
        text.parse()
            .ok()
            .filter(|ip: &Ipv4Addr| !ip.is_unspecified())
    };
    let interfaces = told.into_iter().map(|(name, told)| Interface {
        name,
        up: told.state == "up",
        address: address(&told.address),
        dr: address(&told.pim_designated_router),
    });
    Ok(interfaces.collect())
}
