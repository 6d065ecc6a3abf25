//! Slow filters: they are stopped, and do not block other organisations.

use crate::context::CONTEXT;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hushvec_server::{Options, router};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tower::ServiceExt;

const CHUNKS: usize = 200;
const FACETS: usize = 256;

/// An organisation with its admin key.
#[derive(Clone)]
struct Organisation {
    name: &'static str,
    key: String,
    router: Router,
}

impl Organisation {
    /// Opens the folder with an organisation. Returns the router, and the admin key if the organisation is new.
    fn open(folder: &Path, name: &'static str, change: impl FnOnce(&mut Options)) -> (Router, Option<String>) {
        let mut options = Options { device: hushvec::Device::Cpu, org: name.to_owned(), ..Options::new(folder) };
        change(&mut options);
        router(&options).unwrap()
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("x-api-key", &self.key)
            .header("x-xtrace-key", &self.key)
            .header("x-xtrace-org-id", self.name)
            .body(Body::from(body.to_string()))
            .unwrap();
        let reply = self.router.clone().oneshot(request).await.unwrap();
        let status = reply.status();
        let bytes = axum::body::to_bytes(reply.into_body(), 64 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, reply) = self.call(method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {reply}");
        reply
    }

    /// Creates a knowledge base whose chunks have the maximum number of facets, each `facet` characters long.
    async fn fill(&self, facet: usize) -> String {
        let path = |what: &str| format!("/v1/{what}/{}", self.name);
        let document = CONTEXT.0.to_dict_enc().unwrap();
        self.ok("POST", &path("exec_context"), json!({ "context_id": "one", "data": document })).await;
        let base = self.ok("POST", "/v1/kbs", json!({ "name": "base" })).await["id"].as_str().unwrap().to_owned();
        for chunk in 0..CHUNKS {
            let facets: Vec<String> = (0..FACETS).map(|number| format!("{number:0>facet$}")).collect();
            let metadata = json!({ "tag1": format!("{chunk}"), "facets": facets });
            let chunk = json!({ "chunk_content": "", "index": [CONTEXT.1], "meta_data": metadata });
            self.ok("POST", &path("chunk"), json!({ "kb_id": base, "context_id": "one", "chunks": [chunk] })).await;
        }
        base
    }

    async fn select(&self, base: &str, filter: Value) -> (StatusCode, Value) {
        let request = json!({ "kb_id": base, "context_id": "one", "meta_filter": filter, "projection": ["chunk_id"] });
        self.call("POST", &format!("/v1/chunk/meta/{}", self.name), request).await
    }
}

/// Two organisations of one server. The first has a knowledge base with chunks.
struct Two {
    _folder: TempDir,
    runtime: Runtime,
    greedy: Organisation,
    other: Organisation,
    base: String,
}

fn two(facet: usize, change: impl FnOnce(&mut Options)) -> Two {
    let folder = tempfile::tempdir().unwrap();
    let (_, other) = Organisation::open(folder.path(), "other", |_| ());
    let (router, greedy) = Organisation::open(folder.path(), "greedy", change);
    let greedy = Organisation { name: "greedy", key: greedy.unwrap(), router: router.clone() };
    let other = Organisation { name: "other", key: other.unwrap(), router };
    // The same settings as the server's.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(64).build().unwrap();
    let base = runtime.block_on(greedy.fill(facet));
    Two { _folder: folder, runtime, greedy, other, base }
}

/// Returns the slowest possible filter, which matches nothing.
fn slow() -> Value {
    let test = |number: usize| json!({ "facets": { "$none": (0..12).map(|value| format!("{number} {value}")).collect::<Vec<_>>() } });
    // None of the values is a facet, so all conditions but the last hold and all of them are evaluated.
    let mut all: Vec<Value> = (0..31).map(test).collect();
    all.push(json!({ "facets": "nothing" }));
    json!({ "$and": all })
}

#[test]
fn facets_are_read_in_one_pass() {
    let Two { runtime, greedy, base, _folder, .. } = two(8, |_| ());
    let values = |count: usize| (0..count).map(|number| format!("{number:0>8}")).collect::<Vec<_>>();
    for (count, expected) in [(FACETS, CHUNKS), (510, 0)] {
        let started = Instant::now();
        let (status, found) = runtime.block_on(greedy.select(&base, json!({ "facets": { "$all": values(count) } })));
        println!("$all of {count} values: {} ms", started.elapsed().as_millis());
        assert_eq!((status, found.as_array().map(Vec::len)), (StatusCode::OK, Some(expected)));
    }
    let many: Vec<Value> = (0..33).map(|_| json!({ "facets": "a" })).collect();
    let (status, reply) = runtime.block_on(greedy.select(&base, json!(many)));
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(reply["message"].as_str().unwrap().contains("32 conditions on facets"), "{reply}");
}

#[test]
fn queries_end_at_the_timeout() {
    let Two { runtime, greedy, base, _folder, .. } = two(64, |options| options.query_timeout = 0);
    let ids = |dry_run| json!({ "kb_id": base, "context_id": "one", "meta_filter": slow(), "dry_run": dry_run });
    let query = json!({ "kb_id": base, "context_id": "one", "query": [CONTEXT.1], "meta_filter": slow() });
    for (method, path, body) in [
        ("POST", "/v1/chunk/meta/greedy", json!({ "kb_id": base, "context_id": "one", "meta_filter": slow() })),
        ("POST", "/v1/chunk/meta/page/greedy", json!({ "kb_id": base, "context_id": "one", "meta_filter": slow() })),
        ("DELETE", "/v1/chunk/by-meta/greedy", ids(true)),
        ("DELETE", "/v1/chunk/by-meta/greedy", ids(false)),
        ("POST", "/v1/compute_hamming/greedy", query),
    ] {
        let (status, reply) = runtime.block_on(greedy.call(method, path, body));
        assert_eq!((status, reply["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("too_slow")), "{path}");
    }
    // Fast requests are still answered.
    let path = format!("/v1/chunk/greedy?kb_id={base}&chunk_ids=1&chunk_ids=200");
    assert_eq!(runtime.block_on(greedy.ok("GET", &path, Value::Null)).as_array().unwrap().len(), 2);
}

#[test]
fn cancelled_requests_do_not_block_others() {
    let Two { runtime, greedy, base, _folder, .. } = two(1024, |options| {
        options.query_timeout = 3600;
        // A request that gets no permit in this time is refused.
        options.timeout = 10;
    });
    runtime.block_on(async {
        let hostile: Vec<_> = (0..64)
            .map(|_| {
                let (greedy, base) = (greedy.clone(), base.clone());
                tokio::spawn(async move { timeout(Duration::from_secs(2), greedy.select(&base, slow())).await.is_ok() })
            })
            .collect();
        let mut done = 0;
        for one in hostile {
            done += usize::from(one.await.unwrap());
        }
        // All requests together would take minutes.
        println!("{done} of 64 slow requests were done within 2 s");
        assert!(done < 64);
        let started = Instant::now();
        let (status, found) = greedy.select(&base, json!({ "tag1": "7" })).await;
        println!("a request after them took {} ms", started.elapsed().as_millis());
        assert_eq!((status, found), (StatusCode::OK, json!([{ "chunk_id": 8 }])));
    });
}

#[test]
fn no_organisation_starves_another() {
    let Two { runtime, greedy, other, base, _folder } = two(64, |_| ());
    let took = runtime.block_on(async {
        let started = Instant::now();
        let (status, reply) = greedy.select(&base, slow()).await;
        assert_eq!((status, reply), (StatusCode::OK, json!([])));
        println!("a slow request alone: {} ms", started.elapsed().as_millis());
        let hostile: Vec<_> = (0..100)
            .map(|number| {
                let (greedy, base) = (greedy.clone(), base.clone());
                let dry_run = json!({ "kb_id": base, "context_id": "one", "meta_filter": slow(), "dry_run": true });
                tokio::spawn(async move {
                    loop {
                        if number % 4 == 0 {
                            greedy.call("DELETE", "/v1/chunk/by-meta/greedy", dry_run.clone()).await;
                        } else {
                            greedy.select(&base, slow()).await;
                        }
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut took = Vec::new();
        for _ in 0..20 {
            let started = Instant::now();
            other.ok("GET", "/v1/kbs", Value::Null).await;
            took.push(started.elapsed());
        }
        // The other organisation can also write.
        other.ok("POST", "/v1/kbs", json!({ "name": "mine" })).await;
        assert!(hostile.iter().all(|one| !one.is_finished()));
        hostile.iter().for_each(tokio::task::JoinHandle::abort);
        took.sort_unstable();
        took
    });
    let [median, most] = [took[took.len() / 2], took[took.len() - 1]].map(|time| time.as_millis());
    println!("GET /v1/kbs beside 100 slow requests: median {median} ms, most {most} ms");
    // After all of them, it would take half a minute.
    assert!(most < 5000, "{most} ms");
}
