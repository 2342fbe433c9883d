//! What tests need done in a process of its own: in another namespace, or
//! behind the walls of a worker. The program's first argument says what.

#![allow(clippy::print_stdout, reason = "the tests read what it prints")]

use std::env;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use mcr_sys::udp::{SendConfig, sender};
use mcrgen::payload::{HEADER_LEN, Header, Template};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, recv, sendto,
    setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 1, 1, 1), 5000);

/// A test that was killed must not leave a watcher behind for long.
const WATCH: Duration = Duration::from_secs(20);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["inject", script @ ..] => inject(script),
        ["watch-igmp"] => watch_igmp(),
        ["walled-in", what] => walled_in(what),
        other => bail!("inject WORD..., watch-igmp or walled-in WHAT, not {other:?}"),
    }
}

/// Sends what the script says to [`GROUP`] on `v0`: sequence numbers, or
/// `foreign`, `corrupt-N`, `cut-N` and `badsum-N`.
fn inject(script: &[&str]) -> anyhow::Result<()> {
    let index = nix::net::if_::if_nametoindex("v0")?;
    let socket = UdpSocket::from(sender(&SendConfig {
        bind: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 4000),
        interface: Some(index),
        ttl: 1,
        dscp: 0,
        multicast_loop: false,
    })?);
    for word in script {
        let (kind, number) = word.split_once('-').unwrap_or(("", word));
        if kind.is_empty() && number == "foreign" {
            socket.send_to(b"not of mcrgen", GROUP)?;
            continue;
        }
        let number = number.parse().with_context(|| (*word).to_owned())?;
        let mut octets = datagram(number)?;
        match kind {
            "" => {}
            "corrupt" => octets[HEADER_LEN + 3] ^= 1,
            "cut" => octets.truncate(60),
            "badsum" => {
                send_with_bad_checksum(&octets)?;
                continue;
            }
            other => bail!("{other} is no kind of datagram"),
        }
        socket.send_to(&octets, GROUP)?;
    }
    Ok(())
}

/// One datagram of run 1, flow 1, as a sender would make it.
fn datagram(sequence: u64) -> anyhow::Result<Vec<u8>> {
    let template = Template::new(100)?;
    let header = Header {
        run: 1,
        flow: 1,
        sequence,
        ..Header::default()
    };
    let mut octets = template.header(&header).to_vec();
    octets.extend_from_slice(template.filler(sequence));
    Ok(octets)
}

/// A raw socket sends the UDP header as it is given.
fn send_with_bad_checksum(payload: &[u8]) -> anyhow::Result<()> {
    let raw = socket(
        AddressFamily::Inet,
        SockType::Raw,
        SockFlag::empty(),
        SockProtocol::Udp,
    )?;
    let length = u16::try_from(8 + payload.len())?;
    let mut octets = Vec::new();
    for field in [4000, GROUP.port(), length, 0x1234] {
        octets.extend_from_slice(&field.to_be_bytes());
    }
    octets.extend_from_slice(payload);
    setsockopt(&raw, sockopt::BindToDevice, &"v0".into())?;
    let to = SockaddrIn::from(GROUP);
    sendto(raw.as_raw_fd(), &octets, &to, MsgFlags::empty())?;
    Ok(())
}

/// Prints the type of each IGMP message that comes or goes, until it is killed.
fn watch_igmp() -> anyhow::Result<()> {
    // A report goes to a group of its own: only a packet socket sees it.
    let raw: OwnedFd = socket(
        AddressFamily::Packet,
        SockType::Datagram,
        SockFlag::empty(),
        SockProtocol::EthAll,
    )?;
    setsockopt(&raw, sockopt::ReceiveTimeout, &TimeVal::seconds(1))?;
    println!("watching");
    let end = Instant::now() + WATCH;
    while Instant::now() < end {
        let mut packet = [0; 2048];
        let Ok(length) = recv(raw.as_raw_fd(), &mut packet, MsgFlags::empty()) else {
            continue;
        };
        let header = usize::from(packet[0] & 0x0f) * 4;
        if packet[0] >> 4 == 4 && packet[9] == 2 && length > header {
            println!("igmp {:#04x}", packet[header]);
        }
    }
    Ok(())
}

/// Puts the walls of a worker up, and does something behind them.
fn walled_in(what: &str) -> anyhow::Result<()> {
    let walls = mcr_sys::sandbox::enter();
    let seccomp = walls.iter().find(|(name, _)| name == "seccomp");
    ensure!(matches!(seccomp, Some((_, Ok(())))), "{walls:?}");
    match what {
        "work" => drop(vec![1u8; 1 << 22]),
        "open" => drop(std::fs::File::open("/proc/self/status")),
        "socket" => drop(UdpSocket::bind("127.0.0.1:0")),
        "spawn" => drop(std::thread::Builder::new().spawn(|| ())),
        other => bail!("{other} is nothing to do behind the walls"),
    }
    Ok(())
}
