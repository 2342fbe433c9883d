//! A case as a lab file.

use super::case::{
    Case, Event, GROUPS, METRIC, Receiver, RouterId, What, Wire, WireId, receiver_host, source_host,
};
use super::questions::{Asked, Known, Questions};

/// Timers that let a network settle within seconds, and in the order of the
/// RFCs' own.
const TIMERS: &str = "\
timers: { profile: fast, keepalive: 5s, register_suppression: 1500ms, register_probe: 300ms, assert: 6s, igmp_query: 2s, igmp_query_response: 500ms, igmp_last_member_query: 300ms }
unicast: { mode: oracle, delay: 50ms }
";
/// What must hold all the time. Neighbours are forgotten after 3.5 seconds, Joins
/// after 7, and trees follow.
const INVARIANTS: &str = "\
invariants:
  - one-dr-per-segment: { within: 15s }
  - iif-is-rpf: { within: 15s }
  - no-unwanted-traffic: { within: 15s }
  - one-assert-winner: { within: 15s }
  - oif-is-wanted: { within: 15s }
";
/// What has changed is known to the neighbours, and old memberships are gone.
const SETTLE: &str = "6s";

impl Case {
    /// The lab file; `questions` are those of each event, and `heading` the
    /// lines of its comment.
    pub(super) fn text(&self, questions: &Questions, heading: &[String]) -> String {
        let mut text = String::new();
        for line in heading {
            text.push_str(format!("# {line}").trim_end());
            text.push('\n');
        }
        let seed = self.seed;
        text += &format!("lab: 1\nname: fuzz-{seed}\n{TIMERS}pim:\n  rp:\n");
        for (group, rp) in GROUPS.iter().zip(self.rps) {
            text += &format!("    - {{ address: \"${{r{rp}.lo}}\", groups: {group}/32 }}\n");
        }
        text += "nodes:\n";
        for at in self.routers.keys() {
            text += &format!("  r{at}: {}\n", self.router(*at));
        }
        for (host, _) in self.hosts() {
            text += &format!("  {host}: host\n");
        }
        text += &self.links();
        text += &self.traffic();
        text += INVARIANTS;
        text += "limits: { max_time: 60m }\nsteps:\n";
        let mut steps = Steps {
            case: self,
            text: String::new(),
            judged: 0,
        };
        for (event, asked) in self.events.iter().zip(&questions.of) {
            steps.add(event, asked);
        }
        text + &steps.text
    }

    fn router(&self, at: RouterId) -> String {
        let Some(router) = self.routers.get(&at) else {
            return "mcrd".to_owned();
        };
        let mut pim = Vec::new();
        if router.stays {
            pim.push("spt_switch: never".to_owned());
        }
        let wires = self.wires.iter();
        let own = wires.filter_map(|(number, wire)| {
            let priority = wire.priorities.get(&at)?;
            let name = self.interface(*number, at);
            Some(format!("{name}: {{ dr_priority: {priority} }}"))
        });
        let own: Vec<String> = own.collect();
        if !own.is_empty() {
            pim.push(format!("interfaces: {{ {} }}", own.join(", ")));
        }
        let mut keys = vec!["kind: mcrd".to_owned()];
        if !pim.is_empty() {
            keys.push(format!("pim: {{ {} }}", pim.join(", ")));
        }
        if router.deaf {
            // RFC 5737: nobody has these addresses.
            let own = self
                .wires
                .iter()
                .filter(|(_, wire)| wire.routers.contains(&at));
            let own = own.map(|(number, _)| {
                let name = self.interface(*number, at);
                format!("{name}: {{ neighbors: [192.0.2.0/24] }}")
            });
            let own: Vec<String> = own.collect();
            let own = own.join(", ");
            keys.push(format!("config: {{ pim: {{ interfaces: {{ {own} }} }} }}"));
        }
        match keys.len() {
            1 => "mcrd".to_owned(),
            _ => format!("{{ {} }}", keys.join(", ")),
        }
    }

