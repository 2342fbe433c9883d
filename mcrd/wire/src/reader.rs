//! Reads fields in network order, and never beyond the end.

use std::net::Ipv4Addr;

use crate::BadMessage;

/// What is left of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// What it means that a field is not there.
    short: BadMessage,
}

impl<'a> Reader<'a> {
    /// For the part that every message of the type has.
    pub(crate) const fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            rest: bytes,
            short: BadMessage::Truncated,
        }
    }

    /// For the part whose size fields of the message tell: where that is not
    /// there, they are wrong.
    pub(crate) const fn counted(self) -> Reader<'a> {
        Reader {
            rest: self.rest,
            short: BadMessage::Length,
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], BadMessage> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(self.short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadMessage> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(self.short)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, BadMessage> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, BadMessage> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, BadMessage> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn address(&mut self) -> Result<Ipv4Addr, BadMessage> {
        self.array::<4>().map(Ipv4Addr::from)
    }

    /// Addresses one after the other.
    pub(crate) fn addresses(&mut self, count: u16) -> Result<Vec<Ipv4Addr>, BadMessage> {
        let bytes = self.bytes(usize::from(count) * 4)?;
        let (addresses, _) = bytes.as_chunks::<4>();
        Ok(addresses.iter().map(|octets| (*octets).into()).collect())
    }
}

/// A count for a field of 16 bits, and the items that it then covers.
pub(crate) fn counted_u16<T>(items: &[T]) -> (u16, &[T]) {
    let count = u16::try_from(items.len()).unwrap_or(u16::MAX);
    (count, items.get(..usize::from(count)).unwrap_or(items))
}

/// A count for a field of 8 bits, and the items that it then covers.
pub(crate) fn counted_u8<T>(items: &[T]) -> (u8, &[T]) {
    let count = u8::try_from(items.len()).unwrap_or(u8::MAX);
    (count, items.get(..usize::from(count)).unwrap_or(items))
}
