//! Upserts by name, and sealed embeddings.

use crate::context::CONTEXT;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use hushvec_server::{Options, router};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// A server with a context and an empty knowledge base.
struct TestServer {
    folder: TempDir,
    runtime: Runtime,
    router: Router,
    key: String,
    base: String,
}

fn start(folder: &Path) -> (Router, Option<String>) {
    router(&Options { device: hushvec::Device::Cpu, ..Options::new(folder) }).unwrap()
}

impl TestServer {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (router, key) = start(folder.path());
        let runtime = Runtime::new().unwrap();
        let mut server = Self { folder, runtime, router, key: key.unwrap(), base: String::new() };
        let context = json!({ "context_id": CONTEXT.0.id().unwrap(), "data": CONTEXT.0.to_dict_enc().unwrap() });
        server.ok("POST", "/v1/exec_context/default", &context);
        let base = server.ok("POST", "/v1/kbs", &json!({ "name": "base" }));
        base["id"].as_str().unwrap().clone_into(&mut server.base);
        server
    }

    fn call(&self, method: &str, uri: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "application/json")
            .header("x-api-key", &self.key)
            .header("x-xtrace-key", &self.key)
            .header("x-xtrace-org-id", "default")
            .body(Body::from(body.to_string()))
            .unwrap();
        self.runtime.block_on(async {
            let reply = self.router.clone().oneshot(request).await.unwrap();
            let status = reply.status();
            let body = to_bytes(reply.into_body(), usize::MAX).await.unwrap();
            (status, serde_json::from_slice(&body).unwrap())
        })
    }

    fn ok(&self, method: &str, uri: &str, body: &Value) -> Value {
        let (status, reply) = self.call(method, uri, body);
        assert_eq!(status, StatusCode::OK, "{reply}");
        reply
    }

    fn store(&self, on_conflict: Option<&str>, chunks: &[Value]) -> (StatusCode, Value) {
        let body = json!({ "kb_id": self.base, "context_id": CONTEXT.0.id().unwrap(), "chunks": chunks, "on_conflict": on_conflict });
        self.call("POST", "/v1/chunk/default", &body)
    }

    fn stored(&self, on_conflict: &str, chunks: &[Value]) -> Value {
        let (status, reply) = self.store(Some(on_conflict), chunks);
        assert_eq!(status, StatusCode::OK, "{reply}");
        let counts = ["inserted_count", "replaced_count", "skipped_count", "chunk_ids"];
        counts.iter().map(|name| reply[name].clone()).collect()
    }

    /// Returns content, tag and embedding of a chunk.
    fn chunk(&self, id: u64) -> Value {
        let fields = "projection=chunk_content&projection=meta_data&projection=sealed_embedding";
        let uri = format!("/v1/chunk/default?kb_id={}&chunk_ids={id}&{fields}", self.base);
        let found = self.ok("GET", &uri, &Value::Null);
        json!([found[0]["chunk_content"], found[0]["meta_data"]["tag1"], found[0]["sealed_embedding"]])
    }

    /// Returns how many vectors a search finds.
    fn found(&self) -> usize {
        let query = [CONTEXT.1.clone()];
        let body = json!({ "kb_id": self.base, "context_id": CONTEXT.0.id().unwrap(), "query": query });
        let (_, rows) = {
            let request = Request::builder()
                .method("POST")
                .uri("/v1/compute_hamming/default")
                .header("content-type", "application/json")
                .header("accept", "application/json")
                .header("x-api-key", &self.key)
                .body(Body::from(body.to_string()))
                .unwrap();
            self.runtime.block_on(async {
                let reply = self.router.clone().oneshot(request).await.unwrap();
                (reply.status(), to_bytes(reply.into_body(), usize::MAX).await.unwrap())
            })
        };
        // Each row ends with its chunk's id. The integers are too long for the JSON parser.
        String::from_utf8(rows.to_vec()).unwrap().matches("],").count().div_ceil(2)
    }

    fn usage(&self) -> (u64, u64) {
        let database = rusqlite::Connection::open(self.folder.path().join("hushvec.db")).unwrap();
        let sql = "SELECT chunks, bytes FROM usage";
        database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    }
}

fn chunk(name: &str, content: &str, tag: Option<&str>, embedding: Option<&str>) -> Value {
    let mut chunk = json!({ "name": name, "chunk_content": content, "index": [CONTEXT.1] });
    if let Some(tag) = tag {
        chunk["meta_data"] = json!({ "tag1": tag });
    }
    if let Some(embedding) = embedding {
        chunk["sealed_embedding"] = embedding.into();
    }
    chunk
}

