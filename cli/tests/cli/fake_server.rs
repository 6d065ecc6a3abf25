//! A fake server that is malicious or fails: tests choose its answers to pushes and searches.

use hushvec::{Ciphertext, ExecutionContext, PublicKey};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

/// The requests and the stored data. Chunks are numbered from 1.
#[derive(Default)]
pub struct State {
    pub bases: Vec<Value>,
    pub context: Value,
    pub context_id: String,
    pub chunks: Vec<Value>,
    /// The first line of each request.
    pub requests: Vec<String>,
}

/// A row of an answer.
pub struct Row {
    pub chunk: u64,
    pub ciphertext: Vec<u8>,
}

type Answer = Box<dyn Fn(&State) -> Vec<Row> + Send>;
type Insert = Box<dyn FnMut(usize) -> Option<(u16, Value)> + Send>;

pub struct FakeServer {
    pub url: String,
    state: Arc<Mutex<State>>,
    answer: Arc<Mutex<Answer>>,
    insert: Arc<Mutex<Insert>>,
}

impl FakeServer {
    /// Starts a server that runs until the test ends.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let answer: Arc<Mutex<Answer>> = Arc::new(Mutex::new(Box::new(|_| Vec::new())));
        let insert: Arc<Mutex<Insert>> = Arc::new(Mutex::new(Box::new(|_| None)));
        let (shared_state, shared_answer, shared_insert) =
            (Arc::clone(&state), Arc::clone(&answer), Arc::clone(&insert));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                handle(
                    stream.unwrap(),
                    &shared_state,
                    &shared_answer.lock().unwrap(),
                    &mut shared_insert.lock().unwrap(),
                );
            }
        });
        Self { url, state, answer, insert }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Sets the answer to searches.
    pub fn answer_with(&self, answer: impl Fn(&State) -> Vec<Row> + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    /// Sets the answer to a push of some number of chunks. `None` stores them.
    #[cfg(unix)]
    pub fn insert_with(&self, insert: impl FnMut(usize) -> Option<(u16, Value)> + Send + 'static) {
        *self.insert.lock().unwrap() = Box::new(insert);
    }

    /// Returns the requests since the last call.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state().requests)
    }
}

impl State {
    /// Returns the stored vector of a chunk.
    pub fn vector(&self, key: &PublicKey, chunk: usize) -> Ciphertext {
        Ciphertext::from_wire(key, self.chunks[chunk - 1]["index"][0].as_str().unwrap()).unwrap()
    }

    /// Returns rows with the stored vectors unchanged.
    pub fn rows(&self, owner: &ExecutionContext, chunks: &[u64]) -> Vec<Row> {
        let key = owner.public_key();
        let row = |chunk: &u64| {
            let stored = usize::try_from(*chunk).unwrap().min(self.chunks.len());
            Row { chunk: *chunk, ciphertext: self.vector(key, stored).to_le_bytes(key).unwrap() }
        };
        chunks.iter().map(row).collect()
    }
}

fn handle(mut stream: TcpStream, state: &Mutex<State>, answer: &Answer, insert: &mut Insert) {
    let mut request = Vec::new();
    let (head, body) = loop {
        let mut piece = [0; 65536];
        let read = stream.read(&mut piece).unwrap();
        request.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                break (head.to_owned(), body.to_owned());
            }
        }
        assert_ne!(read, 0, "the client closed the connection");
    };
    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    if line == "POST /v1/chunk/default" {
        let refusal = insert(body["chunks"].as_array().unwrap().len());
        if let Some((status, found)) = refusal {
            return reply(&mut stream, status, "application/json", found.to_string().as_bytes());
        }
    }
    let mut state = state.lock().unwrap();
    state.requests.push(line.clone());
    if line.starts_with("POST /v1/compute_hamming/") {
        return reply(&mut stream, 200, "application/x-msgpack", &message_pack(&answer(&state)));
    }
    let found = respond(&mut state, &line, &body);
    let status = if found.is_null() { 404 } else { 200 };
    reply(&mut stream, status, "application/json", found.to_string().as_bytes());
}

fn respond(state: &mut State, line: &str, body: &Value) -> Value {
    match line {
        "GET /v1/kbs" => json!(state.bases),
        "POST /v1/kbs" => {
            let base = json!({"id": "base", "name": body["name"]});
            state.bases.push(base.clone());
            base
        }
        "POST /v1/exec_context/default" => {
            state.context = body["data"].clone();
            body["context_id"].as_str().unwrap().clone_into(&mut state.context_id);
            json!({"context_id": body["context_id"]})
        }
        "GET /v1/exec_context/default/base/context" => json!({"context_ids": [state.context_id]}),
        "POST /v1/chunk/default" => {
            let first = state.chunks.len() + 1;
            state.chunks.extend(body["chunks"].as_array().unwrap().iter().cloned());
            json!({"chunk_ids": (first..=state.chunks.len()).collect::<Vec<_>>()})
        }
        "POST /v1/chunk/meta/page/default" => {
            let rows = (1..).zip(&state.chunks).map(|(i, chunk)| json!({"chunk_id": i, "name": chunk["name"]}));
            json!({"results": rows.collect::<Vec<_>>(), "has_more": false})
        }
        _ if line.starts_with("GET /v1/chunk/default?") => {
            let chunks = fetched(line).into_iter().map(|i| {
                let mut chunk = state.chunks[i - 1].clone();
                chunk["chunk_id"] = i.into();
                chunk
            });
            chunks.collect()
        }
        _ if line == format!("GET /v1/exec_context/default/{}", state.context_id) => state.context.clone(),
        _ => Value::Null,
    }
}

/// Returns the chunks that a request fetches.
pub fn fetched(line: &str) -> Vec<usize> {
    line.split(['?', '&']).filter_map(|part| part.strip_prefix("chunk_ids=")?.parse().ok()).collect()
}

fn message_pack(rows: &[Row]) -> Vec<u8> {
    let length = |n: usize| u16::try_from(n).unwrap().to_be_bytes();
    let mut out = [&[0xdc], &length(rows.len())[..]].concat();
    for Row { chunk, ciphertext } in rows {
        out.extend([0x92, 0x91, 0xc5]);
        out.extend(length(ciphertext.len()));
        out.extend(ciphertext);
        out.push(0xcf);
        out.extend(chunk.to_be_bytes());
    }
    out
}

fn reply(stream: &mut TcpStream, status: u16, kind: &str, body: &[u8]) {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
}
