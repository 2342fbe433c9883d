//! The client against servers that behave, and that do not.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

use super::*;
use crate::state::{Status, Version};
use crate::{ErrorCode, Problem};

const HELLO: &str = "{\"mcr\":1,\"version\":\"9.8.7\"}\n";
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(50);

/// A server for one connection.
struct Server {
    path: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves the next connection with `serve`.
    fn start(serve: impl FnOnce(UnixStream) + Send + 'static) -> Server {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("mcr-api-{}-{number}.sock", std::process::id());
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        let thread = thread::spawn(move || serve(listener.accept().unwrap().0));
        Server {
            path,
            thread: Some(thread),
        }
    }

    /// Says `bytes`, then reads until the client is gone.
    fn saying(bytes: impl Into<Vec<u8>>) -> Server {
        let bytes = bytes.into();
        Server::start(move |mut stream| {
            // The client may hang up before it has read it all.
            drop(stream.write_all(&bytes));
            drop(std::io::copy(&mut stream, &mut std::io::sink()));
        })
    }

    fn path(&self) -> &Path {
        &self.path
    }

    /// Ends it; a panic in it becomes one here.
    fn join(mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).unwrap();
    }
}

fn refusal(error: ClientError) -> Failure {
    let said = error.to_string();
    let ClientError::Refused(failure) = error else {
        panic!("not a refusal: {said}");
    };
    failure
}

#[test]
fn calls_get_their_answers_in_order() {
    let server = Server::start(|mut stream| {
        stream.write_all(HELLO.as_bytes()).unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        for line in lines.take(2) {
            let request: Request = serde_json::from_str(&line.unwrap()).unwrap();
            assert_eq!(request.method, Method::Version {});
            let version = format!("{}", request.id);
            let result = serde_json::to_value(Version {
                version,
                protocol: 1,
            });
            let reply = Reply {
                id: Some(request.id),
                result: Some(result.unwrap()),
                error: None,
            };
            writeln!(stream, "{}", serde_json::to_string(&reply).unwrap()).unwrap();
        }
    });
    let mut client = Client::connect(server.path(), LONG).unwrap();
    assert_eq!(client.hello.version, "9.8.7");
    for expected in ["1", "2"] {
        let version: Version = client.call(Method::Version {}).unwrap();
        assert_eq!(version.version, expected);
    }
    server.join();
}

#[test]
fn nobody_listens() {
    let path = std::env::temp_dir().join("mcr-api-nobody.sock");
    let error = Client::connect(&path, LONG).unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("mcr-api-nobody.sock"), "{error}");
}

#[test]
fn a_server_that_says_nothing_is_left_in_time() {
    let server = Server::saying("");
    let error = Client::connect(server.path(), SHORT).unwrap_err();
    assert!(matches!(error, ClientError::Silent(_)), "{error}");
    assert_eq!(error.to_string(), "mcrd did not answer within 0.05 s");
    server.join();
}

#[test]
fn a_server_that_stops_talking_is_left_in_time() {
    let server = Server::saying(format!("{HELLO}{{\"id\":1,"));
    let mut client = Client::connect(server.path(), SHORT).unwrap();
    let error = client.call::<Value>(Method::Status {}).unwrap_err();
    assert!(matches!(error, ClientError::Silent(_)), "{error}");
    drop(client);
    server.join();
}

#[test]
fn a_server_that_trickles_does_not_hold_us() {
    let server = Server::start(|mut stream| {
        // Never a newline, and always something new.
        while stream.write_all(b" ").is_ok() {
            thread::yield_now();
        }
    });
    let error = Client::connect(server.path(), SHORT).unwrap_err();
    assert!(
        matches!(error, ClientError::Silent(_) | ClientError::Garbled(_)),
        "{error}"
    );
    server.join();
}

#[test]
fn another_protocol_version_is_refused_by_name() {
    let server = Server::saying("{\"mcr\":2,\"version\":\"2.0.0\"}\n");
    let error = Client::connect(server.path(), LONG).unwrap_err();
    assert_eq!(
        error.to_string(),
        "mcrd 2.0.0 speaks control protocol 2, this program 1"
    );
    server.join();
}

#[test]
fn a_refusal_instead_of_a_hello_is_passed_on() {
    let server = Server::saying(
        "{\"id\":null,\"error\":{\"code\":\"limit\",\"message\":\"too many clients\"}}\n",
    );
    let failure = refusal(Client::connect(server.path(), LONG).unwrap_err());
    assert_eq!(failure.code, ErrorCode::Limit);
    assert_eq!(failure.message, "too many clients");
    server.join();
}

#[test]
fn garbage_is_named_as_such() {
    for garbage in [
        &b"\x00\xff\xfe\n"[..],
        b"HTTP/1.1 400 Bad Request\r\n",
        b"[]\n",
        b"{\"mcr\":\"1\"}\n",
        b"\n",
    ] {
        let server = Server::saying(garbage);
        let error = Client::connect(server.path(), LONG).unwrap_err();
        assert!(matches!(error, ClientError::Garbled(_)), "{error}");
        server.join();
    }
}

