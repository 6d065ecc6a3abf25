//! Storage quotas of organisations.

use crate::application::Application;
use crate::context::CONTEXT;
use crate::repeated::Repeated;
use axum::http::StatusCode;
use serde_json::{Value, json};

fn quota(reply: (StatusCode, Value), option: &str) {
    let (status, reply) = reply;
    assert_eq!((status, reply["code"].as_str()), (StatusCode::FORBIDDEN, Some("quota")), "{reply}");
    assert!(reply["message"].as_str().unwrap().contains(option), "{reply}");
}

#[test]
fn organisations_stay_within_their_quotas() {
    let server = Application::new(|options| {
        (options.max_contexts, options.max_org_chunks, options.max_org_storage) = (2, 3, 3);
    });
    assert_eq!(server.store_context("two").0, StatusCode::OK);
    quota(server.store_context("three"), "--max-contexts");
    // Storing the same context again needs no more space.
    assert_eq!(server.store_context("two").0, StatusCode::OK);
    assert_eq!(server.insert(1 << 20).0, StatusCode::OK);
    quota(server.insert(5 << 19), "--max-org-storage");
    let patch = |content: usize| {
        let begin = format!("{}{}", server.chunks("chunk_patches"), r#"{"chunk_id":1,"chunk_content":""#);
        server.send("PATCH", "/v1/chunk/default", Repeated::new(&begin, "p", content, r#""}]}"#))
    };
    quota(patch(4 << 20), "--max-org-storage");
    // The refused content was not stored.
    let kept = server.length("GET", &format!("/v1/chunk/default?kb_id={}&chunk_ids=1", server.base), &Value::Null).1;
    assert!(kept < (1 << 20) + 1000, "{kept}");
    assert_eq!(patch(16 << 10).0, StatusCode::OK);
    for _ in 0..2 {
        assert_eq!(server.insert(32 << 10).0, StatusCode::OK);
    }
    quota(server.insert(32 << 10), "--max-org-chunks");
    // Deleting a chunk frees its space.
    let path = format!("/v1/chunk/default?kb_id={}&chunk_ids=2", server.base);
    assert_eq!(server.call("DELETE", &path, &Value::Null).0, StatusCode::OK);
    assert_eq!(server.insert(32 << 10).0, StatusCode::OK);
    assert_eq!(server.call("DELETE", &format!("/v1/kbs/{}", server.base), &Value::Null).0, StatusCode::OK);
    let base = server.call("POST", "/v1/kbs", &json!({ "name": "another" })).1["id"].as_str().unwrap().to_owned();
    let chunk = json!({ "chunk_content": "c", "index": [CONTEXT.1] });
    let body = json!({ "kb_id": base, "context_id": "one", "chunks": [chunk, chunk, chunk] });
    assert_eq!(server.call("POST", "/v1/chunk/default", &body).0, StatusCode::OK);
}
