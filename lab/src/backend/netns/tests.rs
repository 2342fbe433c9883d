//! Tests of networks in namespaces. Each runs again in a world of its own, by
//! unshare(1), so that it needs no root and leaves nothing.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::future::Future;
use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use mcr_sys::namespace::{leave_mounts, mount_empty};
use nix::sys::signal::Signal;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::*;
use crate::topology::model::{Interface, Kind, Link, LinkChange, Medium, Node, Unicast, WireId};

const INSIDE: &str = "MCR_LAB_TEST_INSIDE";

/// Runs the test's body in a world of its own.
fn in_a_world<F: Future<Output = ()>>(name: &str, body: impl FnOnce(Options) -> F) {
    let path = format!("backend::netns::tests::{name}");
    if env::var_os(INSIDE).is_some() {
        leave_mounts().unwrap();
        mount_empty(Path::new("/run"), Path::new("/nowhere")).unwrap();
        let names = PathBuf::from("/run/netns");
        fs::create_dir(&names).unwrap();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(body(Options { names, seed: 1 }));
    }
    let world = [
        "--user",
        "--map-root-user",
        "--net",
        "--mount",
        "--pid",
        "--fork",
    ];
    let allowed = Command::new("unshare")
        .args(world)
        .args(["--mount-proc", "true"])
        .status();
    if !allowed.is_ok_and(|status| status.success()) {
        return skip(&path);
    }
    let output = Command::new("unshare")
        .args(world)
        .args(["--mount-proc", "--kill-child"])
        .arg(env::current_exe().unwrap())
        .args([path.as_str(), "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(
        text.contains("1 passed"),
        "the test did not run: {text}\n{errors}"
    );
}

fn skip(name: &str) {
    let Some(file) = env::var_os("MCR_SKIPPED") else {
        return;
    };
    let mut file = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .unwrap();
    writeln!(
        file,
        "{name}: no user namespaces; allow them (sysctl user.max_user_namespaces)"
    )
    .unwrap();
}

fn address(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

/// Nodes of these names, with no links yet.
fn topology(nodes: &[(&str, Kind)]) -> Topology {
    let node = |(name, kind): &(&str, Kind)| Node {
        name: (*name).to_owned(),
        groups: Vec::new(),
        kind: kind.clone(),
        router: None,
        loopback: Vec::new(),
        interfaces: Vec::new(),
        routes: Vec::new(),
        sysctls: Vec::new(),
        env: Vec::new(),
        wrap: None,
        own: None,
        ospf: None,
    };
    Topology {
        name: "test".to_owned(),
        about: String::new(),
        file: PathBuf::from("test.yaml"),
        nodes: nodes.iter().map(node).collect(),
        links: Vec::new(),
        receivers: Vec::new(),
        sources: Vec::new(),
        steps: Vec::new(),
        unicast: Unicast::None,
        invariants: Vec::new(),
        max_time: Duration::from_secs(60),
        ready: Duration::from_secs(60),
        alone: false,
        repeat: 1,
        artifacts: Default::default(),
        matrix: Vec::new(),
        origin: None,
    }
}

/// Joins nodes; each end is a node, an interface's name and its address.
fn join(
    topology: &mut Topology,
    name: &str,
    medium: Medium,
    ends: &[(usize, &str, &str)],
) -> LinkId {
    let id = LinkId(topology.links.len());
    let mut link = Link {
        name: name.to_owned(),
        medium,
        ends: Vec::new(),
        net: address("10.0.0.0/24"),
        mtu: 1500,
        metric: 10,
        checksum_offload: false,
        wire: None,
        members: BTreeMap::new(),
    };
    for (node, interface, own) in ends {
        let interfaces = &mut topology.nodes[*node].interfaces;
        link.ends.push((NodeId(*node), interfaces.len()));
        interfaces.push(Interface {
            name: (*interface).to_owned(),
            link: id,
            addresses: vec![address(own)],
        });
    }
    topology.links.push(link);
    id
}

fn pair() -> Topology {
    let mut topology = topology(&[("a", Kind::Host), ("b", Kind::Host)]);
    let ends = [(0, "to-b", "10.0.0.1/24"), (1, "to-a", "10.0.0.2/24")];
    join(&mut topology, "a--b", Medium::Veth, &ends);
    topology
}

/// What a command in a node prints.
async fn output(network: &Network, node: usize, words: &[&str]) -> String {
    let mut process = Process::new(words.iter().copied());
    process.stdout = Stdio::Pipe;
    let mut child = network.spawn(NodeId(node), process).unwrap();
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .await
        .unwrap();
    assert!(child.wait().await.unwrap().success(), "{words:?}: {text}");
    text
}

/// Sends a datagram from a node until another receives one, for 5 s.
fn passes(network: &Network, from: usize, to: usize, at: &str) -> bool {
    let target = format!("{at}:9");
    let receiver = network
        .in_namespace(NodeId(to), || {
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 9)).unwrap()
        })
        .unwrap();
    receiver
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let sender = network
        .in_namespace(NodeId(from), || {
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap()
        })
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        if sender.send_to(b"x", &target).is_err() {
            return false;
        }
        if receiver.recv(&mut [0; 8]).is_ok() {
            return true;
        }
    }
    false
}

