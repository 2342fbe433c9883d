//! The HTML report of a failed run in a real browser, driven over Chromium's
//! DevTools protocol: what a click does, what the address keeps, and that no
//! script fails.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use mcr_tests::{eventually, programs, root, skip};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// What every run of `chain3` passes, and a step that none can.
const IMPOSSIBLE: &str = "  - \"more arrives than is sent\":
      expect:
        - { rx: { by: R, of: S, received: { min: 100000 } }, within: 1s }
";

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places =
        std::env::split_paths(&path).flat_map(|folder| BROWSERS.map(|name| folder.join(name)));
    places.find(|place| place.is_file())
}

/// Runs a lab that fails, in virtual time, and returns its report.
fn failed_run(folder: &Path) -> PathBuf {
    let chain = fs::read_to_string(root().join("topologies/chain3/lab.yaml")).unwrap();
    let file = folder.join("lab.yaml");
    fs::write(&file, chain + IMPOSSIBLE).unwrap();
    let mut command = Command::new(programs().unwrap().lab);
    command
        .args(["test", "--sim", "--run-dir"])
        .arg(folder)
        .arg(&file);
    let ended = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    folder.join("latest/index.html").canonicalize().unwrap()
}

/// A browser without a window, and its two pipes.
struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    session: String,
    calls: u64,
    /// What scripts did wrong.
    mistakes: Vec<Value>,
    /// Files are removed after the browser has ended.
    _folder: TempDir,
}

