//! Invalid requests: the error names the problem, and the log does not contain the request.

#![cfg(unix)]

mod bodies;
mod calls;

use crate::context::{CONTEXT, DIMENSIONS, context_document, context_id, encrypt};
use crate::process::Server;
use hushvec::{ExecutionContext, PassphraseKeyProvider, Scheme};
use serde_json::{Value, json};

const CHUNK: &str = "/v1/chunk/default";
const BY_META: &str = "/v1/chunk/by-meta/default";
const HAMMING: &str = "/v1/compute_hamming/default";
const META: &str = "/v1/chunk/meta/default";
const CONTEXTS: &str = "/v1/exec_context/default";
const SECRET_TEXT: &str = "what nobody else may read";

/// A server that has a knowledge base, a context and chunks.
struct Filled {
    server: Server,
    base: String,
    wire: String,
    _folder: tempfile::TempDir,
}

impl Filled {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&folder.path().join("data"), &["--max-body", "1", "--max-chunks", "500"]);
        let base = server.prepare();
        let wire = encrypt(&CONTEXT.0, &[vec![0; DIMENSIONS]]).remove(0);
        let filled = Self { server, base, wire, _folder: folder };
        let chunk = filled.chunk(json!({
            "chunk_content": SECRET_TEXT, "meta_data": { "tag1": "a", "facets": ["x", "y"] }, "name": "n",
        }));
        filled.server.ok("POST", CHUNK, &filled.insertion(&vec![chunk; 200]));
        filled
    }

    fn with(&self, mut object: Value, fields: Value) -> Value {
        let Value::Object(fields) = fields else { panic!("{fields}") };
        object.as_object_mut().unwrap().extend(fields);
        object
    }

    fn chunk(&self, fields: Value) -> Value {
        self.with(json!({ "chunk_content": "c", "index": [self.wire] }), fields)
    }

    /// Returns the body of a request about this knowledge base.
    fn about(&self, fields: Value) -> Value {
        self.with(json!({ "kb_id": self.base, "context_id": context_id() }), fields)
    }

    fn insertion(&self, chunks: &[Value]) -> Value {
        self.about(json!({ "chunks": chunks }))
    }

    fn query(&self, fields: Value) -> Value {
        self.with(self.about(json!({ "query": [self.wire] })), fields)
    }

    /// Sends a request with a key. Returns the status and the message of the answer.
    fn by(&self, key: &str, method: &str, path: &str, body: &Value) -> (u16, String) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = Server::admin(key, "default");
        let reply = self.server.request(method, path, &headers, body.as_bytes()).unwrap();
        let message = reply.json()["message"].as_str().unwrap_or_default().to_owned();
        (reply.status, message)
    }
}

/// An invalid request, and the expected error.
struct Case {
    name: &'static str,
    method: &'static str,
    path: String,
    body: Vec<u8>,
    /// A header to change, or to remove.
    header: Option<(&'static str, Option<String>)>,
    status: u16,
    /// A part of the message.
    part: &'static str,
}

#[expect(clippy::needless_pass_by_value, reason = "calls read better without references")]
fn case(name: &'static str, method: &'static str, path: &str, body: Value, status: u16, part: &'static str) -> Case {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Case { name, method, path: path.to_owned(), body, header: None, status, part }
}

impl Case {
    /// Replaces the body.
    fn bytes(mut self, body: &[u8]) -> Self {
        self.body = body.to_owned();
        self
    }

    /// Replaces a header.
    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.header = Some((name, Some(value.to_owned())));
        self
    }

    /// Removes a header.
    fn without(mut self, name: &'static str) -> Self {
        self.header = Some((name, None));
        self
    }

    fn check(&self, server: &Server) {
        let mut headers = Server::admin(&server.key, "default").to_vec();
        if let Some((name, value)) = &self.header {
            headers.retain(|(other, _)| other != name);
            headers.extend(value.as_deref().map(|value| (*name, value)));
        }
        let reply = server.request(self.method, &self.path, &headers, &self.body).unwrap();
        let (name, text) = (self.name, String::from_utf8_lossy(&reply.body));
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (self.status, Some("application/json")),
            "{name}: {text}"
        );
        let Value::Object(error) = reply.json() else { panic!("{name}: {text}") };
        assert!(error.len() == 2 && error.contains_key("code"), "{name}: {text}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(self.part), "{name}: {text}");
        // The position of a value in a one-line body does not help.
        let is_read = self.status != 400 && !message.contains("not JSON");
        assert!(!is_read || !message.contains(" at line "), "{name}: {text}");
    }
}