/// The network namespaces that any process, descriptor-holder or mount of this
/// world shows.
fn named(options: &Options) -> Vec<String> {
    let entries = fs::read_dir(&options.names).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn open_namespaces() -> usize {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    let net = |link: PathBuf| link.to_string_lossy().starts_with("net:[");
    let mounted = |link: &PathBuf| link.starts_with("/run/netns");
    entries
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter(|link| mounted(link) || net(link.clone()))
        .count()
}

#[test]
fn a_link_carries_packets_and_nothing_is_left_after_teardown() {
    in_a_world(
        "a_link_carries_packets_and_nothing_is_left_after_teardown",
        async |options| {
            let network = Network::deploy(&pair(), &options).await.unwrap();
            assert_eq!(named(&options), ["a", "b"]);
            assert_eq!(open_namespaces(), 2);
            assert!(passes(&network, 0, 1, "10.0.0.2"));
            assert!(passes(&network, 1, 0, "10.0.0.1"));
            assert!(network.timings().total() > Duration::ZERO);
            assert!(network.teardown().await.is_empty());
            assert_eq!(named(&options), [""; 0]);
            assert_eq!(open_namespaces(), 0);
        },
    );
}

#[test]
fn nodes_have_the_settings_they_need() {
    in_a_world("nodes_have_the_settings_they_need", async |options| {
        let router = Kind::Custom(crate::topology::model::Custom {
            cmd: "true".to_owned(),
            ready: None,
            stop: None,
            state: None,
        });
        let mut topology = topology(&[("a", Kind::Host), ("r", router), ("c", Kind::Host)]);
        join(
            &mut topology,
            "a--r",
            Medium::Veth,
            &[(0, "r", "10.0.1.1/24"), (1, "a", "10.0.1.2/24")],
        );
        let jumbo = join(
            &mut topology,
            "r--c",
            Medium::Veth,
            &[(1, "c", "10.0.2.1/24"), (2, "r", "10.0.2.2/24")],
        );
        topology.links[jumbo.0].mtu = 9000;
        topology.nodes[0]
            .routes
            .push((address("10.0.2.0/24"), Ipv4Addr::new(10, 0, 1, 2)));
        topology.nodes[2]
            .routes
            .push((address("10.0.1.0/24"), Ipv4Addr::new(10, 0, 2, 1)));
        topology.nodes[0].loopback.push(address("10.255.0.1/32"));
        let forced = (
            "net.ipv4.conf.r.force_igmp_version".to_owned(),
            "2".to_owned(),
        );
        topology.nodes[0].sysctls.push(forced);
        let network = Network::deploy(&topology, &options).await.unwrap();
        let read = |node, name: &'static str| {
            let path = format!("/proc/sys/net/{name}");
            let text = network
                .in_namespace(NodeId(node), || fs::read_to_string(path))
                .unwrap();
            text.unwrap().trim().to_owned()
        };
        assert_eq!(read(0, "ipv4/ip_forward"), "0");
        assert_eq!(read(1, "ipv4/ip_forward"), "1");
        assert_eq!(read(1, "ipv4/conf/all/rp_filter"), "0");
        assert_eq!(read(1, "ipv4/conf/a/rp_filter"), "0");
        assert_eq!(read(0, "ipv4/igmp_max_memberships"), "1000000");
        assert_eq!(read(0, "ipv4/conf/r/force_igmp_version"), "2");
        assert!(passes(&network, 0, 2, "10.0.2.2"), "the router forwards");
        assert!(passes(&network, 0, 0, "10.255.0.1"));
        let links = output(&network, 1, &["ip", "-o", "link"]).await;
        assert!(links.contains("mtu 9000"), "{links}");
        assert!(
            !output(&network, 1, &["ip", "-6", "address"])
                .await
                .contains("inet6")
        );
        let routes = output(&network, 0, &["ip", "route"]).await;
        assert!(routes.contains("224.0.0.0/4 dev r"), "{routes}");
        assert!(network.teardown().await.is_empty());
    });
}

