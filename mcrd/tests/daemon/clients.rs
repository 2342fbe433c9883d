//! Clients that are slow, silent or hostile, and the end of the daemon.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use mcr_api::{ErrorCode, MAX_LINE, Reply};
use mcr_tests::eventually;
use nix::sys::signal::Signal;

use crate::mcrd::{Mcrd, SOON, Start, binary, rule};
use crate::world::{in_user_world, in_world};

/// A bare connection that has read its hello.
fn connect(mcrd: &Mcrd) -> BufReader<UnixStream> {
    let stream = UnixStream::connect(&mcrd.socket).unwrap();
    stream.set_read_timeout(Some(SOON * 2)).unwrap();
    let mut stream = BufReader::new(stream);
    let mut hello = String::new();
    stream.read_line(&mut hello).unwrap();
    assert!(hello.contains("\"mcr\":1"), "{hello}");
    stream
}

fn say(stream: &mut BufReader<UnixStream>, line: &[u8]) -> Reply {
    stream.get_mut().write_all(line).unwrap();
    stream.get_mut().write_all(b"\n").unwrap();
    let mut reply = String::new();
    stream.read_line(&mut reply).unwrap();
    serde_json::from_str(&reply).unwrap()
}

fn code(reply: &Reply) -> ErrorCode {
    reply.error.as_ref().unwrap().code
}

/// The daemon answers promptly.
fn assert_prompt(mcrd: &Mcrd) {
    let asked = Instant::now();
    mcrd.status();
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(2), "it took {took:?}");
}

