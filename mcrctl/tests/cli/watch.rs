//! `mcrctl watch` beside a daemon that tells events.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use crate::fake::Fake;

/// Answers the request, then tells the lines and leaves.
fn tell(mut stream: UnixStream, lines: &[&str]) {
    writeln!(stream, r#"{{"mcr":1,"version":"0.1.0"}}"#).unwrap();
    let mut request = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    if reader.read_line(&mut request).unwrap() == 0 {
        // The test ends.
        return;
    }
    assert!(request.contains(r#""method":"watch""#), "{request}");
    writeln!(stream, r#"{{"id":1,"result":{{}}}}"#).unwrap();
    for line in lines {
        // A client that has seen enough has left.
        drop(writeln!(stream, "{line}"));
    }
}

const LINES: [&str; 3] = [
    r#"{"time":1.5,"event":"neighbor","interface":"eth1","address":"10.0.1.9","change":"up"}"#,
    r#"{"time":2.0,"missed":7,"event":"dr","interface":"eth1","address":"10.0.1.9","is_me":false}"#,
    r#"{"time":2.5,"event":"refused","table":"groups"}"#,
];

#[test]
fn events_are_told_until_the_daemon_ends() {
    let fake = Fake::serving(|stream| tell(stream, &LINES));
    let output = fake.run(&["watch"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "    1.500s  neighbor 10.0.1.9 on eth1 up\n\
         ... 7 events missed\n\
         \x20   2.000s  DR on eth1 is 10.0.1.9\n\
         \x20   2.500s  the table of groups is full: one was refused\n"
    );
    assert_eq!(output.status.code(), Some(3), "the daemon has gone");
}

#[test]
fn events_are_told_as_json_and_counted() {
    let fake = Fake::serving(|stream| tell(stream, &LINES));
    let output = fake.run(&["watch", "--json", "--count", "2"]);
    assert_eq!(output.status.code(), Some(0));
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines, &LINES[..2]);
}
