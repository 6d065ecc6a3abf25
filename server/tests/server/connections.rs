//! Clients that open connections and do nothing with them do not keep other clients out.

#![cfg(target_os = "linux")]
use crate::process::Server;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Returns how long a request takes on a new connection.
fn delay(server: &Server) -> Duration {
    let started = Instant::now();
    let mut stream = server.connect().unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    started.elapsed()
}

/// Returns how many connections this process may open, up to 1,024.
fn many() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let files: usize = line.split_whitespace().nth(3).unwrap().parse().unwrap();
    (files - 100).min(1024)
}

#[test]
fn incomplete_requests_do_not_keep_clients_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"), &[]);
    let halves = [
        String::new(),
        "GET /health HTTP/1.1\r\nhost: x\r\n".to_owned(),
        // With a key, and a body that does not arrive.
        format!(
            "POST /v1/kbs HTTP/1.1\r\nhost: x\r\nx-xtrace-key: {}\r\nx-xtrace-org-id: default\r\n\
             content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{",
            server.key
        ),
        // Idle after an answered request.
        "GET /health HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
    ];
    for half in &halves {
        let open: Vec<TcpStream> = (0..many())
            .map(|_| {
                let mut stream = server.connect().unwrap();
                stream.write_all(half.as_bytes()).unwrap();
                stream
            })
            .collect();
        let delay = (0..5).map(|_| delay(&server)).max().unwrap_or_default();
        println!("{} ms behind {} of {half:?}", delay.as_millis(), open.len());
        // Otherwise the connections would stay for at least 10 seconds.
        assert!(delay < Duration::from_secs(5), "{delay:?} behind {} of {half:?}", open.len());
    }
}

#[test]
fn request_heads_time_out_after_ten_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"), &[]);
    let mut slow = server.connect().unwrap();
    let started = Instant::now();
    // Sending a line each second does not extend the limit.
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
