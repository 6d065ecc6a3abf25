//! Stores and searches chunks under the tests' context.

use crate::context::{CONTEXT, context_document, context_id, decode};
use crate::http::{Reply, send};
use crate::process::Server;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::net::TcpStream;

impl Server {
    /// Stores the context and creates a knowledge base. Returns its id.
    pub fn prepare(&self) -> String {
        self.ok("POST", "/v1/exec_context/default", &context_document());
        self.ok("POST", "/v1/kbs", &json!({ "name": "base" }))["id"].as_str().unwrap().to_owned()
    }

    /// Stores chunks whose contents are their names.
    pub fn try_insert(&self, base: &str, chunks: &[(String, &String)]) -> io::Result<(u16, Value)> {
        let chunk = |(name, wire): &(String, &String)| json!({ "chunk_content": name, "index": [wire], "name": name });
        let chunks: Vec<Value> = chunks.iter().map(chunk).collect();
        let body = json!({ "kb_id": base, "context_id": context_id(), "chunks": chunks });
        self.try_call("POST", "/v1/chunk/default", &body)
    }

    /// Stores `count` chunks without names or contents, repeating these ciphertexts.
    pub fn fill(&self, base: &str, wires: &[String], count: usize) {
        let most = 5000;
        for first in (0..count).step_by(most) {
            let chunk = |number: usize| json!({ "chunk_content": "", "index": [wires[number % wires.len()]] });
            let chunks: Vec<Value> = (first..count.min(first + most)).map(chunk).collect();
            let body = json!({ "kb_id": base, "context_id": context_id(), "chunks": chunks });
            self.ok("POST", "/v1/chunk/default", &body);
        }
    }

    /// Starts a search without reading the answer.
    pub fn begin_search(&self, base: &str, wire: &str) -> TcpStream {
        let mut stream = self.connect().unwrap();
        let body = json!({ "kb_id": base, "context_id": context_id(), "query": [wire] }).to_string();
        let headers = [("x-api-key", self.key.as_str()), ("content-type", "application/json")];
        send(&mut stream, "POST", "/v1/compute_hamming/default", &headers, body.as_bytes()).unwrap();
        stream
    }

    /// Searches, and returns chunks and encrypted distances.
    pub fn search(&self, base: &str, wire: &str) -> (Vec<u64>, Vec<Vec<u8>>) {
        let reply = Reply::read(&mut BufReader::new(self.begin_search(base, wire))).unwrap();
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        rows(&reply.body)
    }

    /// Searches, and returns the distance of each chunk.
    pub fn distances(&self, base: &str, wire: &str) -> BTreeMap<u64, u32> {
        let (ids, ciphertexts) = self.search(base, wire);
        ids.into_iter().zip(decode(&CONTEXT.0, &ciphertexts)).collect()
    }
}

/// Parses the MessagePack answer to a search into chunks and ciphertexts.
pub fn rows(body: &[u8]) -> (Vec<u64>, Vec<Vec<u8>>) {
    let mut from = io::Cursor::new(body);
    let count = rmp::decode::read_array_len(&mut from).unwrap();
    let mut found = (Vec::new(), Vec::new());
    for _ in 0..count {
        assert_eq!(rmp::decode::read_array_len(&mut from).unwrap(), 2);
        assert_eq!(rmp::decode::read_array_len(&mut from).unwrap(), 1);
        let mut ciphertext = vec![0; rmp::decode::read_bin_len(&mut from).unwrap() as usize];
        from.read_exact(&mut ciphertext).unwrap();
        found.1.push(ciphertext);
        found.0.push(rmp::decode::read_int(&mut from).unwrap());
    }
    assert_eq!(from.position(), body.len() as u64);
    found
}
