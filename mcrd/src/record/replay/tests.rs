//! A recording gives the same run again, and any difference is found.

use std::path::PathBuf;
use std::time::Duration;

use mcr_proto::config::{Config, IgmpInterfaceConfig, InterfaceConfig, PimInterfaceConfig};
use mcr_proto::id::{IfIndex, MacAddr};
use mcr_proto::interface::{Interface, InterfaceChange};
use mcr_proto::router::Input;
use tempfile::TempDir;

use super::super::{Recorder, create};
use super::*;

fn config() -> Config {
    let both = InterfaceConfig {
        pim: Some(PimInterfaceConfig::default()),
        igmp: Some(IgmpInterfaceConfig::default()),
    };
    Config {
        interfaces: [("eth0".parse().unwrap(), both)].into(),
        ..Config::default()
    }
}

fn interface(address: &str) -> Input {
    Input::Interface(InterfaceChange::Present(Interface {
        index: IfIndex::new(1).unwrap(),
        name: "eth0".parse().unwrap(),
        up: true,
        mtu: 1500,
        mac: MacAddr([2, 0, 0, 0, 0, 1]),
        addresses: vec![address.parse().unwrap()],
        multicast: true,
    }))
}

/// Runs a router for two minutes with its recorder beside it.
fn recorded(directory: &TempDir) -> (PathBuf, u64) {
    let path = directory.path().join("recording");
    let config = config();
    let mut recorder = Recorder::start(create(&path).unwrap(), 5, &config).unwrap();
    let mut router = Router::new(config, 5, Instant::ZERO);
    let mut now = Instant::ZERO;
    let input = interface("10.0.0.1/24");
    recorder.input(now, &input);
    router.handle(now, input);
    let mut outputs = 0;
    let end = Instant::ZERO + Duration::from_secs(120);
    loop {
        while let Some(output) = router.poll_output() {
            recorder.output(now, &output);
            outputs += 1;
        }
        match router.poll_timeout() {
            Some((at, _)) if at < end => now = at + Duration::from_micros(700),
            Some(_) | None => break,
        }
        recorder.timeout(now);
        router.handle_timeout(now);
    }
    recorder.stop(now);
    router.stop();
    while let Some(output) = router.poll_output() {
        recorder.output(now, &output);
        outputs += 1;
    }
    drop(recorder);
    (path, outputs)
}

#[test]
fn a_recording_gives_the_same_outputs_again() {
    let directory = TempDir::new().unwrap();
    let (path, outputs) = recorded(&directory);
    let mut printed = Vec::new();
    let found = replay(&path, false, &mut printed).unwrap();
    assert_eq!(found.differs, None);
    assert_eq!(found.outputs, outputs);
    let printed = String::from_utf8(printed).unwrap();
    assert_eq!(printed.lines().count() as u64, outputs);
    assert!(printed.contains("listen eth0"), "{printed}");
    let mut json = Vec::new();
    replay(&path, true, &mut json).unwrap();
    let recorded = std::fs::read_to_string(&path).unwrap();
    for line in String::from_utf8(json).unwrap().lines() {
        assert!(recorded.contains(line), "not in the recording: {line}");
    }
}

/// The daemon reads interfaces and routes before it asks what is to be done.
#[test]
fn outputs_may_be_asked_for_after_several_inputs() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("recording");
    let config = config();
    let mut recorder = Recorder::start(create(&path).unwrap(), 5, &config).unwrap();
    let mut router = Router::new(config, 5, Instant::ZERO);
    for address in ["10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24"] {
        let input = interface(address);
        recorder.input(Instant::ZERO, &input);
        router.handle(Instant::ZERO, input);
    }
    let later = Instant::ZERO + Duration::from_millis(3);
    let mut outputs = 0;
    while let Some(output) = router.poll_output() {
        recorder.output(later, &output);
        outputs += 1;
    }
    drop(recorder);
    let found = replay(&path, true, &mut Vec::new()).unwrap();
    assert_eq!((found.differs, found.outputs), (None, outputs));
}

#[test]
fn what_differs_is_told_with_its_line() {
    let directory = TempDir::new().unwrap();
    let (path, _) = recorded(&directory);
    let text = std::fs::read_to_string(&path).unwrap();
    let of = |text: &str| {
        std::fs::write(&path, text).unwrap();
        replay(&path, false, &mut Vec::new())
    };
    // Another interface is another one to listen on.
    let other = text.replacen("\"index\":1,", "\"index\":2,", 1);
    assert_ne!(other, text);
    let differs = of(&other).unwrap().differs.unwrap();
    assert!(differs.starts_with("line "), "{differs}");
    // An output less, at the end.
    let mut lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().rposition(|line| line.contains("output"));
    lines.truncate(at.unwrap() + 1);
    let last = lines.pop().unwrap();
    let short = lines.join("\n") + "\n";
    assert!(of(&short).unwrap().differs.unwrap().contains("after it"));
    // A line that was cut off while it was written is left out.
    let cut = short.clone() + &last[..last.len() / 2];
    let found = of(&cut).unwrap();
    assert_eq!(found.outputs, of(&short).unwrap().outputs);
    let line = short.lines().count() as u64 + 1;
    assert_eq!((found.cut, found.differs), (Some(line), None));
}

#[test]
fn what_is_no_recording_is_refused_with_its_line() {
    let directory = TempDir::new().unwrap();
    let (path, _) = recorded(&directory);
    let text = std::fs::read_to_string(&path).unwrap();
    let of = |text: &str| {
        std::fs::write(&path, text).unwrap();
        replay(&path, false, &mut Vec::new()).unwrap_err()
    };
    assert!(of("").contains("empty"));
    assert!(of("hello\n").contains("line 1"));
    assert!(of(&(text.clone() + "{\"at\":1}\n")).contains("missing field `what`"));
    let newer = text.replacen("\"recording\":1", "\"recording\":9", 1);
    assert!(of(&newer).contains("form 9"));
}
