//! Requests that ask for too much: the server refuses them, and takes little memory to find out.

use crate::context::CONTEXT;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hushvec_server::{Options, router};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// What no request may make the server grow by, in bytes.
const MOST_GROWTH: usize = 256 << 20;

/// Tests that measure memory have it to themselves.
static ALONE: Mutex<()> = Mutex::new(());

/// An application with a context and a knowledge base in it.
struct Server {
    _folder: TempDir,
    runtime: Runtime,
    router: Router,
    key: String,
    base: String,
}

fn server(change: impl FnOnce(&mut Options)) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options { device: hushvec::Device::Cpu, ..Options::new(folder.path()) };
    change(&mut options);
    let (router, key) = router(&options).unwrap();
    let runtime = Runtime::new().unwrap();
    let mut server = Server { _folder: folder, runtime, router, key: key.unwrap(), base: String::new() };
    let (status, reply) = server.store_context("one");
    assert_eq!(status, StatusCode::OK, "{reply}");
    server.base = server.call("POST", "/v1/kbs", &json!({ "name": "base" })).1["id"].as_str().unwrap().to_owned();
    server
}

/// A body that is made while it is sent, so that it takes no memory here: a beginning, a part many times, and an end.
struct Repeated {
    begin: Option<Bytes>,
    part: Bytes,
    times: usize,
    end: Option<Bytes>,
    taken: Arc<AtomicUsize>,
}

impl Repeated {
    /// A body of about so many bytes.
    fn new(begin: &str, part: &str, bytes: usize, end: &str) -> Self {
        // Parts of some size, so that there are not too many frames.
        let copies = (16 << 10) / part.len() + 1;
        let part: Bytes = part.repeat(copies).into();
        let times = bytes / part.len();
        let (begin, end) = (Some(begin.to_owned().into()), Some(end.to_owned().into()));
        Self { begin, part, times, end, taken: Arc::default() }
    }
}

impl http_body::Body for Repeated {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.begin.take().or_else(|| {
            let left = self.times.checked_sub(1);
            self.times = left.unwrap_or(0);
            left.map(|_| self.part.clone())
        });
        let next = next.or_else(|| self.end.take());
        self.taken.fetch_add(next.as_ref().map_or(0, Bytes::len), Ordering::Relaxed);
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Server {
    fn request(&self, method: &str, uri: &str, key: &str, body: Body) -> Response<Body> {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "application/json")
            .header("x-api-key", key)
            .header("x-xtrace-key", &self.key)
            .header("x-xtrace-org-id", "default")
            .body(body)
            .unwrap();
        self.runtime.block_on(self.router.clone().oneshot(request)).unwrap()
    }

    /// The reply, as JSON.
    fn read(&self, reply: Response<Body>) -> (StatusCode, Value) {
        let status = reply.status();
        let bytes = self.runtime.block_on(axum::body::to_bytes(reply.into_body(), 1 << 20)).unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    fn call(&self, method: &str, uri: &str, body: &Value) -> (StatusCode, Value) {
        self.read(self.request(method, uri, &self.key, Body::from(body.to_string())))
    }

    fn send(&self, method: &str, uri: &str, body: Repeated) -> (StatusCode, Value) {
        self.read(self.request(method, uri, &self.key, Body::new(body)))
    }

    fn store_context(&self, id: &str) -> (StatusCode, Value) {
        let document = CONTEXT.0.to_dict_enc().unwrap();
        self.call("POST", "/v1/exec_context/default", &json!({ "context_id": id, "data": document }))
    }

    /// What comes before the chunks of a request.
    fn chunks(&self, field: &str) -> String {
        format!(r#"{{"kb_id":"{}","context_id":"one","{field}":["#, self.base)
    }

    /// Stores a chunk with a content of so many bytes, each of which takes six in JSON.
    fn insert(&self, bytes: usize) -> (StatusCode, Value) {
        let begin = format!(r#"{}{{"index":["{}"],"chunk_content":""#, self.chunks("chunks"), CONTEXT.1);
        self.send("POST", "/v1/chunk/default", Repeated::new(&begin, "c", bytes, r#""}]}"#))
    }

    /// Reads a reply to its end, keeping nothing: its status and length.
    fn length(&self, method: &str, uri: &str, body: &Value) -> (StatusCode, usize, Option<u64>) {
        let reply = self.request(method, uri, &self.key, Body::from(body.to_string()));
        let (status, mut body) = (reply.status(), reply.into_body());
        let hint = body.size_hint().exact();
        let mut len = 0;
        self.runtime.block_on(async {
            while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                len += frame.unwrap().into_data().unwrap().len();
            }
        });
        (status, len, hint)
    }

    /// A new API key, with a permission for the knowledge base or none.
    fn api_key(&self, permission: Option<u8>) -> String {
        let made = self.call("POST", "/v1/keys", &json!({ "name": "key" })).1;
        if let Some(permission) = permission {
            let path = format!("/v1/keys/{}/permissions/{}", made["apiKey"]["hash"].as_str().unwrap(), self.base);
            assert_eq!(self.call("PUT", &path, &json!({ "permission": permission })).0, StatusCode::OK);
        }
        made["secretKey"].as_str().unwrap().to_owned()
    }
}

/// What of this process is in memory, and was at most since it was last asked, in bytes.
fn memory() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse::<usize>().unwrap()
    };
    let found = (kilobytes("VmRSS:") << 10, kilobytes("VmHWM:") << 10);
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    found
}

/// Does something, and looks by how much the process grew meanwhile.
fn grown<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (before, _) = memory();
    let done = work();
    let (_, peak) = memory();
    let grown = peak.saturating_sub(before);
    println!("{what}: {} MiB", grown >> 20);
    assert!(grown < MOST_GROWTH, "{what}: grew by {} MiB", grown >> 20);
    done
}

fn alone() -> Option<std::sync::MutexGuard<'static, ()>> {
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    if std::fs::write("/proc/self/clear_refs", "5").is_err() {
        println!("skipped: memory cannot be measured here");
        return None;
    }
    Some(guard)
}

