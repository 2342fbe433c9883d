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
const IMPOSSIBLE: &str = "  - \"the way is cut, and more arrives than is sent\":
      link: { down: r1--r2 }
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
            self.mouse(kind, &place[0], &place[1], json!({ "clickCount": 1 }));
        }
    }

    fn mouse(&mut self, kind: &str, x: &Value, y: &Value, more: Value) {
        let mut event = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": 1 });
        event
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.call("Input.dispatchMouseEvent", event);
    }

    /// How many elements there are.
    fn count(&mut self, selector: &str) -> u64 {
        let told = self.value(&format!("document.querySelectorAll({selector:?}).length"));
        told.as_u64().unwrap()
    }

    /// What an element says.
    fn text(&mut self, selector: &str) -> String {
        let told = self.value(&format!("document.querySelector({selector:?}).textContent"));
        told.as_str().unwrap().to_owned()
    }

    fn filter(&mut self, words: &str) {
        self.value(&format!(
            "(() => {{ const filter = document.querySelector('#filter'); filter.value = {words:?}; \
             filter.dispatchEvent(new Event('input')); }})()"
        ));
    }

    /// The sum of what the bars of a histogram count.
    fn bars(&mut self, selector: &str) -> u64 {
        let told = self.value(&format!(
            "[...document.querySelectorAll({selector:?})]\
             .reduce((sum, bar) => sum + Number(bar.dataset.count), 0)"
        ));
        told.as_u64().unwrap()
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
    // What failed is what is shown first.
    assert!(
        browser
            .text("#steps li.picked")
            .contains("more arrives than is sent")
    );
    let failed = browser.span();
    browser.click("#whole");
    let whole = browser.span();
    assert!(whole.0 == 0.0 && whole.1 > 5.0, "{whole:?}");
    assert!(failed.0 > whole.1 / 2.0, "{failed:?} of {whole:?}");

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
    browser.filter("pim.join");
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

/// What the note under the time line says of events: those shown, and all.
fn events(browser: &mut Browser) -> (u64, u64) {
    let note = browser.text("#time-note");
    let words: Vec<&str> = note.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "of").unwrap();
    let number = |word: &str| word.parse().unwrap_or_else(|_| panic!("{note}"));
    (number(words[at - 1]), number(words[at + 1]))
}

#[test]
fn marks_filter_zoom_and_histograms_show_what_was_found() {
    let Some(program) = browser() else {
        let enable = "apt-get install chromium";
        let test = "marks_filter_zoom_and_histograms_show_what_was_found";
        return skip(test, "there is no Chromium", enable);
    };
    let folder = tempfile::tempdir().unwrap();
    let page = format!("file://{}", failed_run(folder.path()).display());
    let mut browser = Browser::start(&program);
    browser.open(&page);
    marks(&mut browser);
    browser.click("#whole");
    kinds_and_filter(&mut browser);
    zoom(&mut browser);
    histograms(&mut browser);
    assert_eq!(browser.mistakes, Vec::<Value>::new());
}

/// The lab's own, the kernels' and the daemons' each have a mark at their nodes.
fn marks(browser: &mut Browser) {
    for node in ["r1", "r2"] {
        for (shape, family) in [("rect", "link"), ("rect", "neighbor"), ("path", "lab")] {
            let marks = format!("#lanes {shape}[data-family='{family}'][data-node='{node}']");
            assert!(browser.count(&marks) > 0, "{marks}");
        }
    }
    assert_eq!(
        browser.count("#lanes [data-family='link'][data-node='r3']"),
        0
    );
    // Others are at the same place.
    browser.filter("link interface");
    browser.click("#lanes [data-family='link'][data-node='r2']");
    let row = browser.text("#list tr.picked");
    assert!(row.contains("r2") && row.contains("interface r1"), "{row}");
    browser.filter("");
    assert!(browser.count("#lanes circle[data-family='join/prune']") > 0);
}

