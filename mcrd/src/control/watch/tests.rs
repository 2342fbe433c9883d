//! Clients that watch: slow ones, those that close their sending side, those
//! that leave, and too many.

use std::net::Shutdown;

use mcr_api::router::Event;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::control::Ask;
use crate::control::server::Shared;
use crate::control::session;

/// More than any step of a test takes.
const LONG: Duration = Duration::from_secs(30);

/// An event loop that only lets clients watch.
struct Daemon {
    shared: Arc<Shared>,
    events: broadcast::Sender<Arc<WatchLine>>,
}

struct Client {
    stream: BufReader<UnixStream>,
    session: JoinHandle<()>,
}

impl Daemon {
    fn start(watchers: usize, queue: usize) -> Daemon {
        let (asks, mut asked) = mpsc::channel::<Ask>(4);
        let events = broadcast::channel(queue).0;
        let sender = events.clone();
        tokio::spawn(async move {
            while let Some(ask) = asked.recv().await {
                let What::Watch { to } = ask.what else {
                    panic!("{:?} was asked", ask.what);
                };
                to.send(sender.subscribe()).unwrap();
                ask.reply.send(Ok(json!({}))).unwrap();
            }
        });
        Daemon {
            shared: Arc::new(Shared {
                asks,
                start_file: None,
                uploads: Arc::new(Semaphore::new(0)),
                watchers: Arc::new(Semaphore::new(watchers)),
            }),
            events,
        }
    }

    /// A client that has asked to watch, and the answer.
    async fn client(&self) -> (Client, Value) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let shared = Arc::clone(&self.shared);
        let session = tokio::spawn(async move { session::run(theirs, &shared).await });
        let mut client = Client {
            stream: BufReader::new(ours),
            session,
        };
        assert_eq!(client.line().await["mcr"], 1);
        let request = "{\"id\":1,\"method\":\"watch\",\"params\":{}}\n";
        let stream = client.stream.get_mut();
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = client.line().await;
        (client, answer)
    }

    async fn watcher(&self) -> Client {
        let (client, answer) = self.client().await;
        assert_eq!(answer, json!({"id": 1, "result": {}}));
        client
    }

    fn tell(&self, number: u32) {
        let line = WatchLine {
            time: f64::from(number),
            missed: 0,
            event: Event::Refused {
                table: "x".repeat(1000),
            },
        };
        self.events.send(Arc::new(line)).unwrap();
    }

    /// Until so many watch no more than that.
    async fn until_watched_by(&self, count: usize) {
        let fewer = async {
            while self.events.receiver_count() > count {
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG, fewer).await.unwrap();
    }
}

impl Client {
    async fn line(&mut self) -> Value {
        let mut line = String::new();
        let read = timeout(LONG, self.stream.read_line(&mut line)).await;
        assert!(read.unwrap().unwrap() > 0, "the daemon closed");
        serde_json::from_str(&line).unwrap()
    }
}

#[tokio::test]
async fn events_are_told_as_they_come() {
    let daemon = Daemon::start(2, 16);
    let mut one = daemon.watcher().await;
    let mut other = daemon.watcher().await;
    for number in 1..=3 {
        daemon.tell(number);
        for client in [&mut one, &mut other] {
            let line = client.line().await;
            assert_eq!(line["time"], f64::from(number));
            assert_eq!(line["event"], "refused");
            assert_eq!(line.get("missed"), None, "nothing was missed");
        }
    }
}

/// Whoever reads slowly loses the oldest events and is told how many, and
/// neither the daemon nor another client waits.
#[tokio::test]
async fn slow_client_misses_events_and_holds_up_nobody() {
    const EVENTS: u32 = 5000;
    let daemon = Daemon::start(2, 16);
    let mut slow = daemon.watcher().await;
    let mut quick = daemon.watcher().await;
    for number in 1..=EVENTS {
        daemon.tell(number);
        assert_eq!(quick.line().await["time"], f64::from(number));
    }
    let (mut told, mut missed) = (0, 0);
    loop {
        let line = slow.line().await;
        told += 1;
        missed += line
            .get("missed")
            .map_or(0, |missed| missed.as_u64().unwrap());
        assert_eq!(line["time"].as_f64().unwrap(), (told + missed) as f64);
        if told + missed == u64::from(EVENTS) {
            break;
        }
    }
    assert!(missed > 0, "the queue has 16 places");
}

/// As a shell does in `echo ... | nc -N -U control.sock`.
#[tokio::test]
async fn client_may_close_its_sending_side() {
    let daemon = Daemon::start(1, 16);
    let mut client = daemon.watcher().await;
    client.stream.get_mut().shutdown().await.unwrap();
    daemon.tell(1);
    assert_eq!(client.line().await["time"], 1.0);
    daemon.tell(2);
    assert_eq!(client.line().await["time"], 2.0);
    let session = client.session;
    drop(client.stream);
    daemon.until_watched_by(0).await;
    timeout(LONG, session).await.unwrap().unwrap();
}

/// What a client says while it watches is not answered, and does no harm.
#[tokio::test]
async fn other_requests_are_not_answered() {
    let daemon = Daemon::start(1, 16);
    let mut client = daemon.watcher().await;
    let request = b"{\"id\":2,\"method\":\"status\",\"params\":{}}\nnonsense\n";
    client.stream.get_mut().write_all(request).await.unwrap();
    daemon.tell(7);
    assert_eq!(client.line().await["time"], 7.0);
}

#[tokio::test]
async fn watchers_are_bounded_and_make_room_when_they_leave() {
    let daemon = Daemon::start(2, 16);
    let one = daemon.watcher().await;
    let _other = daemon.watcher().await;
    let (_, answer) = daemon.client().await;
    assert_eq!(answer["error"]["code"], "limit");
    let stream = one.stream.into_inner().into_std().unwrap();
    stream.shutdown(Shutdown::Both).unwrap();
    drop(stream);
    timeout(LONG, one.session).await.unwrap().unwrap();
    let mut third = daemon.watcher().await;
    daemon.tell(1);
    assert_eq!(third.line().await["time"], 1.0);
}
