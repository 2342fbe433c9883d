//! What is asked of routers: names become positions, addresses and interfaces.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::Context;
use super::packets::Judged;
use super::steps::Cast;
use crate::topology::decode::decode;
use crate::topology::file::{
    Elected, IgmpOf, Matches, MdbOf, MfcOf, Mode, ModelPart, Mroute, Names, Neighbors,
    NeighborsEntry, RpOf, RpfOf, StateOf, TreeOf,
};
use crate::topology::model::{self, Check, Kind, NodeId, StateIs, TreeIs};
use crate::topology::place::{At, OneOrMany, Part};
use crate::topology::question::{
    IgmpQuestion, Interfaces, MrouteQuestion, Office, Question, Sight,
};
use crate::topology::tree::{Span, Tree, Value};
use crate::topology::value::{Address, Group};

/// The forms of an expectation that ask routers.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) neighbors: Option<Part<NeighborsEntry>>,
    pub(super) dr: Option<At<Elected>>,
    pub(super) querier: Option<At<Elected>>,
    pub(super) rp: Option<At<RpOf>>,
    pub(super) mroute: Option<At<Mroute>>,
    pub(super) mfc: Option<At<MfcOf>>,
    pub(super) mdb: Option<At<MdbOf>>,
    pub(super) igmp: Option<At<IgmpOf>>,
    pub(super) rpf: Option<At<RpfOf>>,
    pub(super) tree: Option<At<TreeOf>>,
    pub(super) state: Option<At<StateOf>>,
}

impl Asked {
    /// Which are there.
    pub(super) fn given(&self) -> [bool; 11] {
        [
            self.neighbors.is_some(),
            self.dr.is_some(),
            self.querier.is_some(),
            self.rp.is_some(),
            self.mroute.is_some(),
            self.mfc.is_some(),
            self.mdb.is_some(),
            self.igmp.is_some(),
            self.rpf.is_some(),
            self.tree.is_some(),
            self.state.is_some(),
        ]
    }

    /// The checks and where they are written.
    pub(super) fn checks(
        self,
        cx: &Context<'_>,
        cast: &Cast<'_>,
        judged: Judged,
    ) -> Vec<(Check, Span)> {
        let asker = Asker { cx, cast };
        let mut all: Vec<(Option<Check>, Span)> = Vec::new();
        let question = |question: Option<Question>| question.map(Check::Router);
        if let Some(part) = self.neighbors {
            all.push((question(asker.neighbors(&part.tree)), part.tree.span));
        }
        for (written, office) in [(self.dr, Office::Dr), (self.querier, Office::Querier)] {
            if let Some(At { span, value }) = written {
                all.push((question(asker.elected(&value, office)), span));
            }
        }
        if let Some(At { span, value }) = self.rp {
            all.push((question(asker.rp(&value)), span));
        }
        if let Some(At { span, value }) = self.mroute {
            for at in &value.at.0 {
                all.push((question(asker.mroute(&value, at)), span));
            }
        }
        if let Some(At { span, value }) = self.mfc {
            for at in &value.at.0 {
                all.push((asker.mfc(&value, at, judged), span));
            }
        }
        if let Some(At { span, value }) = self.mdb {
            all.push((asker.mdb(&value, span), span));
        }
        if let Some(At { span, value }) = self.igmp {
            all.push((question(asker.igmp(&value)), span));
        }
        if let Some(At { span, value }) = self.rpf {
            all.push((question(asker.rpf(&value)), span));
        }
        if let Some(At { span, value }) = self.state {
            all.push((asker.state(value, span), span));
        }
        if let Some(At { span, value }) = self.tree {
            all.push((asker.tree(&value, span), span));
        }
        let all = all.into_iter();
        all.filter_map(|(check, span)| Some((check?, span)))
            .collect()
    }
}

