//! A minimal HTTP client, to see exactly what a server writes to its sockets.

use serde_json::Value;
use std::io::{self, BufRead, Write};

/// A complete reply.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The header fields, one per line, in lower case.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// Reads a reply. Fails if the connection ends before the reply does.
    pub fn read(stream: &mut impl BufRead) -> io::Result<Self> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let (first, head) = head.split_once("\r\n").unwrap();
        let status = first.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Self { status, head: head.to_lowercase(), body: Vec::new() };
        if reply.header("transfer-encoding") == Some("chunked") {
            reply.read_chunks(stream)?;
        } else if let Some(length) = reply.header("content-length") {
            reply.body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut reply.body)?;
        }
        Ok(reply)
    }

    fn read_chunks(&mut self, stream: &mut impl BufRead) -> io::Result<()> {
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let length = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
            let length = usize::from_str_radix(length, 16).unwrap();
            let start = self.body.len();
            self.body.resize(start + length, 0);
            stream.read_exact(&mut self.body[start..])?;
            let mut end = [0; 2];
            stream.read_exact(&mut end)?;
            assert_eq!(&end, b"\r\n");
            if length == 0 {
                return Ok(());
            }
        }
    }

    /// Returns the value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Returns the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("status {}, {error}: {}", self.status, String::from_utf8_lossy(&self.body)))
    }
}

/// Sends the only request of a connection.
pub fn send(
    stream: &mut impl Write,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<()> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}