    /// A router's interface: it has the name of what it leads to.
    fn interface(&self, wire: WireId, at: RouterId) -> String {
        let other = self.wires.get(&wire).filter(|wire| !wire.lan);
        let other = other.and_then(|wire| wire.routers.iter().find(|of| **of != at));
        match other {
            Some(other) => format!("r{other}"),
            None => lan(wire),
        }
    }

    fn links(&self) -> String {
        let (mut links, mut lans) = (String::new(), String::new());
        for (at, wire) in &self.wires {
            if wire.lan {
                let mut members: Vec<String> = names(wire);
                let hosts = self.hosts().filter(|(_, on)| on == at);
                members.extend(hosts.map(|(host, _)| host));
                let members = members.join(", ");
                lans += &format!("  {}: ", lan(*at));
                lans += &match wire.metric {
                    METRIC => format!("[{members}]\n"),
                    metric => format!("{{ members: [{members}], metric: {metric} }}\n"),
                };
            } else {
                links += &format!("  - {}", names(wire).join(" -- "));
                links += &match wire.metric {
                    METRIC => "\n".to_owned(),
                    metric => format!(": {{ metric: {metric} }}\n"),
                };
            }
        }
        let mut text = String::new();
        if !links.is_empty() {
            text += &format!("links:\n{links}");
        }
        if !lans.is_empty() {
            text += &format!("segments:\n{lans}");
        }
        text
    }

    fn traffic(&self) -> String {
        let mut text = String::new();
        if !self.receivers.is_empty() {
            text += "receivers:\n";
        }
        for (at, one) in &self.receivers {
            let Receiver { group, igmp, .. } = one;
            let source = match one.source {
                Some(of) => format!(", source: \"${{{}.ip}}\"", source_host(of)),
                None => String::new(),
            };
            let host = receiver_host(*at);
            text += &format!("  R{at}: {{ at: {host}, group: {group}, igmp: {igmp}{source} }}\n");
        }
        if !self.sources.is_empty() {
            text += "sources:\n";
        }
        for (at, one) in &self.sources {
            let (host, group) = (source_host(*at), one.group);
            text += &format!("  S{at}: {{ at: {host}, group: {group}, rate: 20pps }}\n");
        }
        text
    }

    /// A link's name.
    pub(super) fn link(&self, at: WireId) -> String {
        match self.wires.get(&at) {
            Some(wire) if !wire.lan => names(wire).join("--"),
            Some(_) | None => lan(at),
        }
    }

    /// An event in a few words, and in those of the file.
    fn told(&self, what: What) -> Option<(String, String)> {
        Some(match what {
            What::Join(at) => (format!("R{at} joins"), format!("join: R{at}")),
            What::Leave(at) => (format!("R{at} leaves"), format!("leave: R{at}")),
            What::Send(at) => (format!("S{at} sends"), format!("send: S{at}")),
            What::Stop(at) => (format!("S{at} stops"), format!("stop: S{at}")),
            What::Down(at) | What::Up(at) => {
                let way = if what == What::Up(at) { "up" } else { "down" };
                let name = self.link(at);
                (
                    format!("{name} goes {way}"),
                    format!("link: {{ {way}: {name} }}"),
                )
            }
            What::EndDown(at, of) | What::EndUp(at, of) => {
                let up = what == What::EndUp(at, of);
                let way = if up { "up" } else { "down" };
                let name = self.link(at);
                (
                    format!("r{of} has {name} {way}"),
                    format!("link: {{ {way}: {name}, at: r{of} }}"),
                )
            }
            What::Kill(at) => daemon(at, "is killed", "kill"),
            What::Quit(at) => daemon(at, "is stopped", "stop"),
            What::Start(at) => daemon(at, "starts", "start"),
            What::Freeze(at) => daemon(at, "is frozen", "freeze"),
            What::Thaw(at) => daemon(at, "goes on", "thaw"),
            What::Judge | What::Over => return None,
        })
    }
}

