//! The forwarding table that the trees call for, and its changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::fib::{Accept, FibDigest, RouteEntry, RouteKey, RouteOutput, RouteUpdate};
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::igmp::Membership;
use crate::pim::World;
use crate::pim::macros::{Macros, Olist};
use crate::router::event::{Event, RouteChangeKind};
use crate::router::{Context, Interfaces, Output, Touched};
use crate::tib::{Tib, TreeKey};

pub mod unwanted;
pub mod verdict;

use verdict::{SourceView, Verdict, rpf_rp_in_force};

/// What the data plane was told.
#[derive(Debug, Default)]
pub struct Routes {
    tables: BTreeMap<IfIndex, RouteTable>,
    told: BTreeMap<GroupAddr, BTreeMap<TreeKey, Flow>>,
}

/// The entries of one input interface.
#[derive(Debug, Default)]
pub struct RouteTable {
    entries: BTreeMap<RouteKey, RouteEntry>,
    digest: FibDigest,
}

/// Where packets of an entry of the trees come from and go to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// The incoming interface.
    pub iif: Option<IfIndex>,
    /// The outgoing interfaces, without the incoming one.
    pub olist: Olist,
}

type Entries = BTreeMap<RouteKey, RouteEntry>;

impl RouteTable {
    /// The entries, by key.
    pub fn entries(&self) -> &BTreeMap<RouteKey, RouteEntry> {
        &self.entries
    }

    /// The digest of all entries.
    pub fn digest(&self) -> FibDigest {
        self.digest
    }

    fn set(&mut self, key: RouteKey, entry: RouteEntry) {
        self.digest = self.digest.with_route(&key, &entry);
        if let Some(old) = self.entries.insert(key, entry) {
            self.digest = self.digest.without_route(&key, &old);
        }
    }

    fn remove(&mut self, key: &RouteKey) {
        if let Some(old) = self.entries.remove(key) {
            self.digest = self.digest.without_route(key, &old);
        }
    }

    /// The keys of a group's touched entries.
    fn of(&self, iif: IfIndex, group: GroupAddr, touched: &Touched) -> Vec<RouteKey> {
        let key = |source| RouteKey { iif, group, source };
        match touched {
            Touched::All => {
                // None is the least of all sources.
                let keys = self.entries.range(key(None)..).map(|(key, _)| *key);
                keys.take_while(|key| key.group == group).collect()
            }
            Touched::Sources(sources) => {
                let sources = sources.iter().copied().map(Some);
                // (*,G) is always touched.
                let keys = std::iter::once(None).chain(sources).map(key);
                keys.filter(|key| self.entries.contains_key(key)).collect()
            }
        }
    }
}

impl Routes {
    /// The entries of one input interface; `None` where it has none.
    pub fn table(&self, iif: IfIndex) -> Option<&RouteTable> {
        self.tables.get(&iif)
    }

    /// Where packets of the group's (*,G) and (S,G) entries come from and go
    /// to.
    pub fn flows(&self, group: GroupAddr) -> impl Iterator<Item = (TreeKey, &Flow)> {
        let flows = self.told.get(&group).into_iter().flatten();
        flows.map(|(key, flow)| (*key, flow))
    }

    /// Makes the change, as a holder of the same tables does that is told of it.
    pub fn apply(&mut self, update: RouteUpdate) {
        match update {
            RouteUpdate::Set(key, entry) => {
                self.tables.entry(key.iif).or_default().set(key, entry);
            }
            RouteUpdate::Remove(key) => {
                if let Some(table) = self.tables.get_mut(&key.iif) {
                    table.remove(&key);
                }
            }
        }
        self.tables.retain(|_, table| !table.entries.is_empty());
    }

