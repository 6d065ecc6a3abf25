//! Random requests: the server always answers, and never with a server error.

use crate::context::CONTEXT;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use hushvec_server::{Options, router};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// An application that has a context, a knowledge base and chunks.
struct Filled {
    _folder: TempDir,
    runtime: Runtime,
    router: Router,
    key: String,
    base: String,
    context: String,
    wire: String,
}

static FILLED: LazyLock<Filled> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { device: hushvec::Device::Cpu, ..Options::new(folder.path()) };
    let (router, key) = router(&options).unwrap();
    let (context, wire) = &*CONTEXT;
    let (wire, id, document) = (wire.clone(), context.id().unwrap(), context.to_dict_enc().unwrap());
    let runtime = Runtime::new().unwrap();
    let mut filled =
        Filled { _folder: folder, runtime, router, key: key.unwrap(), base: String::new(), context: id, wire };
    let stored = filled.call(
        "POST",
        "/v1/exec_context/default",
        &json!({ "context_id": filled.context, "data": document }).to_string(),
    );
    assert_eq!(stored.0, StatusCode::OK);
    let (_, base) = filled.call("POST", "/v1/kbs", r#"{"name": "base"}"#);
    filled.base = serde_json::from_slice::<Value>(&base).unwrap()["id"].as_str().unwrap().to_owned();
    let chunk = json!({ "chunk_content": "c", "index": [filled.wire], "meta_data": { "tag1": "a", "facets": ["f"] } });
    let body = json!({ "kb_id": filled.base, "context_id": filled.context, "chunks": vec![chunk; 3] });
    assert_eq!(filled.call("POST", "/v1/chunk/default", &body.to_string()).0, StatusCode::OK);
    filled
});

impl Filled {
    /// Sends a request. Returns status and body of the reply.
    fn call(&self, method: &str, uri: &str, body: &str) -> (StatusCode, Vec<u8>) {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "application/json")
            .header("x-api-key", &self.key)
            .header("x-xtrace-key", &self.key)
            .header("x-xtrace-org-id", "default")
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.runtime.block_on(async {
            let reply = self.router.clone().oneshot(request).await.unwrap();
            let status = reply.status();
            (status, to_bytes(reply.into_body(), usize::MAX).await.unwrap().to_vec())
        })
    }
}

/// Placeholders for existing ids in generated requests.
const NAMES: [&str; 3] = ["BASE", "CONTEXT", "WIRE"];

/// JSON values of all kinds, some of them valid.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..4u64).prop_map(Value::from),
        prop::sample::select(NAMES.to_vec()).prop_map(Value::from),
        prop::sample::select(vec!["tag1", "facets", "chunk_id", "index", "asc", "a", "", "{}", "[1,", "\0"])
            .prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let field = prop::sample::select(vec![
            "tag1",
            "tag9",
            "facets",
            "$and",
            "$or",
            "$in",
            "$eq",
            "$any",
            "$size",
            "$exists",
            "chunk_id",
            "chunk_content",
            "index",
            "meta_data",
            "name",
            "sk",
            "pk",
            "type",
            "config",
            "format",
            "public_key",
            "public_id",
            "n",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((field, inner), 0..4).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

/// A call whose body has some of its fields, valid or invalid.
fn call() -> impl Strategy<Value = (&'static str, String, Value)> {
    let calls = vec![
        ("POST", "/v1/chunk/default", vec!["kb_id", "context_id", "chunks", "on_conflict"]),
        ("PUT", "/v1/chunk/default", vec!["kb_id", "context_id", "chunk_updates"]),
        ("PATCH", "/v1/chunk/default", vec!["kb_id", "context_id", "chunk_patches"]),
        ("POST", "/v1/chunk/meta/default", vec!["kb_id", "context_id", "meta_filter", "projection", "return_content"]),
        (
            "POST",
            "/v1/chunk/meta/page/default",
            vec!["kb_id", "context_id", "meta_filter", "limit", "offset", "sort_by", "sort_order"],
        ),
        ("DELETE", "/v1/chunk/by-meta/default", vec!["kb_id", "context_id", "meta_filter", "dry_run"]),
        ("PATCH", "/v1/chunk/by-meta/default", vec!["kb_id", "context_id", "meta_filter", "patch", "dry_run"]),
        ("POST", "/v1/compute_hamming/default", vec!["kb_id", "context_id", "query", "meta_filter", "range"]),
        ("POST", "/v1/exec_context/default", vec!["data", "context_id"]),
        ("POST", "/v1/kbs", vec!["name", "description"]),
        ("POST", "/v1/keys", vec!["name", "description"]),
        ("PUT", "/v1/keys/x/permissions/BASE", vec!["permission"]),
        ("DELETE", "/v1/keys/x/permissions/BASE", vec![]),
        ("POST", "/v1/exec_context/default/BASE/bind/CONTEXT", vec![]),
    ];
    prop::sample::select(calls).prop_flat_map(|(method, path, fields)| {
        let right = |field: &str| match field {
            "kb_id" => json!("BASE"),
            "context_id" => json!("CONTEXT"),
            "query" => json!(["WIRE"]),
            "meta_filter" => json!({ "tag1": "b" }),
            "chunks" => json!([{ "chunk_content": "x", "index": ["WIRE"], "meta_data": {}, "name": "n" }]),
            "on_conflict" => json!("replace"),
            "chunk_updates" => json!([{ "chunk_id": 1, "chunk_content": "x", "index": ["WIRE"] }]),
            "chunk_patches" => json!([{ "chunk_id": 2, "tag2": "y" }]),
            "patch" => json!({ "tag3": "z" }),
            _ => json!("x"),
        };
        let fields: Vec<_> = fields
            .into_iter()
            .map(|field| {
                prop_oneof![2 => Just(Some(right(field))), 1 => value().prop_map(Some), 1 => Just(None)]
                    .prop_map(move |value| (field, value))
            })
            .collect();
        let body = fields.prop_map(|fields| {
            Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
        });
        prop_oneof![4 => body, 1 => value()].prop_map(move |body| (method, path.to_owned(), body))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_request_causes_a_server_error((method, path, body) in call()) {
        let filled = &*FILLED;
        let name = |text: String| text.replace("BASE", &filled.base).replace("CONTEXT", &filled.context).replace("WIRE", &filled.wire);
        let (status, reply) = filled.call(method, &name(path), &name(body.to_string()));
        prop_assert!(!status.is_server_error(), "{} for {}: {}", status, body, String::from_utf8_lossy(&reply));
        if status.is_client_error() {
            let reply: Value = serde_json::from_slice(&reply).unwrap();
            prop_assert!(reply["message"].as_str().is_some_and(|message| message.len() > 10), "{}", reply);
        }
    }

    #[test]
    fn no_path_causes_a_server_error(
        method in prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
        path in "(/v1)?(/chunk|/exec_context|/kbs|/keys|/compute_hamming)?(/default|/other)?(/[a-z0-9%]{0,8})?",
        query in "[a-z_]{0,10}=[a-z0-9%&=]{0,20}",
        body in "\\PC{0,40}",
    ) {
        // Skips texts that are not URIs.
        prop_assume!(format!("/{path}?{query}").parse::<axum::http::Uri>().is_ok());
        let (status, _) = FILLED.call(method, &format!("/{}?{query}", path.trim_start_matches('/')), &body);
        prop_assert!(!status.is_server_error(), "{}", status);
    }
}