#[test]
fn a_name_identifies_one_chunk() {
    let server = TestServer::new();
    let first = [chunk("a", "one", Some("x"), Some("e1")), chunk("b", "two", None, None)];
    assert_eq!(server.stored("error", &first), json!([2, 0, 0, [1, 2]]));
    assert_eq!(server.chunk(1), json!(["one", "x", "e1"]));
    let before = server.usage();

    // Repeating a request changes nothing.
    let (status, reply) = server.store(Some("error"), &[chunk("c", "new", None, None), first[1].clone()]);
    assert_eq!((status, &reply["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    assert_eq!(server.stored("skip", &first), json!([0, 0, 2, [1, 2]]));
    assert_eq!(server.stored("replace", &first), json!([0, 2, 0, [1, 2]]));
    assert_eq!((server.usage(), server.found()), (before, 2));

    // New values replace the old ones. Without a new embedding, the old one is removed with its vector.
    let mixed = [chunk("c", "three", None, None), chunk("a", "", None, None), chunk("b", "2", Some("y"), Some("e2"))];
    assert_eq!(server.stored("replace", &mixed), json!([1, 2, 0, [3, 1, 2]]));
    assert_eq!((server.chunk(1), server.chunk(2)), (json!(["one", "x", null]), json!(["2", "y", "e2"])));
    let mixed = [chunk("d", "four", None, None), chunk("a", "other", Some("z"), None)];
    assert_eq!(server.stored("skip", &mixed), json!([1, 0, 1, [4, 1]]));
    assert_eq!((server.chunk(1), server.found()), (json!(["one", "x", null]), 4));

    // Without on_conflict, all chunks are new, as in XTrace's service. The name is then ambiguous.
    let (_, reply) = server.store(None, &first[..1]);
    assert_eq!(
        (&reply["chunk_ids"], &reply["inserted_count"], reply.get("replaced_count")),
        (&json!([5]), &json!(1), None)
    );
    let (status, reply) = server.store(Some("replace"), &first);
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(reply["message"].as_str().unwrap().contains("chunks 1 and 5 both have the name \"a\""), "{reply}");
    for wrong in [vec![first[0].clone(), first[0].clone()], vec![json!({ "chunk_content": "", "index": [CONTEXT.1] })]]
    {
        assert_eq!(server.store(Some("skip"), &wrong).0, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(server.found(), 5);
}

#[test]
fn embeddings_are_changed_and_counted() {
    let server = TestServer::new();
    server.stored("error", &[chunk("a", "one", None, Some("e1"))]);
    let before = server.usage();
    let (kb_id, context_id) = (&server.base, CONTEXT.0.id().unwrap());
    let patch = |patch: Value| {
        let body = json!({ "kb_id": kb_id, "context_id": context_id, "chunk_patches": [patch] });
        server.call("PATCH", "/v1/chunk/default", &body).0
    };
    assert_eq!(patch(json!({ "chunk_id": 1, "sealed_embedding": "longer" })), StatusCode::OK);
    assert_eq!((server.chunk(1), server.usage()), (json!(["one", null, "longer"]), (before.0, before.1 + 4)));
    assert_eq!(patch(json!({ "chunk_id": 1, "tag1": "x" })), StatusCode::OK);
    assert_eq!(server.chunk(1), json!(["one", "x", "longer"]));
    assert_eq!(patch(json!({ "chunk_id": 1, "index": [CONTEXT.1] })), StatusCode::OK);
    assert_eq!(server.chunk(1), json!(["one", "x", null]));
    let long = "e".repeat((64 << 10) + 1);
    assert_eq!(patch(json!({ "chunk_id": 1, "sealed_embedding": long })), StatusCode::UNPROCESSABLE_ENTITY);
    server.ok("DELETE", &format!("/v1/chunk/default?kb_id={kb_id}&chunk_ids=1"), &Value::Null);
    assert_eq!(server.usage().0, 0);
}

#[test]
fn api_keys_see_the_permitted_knowledge_bases() {
    let mut server = TestServer::new();
    let other = server.ok("POST", "/v1/kbs", &json!({ "name": "other" }))["id"].as_str().unwrap().to_owned();
    let key = server.ok("POST", "/v1/keys", &json!({ "name": "reader" }));
    let hash = key["apiKey"]["hash"].as_str().unwrap();
    server.ok("PUT", &format!("/v1/keys/{hash}/permissions/{}", server.base), &json!({ "permission": 1 }));
    key["secretKey"].as_str().unwrap().clone_into(&mut server.key);
    let get = |uri: &str, organisation: &str| {
        let request =
            Request::builder().uri(uri).header("x-api-key", &server.key).header("x-xtrace-org-id", organisation);
        let reply = server.router.clone().oneshot(request.body(Body::empty()).unwrap());
        server.runtime.block_on(async {
            let reply = reply.await.unwrap();
            let status = reply.status();
            (status, serde_json::from_slice::<Value>(&to_bytes(reply.into_body(), 1 << 20).await.unwrap()).unwrap())
        })
    };
    let (_, bases) = get("/v1/kbs", "default");
    assert_eq!((bases.as_array().unwrap().len(), bases[0]["id"].as_str()), (1, Some(server.base.as_str())));
    assert_eq!(get(&format!("/v1/kbs/{}", server.base), "default").0, StatusCode::OK);
    assert_eq!(get(&format!("/v1/kbs/{other}"), "default").0, StatusCode::FORBIDDEN);
    assert_eq!(get("/v1/kbs", "elsewhere").0, StatusCode::FORBIDDEN);
    // Creating and deleting knowledge bases needs the admin key.
    assert_eq!(server.call("POST", "/v1/kbs", &json!({ "name": "mine" })).0, StatusCode::FORBIDDEN);
    assert_eq!(server.call("DELETE", &format!("/v1/kbs/{}", server.base), &Value::Null).0, StatusCode::FORBIDDEN);
}
