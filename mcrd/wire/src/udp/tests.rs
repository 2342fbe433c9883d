//! Datagrams, byte by byte.

use proptest::prelude::*;

use super::*;

const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);

#[test]
fn a_plain_datagram() {
    let bytes = [0x13, 0x88, 0x13, 0x89, 0x00, 0x0b, 0, 0, b'h', b'i', b'!'];
    let datagram = Datagram::parse(&bytes).unwrap();
    assert_eq!(datagram.header().source_port.get(), 5000);
    assert_eq!(datagram.header().destination_port.get(), 5001);
    assert_eq!(datagram.payload(), b"hi!");
    assert!(datagram.checksum_is_right(SOURCE, GROUP), "none is right");
}

#[test]
fn the_length_is_that_of_the_datagram() {
    let with = |length: u16, bytes: usize| {
        let mut datagram = vec![0; bytes];
        datagram[4..6].copy_from_slice(&length.to_be_bytes());
        Datagram::parse(&datagram).map(|d| d.payload().len())
    };
    assert_eq!(with(8, 8), Ok(0));
    assert_eq!(with(10, 20), Ok(2), "what follows is not the datagram's");
    // D32 of the earlier system: a length below 8, or beyond the packet.
    assert_eq!(with(7, 8), Err(Malformed::BadUdpLength));
    assert_eq!(with(0, 20), Err(Malformed::BadUdpLength));
    assert_eq!(with(21, 20), Err(Malformed::BadUdpLength));
    assert_eq!(Datagram::parse(&[0; 7]), Err(Malformed::Truncated));
}

#[test]
fn a_datagram_that_would_be_too_long_is_not_made() {
    assert!(Header::new(1, 2, 65527).is_some());
    assert!(Header::new(1, 2, 65528).is_none());
    assert!(Header::new(1, 2, usize::MAX).is_none());
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        ports: (u16, u16), payload in prop::collection::vec(any::<u8>(), 0..1500), flip: u8,
    ) {
        let mut header = Header::new(ports.0, ports.1, payload.len()).unwrap();
        let bare = [header.as_bytes(), &payload].concat();
        header.checksum = checksum::udp(SOURCE, GROUP, &bare).into();
        let mut bytes = [header.as_bytes(), &payload].concat();
        let datagram = Datagram::parse(&bytes).unwrap();
        prop_assert_eq!(*datagram.header(), header);
        prop_assert_eq!(datagram.payload(), &payload[..]);
        prop_assert!(datagram.checksum_is_right(SOURCE, GROUP));

        if flip != 0 && !payload.is_empty() {
            bytes[8] ^= flip;
            let damaged = Datagram::parse(&bytes).unwrap();
            prop_assert!(!damaged.checksum_is_right(SOURCE, GROUP));
        }
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes: Vec<u8>) {
        if let Ok(datagram) = Datagram::parse(&bytes) {
            prop_assert!(datagram.payload().len() + HEADER_LEN <= bytes.len());
            datagram.checksum_is_right(SOURCE, GROUP);
        }
    }
}