#[test]
fn idle_clients_delay_nothing() {
    in_world("clients::idle_clients_delay_nothing", || {
        let mut mcrd = Start::new().ready();
        // D1: one was enough to freeze everything.
        let clients: Vec<_> = (0..1000).map(|_| connect(&mcrd)).collect();
        let mut half = connect(&mcrd);
        half.get_mut().write_all(br#"{"id":1,"method":"#).unwrap();
        assert_prompt(&mcrd);
        mcrd.add(&[rule("a", 1)]);
        mcrd.wait_workers(1);
        mcrd.signal(Signal::SIGTERM);
        let status = mcrd.ended(Duration::from_secs(2));
        assert_eq!(status.and_then(|status| status.code()), Some(0));
        drop(clients);
    });
}

#[test]
fn a_client_that_reads_nothing_delays_nothing() {
    in_world(
        "clients::a_client_that_reads_nothing_delays_nothing",
        || {
            let mcrd = Start::new().ready();
            let rules: Vec<_> = (1..=200).map(|n| rule(&format!("r{n}"), n)).collect();
            mcrd.add(&rules);
            let mut deaf = connect(&mcrd);
            let stream = deaf.get_mut();
            stream
                .set_write_timeout(Some(Duration::from_millis(500)))
                .unwrap();
            // Until its answers and then its questions are stuck.
            while stream
                .write_all(b"{\"id\":1,\"method\":\"rules.list\",\"params\":{}}\n")
                .is_ok()
            {}
            assert_prompt(&mcrd);
            // It is closed, in its time.
            let closed = eventually(SOON * 2, || mcrd.log().contains("an answer was not read"));
            assert!(closed, "it is still there");
        },
    );
}

#[test]
fn a_line_that_is_not_finished_ends_its_connection() {
    in_world(
        "clients::a_line_that_is_not_finished_ends_its_connection",
        || {
            let mcrd = Start::new().ready();
            let mut half = connect(&mcrd);
            half.get_mut().write_all(br#"{"id":1,"method":"#).unwrap();
            let mut rest = Vec::new();
            half.read_to_end(&mut rest).unwrap();
            assert!(rest.is_empty());
            assert_prompt(&mcrd);
        },
    );
}

#[test]
fn a_line_that_is_no_request_is_answered_and_the_next_too() {
    in_world(
        "clients::a_line_that_is_no_request_is_answered_and_the_next_too",
        || {
            let mcrd = Start::new().ready();
            let mut stream = connect(&mcrd);
            // D16: the connection was closed without a word.
            for (line, id, want) in [
                (&b"hello"[..], None, ErrorCode::BadRequest),
                (b"", None, ErrorCode::BadRequest),
                (b"[]", None, ErrorCode::BadRequest),
                (b"\xff\xfe", None, ErrorCode::BadRequest),
                (br#"{"id":7}"#, Some(7), ErrorCode::BadRequest),
                (
                    br#"{"id":8,"method":"fly","params":{}}"#,
                    Some(8),
                    ErrorCode::UnknownMethod,
                ),
                (
                    br#"{"id":9,"method":"rules.show","params":{"nom":"a"}}"#,
                    Some(9),
                    ErrorCode::Invalid,
                ),
                (
                    br#"{"id":10,"method":"rules.show","params":{"name":"a"}}"#,
                    Some(10),
                    ErrorCode::NotFound,
                ),
                (
                    br#"{"id":11,"method":"config.put","params":{"text":"{}"}}"#,
                    Some(11),
                    ErrorCode::BadRequest,
                ),
            ] {
                let reply = say(&mut stream, line);
                let shown = String::from_utf8_lossy(line);
                assert_eq!((reply.id, code(&reply)), (id, want), "{shown}: {reply:?}");
            }
            let nested = b"[".repeat(100_000);
            assert_eq!(code(&say(&mut stream, &nested)), ErrorCode::BadRequest);
            let long = vec![b'x'; MAX_LINE + 10];
            assert_eq!(code(&say(&mut stream, &long)), ErrorCode::BadRequest);
            let reply = say(&mut stream, br#"{"id":12,"method":"version","params":{}}"#);
            assert_eq!((reply.id, reply.error), (Some(12), None));
        },
    );
}

#[test]
fn random_bytes_harm_nobody() {
    in_world("clients::random_bytes_harm_nobody", || {
        let mcrd = Start::new().ready();
        mcrd.add(&[rule("a", 1)]);
        let pid = mcrd.wait_workers(1)[0].pid;
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..50 {
            let mut stream = connect(&mcrd);
            let bytes: Vec<u8> = (0..20_000)
                .map(|_| {
                    // xorshift64: the same bytes on every run.
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state as u8
                })
                .collect();
            stream.get_mut().write_all(&bytes).unwrap();
        }
        assert_prompt(&mcrd);
        assert_eq!(mcrd.wait_workers(1)[0].pid, pid);
        assert_eq!(mcrd.status().rules, 1);
    });
}

#[test]
fn the_socket_is_private_and_goes_with_the_daemon() {
    in_world(
        "clients::the_socket_is_private_and_goes_with_the_daemon",
        || {
            use std::os::unix::fs::PermissionsExt;

            let mut mcrd = Start::new().ready();
            let mode = std::fs::metadata(&mcrd.socket)
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o660);
            // D29: a second one took the socket over.
            let mut second = Start::new().spawn();
            let status = second.ended(SOON).unwrap();
            assert_eq!(status.code(), Some(3));
            assert!(
                second.log().contains("another process serves"),
                "{}",
                second.log()
            );
            assert_prompt(&mcrd);
            mcrd.signal(Signal::SIGINT);
            let status = mcrd.ended(Duration::from_secs(2)).unwrap();
            assert_eq!(status.code(), Some(0));
            let left: Vec<_> = std::fs::read_dir(mcrd.socket.parent().unwrap())
                .unwrap()
                .collect();
            assert!(left.is_empty(), "{left:?}");
            // One that was killed leaves a socket, which the next one replaces.
            let mut killed = Start::new().ready();
            killed.signal(Signal::SIGKILL);
            killed.ended(SOON).unwrap();
            assert!(killed.socket.exists());
            assert_prompt(&Start::new().ready());
        },
    );
}

#[test]
fn too_many_clients_are_told_so() {
    // Real root could raise the limit again.
    in_user_world("clients::too_many_clients_are_told_so", || {
        let mut command = Command::new("prlimit");
        command.args(["--nofile=200:200", "nsenter", "--net=/run/netns/r"]);
        command.arg(binary());
        let mcrd = Start::in_place(command).ready();
        let mut clients: Vec<_> = (0..100).map(|_| connect(&mcrd)).collect();
        let refused = || {
            let mut stream = connect(&mcrd);
            let mut line = String::new();
            stream
                .get_ref()
                .set_read_timeout(Some(Duration::from_millis(300)))
                .unwrap();
            stream.read_line(&mut line).is_ok() && line.contains("\"limit\"")
        };
        assert!(refused());
        // Who left makes room.
        clients.truncate(50);
        assert!(eventually(SOON, || !refused()));
        mcrd.status();
    });
}
