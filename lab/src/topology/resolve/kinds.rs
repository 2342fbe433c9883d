//! What runs in a node, and the keys that only its kind has.

use super::Context;
use super::network::Network;
use super::nodes::{Draft, config};
use crate::topology::file::KindName;
use crate::topology::model::{Custom, Kind, NodeId, StaticMroute};
use crate::topology::place::{At, OneOrMany, Part};
use crate::topology::router::Router;
use crate::topology::tree::Span;
use crate::topology::value::{Address, Group};

/// The keys of single kinds, each with its kind and where it is written.
fn keys(draft: &Draft) -> [(&'static str, &'static str, Option<Span>); 7] {
    let spec = &draft.spec;
    let text = |part: &Option<Part<String>>| part.as_ref().map(|part| part.tree.span);
    let config = spec.config.as_ref().map(|part| part.tree.span);
    let mroutes = spec.mroutes.as_ref().map(|part| part.tree.span);
    [
        ("mcrd", "config", config),
        ("mcrd", "config_file", text(&spec.config_file)),
        ("smcroute", "mroutes", mroutes),
        ("custom", "cmd", text(&spec.cmd)),
        ("custom", "ready", text(&spec.ready)),
        ("custom", "stop", text(&spec.stop)),
        ("custom", "state", text(&spec.state)),
    ]
}

/// What runs in a node.
pub(super) fn kind(
    cx: &Context<'_>,
    draft: &Draft,
    router: Option<&Router>,
    network: &Network,
    node: NodeId,
) -> Kind {
    let kind = match draft.kind {
        KindName::Host => Kind::Host,
        KindName::Mcrd => {
            let config = config(cx, draft, router);
            Kind::Mcrd { config }
        }
        KindName::Frr => Kind::Frr,
        KindName::Pimd => Kind::Pimd,
        KindName::Smcroute => {
            let mroutes = mroutes(cx, draft, network, node);
            Kind::Smcroute { mroutes }
        }
        KindName::Kernel => Kind::Kernel,
        KindName::Custom => custom(cx, draft),
    };
    if matches!(kind, Kind::Frr | Kind::Pimd) && router.is_none() {
        let problem = cx.problem(draft.span, format!("`{}` has nothing to do", draft.name));
        let help = "give it `pim: {}`, or all routers one at the top of the file";
        cx.sink.add(problem.help(help));
    }
    for (of, key, span) in keys(draft) {
        if let (true, Some(span)) = (of != kind.word(), span) {
            cx.tell(span, format!("only a node of kind {of} has `{key}`"));
        }
    }
    kind
}

fn custom(cx: &Context<'_>, draft: &Draft) -> Kind {
    let text = |part: &Option<Part<String>>| {
        let part = part.as_ref();
        part.and_then(|part| part.read(&cx.scope, cx.sink))
    };
    let cmd = text(&draft.spec.cmd);
    if draft.spec.cmd.is_none() {
        let message = format!("`{}` is of kind custom, but has no `cmd`", draft.name);
        cx.tell(draft.span, message);
    }
    Kind::Custom(Custom {
        cmd: cmd.unwrap_or_default(),
        ready: text(&draft.spec.ready),
        stop: text(&draft.spec.stop),
        state: text(&draft.spec.state),
    })
}

fn mroutes(cx: &Context<'_>, draft: &Draft, network: &Network, node: NodeId) -> Vec<StaticMroute> {
    let Some(part) = &draft.spec.mroutes else {
        let problem = cx.problem(draft.span, format!("`{}` has no `mroutes`", draft.name));
        let help = "write `mroutes: [{from: a, group: 239.1.1.1, to: b}]`";
        cx.sink.add(problem.help(help));
        return Vec::new();
    };
    let OneOrMany(written) = part.read(&cx.scope, cx.sink).unwrap_or_default();
    let interface = |word: &At<String>| {
        let found = network.interface(node, &word.value);
        if found.is_none() && network.whole {
            let known = network.interface_names(node);
            let what = format!("interface of `{}` named", draft.name);
            cx.unknown(&what, &word.value, word.span, known);
        }
        Some(network.nodes[node.0].interfaces[found?].name.clone())
    };
    let routes = written.iter().filter_map(|written| {
        let Group(group) = written.group;
        let OneOrMany(to) = &written.to;
        Some(StaticMroute {
            from: interface(&written.from)?,
            group,
            source: written.source.map(|Address(source)| source),
            to: to.iter().map(interface).collect::<Option<_>>()?,
        })
    });
    routes.collect()
}