    /// Computes the group's touched entries anew and tells the difference.
    pub fn refresh(
        &mut self,
        world: World<'_>,
        tib: &Tib,
        cx: &mut Context,
        group: GroupAddr,
        touched: &Touched,
    ) {
        let macros = world.macros(group, tib.groups.get(&group));
        let (mut entries, flows) = compute(macros, touched);
        unwanted(macros, cx, touched, &mut entries);
        self.tell_flows(cx, group, touched, flows);
        for key in self.gone(group, touched, &entries) {
            cx.output(Output::Route(RouteUpdate::Remove(key)));
            if let Some(table) = self.tables.get_mut(&key.iif) {
                table.remove(&key);
            }
        }
        self.tables.retain(|_, table| !table.entries.is_empty());
        for (key, entry) in entries {
            let table = self.tables.entry(key.iif).or_default();
            if table.entries.get(&key) != Some(&entry) {
                cx.output(Output::Route(RouteUpdate::Set(key, entry.clone())));
                table.set(key, entry);
            }
        }
    }

    fn gone(&self, group: GroupAddr, touched: &Touched, entries: &Entries) -> Vec<RouteKey> {
        let tables = self.tables.iter();
        let old = tables.flat_map(|(iif, table)| table.of(*iif, group, touched));
        old.filter(|key| !entries.contains_key(key)).collect()
    }

    fn tell_flows(
        &mut self,
        cx: &mut Context,
        group: GroupAddr,
        touched: &Touched,
        flows: BTreeMap<TreeKey, Flow>,
    ) {
        let known = self.told.entry(group).or_default();
        let mut gone: Vec<TreeKey> = match touched {
            Touched::All => known.keys().copied().collect(),
            Touched::Sources(sources) => {
                let sources = sources.iter().map(|source| TreeKey::Sg(*source, group));
                std::iter::once(TreeKey::StarG(group))
                    .chain(sources)
                    .collect()
            }
        };
        gone.retain(|key| !flows.contains_key(key));
        for (key, flow) in flows {
            let change = match known.get(&key) {
                None => RouteChangeKind::Added,
                Some(known) if *known != flow => RouteChangeKind::Changed,
                Some(_) => continue,
            };
            cx.event(told(key, change, &flow));
            known.insert(key, flow);
        }
        for key in gone {
            if let Some(flow) = known.remove(&key) {
                cx.event(told(key, RouteChangeKind::Removed, &flow));
            }
        }
        if known.is_empty() {
            self.told.remove(&group);
        }
    }
}

fn told(key: TreeKey, change: RouteChangeKind, flow: &Flow) -> Event {
    Event::Route {
        key,
        change,
        iif: flow.iif,
        olist: flow.olist.iter().copied().collect(),
    }
}

fn compute(macros: Macros<'_>, touched: &Touched) -> (Entries, BTreeMap<TreeKey, Flow>) {
    let mut entries = Entries::new();
    let mut flows = BTreeMap::new();
    let interfaces = macros.world.interfaces;
    if let Some((flow, iif)) = star_g(macros) {
        if let Some(iif) = iif.filter(|iif| routes(interfaces, *iif)) {
            let key = RouteKey {
                iif,
                group: macros.group,
                source: None,
            };
            let verdict = Verdict {
                accept: Accept::Forward,
                olist: flow.olist.clone(),
                register: false,
            };
            entries.insert(key, entry(interfaces, verdict, true));
        }
        flows.insert(TreeKey::StarG(macros.group), flow);
    }
    for source in sources(macros, touched) {
        let view = SourceView::new(macros, source);
        let known = macros
            .state
            .is_some_and(|state| state.sg.contains_key(&source));
        for iif in inputs(macros, source, &view) {
            if routes(interfaces, iif) {
                let key = RouteKey {
                    iif,
                    group: macros.group,
                    source: Some(source),
                };
                // Members may exclude a source before it sends; its first
                // packet is the one that begins to be registered.
                let new = !known && view.connected && view.is_rpf(iif);
                entries.insert(key, entry(interfaces, view.verdict(iif), new));
            }
        }
        if known {
            flows.insert(TreeKey::Sg(source, macros.group), flow_of(view));
        }
    }
    (entries, flows)
}