#[test]
fn an_answer_of_another_shape_is_named_as_such() {
    for answer in [
        "{\"id\":1}\n",
        "{\"id\":1,\"result\":{\"version\":3}}\n",
        "{\"id\":7,\"result\":{}}\n",
        "{\"result\":{}}\n",
        "nonsense\n",
    ] {
        let server = Server::saying(format!("{HELLO}{answer}"));
        let mut client = Client::connect(server.path(), LONG).unwrap();
        let error = client.call::<Status>(Method::Status {}).unwrap_err();
        assert!(
            matches!(error, ClientError::Garbled(_)),
            "{answer}: {error}"
        );
        drop(client);
        server.join();
    }
}

#[test]
fn a_line_without_end_is_cut_off() {
    let mut bytes = HELLO.as_bytes().to_vec();
    bytes.resize(bytes.len() + MAX_LINE + 1, b'x');
    let server = Server::saying(bytes);
    let mut client = Client::connect(server.path(), LONG).unwrap();
    let error = client.call::<Value>(Method::Status {}).unwrap_err();
    assert!(error.to_string().contains("longer than 1048576"), "{error}");
    drop(client);
    server.join();
}

#[test]
fn a_connection_that_ends_is_named_as_such() {
    let server = Server::start(|mut stream| stream.write_all(HELLO.as_bytes()).unwrap());
    let mut client = Client::connect(server.path(), LONG).unwrap();
    let error = client.call::<Value>(Method::Status {}).unwrap_err();
    assert!(matches!(error, ClientError::Broken(_)), "{error}");
    server.join();
}

#[test]
fn a_request_that_fits_on_no_line_is_not_sent() {
    let server = Server::saying(HELLO);
    let mut client = Client::connect(server.path(), LONG).unwrap();
    let text = "x".repeat(MAX_LINE);
    let error = client
        .call::<Value>(Method::ConfigPut { text })
        .unwrap_err();
    assert!(matches!(error, ClientError::TooLong(_)), "{error}");
    drop(client);
    server.join();
}

#[test]
fn refusals_carry_their_problems() {
    let failure = Failure {
        code: ErrorCode::Invalid,
        message: "one mistake".to_owned(),
        problems: vec![Problem {
            file: Some("a.json5".to_owned()),
            line: Some(3),
            column: Some(7),
            key: "rules[0]".to_owned(),
            message: "no outputs".to_owned(),
            help: None,
            rendered: None,
        }],
    };
    let reply = Reply {
        id: Some(1),
        result: None,
        error: Some(failure.clone()),
    };
    let line = serde_json::to_string(&reply).unwrap();
    let server = Server::saying(format!("{HELLO}{line}\n"));
    let mut client = Client::connect(server.path(), LONG).unwrap();
    let error = client.call::<Value>(Method::Status {}).unwrap_err();
    assert_eq!(refusal(error), failure);
    drop(client);
    server.join();
}

#[test]
fn pages_are_joined_and_a_circle_is_noticed() {
    let page = |id: u64, next: &str| {
        format!("{{\"id\":{id},\"result\":{{\"items\":[{id}],\"next\":{next}}}}}\n")
    };
    let list = |cursor| Method::RulesList { cursor };

    let lines = [HELLO.to_owned(), page(1, "\"b\""), page(2, "null")].concat();
    let server = Server::saying(lines);
    let mut client = Client::connect(server.path(), LONG).unwrap();
    assert_eq!(client.pages::<u64>(list).unwrap(), [1, 2]);
    drop(client);
    server.join();

    let lines = [HELLO.to_owned(), page(1, "\"b\""), page(2, "\"b\"")].concat();
    let server = Server::saying(lines);
    let mut client = Client::connect(server.path(), LONG).unwrap();
    let error = client.pages::<u64>(list).unwrap_err();
    assert!(error.to_string().contains("without an end"), "{error}");
    drop(client);
    server.join();
}

#[test]
fn a_long_text_arrives_in_parts_and_whole() {
    let text = "é\u{1}\"\\\n".repeat(200_000);
    let expected = text.clone();
    let server = Server::start(move |mut stream| {
        stream.write_all(HELLO.as_bytes()).unwrap();
        let mut whole = String::new();
        for line in BufReader::new(stream.try_clone().unwrap()).lines() {
            let line = line.unwrap();
            assert!(line.len() < MAX_LINE);
            let request: Request = serde_json::from_str(&line).unwrap();
            if let Method::ConfigPut { text } = request.method {
                whole.push_str(&text);
            } else {
                let name = "big.json5".to_owned();
                assert_eq!(request.method, Method::ConfigBegin { name });
            }
            writeln!(stream, "{{\"id\":{},\"result\":{{}}}}", request.id).unwrap();
        }
        assert!(whole == expected, "the text differs");
    });
    let mut client = Client::connect(server.path(), LONG).unwrap();
    client.put_config("big.json5", &text).unwrap();
    drop(client);
    server.join();
}