#[test]
fn replies_are_bounded() {
    let Some(_alone) = alone() else { return };
    let server = server(|_| ());
    let content = 8 << 20;
    for _ in 0..20 {
        let (status, reply) = grown("storing 8 MiB", || server.insert(content - (32 << 10)));
        assert_eq!(status, StatusCode::OK, "{reply}");
    }
    let ids = |ids: &[u64]| {
        let ids: String = ids.iter().map(|id| format!("&chunk_ids={id}")).collect();
        format!("/v1/chunk/default?kb_id={}{ids}", server.base)
    };
    // One many times.
    for method in ["GET", "DELETE"] {
        let (status, reply) = server.call(method, &ids(&[3; 400]), &Value::Null);
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(reply["message"].as_str().unwrap().contains("3 twice"), "{reply}");
    }
    // More than fit a reply.
    let all: Vec<u64> = (1..=20).collect();
    let selection = json!({ "kb_id": server.base, "context_id": "one", "meta_filter": {}, "return_content": true });
    let page = json!({ "kb_id": server.base, "context_id": "one", "return_content": true, "limit": u32::MAX });
    for (method, path, body) in [
        ("GET", ids(&all).as_str(), &Value::Null),
        ("POST", "/v1/chunk/meta/default", &selection),
        ("POST", "/v1/chunk/meta/page/default", &page),
    ] {
        let (status, reply) = grown(path, || server.call(method, path, body));
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert!(reply["message"].as_str().unwrap().contains("fetch fewer"), "{reply}");
    }
    // As many as do, with their length said before.
    let (status, len, said) = grown("a reply of 56 MiB", || server.length("GET", &ids(&all[..7]), &Value::Null));
    assert_eq!((status, said), (StatusCode::OK, Some(len as u64)));
    assert!(len > 7 * (content - (64 << 10)) && len < 64 << 20, "{len}");
    let few = json!({ "kb_id": server.base, "context_id": "one", "return_content": true, "limit": 7 });
    let (status, len, _) = grown("a page", || server.length("POST", "/v1/chunk/meta/page/default", &few));
    assert!(status == StatusCode::OK && len > 7 * (content - (64 << 10)));
}