/// Entries for packets that nobody wanted, while that is so.
fn unwanted(macros: Macros<'_>, cx: &mut Context, touched: &Touched, entries: &mut Entries) {
    for (source, iif) in cx.unwanted.of(macros.group, touched) {
        let key = RouteKey {
            iif,
            group: macros.group,
            source: Some(source),
        };
        let verdict = SourceView::new(macros, source).verdict(iif);
        let dropped = match verdict.accept {
            Accept::Discard | Accept::WrongInterface => verdict,
            // There was no room for its entry.
            Accept::Forward | Accept::UntilSwitch | Accept::Switch
                if verdict.olist.is_empty() && !entries.contains_key(&key) =>
            {
                Verdict {
                    accept: Accept::Discard,
                    ..verdict
                }
            }
            Accept::Forward | Accept::UntilSwitch | Accept::Switch => {
                cx.unwanted.forget(macros.group, source, iif);
                continue;
            }
        };
        let interfaces = macros.world.interfaces;
        if routes(interfaces, iif) {
            entries
                .entry(key)
                .or_insert_with(|| entry(interfaces, dropped, false));
        }
    }
}

/// The flow of the (*,G) entry and the interface its packets come from; `None`
/// without an entry. At the RP they come out of Registers and from no
/// interface.
fn star_g(macros: Macros<'_>) -> Option<(Flow, Option<IfIndex>)> {
    macros.state?.star_g.as_ref()?;
    let iif = rpf_rp_in_force(macros);
    let mut olist = macros.immediate_olist_star_g();
    if let Some(iif) = iif {
        olist.remove(&iif);
    }
    Some((Flow { iif, olist }, iif))
}

fn flow_of(view: SourceView) -> Flow {
    let iif = view.rpf.map(|rpf| rpf.iface);
    let mut olist = view.inherited;
    if let Some(iif) = iif {
        olist.remove(&iif);
    }
    Flow { iif, olist }
}

/// The touched sources that the (*,G) entry does not speak for.
fn sources(macros: Macros<'_>, touched: &Touched) -> BTreeSet<UnicastAddr> {
    if let Touched::Sources(sources) = touched {
        let sources = sources.iter().copied();
        return sources.filter(|source| has_own(macros, *source)).collect();
    }
    let mut sources = BTreeSet::new();
    if let Some(state) = macros.state {
        sources.extend(state.sg.keys());
        sources.extend(state.sg_rpt.keys());
    }
    for (_, membership) in macros.world.igmp.members(macros.group) {
        if let Membership::Exclude(excluded) = membership {
            sources.extend(excluded);
        }
    }
    sources
}

/// Whether [`sources`] has the source.
fn has_own(macros: Macros<'_>, source: UnicastAddr) -> bool {
    let state = macros.state;
    state.is_some_and(|state| state.sg.contains_key(&source) || state.sg_rpt.contains_key(&source))
        || !macros.local_receiver_exclude(source).is_empty()
}

/// The interfaces where packets of the source must not reach the (*,G) entry,
/// or are known to arrive.
fn inputs(macros: Macros<'_>, source: UnicastAddr, view: &SourceView) -> BTreeSet<IfIndex> {
    let mut inputs: BTreeSet<IfIndex> =
        view.inherited.union(&view.inherited_rpt).copied().collect();
    inputs.extend(view.rpf.map(|rpf| rpf.iface));
    inputs.extend(view.rpf_rp);
    if let Some(state) = macros.state {
        inputs.extend(
            state
                .sg
                .get(&source)
                .iter()
                .flat_map(|sg| sg.asserts.keys()),
        );
        let star_g = state.star_g.iter();
        inputs.extend(star_g.flat_map(|star_g| star_g.asserts.keys()));
    }
    inputs
}

fn entry(interfaces: &Interfaces, verdict: Verdict, new_sources: bool) -> RouteEntry {
    let outputs = verdict.olist.iter();
    RouteEntry {
        accept: verdict.accept,
        register: verdict.register,
        new_sources,
        outputs: outputs.filter_map(|oif| output(interfaces, *oif)).collect(),
    }
}

fn output(interfaces: &Interfaces, oif: IfIndex) -> Option<RouteOutput> {
    let iface = interfaces.get(oif).filter(|iface| iface.routes())?;
    Some(RouteOutput {
        oif,
        source_mac: iface.kernel.mac,
        mtu: iface.kernel.mtu,
    })
}

fn routes(interfaces: &Interfaces, iface: IfIndex) -> bool {
    interfaces.get(iface).is_some_and(|iface| iface.routes())
}

#[cfg(test)]
mod tests;
