//! Chromium without a window, controlled by its `DevTools` protocol over two pipes.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::wait::wait_for;

/// A browser with one page; ended when dropped.
pub(crate) struct Browser {
    process: Child,
    requests: File,
    answers: BufReader<File>,
    /// The session of its page.
    session: Value,
    next: u64,
    /// Errors and warnings that its pages have logged.
    pub(crate) complaints: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// A browser; `None`, with a word on standard error, if there is none here.
    #[expect(clippy::print_stderr, reason = "a test that is left out says so")]
    pub(crate) fn start() -> Option<Self> {
        if Command::new("chromium").arg("--version").output().is_err() {
            eprintln!("left out: `chromium` is not installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let pipes = [path("requests"), path("answers")];
        assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
        let process = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<\"$REQUESTS\" 4>\"$ANSWERS\"", "sh", "chromium"])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--disable-background-networking", "--hide-scrollbars"])
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", path("profile").display()))
            .envs([("REQUESTS", &pipes[0]), ("ANSWERS", &pipes[1])])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // In the order of the shell, each end of which waits for the other.
        let requests = File::options().write(true).open(&pipes[0]).unwrap();
        let answers = BufReader::new(File::open(&pipes[1]).unwrap());
        let (session, complaints) = (Value::Null, Vec::new());
        let mut browser =
            Self { process, requests, answers, session, next: 1, complaints, _folder: folder };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        browser.session = browser.call("Target.attachToTarget", &attach)["sessionId"].clone();
        for domain in ["Page", "Log", "Runtime"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// Calls a method, and returns its result.
    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        let id = self.next;
        self.next += 1;
        let mut request = json!({"id": id, "method": method, "params": parameters});
        if !self.session.is_null() {
            request["sessionId"] = self.session.clone();
        }
        self.requests.write_all(format!("{request}\0").as_bytes()).unwrap();
        loop {
            let mut bytes = Vec::new();
            self.answers.read_until(0, &mut bytes).unwrap();
            assert_eq!(bytes.pop(), Some(0), "the browser has ended");
            let message: Value = serde_json::from_slice(&bytes).unwrap();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            match message["method"].as_str() {
                Some("Log.entryAdded") => {
                    self.complaints.push(message["params"]["entry"]["text"].to_string());
                }
                Some("Runtime.exceptionThrown" | "Page.javascriptDialogOpening") => {
                    self.complaints.push(message["params"].to_string());
                }
                _ => {}
            }
        }
    }

    /// Opens a page and waits until it is loaded.
    pub(crate) fn open(&mut self, url: &str) {
        let opened = self.call("Page.navigate", &json!({"url": url}));
        assert!(opened["errorText"].is_null(), "{url}: {opened}");
        wait_for("a page", || {
            self.is_so(&format!("document.readyState === 'complete' && location.href === '{url}'"))
        });
    }

    /// The value of an expression in the page.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true,
        });
        let result = self.call("Runtime.evaluate", &parameters);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// For `wait_for`: whether an expression is true.
    pub(crate) fn is_so(&mut self, expression: &str) -> Option<()> {
        (self.evaluate(expression) == true).then_some(())
    }

    /// Gives the page this width, with the colours of a light or a dark screen.
    pub(crate) fn show(&mut self, width: u32, scheme: &str) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let codes = [("ArrowLeft", 37), ("Tab", 9)];
            let code = codes.iter().find(|(name, _)| *name == key).expect("a key of these").1;
            let event =
                json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Writes a picture of the whole page to the folder that `ORCH_TEST_SCREENSHOTS` names, for people.
    pub(crate) fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("ORCH_TEST_SCREENSHOTS").map(PathBuf::from) else {
            return;
        };
        let height = self.evaluate("document.documentElement.scrollHeight");
        let width = self.evaluate("innerWidth");
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &size);
        self.evaluate(
            "new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))",
        );
        let picture = self.call("Page.captureScreenshot", &json!({}))["data"].clone();
        fs::create_dir_all(&folder).unwrap();
        let file = File::create(folder.join(format!("{name}.png"))).unwrap();
        let mut decoder = Command::new("base64");
        let mut decoder = decoder.arg("-d").stdin(Stdio::piped()).stdout(file).spawn().unwrap();
        let bytes = picture.as_str().unwrap().as_bytes();
        decoder.stdin.take().unwrap().write_all(bytes).unwrap();
        assert!(decoder.wait().unwrap().success());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
