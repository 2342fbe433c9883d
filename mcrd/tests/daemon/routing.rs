//! Packets that the daemon routes, from the first on.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use mcr_sys::udp::{ReceiveConfig, receiver};
use mcr_tests::eventually;
use nix::sys::signal::Signal;

use crate::mcrd::{Mcrd, SOON, rule_text, send_signal};
use crate::traffic::{sender, take};
use crate::world::{in_world, inside};

const PORT: u16 = 6000;

/// Long enough for a second copy to show.
const A_MOMENT: Duration = Duration::from_millis(200);

/// A first hop, RP and last hop in one, also with static rules.
fn router(rules: &str) -> Mcrd {
    Mcrd::with_config(&format!(
        "{{ pim: {{ interfaces: {{ in0: {{}}, out0: {{}} }}, \
         rp: {{ static: [{{ address: '10.0.0.1' }}] }} }}, \
         igmp: {{ interfaces: {{ out0: {{}} }} }}, rules: [{rules}] }}"
    ))
}

fn joined(
    interface: &str,
    interface_address: Ipv4Addr,
    group: Ipv4Addr,
    source: Option<Ipv4Addr>,
) -> std::io::Result<UdpSocket> {
    let config = ReceiveConfig {
        group,
        port: PORT,
        interface: nix::net::if_::if_nametoindex(interface)?,
        interface_address,
        sources: source.into_iter().collect(),
        exclude: false,
        buffer: 4 << 20,
    };
    let socket = receiver(&config).map_err(std::io::Error::other)?;
    let socket = UdpSocket::from(socket);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A host on the network `dst` that has joined; the daemon knows.
pub(crate) fn member(mcrd: &Mcrd, group: Ipv4Addr, source: Option<Ipv4Addr>) -> UdpSocket {
    let address = Ipv4Addr::new(10, 0, 1, 2);
    let socket = inside("dst", || joined("e0", address, group, source));
    let group = group.to_string();
    let known = |log: String| {
        let mut lines = log.lines();
        lines.any(|line| line.contains("igmp: joined") && line.contains(&group))
    };
    assert!(eventually(SOON, || known(mcrd.log())), "no membership");
    socket
}

pub(crate) fn send(socket: &UdpSocket, group: Ipv4Addr, number: u32) {
    let to = SocketAddrV4::new(group, PORT);
    socket.send_to(&number.to_be_bytes(), to).unwrap();
}

/// Each packet arrives once: the first, those until the route is there, and
/// those after.
fn each_once(mcrd: &Mcrd, group: [u8; 4], source: Option<[u8; 4]>) {
    let group = Ipv4Addr::from(group);
    let receiver = member(mcrd, group, source.map(Ipv4Addr::from));
    let sender = sender();
    for number in 0..30 {
        send(&sender, group, number);
        assert_eq!(take(&receiver, 1, SOON), [number]);
    }
    let burst = Vec::from_iter(30..500);
    for number in &burst {
        send(&sender, group, *number);
    }
    // One that came twice would be found among them, or after.
    assert_eq!(take(&receiver, burst.len(), SOON), burst);
    assert_eq!(take(&receiver, 1, A_MOMENT), Vec::<u32>::new());
}

/// RFC 7761 §4.2.
#[test]
fn each_packet_of_a_new_source_arrives_once() {
    in_world("routing::each_packet_of_a_new_source_arrives_once", || {
        each_once(&router(""), [239, 5, 5, 5], None);
    });
}

#[test]
fn each_packet_of_a_chosen_source_arrives_once() {
    in_world(
        "routing::each_packet_of_a_chosen_source_arrives_once",
        || {
            let mcrd = router("");
            each_once(&mcrd, [232, 5, 5, 5], Some([10, 0, 0, 2]));
            let entries = mcrd.routes();
            let [entry] = &entries[..] else {
                unreachable!("{entries:?}");
            };
            // The router forwarded what came before the data plane had it.
            let taken = 500 - mcrd.counter("out0", "forward.packets");
            // Of 4 bytes each, behind headers of 20 and 8.
            let bytes = taken * 32;
            assert_eq!((entry.packets, entry.bytes), (Some(taken), Some(bytes)));
            assert!(taken >= 470, "{taken} of 500");
        },
    );
}

/// RFC 1112 §6.1: what is routed is not taken away from the router's own host.
#[test]
fn a_program_on_the_router_gets_its_copy() {
    in_world("routing::a_program_on_the_router_gets_its_copy", || {
        let mcrd = router("");
        let group = Ipv4Addr::new(239, 5, 5, 5);
        let address = Ipv4Addr::new(10, 0, 0, 1);
        let own = inside("r", || joined("in0", address, group, None));
        let receiver = member(&mcrd, group, None);
        let sender = sender();
        for number in 0..30 {
            send(&sender, group, number);
            assert_eq!(take(&own, 1, SOON), [number]);
            assert_eq!(take(&receiver, 1, SOON), [number]);
        }
    });
}

/// D19: a receiver that joins a group which a rule relays too gets each packet
/// once.
/// RFC 7761 §4.2.
#[test]
fn a_rule_and_a_membership_make_one_copy() {
    in_world("routing::a_rule_and_a_membership_make_one_copy", || {
        let rule = r#"{ name: 'same', input: { interface: 'in0', group: '239.5.5.5' },
            outputs: [{ interface: 'out0' }] }"#;
        each_once(&router(rule), [239, 5, 5, 5], None);
    });
}

/// D9: a worker that starts anew gets the routes that were learned, not only
/// the rules of the configuration.
#[test]
fn a_killed_worker_routes_again_at_once() {
    in_world("routing::a_killed_worker_routes_again_at_once", || {
        let mcrd = router(&rule_text("other", 1));
        let group = Ipv4Addr::new(239, 5, 5, 5);
        each_once(&mcrd, group.octets(), None);
        let workers = mcrd.wait_workers(2);
        let old = workers.iter().find(|one| one.interface == "in0").unwrap();
        let old = old.pid.unwrap();
        let receiver = member(&mcrd, group, None);
        let sender = sender();
        send_signal(old, Signal::SIGKILL);
        let mut number = 1000;
        // Packets to a socket that nobody reads wait, or are lost with it.
        assert!(eventually(SOON, || {
            number += 1;
            send(&sender, group, number);
            take(&receiver, 1, SOON / 50).last() == Some(&number)
        }));
        let again = mcrd.wait_workers(2);
        assert!(again.iter().all(|one| one.pid != Some(old)));
    });
}