impl Browser {
    fn start(program: &Path) -> Browser {
        let folder = tempfile::tempdir().unwrap();
        let (to, from) = (folder.path().join("to"), folder.path().join("from"));
        for pipe in [&to, &from] {
            mkfifo(pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        }
        // Opened for both, it never waits for the other side.
        let kept = OpenOptions::new().read(true).write(true).open(&to).unwrap();
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "to=$1 from=$2; shift 2; exec \"$@\" 3<\"$to\" 4>\"$from\"",
            "sh",
        ]);
        command.arg(&to).arg(&from).arg(program);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--remote-debugging-pipe",
            "--window-size=1400,1500",
        ]);
        let data = folder.path().join("data");
        command.arg(format!("--user-data-dir={}", data.display()));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let (send, messages) = channel();
        thread::spawn(move || {
            for message in BufReader::new(File::open(from).unwrap()).split(0) {
                let Ok(message) = message else { return };
                if send
                    .send(serde_json::from_slice(&message).unwrap())
                    .is_err()
                {
                    return;
                }
            }
        });
        let mut browser = Browser {
            child,
            to: kept,
            from: messages,
            session: String::new(),
            calls: 0,
            mistakes: Vec::new(),
            _folder: folder,
        };
        browser.attach();
        browser
    }

    fn attach(&mut self) {
        let made = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let asked = json!({ "targetId": made["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", asked);
        self.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Runtime.enable", "Log.enable", "Page.enable"] {
            self.call(domain, json!({}));
        }
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        let told = self.ask(method, parameters);
        assert!(told.get("error").is_none(), "{method}: {told}");
        told["result"].clone()
    }

    /// The answer, or the error in its place.
    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let mut asked = json!({ "id": self.calls, "method": method, "params": parameters });
        if !self.session.is_empty() {
            asked["sessionId"] = json!(self.session);
        }
        self.to.write_all(asked.to_string().as_bytes()).unwrap();
        self.to.write_all(&[0]).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self.from.recv_timeout(left);
            let message = message.unwrap_or_else(|error| panic!("{method}: {error}"));
            match message["method"].as_str() {
                Some("Runtime.exceptionThrown") => self.mistakes.push(message.clone()),
                Some("Log.entryAdded") if message["params"]["entry"]["level"] == "error" => {
                    self.mistakes.push(message.clone());
                }
                _ => {}
            }
            if message["id"] == json!(self.calls) {
                return message;
            }
        }
    }

    /// The value of a JavaScript expression.
    fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true });
        let told = self.call("Runtime.evaluate", asked);
        assert!(
            told.get("exceptionDetails").is_none(),
            "{expression}: {told}"
        );
        told["result"]["value"].clone()
    }

    fn open(&mut self, address: &str) {
        self.call("Page.navigate", json!({ "url": "about:blank" }));
        self.call("Page.navigate", json!({ "url": address }));
        // While one page follows another there is none to be asked.
        let ready = json!({
            "expression": "document.readyState === 'complete' \
                           && !!document.querySelector('#lanes svg')",
        });
        let loaded = eventually(PATIENCE, || {
            let told = self.ask("Runtime.evaluate", ready.clone());
            told["result"]["result"]["value"] == json!(true)
        });
        assert!(loaded, "{address} does not load: {:?}", self.mistakes);
    }

    /// A click of the mouse in the middle of an element.
    fn click(&mut self, selector: &str) {
        let place = self.value(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); \
             e.scrollIntoView({{ block: 'center' }}); const b = e.getBoundingClientRect(); \
             return [b.x + b.width / 2, b.y + b.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({
                "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1,
            });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    fn span(&mut self) -> (f64, f64) {
        let told = self.value(
            "(() => { const lanes = document.querySelector('#lanes svg'); \
             return [Number(lanes.dataset.from), Number(lanes.dataset.to)]; })()",
        );
        (told[0].as_f64().unwrap(), told[1].as_f64().unwrap())
    }

    /// A picture of the page as PNG, in base64.
    fn picture(&mut self) -> String {
        let told = self.call(
            "Page.captureScreenshot",
            json!({ "captureBeyondViewport": true }),
        );
        told["data"].as_str().unwrap().to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_click_on_a_step_moves_the_time_line_and_the_address_keeps_it() {
    let Some(program) = browser() else {
        let enable = "apt-get install chromium";
        let test = "a_click_on_a_step_moves_the_time_line_and_the_address_keeps_it";
        return skip(test, "there is no Chromium", enable);
    };
    let folder = tempfile::tempdir().unwrap();
    let page = format!("file://{}", failed_run(folder.path()).display());
    let mut browser = Browser::start(&program);
    browser.open(&page);
    let whole = browser.span();
    assert!(whole.0 == 0.0 && whole.1 > 5.0, "{whole:?}");

    browser.click("button[data-step='4']");
    let near = browser.span();
    assert!(near.1 - near.0 < whole.1 / 2.0 && near.0 > 0.0, "{near:?}");
    let carrying = "document.querySelectorAll('line.link.carries').length";
    assert_eq!(browser.value(carrying), json!(4));
    let listed = "document.querySelectorAll('#list tbody tr').length";
    assert!(browser.value(listed).as_u64().unwrap() > 3);
    let ledger = "document.querySelector('#ledger').textContent.includes('R')";
    assert_eq!(browser.value(ledger), json!(true));

    browser.click("button[data-file='configs/r2.json5']");
    browser.value(
        "(() => { const filter = document.querySelector('#filter'); filter.value = 'pim.join'; \
         filter.dispatchEvent(new Event('input')); })()",
    );
    let address = browser.value("location.href");
    let address = address.as_str().unwrap();
    for part in [
        "step=4",
        "from=",
        "to=",
        "group=239.1.1.1",
        "filter=pim.join",
    ] {
        assert!(address.contains(part), "{address}");
    }
    let text = "document.querySelector('main').textContent";
    let shown = browser.value(text);
    browser.open(address);
    assert_eq!(browser.value(text), shown);
    let again = browser.span();
    assert!((again.0 - near.0).abs() < 1e-5 && (again.1 - near.1).abs() < 1e-5);

    browser.open(&format!(
        "{page}#step=99&from=x&to=-5&group=1&hide=&mark=1e9"
    ));
    assert_eq!(browser.span(), whole);
    // The first bytes of every PNG file.
    assert!(browser.picture().starts_with("iVBORw0KGgo"));
    assert_eq!(browser.mistakes, Vec::<Value>::new());
}
