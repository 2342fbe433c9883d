//! Packets through the daemon.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use crate::world::inside;

/// A sender on the network `src`.
pub(crate) fn sender() -> UdpSocket {
    inside("src", || {
        let socket = UdpSocket::bind((Ipv4Addr::new(10, 0, 0, 2), 0))?;
        socket.set_multicast_ttl_v4(3)?;
        Ok(socket)
    })
}

/// A receiver of 239.2.2.`n`, port 6000, on the network `dst`.
pub(crate) fn receiver(n: u8) -> UdpSocket {
    inside("dst", move || {
        let group = Ipv4Addr::new(239, 2, 2, n);
        let socket = UdpSocket::bind(SocketAddrV4::new(group, 6000))?;
        socket.join_multicast_v4(&group, &Ipv4Addr::new(10, 0, 1, 2))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    })
}

/// Sends numbered packets to 239.1.1.`n`, port 5000.
pub(crate) fn send(socket: &UdpSocket, n: u8, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let to = SocketAddrV4::new(Ipv4Addr::new(239, 1, 1, n), 5000);
        socket.send_to(&number.to_be_bytes(), to).unwrap();
    }
}

/// Takes what has arrived until `count` packets are there or the time is over.
pub(crate) fn take(socket: &UdpSocket, count: usize, within: Duration) -> Vec<u32> {
    let end = Instant::now() + within;
    let mut numbers = Vec::new();
    let mut buffer = [0; 2048];
    while numbers.len() < count && Instant::now() < end {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                let bytes: [u8; 4] = buffer[..length].try_into().unwrap();
                numbers.push(u32::from_be_bytes(bytes));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
    numbers
}
