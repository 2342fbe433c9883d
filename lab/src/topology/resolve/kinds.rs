//! What runs in a node, and the keys that only its kind has.

use std::collections::BTreeSet;

use super::Context;
use super::network::Network;
use super::nodes::{Draft, config};
use crate::topology::file::KindName;
use crate::topology::model::{Custom, Kind, Node, NodeId, StaticMroute};
use crate::topology::place::{At, OneOrMany, Part};
use crate::topology::tree::Span;
use crate::topology::value::{Address, Group};

/// linux/mroute.h: how many interfaces the kernel's multicast routing knows.
const MAXVIFS: usize = 32;

/// The keys of single kinds, each with its kind and where it is written.
fn keys(draft: &Draft) -> [(&'static str, &'static str, Option<Span>); 6] {
    let spec = &draft.spec;
    let text = |part: &Option<Part<String>>| part.as_ref().map(|part| part.tree.span);
    let config = spec.config.as_ref().map(|part| part.tree.span);
    let mroutes = spec.mroutes.as_ref().map(|part| part.tree.span);
    [
        ("mcrd", "config", config),
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
    finished: &Node,
    network: &Network,
    node: NodeId,
) -> Kind {
    let router = finished.router.as_deref();
    let kind = match draft.kind {
        KindName::Host => Kind::Host,
        KindName::Mcrd => {
            let config = config(cx, draft, router);
            Kind::Mcrd { config }
        }
        KindName::Frr => Kind::Frr,
        KindName::Pimd => Kind::Pimd,
        KindName::Smcroute => {
            let mroutes = match (&draft.spec.mroutes, &draft.spec.config_file) {
                (None, Some(_)) => Vec::new(),
                (_, _) => mroutes(cx, draft, network, node),
            };
            Kind::Smcroute { mroutes }
        }
        KindName::Kernel => Kind::Kernel,
        KindName::Custom => custom(cx, draft),
    };
    let has_file = draft.spec.config_file.is_some();
    if matches!(kind, Kind::Frr | Kind::Pimd) && router.is_none() && !has_file {
        let problem = cx.problem(draft.span, format!("`{}` has nothing to do", draft.name));
        let help = "give it `pim: {}`, or all routers one at the top of the file, or a \
                    `config_file`";
        cx.sink.add(problem.help(help));
    }
    vifs(cx, draft, finished, &kind);
    if let (Kind::Host | Kind::Kernel | Kind::Custom(_), Some(part)) =
        (&kind, &draft.spec.config_file)
    {
        let message = "only a node of kind mcrd, frr, pimd or smcroute has `config_file`";
        cx.tell(part.tree.span, message);
    }
    for (of, key, span) in keys(draft) {
        if let (true, Some(span)) = (of != kind.word(), span) {
            cx.tell(span, format!("only a node of kind {of} has `{key}`"));
        }
    }
    kind
}

/// Refuses more interfaces than the kernel routes multicast between, for what
/// routes by it. What a file of the user's makes of them is not known.
fn vifs(cx: &Context<'_>, draft: &Draft, node: &Node, kind: &Kind) {
    let router = node.router.iter();
    let names = router.flat_map(|router| {
        let pim = router.pim.iter().map(|one| one.name.as_str());
        pim.chain(router.igmp.iter().map(|one| one.name.as_str()))
    });
    let (names, own): (BTreeSet<&str>, _) = match kind {
        Kind::Frr => (names.collect(), &["lo", "pimreg"][..]),
        Kind::Pimd => (names.collect(), &["its register interface"][..]),
        Kind::Smcroute { mroutes } => {
            let all = mroutes.iter();
            let all = all.flat_map(|one| std::iter::once(&one.from).chain(&one.to));
            (all.map(String::as_str).collect(), &[][..])
        }
        Kind::Mcrd { .. } | Kind::Host | Kind::Kernel | Kind::Custom(_) => return,
    };
    too_many(cx, draft, kind, names.len(), own);
}

fn too_many(cx: &Context<'_>, draft: &Draft, kind: &Kind, count: usize, own: &[&str]) {
    let most = MAXVIFS - own.len();
    if count <= most {
        return;
    }
    let own = match own {
        [] => String::new(),
        own => format!(", {} among them", own.join(" and ")),
    };
    let message = format!(
        "`{}` routes multicast between {count} links; the kernel has room for {MAXVIFS} \
         interfaces of a router (MAXVIFS){own}, so {} takes {most} links",
        draft.name,
        kind.word(),
    );
    let help = "mcrd, which forwards by itself, takes any number";
    cx.sink.add(cx.problem(draft.span, message).help(help));
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