#[test]
fn errors_name_the_problem_and_requests_are_not_logged() {
    let mut filled = Filled::new();
    let key = filled.server.ok("POST", "/v1/keys", &json!({ "name": "key" }))["secretKey"].as_str().unwrap().to_owned();
    let cases = calls::cases(&filled).into_iter().chain(bodies::cases(&filled));
    for case in cases {
        case.check(&filled.server);
    }
    // The server still answers, and has logged no secrets.
    filled.server.ok("GET", "/ready", &Value::Null);
    assert_eq!(filled.server.distances(&filled.base, &filled.wire).len(), 200);
    let ended = filled.server.stop();
    assert!(ended.status.success());
    let sealed = context_document()["data"]["sealed"].as_str().unwrap()[..40].to_owned();
    for text in ["panicked", SECRET_TEXT, &filled.wire[..40], &filled.server.key, &key, &sealed] {
        assert!(!ended.log.contains(text), "{text}");
    }
}

#[test]
fn a_context_is_not_replaced_by_another() {
    let filled = Filled::new();
    let other = ExecutionContext::builder()
        .scheme(Scheme::PaillierSubgroup)
        .embedding_length(DIMENSIONS)
        .create(PassphraseKeyProvider::new("pass").unwrap())
        .unwrap();
    let call = |method: &str, path: &str, body: &Value| filled.by(&filled.server.key, method, path, body);
    let document = json!({ "context_id": context_id(), "data": other.to_dict_enc().unwrap() });
    let (status, message) = call("POST", CONTEXTS, &document);
    assert!(status == 409 && message.contains("another public key"), "{message}");
    let (status, message) = call("DELETE", &format!("{CONTEXTS}/{}", context_id()), &Value::Null);
    assert!(status == 409 && message.contains("delete them first"), "{message}");
}

#[test]
fn a_revoked_key_is_refused() {
    let filled = Filled::new();
    let made = filled.server.ok("POST", "/v1/keys", &json!({ "name": "short-lived" }));
    let (record, key) = (made["apiKey"]["hash"].as_str().unwrap(), made["secretKey"].as_str().unwrap());
    let query = filled.query(json!({}));
    let (status, message) = filled.by(key, "POST", HAMMING, &query);
    assert!(status == 403 && message.contains("is none; this request needs read (1)"), "{message}");
    let permission = format!("/v1/keys/{record}/permissions/{}", filled.base);
    filled.server.ok("PUT", &permission, &json!({ "permission": 1 }));
    let search = |key: &str| {
        let headers = [("x-api-key", key), ("content-type", "application/json")];
        filled.server.request("POST", HAMMING, &headers, query.to_string().as_bytes()).unwrap().status
    };
    assert_eq!(search(key), 200);
    let (status, message) = filled.by(key, "POST", CHUNK, &filled.insertion(&[filled.chunk(json!({}))]));
    assert!(status == 403 && message.contains("is read (1); this request needs write (3)"), "{message}");
    // It is not an admin key.
    let headers = [("x-api-key", filled.server.key.as_str()), ("x-xtrace-key", key), ("x-xtrace-org-id", "default")];
    assert_eq!(filled.server.request("GET", "/v1/kbs", &headers, b"").unwrap().status, 403);
    let revoked = filled.server.ok("PATCH", &format!("/v1/keys/{record}/status/revoke"), &Value::Null);
    assert_eq!((revoked["status"].as_str(), search(key)), (Some("revoked"), 401));
}

#[test]
fn the_description_is_served() {
    let filled = Filled::new();
    let reply = filled.server.request("GET", "/openapi.json", &[], b"").unwrap();
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    let description: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    assert_eq!(reply.json(), description);
}