fn parts_of(written: ModelPart) -> Vec<model::ModelPart> {
    match written {
        ModelPart::All => model::ModelPart::ALL.to_vec(),
        ModelPart::Mroute => vec![model::ModelPart::Mroute],
        ModelPart::Mfc => vec![model::ModelPart::Mfc],
        ModelPart::Neighbors => vec![model::ModelPart::Neighbors],
        ModelPart::Dr => vec![model::ModelPart::Dr],
        ModelPart::Rp => vec![model::ModelPart::Rp],
    }
}

pub(super) struct Asker<'a> {
    pub(super) cx: &'a Context<'a>,
    pub(super) cast: &'a Cast<'a>,
}

impl Asker<'_> {
    /// A router that tells its state.
    fn router(&self, name: &At<String>) -> Option<NodeId> {
        let node = self.cast.node(self.cx, name)?;
        let model = &self.cast.nodes[node.0];
        let told = match model.kind {
            Kind::Mcrd { .. } | Kind::Frr => model.router.is_some(),
            Kind::Host | Kind::Pimd | Kind::Smcroute { .. } | Kind::Kernel | Kind::Custom(_) => {
                false
            }
        };
        if !told {
            let message = format!("`{}` is no router that tells its state", name.value);
            let problem = self.cx.problem(name.span, message);
            let help = "routers of kind mcrd and frr do, where there is `pim`";
            self.cx.sink.add(problem.help(help));
        }
        Some(node)
    }

    pub(super) fn interface(&self, node: NodeId, word: &At<String>) -> Option<String> {
        let network = self.cast.network;
        let Some(position) = network.interface(node, &word.value) else {
            if network.whole {
                let known = network.interface_names(node);
                let what = format!("interface of `{}` named", network.nodes[node.0].name);
                self.cx.unknown(&what, &word.value, word.span, known);
            }
            return None;
        };
        Some(network.nodes[node.0].interfaces[position].name.clone())
    }

    fn interfaces(&self, node: NodeId, words: &OneOrMany<At<String>>) -> Option<BTreeSet<String>> {
        let words = words.0.iter();
        words.map(|word| self.interface(node, word)).collect()
    }

    fn neighbors(&self, tree: &Tree) -> Option<Question> {
        if matches!(tree.value, Value::Map(_)) {
            let written: Neighbors = decode(tree, self.cx.sink)?;
            let at = self.router(&written.at)?;
            let mut sights = Vec::new();
            for (names, wanted) in [(written.has, true), (written.not, false)] {
                for name in names.0 {
                    let other = self.cast.node(self.cx, &name)?;
                    sights.extend(self.sights(at, other, name.span, wanted)?);
                }
            }
            return Some(Question::Neighbors(sights));
        }
        let OneOrMany(pairs): OneOrMany<At<String>> = decode(tree, self.cx.sink)?;
        let mut sights = Vec::new();
        for At { span, value } in pairs {
            let Some((a, b)) = value.split_once('/') else {
                let problem = self
                    .cx
                    .problem(span, format!("`{value}` is no pair of routers"));
                self.cx.sink.add(problem.help("write it as `r1/r2`"));
                return None;
            };
            let part = |text: &str| At {
                span,
                value: text.trim().to_owned(),
            };
            let (a, b) = (self.router(&part(a))?, self.router(&part(b))?);
            sights.extend(self.sights(a, b, span, true)?);
            sights.extend(self.sights(b, a, span, true)?);
        }
        Some(Question::Neighbors(sights))
    }

    /// What `at` sees of `other`, on every link that they share.
    fn sights(&self, at: NodeId, other: NodeId, span: Span, wanted: bool) -> Option<Vec<Sight>> {
        let nodes = self.cast.nodes;
        let name = &nodes[other.0].name;
        let mut found = Vec::new();
        for own in &nodes[at.0].interfaces {
            let theirs = nodes[other.0].interfaces.iter();
            for theirs in theirs.filter(|theirs| theirs.link == own.link) {
                if let (Some(address), true) = (theirs.addresses.first(), at != other) {
                    found.push(Sight {
                        at,
                        interface: own.name.clone(),
                        address: address.addr(),
                        name: name.clone(),
                        wanted,
                    });
                }
            }
        }
        if found.is_empty() && self.cast.network.whole {
            let message = format!("`{}` and `{name}` share no link", nodes[at.0].name);
            self.cx.tell(span, message);
            return None;
        }
        Some(found)
    }

    fn elected(&self, written: &Elected, office: Office) -> Option<Question> {
        let link = self.cast.link(self.cx, &written.at)?;
        let is = self.router(&written.is)?;
        let model = &self.cast.network.links[link.0];
        let mut at = Vec::new();
        let mut address = None;
        let by: Option<Vec<NodeId>> = written.by.0.iter().map(|name| self.router(name)).collect();
        let by = by?;
        for (node, interface) in &model.ends {
            let known = &self.cast.nodes[node.0];
            let interface = &known.interfaces[*interface];
            if *node == is {
                address = interface.addresses.first().map(|address| address.addr());
            }
            let asked = by.is_empty() || by.contains(node);
            if asked && known.router.is_some() && known.kind != Kind::Pimd {
                at.push((*node, interface.name.clone()));
            }
        }
        let Some(address) = address else {
            let message = format!("`{}` is not on {}", written.is.value, model.name);
            self.cx.tell(written.is.span, message);
            return None;
        };
        if let Some(stranger) = by
            .iter()
            .position(|node| at.iter().all(|(at, _)| at != node))
        {
            let stranger = &written.by.0[stranger];
            let message = format!("`{}` is not on {}", stranger.value, model.name);
            self.cx.tell(stranger.span, message);
            return None;
        }
        Some(Question::Elected {
            office,
            link: model.name.clone(),
            at,
            is: written.is.value.clone(),
            address,
        })
    }

    fn rp(&self, written: &RpOf) -> Option<Question> {
        let at = written.at.0.iter().map(|name| self.router(name));
        let Group(group) = written.group;
        Some(Question::Rp {
            at: at.collect::<Option<Vec<_>>>()?,
            group,
            is: self.address(&written.is)?,
        })
    }

    /// An address, or `none`.
    fn address(&self, text: &At<String>) -> Option<Option<Ipv4Addr>> {
        if text.value == "none" {
            return Some(None);
        }
        if let Ok(address) = text.value.parse() {
            return Some(Some(address));
        }
        let message = format!("expected an IPv4 address or `none`, found `{}`", text.value);
        self.cx.tell(text.span, message);
        None
    }

    fn mroute(&self, written: &Mroute, at: &At<String>) -> Option<Question> {
        let at = self.router(at)?;
        let iif = match &written.iif {
            Some(word) => Some(self.interface(at, word)?),
            None => None,
        };
        let oif = match &written.oif {
            Some(part) => self.names(&part.tree, &|word| self.interface(at, word))?,
            None => Interfaces::default(),
        };
        let Group(group) = written.group;
        Some(Question::Mroute(Box::new(MrouteQuestion {
            at,
            group,
            source: written.source.map(|Address(source)| source),
            absent: written.absent,
            iif,
            oif,
            joined: written.joined,
            spt: written.spt,
            register: written.register,
            winner: self.interfaces(at, &written.winner)?,
            loser: self.interfaces(at, &written.loser)?,
        })))
    }

    /// A list of exactly these names, or a map of `has` and `not`.
    pub(super) fn names(
        &self,
        tree: &Tree,
        named: &dyn Fn(&At<String>) -> Option<String>,
    ) -> Option<Interfaces> {
        let all = |OneOrMany(words): OneOrMany<At<String>>| -> Option<BTreeSet<String>> {
            words.iter().map(named).collect()
        };
        if matches!(tree.value, Value::Map(_)) {
            let pattern: Names = decode(tree, self.cx.sink)?;
            return Some(Interfaces {
                exact: None,
                has: all(pattern.has)?,
                not: all(pattern.not)?,
            });
        }
        Some(Interfaces {
            exact: Some(all(decode(tree, self.cx.sink)?)?),
            ..Interfaces::default()
        })
    }

    fn igmp(&self, written: &IgmpOf) -> Option<Question> {
        let at = self.router(&written.at)?;
        let interface = self.interface(at, &written.interface)?;
        let group = match (written.group, written.groups) {
            (Some(Group(group)), None) => group,
            (None, Some(groups)) => {
                return Some(Question::Groups {
                    at,
                    interface,
                    groups,
                });
            }
            (None, None) | (Some(_), Some(_)) => {
                let message = "expected either `group` or `groups`";
                self.cx.tell(written.at.span, message);
                return None;
            }
        };
        let sources = written.sources.as_ref().map(|OneOrMany(sources)| {
            let sources = sources.iter().map(|Address(source)| *source);
            sources.collect()
        });
        Some(Question::Igmp(IgmpQuestion {
            at,
            interface,
            group,
            absent: written.absent,
            sources,
            exclude: written.mode.map(|mode| mode == Mode::Exclude),
            version: written.version,
        }))
    }

    fn rpf(&self, written: &RpfOf) -> Option<Question> {
        let at = self.router(&written.at)?;
        let interface = match &written.interface {
            Some(word) if word.value == "none" => Some(None),
            Some(word) => Some(Some(self.interface(at, word)?)),
            None => None,
        };
        let neighbor = match &written.neighbor {
            None => None,
            Some(text) => Some(match self.cast.network.node(&text.value) {
                Some(other) => {
                    let sights = self.sights(at, other, text.span, true)?;
                    let on = |sight: &&Sight| {
                        let on = interface.as_ref().and_then(Option::as_ref);
                        on.is_none_or(|on| *on == sight.interface)
                    };
                    sights.iter().find(on).map(|sight| sight.address)
                }
                None => self.address(text)?,
            }),
        };
        let Address(address) = written.address;
        Some(Question::Rpf {
            at,
            address,
            interface,
            neighbor,
        })
    }

    fn state(&self, written: StateOf, span: Span) -> Option<Check> {
        match (written.same_as, written.same_as_model) {
            (Some(snap), None) => Some(Check::State(StateIs::Snap(snap))),
            (None, Some(OneOrMany(parts))) => {
                let parts: BTreeSet<_> = parts.into_iter().flat_map(parts_of).collect();
                if parts.is_empty() {
                    let problem = self.cx.problem(span, "`same_as_model` names nothing");
                    self.cx.sink.add(problem.help("write `same_as_model: all`"));
                    return None;
                }
                Some(Check::State(StateIs::Model(parts)))
            }
            (Some(_), Some(_)) | (None, None) => {
                let problem = "`state` needs either `same_as` or `same_as_model`";
                let help = "write `{ same_as: NAME }` with the name of a `snap`, or \
                            `{ same_as_model: all }`";
                let problem = self.cx.problem(span, problem);
                self.cx.sink.add(problem.help(help));
                None
            }
        }
    }

    fn tree(&self, written: &TreeOf, span: Span) -> Option<Check> {
        let named = |word: &At<String>| {
            let link = self.cast.link(self.cx, word)?;
            Some(self.cast.network.links[link.0].name.clone())
        };
        let Group(group) = written.group;
        let is = match (&written.links, written.matches) {
            (Some(links), None) => TreeIs::Links(self.names(&links.tree, &named)?),
            (None, Some(Matches::Model)) => TreeIs::Model,
            (Some(_), Some(_)) | (None, None) => {
                let problem = "`tree` needs either `links` or `matches: model`";
                self.cx.sink.add(self.cx.problem(span, problem));
                return None;
            }
        };
        Some(Check::Tree { group, is })
    }
}