#[test]
fn checksums_are_finished_unless_the_link_asks_for_offload() {
    in_a_world(
        "checksums_are_finished_unless_the_link_asks_for_offload",
        async |options| {
            for offload in [false, true] {
                let mut topology = pair();
                topology.links[0].checksum_offload = offload;
                let network = Network::deploy(&topology, &options).await.unwrap();
                let socket = network.packet_socket(NodeId(1), 0).unwrap();
                assert!(passes(&network, 0, 1, "10.0.0.2"));
                let mut capture = std::fs::File::from(socket);
                let mut frame = [0; 2048];
                let finished = loop {
                    let length = capture.read(&mut frame).unwrap();
                    // Ethernet, IPv4 without options, UDP.
                    if length > 42 && frame[12..14] == [8, 0] && frame[23] == 17 {
                        break udp_checksum_is_right(&frame[14..length]);
                    }
                };
                assert_eq!(finished, !offload);
                assert!(network.teardown().await.is_empty());
            }
        },
    );
}

/// RFC 768, over an IPv4 packet without options.
fn udp_checksum_is_right(packet: &[u8]) -> bool {
    let length = usize::from(u16::from_be_bytes([packet[2], packet[3]])).min(packet.len());
    let mut sum = 17 + u32::try_from(length - 20).unwrap();
    for pair in packet[12..length].chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum == 0xffff
}