fn kinds_and_filter(browser: &mut Browser) {
    let hellos = "#lanes circle[data-family='hello']";
    let (before, all) = events(browser);
    assert_eq!(browser.count(hellos), 0);
    browser.click("#kinds [data-kind='hello']");
    assert!(browser.count(hellos) > 0);
    assert_eq!(events(browser), (all, all));
    browser.click("#kinds [data-kind='hello']");
    assert_eq!(events(browser), (before, all));

    browser.filter("pim.join r3");
    let (found, _) = events(browser);
    assert!(0 < found && found < before, "{found} of {before}");
    assert_eq!(browser.count("#list tbody tr"), found);
    let other = "[...document.querySelectorAll('#list tbody tr')]\
                 .filter(row => !/pim.join/.test(row.textContent) || !/r3/.test(row.textContent))\
                 .length";
    assert_eq!(browser.value(other), json!(0));
    assert_eq!(
        browser.count("#lanes circle:not([data-family='join/prune'])"),
        0
    );
    browser.filter("");
}

fn zoom(browser: &mut Browser) {
    let whole = browser.span();
    let place = browser.value(
        "(() => { const lanes = document.querySelector('#lanes'); \
         lanes.scrollIntoView({ block: 'center' }); const b = lanes.getBoundingClientRect(); \
         return [b.x + b.width * 0.75, b.y + b.height - 12]; })()",
    );
    let turned = json!({ "deltaX": 0, "deltaY": -600, "button": "none", "buttons": 0 });
    browser.mouse("mouseWheel", &place[0], &place[1], turned);
    // The browser carries out the turn of a wheel in its own time.
    assert!(eventually(PATIENCE, || browser.span() != whole));
    let near = browser.span();
    assert!(near.0 > whole.0 && near.1 < whole.1, "{near:?}");
    let long = near.1 - near.0;
    assert!(long < (whole.1 - whole.0) / 2.0, "{near:?}");
    let at = whole.0 + (whole.1 - whole.0) * 0.72;
    assert!((near.0..near.1).contains(&at), "{near:?} without {at}");

    let left = json!(place[0].as_f64().unwrap() - 200.0);
    browser.mouse(
        "mousePressed",
        &place[0],
        &place[1],
        json!({ "clickCount": 1 }),
    );
    browser.mouse("mouseMoved", &left, &place[1], json!({}));
    browser.mouse(
        "mouseReleased",
        &left,
        &place[1],
        json!({ "clickCount": 1 }),
    );
    let moved = browser.span();
    assert!(moved.0 > near.0, "{moved:?} after {near:?}");
    assert!((moved.1 - moved.0 - long).abs() < 1e-4, "{moved:?}");
    browser.click("#whole");
    assert_eq!(browser.span(), whole);
}

/// The bars count what the ledger says that arrived.
fn histograms(browser: &mut Browser) {
    let figure = "#latencies figure[data-receiver='R'][data-source='S']";
    assert_eq!(browser.count("#latencies figure"), 1);
    let whole = browser.bars(&format!("{figure} rect.now"));
    browser.click("button[data-step='4']");
    let received = browser.text("#ledger tbody tr:not(.step-row) td:nth-child(4)");
    let received: u64 = received.parse().unwrap();
    assert!(0 < received && received < whole, "{received} of {whole}");
    assert_eq!(browser.bars(&format!("{figure} rect.now")), received);
    assert_eq!(browser.bars(&format!("{figure} rect.rest")), whole);
    assert_eq!(browser.count(&format!("{figure} line.quantile")), 2);
    let outside = format!(
        "(() => {{ const drawn = document.querySelector({figure:?} + ' svg'); \
         const all = drawn.getBoundingClientRect(); return [...drawn.children].filter(one => {{ \
         const b = one.getBoundingClientRect(); return b.left < all.left - 1 || \
         b.right > all.right + 1 || b.top < all.top - 1 || b.bottom > all.bottom + 1; }}).length; }})()"
    );
    assert_eq!(browser.value(&outside), json!(0));
    browser.click("#whole");
    assert_eq!(browser.bars(&format!("{figure} rect.now")), whole);
}
