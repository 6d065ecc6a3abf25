//! Clients that open connections and do nothing with them keep nobody out.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server in a process of its own.
struct Server {
    process: Child,
    address: String,
    key: String,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_hushvec-server"))
            .args(["--listen", "127.0.0.1:0", "--device", "cpu", "--data"])
            .arg(folder.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut key = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut key).unwrap();
        let key = key.trim().strip_prefix("admin key: ").unwrap().to_owned();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = log.find_map(|line| Some(line.unwrap().split_once("http://")?.1.to_owned())).unwrap();
        // Or it would wait for someone to read what it logs.
        std::thread::spawn(move || log.for_each(drop));
        Self { process, address, key, _folder: folder }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// How long a request takes on a new connection.
    fn delay(&self) -> Duration {
        let started = Instant::now();
        let mut stream = self.connect();
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
        started.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// As many connections as this process may open, up to 1,024.
fn many() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let files: usize = line.split_whitespace().nth(3).unwrap().parse().unwrap();
    (files - 100).min(1024)
}

#[test]
fn half_sent_requests_keep_nobody_out() {
    let server = Server::start();
    let halves = [
        String::new(),
        "GET /health HTTP/1.1\r\nhost: x\r\n".to_owned(),
        // With a key, and a body that does not come.
        format!(
            "POST /v1/kbs HTTP/1.1\r\nhost: x\r\nx-xtrace-key: {}\r\nx-xtrace-org-id: default\r\n\
             content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{",
            server.key
        ),
        // Idle, behind a request that was answered.
        "GET /health HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
    ];
    for half in &halves {
        let open: Vec<TcpStream> = (0..many())
            .map(|_| {
                let mut stream = server.connect();
                stream.write_all(half.as_bytes()).unwrap();
                stream
            })
            .collect();
        let delay = (0..5).map(|_| server.delay()).max().unwrap_or_default();
        println!("{} ms behind {} of {half:?}", delay.as_millis(), open.len());
        // They would stay for 10 seconds and more.
        assert!(delay < Duration::from_secs(5), "{delay:?} behind {} of {half:?}", open.len());
    }
}

#[test]
fn heads_have_ten_seconds() {
    let server = Server::start();
    let mut slow = server.connect();
    let started = Instant::now();
    // Something each second is not enough.
    slow.write_all(b"GET /health HTTP/1.1\r\n").unwrap();
    let mut writer = slow.try_clone().unwrap();
    let trickle = std::thread::spawn(move || {
        while writer.write_all(b"x: y\r\n").is_ok() && started.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    let mut reply = Vec::new();
    let ended = slow.read_to_end(&mut reply);
    assert!(ended.is_err() || reply.is_empty(), "{reply:?}");
    let waited = started.elapsed();
    assert!(waited > Duration::from_secs(8) && waited < Duration::from_secs(15), "{waited:?}");
    trickle.join().unwrap();
}
