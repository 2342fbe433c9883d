//! The file's sections `pim`, `igmp` and `mroutes`: text to the settings of a
//! router.

mod igmp;
mod pim;
mod values;

use jsonc_parser::ast::Value;
use mcr_proto::config::{Config, StaticMroute};

use crate::walk::{Members, Path, Walk};
use values::{interface, list, network, number, unicast};

const MROUTE: &[&str] = &["network", "interface", "next_hop", "metric"];

/// What the file says of the router. Where something is wrong, it has been
/// reported, and what is returned is not used.
pub(crate) fn router(walk: &mut Walk, file: &Members<'_, '_>) -> Config {
    let mut config = Config::default();
    if let Some(value) = file.get("pim") {
        pim::pim(walk, value, &Path::Root.key("pim"), &mut config);
    }
    if let Some(value) = file.get("igmp") {
        igmp::igmp(walk, value, &Path::Root.key("igmp"), &mut config);
    }
    if let Some(value) = file.get("mroutes") {
        let path = Path::Root.key("mroutes");
        config.mroutes = list(walk, value, &path, mroute);
    }
    config
}

fn mroute(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Option<StaticMroute> {
    let members = walk.object(value, path, MROUTE)?;
    let network = walk
        .required(&members, path, "network")
        .and_then(|value| network(walk, value, &path.key("network")));
    let interface = walk
        .required(&members, path, "interface")
        .and_then(|value| interface(walk, value, &path.key("interface")));
    let next_hop = match values::optional(&members, "next_hop") {
        Some(value) => Some(unicast(walk, value, &path.key("next_hop"))?),
        None => None,
    };
    Some(StaticMroute {
        network: network?,
        interface: interface?,
        next_hop,
        metric: number(walk, &members, path, "metric", 0..=u64::from(u32::MAX)).unwrap_or(0),
    })
}