#[test]
fn bodies_take_what_they_are_long() {
    let Some(_alone) = alone() else { return };
    let server = server(|_| ());
    let facets = format!("[{}\"\"]", "\"\",".repeat(255));
    let with_facets = format!(r#"{{"chunk_content":"","index":[],"meta_data":{{"facets":{facets}}}}},"#);
    let (chunks, patches, base) = (server.chunks("chunks"), server.chunks("chunk_patches"), &server.base);
    let filter = format!(r#"{{"kb_id":"{base}","context_id":"one","meta_filter":["#);
    let query = format!(r#"{{"kb_id":"{base}","context_id":"one","query":["#);
    let index = format!(r#"{chunks}{{"chunk_content":"","index":["#);
    let unknown = format!(r#"{{"kb_id":"{base}","context_id":"one","x":["#);
    let bulk = format!(r#"{{"kb_id":"{base}","context_id":"one","meta_filter":{{"tag1":"a"}},"patch":{{"facets":["#);
    let large = 60 << 20;
    for (what, method, path, begin, part, bytes, end, expected) in [
        ("chunks", "POST", "/v1/chunk/default", &chunks, r#"{"chunk_content":"","index":[]},"#, large, "{}]}", 413),
        ("chunks with facets", "POST", "/v1/chunk/default", &chunks, &with_facets, large, "{}]}", 413),
        ("patches", "PATCH", "/v1/chunk/default", &patches, r#"{"chunk_id":1},"#, large, "{}]}", 413),
        ("ciphertexts", "POST", "/v1/chunk/default", &index, r#""","#, large, r#"""]}]}"#, 422),
        ("an unknown field", "POST", "/v1/chunk/default", &unknown, "[],", large, "[]]}", 422),
        ("a filter", "POST", "/v1/chunk/meta/default", &filter, "{},", 3 << 20, "{}]}", 422),
        ("another filter", "POST", "/v1/chunk/meta/default", &filter, "{},", large, "{}]}", 413),
        ("queries", "POST", "/v1/compute_hamming/default", &query, r#""","#, 3 << 20, r#"""]}"#, 422),
        ("a patch", "PATCH", "/v1/chunk/by-meta/default", &bulk, r#""","#, 3 << 20, r#"""]}}"#, 422),
        (
            "a context",
            "POST",
            "/v1/exec_context/default",
            &r#"{"context_id":"x","data":{"format":["#.to_owned(),
            "{},",
            1000 << 10,
            "{}]}}",
            422,
        ),
        ("a name", "POST", "/v1/kbs", &r#"{"name":"x","description":""#.to_owned(), "x", large, r#""}"#, 413),
    ] {
        let body = Repeated::new(begin, part, bytes, end);
        let (status, reply) = grown(what, || server.send(method, path, body));
        assert_eq!(status.as_u16(), expected, "{what}: {reply}");
    }
}

#[test]
fn who_may_not_sends_nothing() {
    let server = server(|_| ());
    let (stranger, reader) = (server.api_key(None), server.api_key(Some(1)));
    let paths = [
        ("POST", "/v1/chunk/default", 3),
        ("PUT", "/v1/chunk/default", 3),
        ("PATCH", "/v1/chunk/default", 3),
        ("POST", "/v1/exec_context/default", 3),
        ("PATCH", "/v1/chunk/by-meta/default", 3),
        ("DELETE", "/v1/chunk/by-meta/default", 7),
        ("POST", "/v1/chunk/meta/default", 1),
        ("POST", "/v1/chunk/meta/page/default", 1),
        ("POST", "/v1/compute_hamming/default", 1),
    ];
    for (key, permission) in [(&stranger, 0), (&reader, 1)] {
        for (method, path, needed) in paths {
            let body = Repeated::new("{", " ", 1 << 20, "}");
            let taken = body.taken.clone();
            let (status, reply) = server.read(server.request(method, path, key, Body::new(body)));
            if needed > permission {
                assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}: {reply}");
                assert_eq!(taken.load(Ordering::Relaxed), 0, "{method} {path}");
            } else {
                assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{method} {path}: {reply}");
            }
        }
    }
    // So contexts are stored by who may write somewhere.
    let document = json!({ "context_id": "two", "data": CONTEXT.0.to_dict_enc().unwrap() }).to_string();
    for (key, expected) in [(reader, 403), (server.api_key(Some(3)), 200)] {
        let reply = server.request("POST", "/v1/exec_context/default", &key, Body::from(document.clone()));
        assert_eq!(reply.status().as_u16(), expected);
    }
}

fn quota(reply: (StatusCode, Value), option: &str) {
    let (status, reply) = reply;
    assert_eq!((status, reply["code"].as_str()), (StatusCode::FORBIDDEN, Some("quota")), "{reply}");
    assert!(reply["message"].as_str().unwrap().contains(option), "{reply}");
}

#[test]
fn organisations_store_what_they_may() {
    let server = server(|options| {
        (options.max_contexts, options.max_org_chunks, options.max_org_storage) = (2, 3, 3);
    });
    assert_eq!(server.store_context("two").0, StatusCode::OK);
    quota(server.store_context("three"), "--max-contexts");
    // The same again takes no more.
    assert_eq!(server.store_context("two").0, StatusCode::OK);
    assert_eq!(server.insert(1 << 20).0, StatusCode::OK);
    quota(server.insert(5 << 19), "--max-org-storage");
    let patch = |content: usize| {
        let begin = format!("{}{}", server.chunks("chunk_patches"), r#"{"chunk_id":1,"chunk_content":""#);
        server.send("PATCH", "/v1/chunk/default", Repeated::new(&begin, "p", content, r#""}]}"#))
    };
    quota(patch(4 << 20), "--max-org-storage");
    // Nothing of it was kept.
    let kept = server.length("GET", &format!("/v1/chunk/default?kb_id={}&chunk_ids=1", server.base), &Value::Null).1;
    assert!(kept < (1 << 20) + 1000, "{kept}");
    assert_eq!(patch(16 << 10).0, StatusCode::OK);
    for _ in 0..2 {
        assert_eq!(server.insert(32 << 10).0, StatusCode::OK);
    }
    quota(server.insert(32 << 10), "--max-org-chunks");
    // What is deleted makes room.
    let path = format!("/v1/chunk/default?kb_id={}&chunk_ids=2", server.base);
    assert_eq!(server.call("DELETE", &path, &Value::Null).0, StatusCode::OK);
    assert_eq!(server.insert(32 << 10).0, StatusCode::OK);
    assert_eq!(server.call("DELETE", &format!("/v1/kbs/{}", server.base), &Value::Null).0, StatusCode::OK);
    let base = server.call("POST", "/v1/kbs", &json!({ "name": "another" })).1["id"].as_str().unwrap().to_owned();
    let chunk = json!({ "chunk_content": "c", "index": [CONTEXT.1] });
    let body = json!({ "kb_id": base, "context_id": "one", "chunks": [chunk, chunk, chunk] });
    assert_eq!(server.call("POST", "/v1/chunk/default", &body).0, StatusCode::OK);
}

/// A body that ends when it is told to.
struct Halted {
    sent: Option<Bytes>,
}

impl http_body::Body for Halted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.sent.take().map_or(Poll::Pending, |sent| Poll::Ready(Some(Ok(Frame::data(sent)))))
    }
}

#[test]
fn bodies_that_wait_leave_memory_to_others() {
    let server = server(|options| {
        (options.max_body, options.max_reply, options.max_memory, options.timeout) = (1, 1, 4, 1);
    });
    let context = || async {
        let halted = Body::new(Halted { sent: Some(vec![b' '; 1000 << 10].into()) });
        let request = Request::builder()
            .method("POST")
            .uri("/v1/chunk/default")
            .header("content-type", "application/json")
            .header("x-api-key", &server.key)
            .body(halted)
            .unwrap();
        server.router.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    // Of three that have sent half, an organisation's share is enough for one, and the others give up.
    let statuses = server.runtime.block_on(async { tokio::join!(context(), context(), context()) });
    let mut statuses: [u16; 3] = statuses.into();
    statuses.sort_unstable();
    assert!(statuses.iter().all(|status| [408, 503].contains(status)) && statuses.contains(&503), "{statuses:?}");
    // What they held is there again.
    assert_eq!(server.insert(512 << 10).0, StatusCode::OK);
}

#[test]
fn distances_are_written_in_pieces() {
    let server = server(|_| ());
    let chunk = format!(r#"{{"chunk_content":"c","index":["{}"]}},"#, CONTEXT.1);
    let last = format!("{}]}}", &chunk[..chunk.len() - 1]);
    let body = Repeated::new(&server.chunks("chunks"), &chunk, 4500 * chunk.len(), &last);
    let (status, reply) = server.send("POST", "/v1/chunk/default", body);
    assert_eq!(status, StatusCode::OK, "{reply}");
    let count = reply["inserted_count"].as_u64().unwrap();
    assert!(count > 4300, "{count}");
    let query = json!({ "kb_id": server.base, "context_id": "one", "query": [CONTEXT.1] }).to_string();
    for accept in ["application/json", "application/x-msgpack"] {
        let request = Request::builder()
            .method("POST")
            .uri("/v1/compute_hamming/default")
            .header("content-type", "application/json")
            .header("accept", accept)
            .header("x-api-key", &server.key)
            .body(Body::from(query.clone()))
            .unwrap();
        let (largest, all) = server.runtime.block_on(async {
            let mut body = server.router.clone().oneshot(request).await.unwrap().into_body();
            let (mut largest, mut all) = (0, Vec::new());
            while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                let data = frame.unwrap().into_data().unwrap();
                largest = largest.max(data.len());
                all.extend_from_slice(&data);
            }
            (largest, all)
        });
        // A block has 4096 rows of more than 512 bytes. What is written at once keeps a thread no longer than a moment.
        assert!(largest < 256 << 10, "{accept}: {largest}");
        if accept == "application/json" {
            // Integers of thousands of digits are more than the parser takes.
            let text = String::from_utf8(all).unwrap();
            let rows: Vec<&str> = text.strip_prefix("[[[").unwrap().strip_suffix("]]").unwrap().split("],[[").collect();
            let mut ids: Vec<u64> = rows.iter().map(|row| row.split_once("],").unwrap().1.parse().unwrap()).collect();
            ids.sort_unstable();
            assert!(ids.into_iter().eq(1..=count));
            assert!(rows.iter().all(|row| row.split_once(']').unwrap().0.bytes().all(|byte| byte.is_ascii_digit())));
        } else {
            assert!(all.len() > 512 * usize::try_from(count).unwrap());
        }
    }
}