#[test]
fn a_segment_joins_all_its_members() {
    in_a_world("a_segment_joins_all_its_members", async |options| {
        let mut topology = topology(&[("a", Kind::Host), ("b", Kind::Host), ("all", Kind::Host)]);
        let medium = Medium::Bridge {
            snooping: true,
            querier: true,
        };
        let ends = [
            (0, "lan", "10.0.0.1/24"),
            (1, "lan", "10.0.0.2/24"),
            (2, "lan", "10.0.0.3/24"),
        ];
        let lan = join(&mut topology, "lan", medium, &ends);
        let network = Network::deploy(&topology, &options).await.unwrap();
        assert_eq!(named(&options), ["a", "all", "b", "segment.lan"]);
        assert!(passes(&network, 0, 1, "10.0.0.2"));
        assert!(passes(&network, 2, 0, "10.0.0.1"));
        let words = ["ip", "-n", "segment.lan", "-d", "link", "show", "br0"];
        let shown = output(&network, 0, &words).await;
        for expected in [
            "stp_state 0",
            "forward_delay 0",
            "mcast_snooping 1",
            "mcast_querier 1",
        ] {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
        network
            .link(lan, LinkChange::Delete, Some(NodeId(1)))
            .await
            .unwrap();
        assert!(matches!(
            network.index(NodeId(1), 0),
            Err(NetError::Absent { .. })
        ));
        assert!(passes(&network, 2, 0, "10.0.0.1"));
        network
            .link(lan, LinkChange::Create, Some(NodeId(1)))
            .await
            .unwrap();
        assert!(passes(&network, 0, 1, "10.0.0.2"));
        assert!(network.teardown().await.is_empty());
        assert_eq!(named(&options), [""; 0]);
    });
}

#[test]
fn an_end_set_down_by_hand_keeps_nobody_waiting() {
    in_a_world(
        "an_end_set_down_by_hand_keeps_nobody_waiting",
        async |options| {
            let network = Network::deploy(&pair(), &options).await.unwrap();
            let words = ["ip", "link", "set", "dev", "to-a", "down"];
            output(&network, 1, &words).await;
            let start = Instant::now();
            for change in [LinkChange::Down, LinkChange::Up] {
                let near = Some(NodeId(0));
                network.link(LinkId(0), change, near).await.unwrap();
            }
            assert!(start.elapsed() < Duration::from_secs(5));
            let far = Some(NodeId(1));
            network.link(LinkId(0), LinkChange::Up, far).await.unwrap();
            assert!(passes(&network, 0, 1, "10.0.0.2"));
            assert!(network.teardown().await.is_empty());
        },
    );
}

#[test]
fn links_go_and_come_with_addresses_and_routes() {
    in_a_world(
        "links_go_and_come_with_addresses_and_routes",
        async |options| {
            let mut topology = pair();
            topology.nodes[0]
                .routes
                .push((address("10.9.0.0/16"), Ipv4Addr::new(10, 0, 0, 2)));
            let network = Network::deploy(&topology, &options).await.unwrap();
            let link = LinkId(0);
            let routes = async || output(&network, 0, &["ip", "route"]).await;
            let before = routes().await;
            assert!(before.contains("10.9.0.0/16 via 10.0.0.2"), "{before}");
            network
                .link(link, LinkChange::Down, Some(NodeId(0)))
                .await
                .unwrap();
            assert_eq!(routes().await, "");
            network
                .link(link, LinkChange::Up, Some(NodeId(0)))
                .await
                .unwrap();
            assert_eq!(routes().await, before);
            let index = network.index(NodeId(0), 0).unwrap();
            network.link(link, LinkChange::Delete, None).await.unwrap();
            assert!(!output(&network, 0, &["ip", "link"]).await.contains("to-b"));
            let again = network
                .link(link, LinkChange::Delete, None)
                .await
                .unwrap_err();
            assert!(matches!(again, NetError::Absent { .. }), "{again}");
            network.link(link, LinkChange::Create, None).await.unwrap();
            assert_ne!(
                network.index(NodeId(0), 0).unwrap(),
                index,
                "it is another interface"
            );
            assert_eq!(routes().await, before);
            assert!(passes(&network, 0, 1, "10.0.0.2"));
            let again = network
                .link(link, LinkChange::Create, None)
                .await
                .unwrap_err();
            assert!(matches!(again, NetError::Present { .. }), "{again}");
            let elsewhere = network.link(LinkId(7), LinkChange::Up, None).await;
            assert!(elsewhere.is_err());
            let added = [address("10.0.0.7/24"), address("10.8.0.1/16")];
            network.set_addresses(NodeId(0), 0, &added).await.unwrap();
            let shown = output(&network, 0, &["ip", "-o", "-4", "address"]).await;
            assert!(
                !shown.contains("10.0.0.1/24") && shown.contains("10.8.0.1/16"),
                "{shown}"
            );
            assert!(routes().await.contains("10.9.0.0/16 via 10.0.0.2"));
            assert!(passes(&network, 1, 0, "10.0.0.7"));
            network.link(link, LinkChange::Delete, None).await.unwrap();
            network.link(link, LinkChange::Create, None).await.unwrap();
            assert!(
                passes(&network, 1, 0, "10.0.0.7"),
                "the addresses it had come again"
            );
            assert!(network.teardown().await.is_empty());
        },
    );
}

#[test]
fn a_failure_in_the_middle_leaves_nothing() {
    in_a_world("a_failure_in_the_middle_leaves_nothing", async |options| {
        let mut bad_mtu = pair();
        bad_mtu.links[0].mtu = 70_000;
        let mut bad_route = pair();
        bad_route.nodes[0]
            .routes
            .push((address("10.9.0.0/16"), Ipv4Addr::new(192, 0, 2, 1)));
        let mut bad_name = pair();
        bad_name.nodes[0].interfaces[0].name = "lo".to_owned();
        let mut bad_sysctl = pair();
        bad_sysctl.nodes[1]
            .sysctls
            .push(("kernel.pid_max".to_owned(), "1".to_owned()));
        let mut twice = pair();
        twice.nodes[1].name = "a".to_owned();
        for (topology, message) in [
            (
                bad_mtu,
                "cannot make link a--b (mtu 70000): Invalid argument",
            ),
            (
                bad_route,
                "a: cannot route 10.9.0.0/16: Network is unreachable",
            ),
            (bad_name, "cannot make link a--b (mtu 1500): File exists"),
            (bad_sysctl, "b: cannot set sysctl kernel.pid_max to \"1\""),
            (twice, "cannot make the network namespace of a:"),
        ] {
            let error = Network::deploy(&topology, &options)
                .await
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(message), "{error}");
            assert_eq!(named(&options), [""; 0], "{error}");
            assert_eq!(open_namespaces(), 0, "{error}");
        }
        let network = Network::deploy(&pair(), &options).await.unwrap();
        assert!(network.teardown().await.is_empty());
    });
}

