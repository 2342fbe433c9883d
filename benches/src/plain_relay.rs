//! A simple relay, to compare with: packet sockets, recvmmsg, headers rewritten
//! in place, sendmmsg past the output's queue. No batching beyond the calls.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, OwnedFd};

use mcr_dataplane::rewrite::{UdpChecksum, rewrite};
use mcr_proto::fib::Rewrite;
use mcr_sys::packet;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, sendmmsg};

const AT_ONCE: usize = 64;
const FRAME: usize = 2048;
const ETHERNET: usize = 14;

/// One output: its socket and what its copies' headers become.
struct Output {
    socket: OwnedFd,
    macs: [u8; 12],
    rewrite: Rewrite,
}

/// Relays every UDP multicast frame of `input` to all `outputs`, given with
/// both link addresses and the rewrite, until it is killed.
///
/// # Errors
/// A socket cannot be opened, or receiving fails.
pub fn run(input: u32, outputs: &[(u32, [u8; 12], Rewrite)]) -> io::Result<()> {
    let rx = packet::open_plain(input, true)?;
    let outputs = outputs
        .iter()
        .map(|(index, macs, rewrite)| {
            Ok(Output {
                socket: packet::open_plain(*index, false)?,
                macs: *macs,
                rewrite: *rewrite,
            })
        })
        .collect::<io::Result<Vec<_>>>()?;
    block(&rx)?;
    let mut frames = vec![[0u8; FRAME]; AT_ONCE];
    let mut lengths = Vec::with_capacity(AT_ONCE);
    loop {
        receive(&rx, &mut frames, &mut lengths)?;
        for output in &outputs {
            for (frame, len) in frames.iter_mut().zip(&lengths) {
                readdress(&mut frame[..*len], output);
            }
            send(output, &frames, &lengths);
        }
    }
}

fn block(socket: &OwnedFd) -> io::Result<()> {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let flags = OFlag::from_bits_retain(fcntl(socket, FcntlArg::F_GETFL)?);
    fcntl(socket, FcntlArg::F_SETFL(flags & !OFlag::O_NONBLOCK))?;
    Ok(())
}

fn receive(rx: &OwnedFd, frames: &mut [[u8; FRAME]], lengths: &mut Vec<usize>) -> io::Result<()> {
    let mut headers = MultiHeaders::<()>::preallocate(frames.len(), None);
    let mut slices: Vec<[IoSliceMut<'_>; 1]> = frames
        .iter_mut()
        .map(|frame| [IoSliceMut::new(frame)])
        .collect();
    lengths.clear();
    let flags = MsgFlags::MSG_WAITFORONE;
    match recvmmsg(rx.as_raw_fd(), &mut headers, &mut slices, flags, None) {
        Ok(messages) => lengths.extend(messages.map(|message| message.bytes)),
        Err(Errno::EINTR | Errno::ENETDOWN) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// The same rewrite as the daemon's, on the same few bytes.
fn readdress(frame: &mut [u8], output: &Output) {
    if frame.len() < ETHERNET + 28 || frame[ETHERNET] != 0x45 || frame[23] != 17 {
        return;
    }
    frame[..12].copy_from_slice(&output.macs);
    let udp = Some(UdpChecksum::Complete);
    // A rewrite that sets the time to live cannot fail.
    let rewritten = rewrite(&mut frame[ETHERNET..], 20, udp, &output.rewrite);
    debug_assert_eq!(rewritten, Ok(()));
}

fn send(output: &Output, frames: &[[u8; FRAME]], lengths: &[usize]) {
    let mut headers = MultiHeaders::<()>::preallocate(lengths.len(), None);
    let slices: Vec<[IoSlice<'_>; 1]> = frames
        .iter()
        .zip(lengths)
        .map(|(frame, len)| [IoSlice::new(&frame[..*len])])
        .collect();
    let addresses = vec![None; lengths.len()];
    let fd = output.socket.as_raw_fd();
    // What is not sent is missing at the sink, which is where losses are
    // counted.
    let sent = sendmmsg(fd, &mut headers, &slices, addresses, [], MsgFlags::empty());
    drop(sent);
}
