//! `orch serve` in a test's folder, and requests to it as bytes, so that they can be anything.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Child;
use std::time::Duration;

use super::signals::try_signal;
use super::test_run::TestRun;
use super::wait::wait_for;

/// A server; ended when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
}

/// An answer of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl TestRun {
    /// Starts the server at a free port, and waits until it listens.
    pub(crate) fn serve(&self, arguments: &str) -> Server {
        let mut process = self.start(&format!("serve --bind 127.0.0.1:0 {arguments}")).0;
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().trim_start_matches("http://").trim_end_matches('/');
        Server { address: address.parse().expect(&line), process }
    }
}

impl Server {
    /// Sends a request as it is, and reads the answer to its end.
    pub(crate) fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Answer::parse(&bytes)
    }

    /// Gets a path with more headers, a line each.
    pub(crate) fn get_with(&self, path: &str, headers: &str) -> Answer {
        let host = self.address;
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"
        ))
    }

    /// Gets a page.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> String {
        let answer = self.get_with(path, "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    /// Interrupts it as Ctrl-C does, and returns its exit code.
    pub(crate) fn interrupt(&mut self) -> Option<i32> {
        assert!(try_signal(self.process.id(), "-INT"));
        self.process.wait().unwrap().code()
    }

    /// Gets a page again and again until `is_so` holds of it.
    pub(crate) fn wait_for_page(
        &self,
        path: &str,
        what: &str,
        is_so: impl Fn(&str) -> bool,
    ) -> String {
        wait_for(what, || Some(self.get(path)).filter(|page| is_so(page)))
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end =
            bytes.windows(4).position(|part| part == b"\r\n\r\n").expect("the end of the head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        });
        Self { status, headers: headers.collect(), body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        try_signal(self.process.id(), "-TERM");
        let _ = self.process.wait();
    }
}
