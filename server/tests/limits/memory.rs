//! Oversized requests: the server refuses them, and needs little memory to do so.

use crate::application::Application;
use crate::repeated::Repeated;
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

/// The maximum growth of the process during a request, in bytes.
const MOST_GROWTH: usize = 256 << 20;

/// Held by a test that measures memory, so that no other test of this kind runs at the same time.
static ALONE: Mutex<()> = Mutex::new(());

/// Returns the resident memory of this process, and its peak since the last call, in bytes.
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

/// Runs `work`, and checks how much the process grows.
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
    let server = Application::new(|_| ());
    let content = 8 << 20;
    for _ in 0..20 {
        let (status, reply) = grown("storing 8 MiB", || server.insert(content - (32 << 10)));
        assert_eq!(status, StatusCode::OK, "{reply}");
    }
    let ids = |ids: &[u64]| {
        let ids: String = ids.iter().map(|id| format!("&chunk_ids={id}")).collect();
        format!("/v1/chunk/default?kb_id={}{ids}", server.base)
    };
    // One id many times.
    for method in ["GET", "DELETE"] {
        let (status, reply) = server.call(method, &ids(&[3; 400]), &Value::Null);
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(reply["message"].as_str().unwrap().contains("duplicate id 3"), "{reply}");
    }
    // More chunks than fit into a reply.
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
    // As many as fit. The reply announces its length.
    let (status, len, announced) = grown("a reply of 56 MiB", || server.length("GET", &ids(&all[..7]), &Value::Null));
    assert_eq!((status, announced), (StatusCode::OK, Some(len as u64)));
    assert!(len > 7 * (content - (64 << 10)) && len < 64 << 20, "{len}");
    let few = json!({ "kb_id": server.base, "context_id": "one", "return_content": true, "limit": 7 });
    let (status, len, _) = grown("a page", || server.length("POST", "/v1/chunk/meta/page/default", &few));
    assert!(status == StatusCode::OK && len > 7 * (content - (64 << 10)));
}

#[test]
fn bodies_take_memory_in_proportion_to_their_length() {
    let Some(_alone) = alone() else { return };
    let server = Application::new(|_| ());
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