#[test]
fn processes_are_owned() {
    in_a_world("processes_are_owned", async |options| {
        let network = Network::deploy(&pair(), &options).await.unwrap();
        let missing = network
            .spawn(NodeId(0), Process::new(["/no/such/program"]))
            .unwrap_err();
        let message = missing.to_string();
        assert!(
            message.starts_with("a: cannot run /no/such/program: No such file"),
            "{message}"
        );
        let mut process = Process::new([
            "sh",
            "-c",
            "tail -f /dev/null & tail -f /dev/null & echo $X; wait",
        ]);
        process.env.push(("X".into(), "there".into()));
        process.stdin = Stdio::Pipe;
        process.stdout = Stdio::Pipe;
        let mut parent = network.spawn(NodeId(0), process).unwrap();
        let mut line = [0; 6];
        parent
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut line)
            .await
            .unwrap();
        assert_eq!(&line, b"there\n");
        assert_eq!(parent.children().unwrap().len(), 2);
        assert_eq!(parent.try_wait().unwrap(), None);
        parent.signal_group(Signal::SIGTERM).unwrap();
        let status = timeout(Duration::from_secs(5), parent.wait())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(status.code(), None);
        assert_eq!(parent.wait().await.unwrap(), status);
        assert!(parent.signal(Signal::SIGTERM).is_err());
        let left = network
            .spawn(NodeId(1), Process::new(["tail", "-f", "/dev/null"]))
            .unwrap();
        let proc = PathBuf::from(format!("/proc/{}", left.pid()));
        assert!(proc.exists());
        assert!(network.teardown().await.is_empty());
        assert!(!proc.exists(), "tear-down ends what is left");
        assert!(!left.wait().await.unwrap().success());
    });
}

#[test]
fn a_hundred_nodes_in_a_chain() {
    in_a_world("a_hundred_nodes_in_a_chain", async |options| {
        const NODES: usize = 100;
        let names: Vec<String> = (0..NODES).map(|node| format!("n{node}")).collect();
        let nodes: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), Kind::Host))
            .collect();
        let mut topology = topology(&nodes);
        for node in 0..NODES - 1 {
            let (left, right) = (format!("10.0.{node}.1/24"), format!("10.0.{node}.2/24"));
            let ends = [
                (node, "right", left.as_str()),
                (node + 1, "left", right.as_str()),
            ];
            join(
                &mut topology,
                &format!("n{node}--n{}", node + 1),
                Medium::Veth,
                &ends,
            );
        }
        let network = Network::deploy(&topology, &options).await.unwrap();
        let mut seen = String::new();
        writeln!(seen, "{:?}", network.timings()).unwrap();
        assert_eq!(named(&options).len(), NODES);
        assert!(passes(&network, 0, 1, "10.0.0.2"), "{seen}");
        assert!(
            passes(&network, NODES - 1, NODES - 2, "10.0.98.1"),
            "{seen}"
        );
        assert!(network.teardown().await.is_empty());
        assert_eq!(named(&options), [""; 0]);
        print!("{seen}");
    });
}

#[test]
fn a_process_has_its_nodes_environment_under_its_own() {
    in_a_world(
        "a_process_has_its_nodes_environment_under_its_own",
        async |options| {
            let mut topology = pair();
            let own = [("X", "of the node"), ("Y", "of the node")];
            topology.nodes[0].env = own.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
            let network = Network::deploy(&topology, &options).await.unwrap();
            let mut process = Process::new(["sh", "-c", "echo $X, $Y"]);
            process.env.push(("Y".into(), "of the process".into()));
            process.stdout = Stdio::Pipe;
            let mut child = network.spawn(NodeId(0), process).unwrap();
            let mut text = String::new();
            let stdout = child.stdout.as_mut().unwrap();
            stdout.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "of the node, of the process\n");
            assert_eq!(child.wait().await.unwrap().code(), Some(0));
            assert!(network.teardown().await.is_empty());
        },
    );
}

mod adopt;
mod watched;
mod wires;