fn daemon(at: RouterId, told: &str, verb: &str) -> (String, String) {
    (
        format!("r{at} {told}"),
        format!("daemon: {{ {verb}: r{at} }}"),
    )
}

fn lan(at: WireId) -> String {
    format!("lan{at}")
}

fn names(wire: &Wire) -> Vec<String> {
    wire.routers.iter().map(|at| format!("r{at}")).collect()
}

/// The steps as they are written.
struct Steps<'a> {
    case: &'a Case,
    text: String,
    /// How often all was judged.
    judged: usize,
}

impl Steps<'_> {
    fn step(&mut self, title: &str, lines: &[String]) {
        self.text += &format!("  - \"{title}\":\n");
        for line in lines {
            self.text += &format!("      {line}\n");
        }
    }

    fn add(&mut self, event: &Event, asked: &Asked) {
        let Some((title, verb)) = self.case.told(event.what) else {
            return match event.what == What::Judge {
                true => self.judge(asked),
                false => self.over(asked),
            };
        };
        let mut lines = vec![verb];
        if !event.pause.is_zero() {
            lines.push(format!("wait: {}ms", event.pause.as_millis()));
        }
        self.step(&title, &lines);
    }

    fn judge(&mut self, asked: &Asked) {
        self.judged += 1;
        let judged = self.judged;
        let mut lines = vec![format!("wait: {SETTLE}")];
        if asked.known.is_some() {
            lines.push("expect:".to_owned());
        }
        lines.extend(asked.known.map(|known| {
            let parts = match known {
                Known::All => "all",
                Known::Routers => "[neighbors, dr, rp]",
            };
            format!("  - {{ state: {{ same_as_model: {parts} }}, within: 25s, holds: 2s }}")
        }));
        lines.extend(asked.trees.iter().map(|group| {
            format!("  - {{ tree: {{ group: {group}, matches: model }}, within: 25s, holds: 2s }}")
        }));
        self.step(&format!("settled, {judged}"), &lines);
        if asked.reached.is_empty() && !asked.native {
            return;
        }
        let mut lines = vec!["measure:".to_owned(), "  for: 2s".to_owned()];
        if !asked.reached.is_empty() {
            lines.push("  rx:".to_owned());
        }
        lines.extend(asked.reached.iter().map(|(receiver, source)| {
            format!("    - {{ by: R{receiver}, of: S{source}, loss: 0, duplicates: 0 }}")
        }));
        if asked.native {
            lines.push("  packets: { match: pim.register, count: 0 }".to_owned());
        }
        self.step(&format!("nothing is lost, {judged}"), &lines);
    }

    fn over(&mut self, asked: &Asked) {
        let mut lines = Vec::new();
        let list = |prefix: &str, all: &mut dyn Iterator<Item = u32>| {
            let all: Vec<String> = all.map(|at| format!("{prefix}{at}")).collect();
            all.join(", ")
        };
        let joined = list("R", &mut asked.before.joined.iter().copied());
        if !joined.is_empty() {
            lines.push(format!("leave: [{joined}]"));
        }
        let sending = list("S", &mut asked.before.sending.iter().copied());
        if !sending.is_empty() {
            lines.push(format!("stop: [{sending}]"));
        }
        lines.push(format!("wait: {SETTLE}"));
        let running = list("r", &mut asked.running.iter().copied());
        if !running.is_empty() {
            lines.push("expect:".to_owned());
        }
        for (group, sources) in asked.left.iter().filter(|_| !running.is_empty()) {
            let mut entry = |more: &str| {
                lines.push(format!(
                    "  - {{ mroute: {{ at: [{running}], group: {group}{more}, absent: true }}, within: 40s }}"
                ));
            };
            entry("");
            for of in sources {
                entry(&format!(", source: \"${{{}.ip}}\"", source_host(*of)));
            }
        }
        self.step("all leave and stop, and nothing is left", &lines);
    }
}
