//! Compares openapi.json with the routes.

use super::*;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hushvec::{Device, OpenDevice};
use serde_json::Value;
use std::collections::BTreeSet;
use tower::ServiceExt;

const METHODS: [&str; 5] = ["DELETE", "GET", "PATCH", "POST", "PUT"];
/// Paths behind the pattern `/{file}`.
const FILES: [&str; 4] = ["/health", "/metrics", "/openapi.json", "/ready"];

/// Returns each described path with each of its methods.
fn described() -> BTreeSet<(String, String)> {
    let description: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    let paths = description["paths"].as_object().unwrap();
    let calls = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys().filter(|name| *name != "parameters");
        methods.map(move |method| (path.clone(), method.to_uppercase()))
    });
    calls.collect()
}

#[test]
fn served_routes_are_described() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let quota = crate::store::Quota { bytes: 1 << 20, chunks: 1, contexts: 1 };
    let second = Duration::from_secs(1);
    let store = Store::open(folder.path(), OpenDevice::open(Device::Cpu, None).unwrap(), false, quota, second).unwrap();
    let limits = Limits {
        body: 1024,
        chunks: 1,
        reply: 1024,
        memory: 1024,
        searches: 1,
        requests: 1,
        body_time: second,
        wait: second,
    };
    let router = App::new(store, limits).router();
    let described = described();
    let described_paths: BTreeSet<&str> = described.iter().map(|(path, _)| path.as_str()).collect();
    let patterns = routes().map(|(pattern, _)| pattern);
    let served: BTreeSet<&str> = patterns.into_iter().filter(|pattern| *pattern != "/{file}").chain(FILES).collect();
    assert_eq!(served, described_paths);
    for path in served {
        for method in METHODS {
            let request =
                Request::builder().method(method).uri(path.replace(['{', '}'], "")).body(Body::empty()).unwrap();
            let status = runtime.block_on(router.clone().oneshot(request)).unwrap().status();
            // Without a key, all but the public paths are refused after routing.
            let expected = match path {
                _ if !described.contains(&(path.to_owned(), method.to_owned())) => StatusCode::METHOD_NOT_ALLOWED,
                "/" | "/health" | "/openapi.json" | "/ready" => StatusCode::OK,
                _ => StatusCode::UNAUTHORIZED,
            };
            assert_eq!(status, expected, "{method} {path}");
        }
    }
}

#[test]
fn the_described_version_is_the_crates() {
    let description: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
}
