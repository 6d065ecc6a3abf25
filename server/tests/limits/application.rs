//! Runs the server's application in this process, without sockets, so that its memory can be measured.

use crate::context::CONTEXT;
use crate::repeated::Repeated;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use http_body::Body as _;
use hushvec_server::{Options, router};
use serde_json::{Value, json};
use std::pin::Pin;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// An application that has a context and a knowledge base.
pub struct Application {
    _folder: TempDir,
    pub runtime: Runtime,
    pub router: Router,
    pub key: String,
    pub base: String,
}

impl Application {
    /// Creates an application. `change` changes the default options.
    pub fn new(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options { device: hushvec::Device::Cpu, ..Options::new(folder.path()) };
        change(&mut options);
        let (router, key) = router(&options).unwrap();
        let runtime = Runtime::new().unwrap();
        let mut application = Self { _folder: folder, runtime, router, key: key.unwrap(), base: String::new() };
        let (status, reply) = application.store_context("one");
        assert_eq!(status, StatusCode::OK, "{reply}");
        application.base =
            application.call("POST", "/v1/kbs", &json!({ "name": "base" })).1["id"].as_str().unwrap().to_owned();
        application
    }

    pub fn request(&self, method: &str, uri: &str, key: &str, body: Body) -> Response<Body> {
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

    /// Reads a reply. Returns its status, and its body as JSON.
    pub fn read(&self, reply: Response<Body>) -> (StatusCode, Value) {
        let status = reply.status();
        let bytes = self.runtime.block_on(axum::body::to_bytes(reply.into_body(), 1 << 20)).unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    pub fn call(&self, method: &str, uri: &str, body: &Value) -> (StatusCode, Value) {
        self.read(self.request(method, uri, &self.key, Body::from(body.to_string())))
    }

    pub fn send(&self, method: &str, uri: &str, body: Repeated) -> (StatusCode, Value) {
        self.read(self.request(method, uri, &self.key, Body::new(body)))
    }

    pub fn store_context(&self, id: &str) -> (StatusCode, Value) {
        let document = CONTEXT.0.to_dict_enc().unwrap();
        self.call("POST", "/v1/exec_context/default", &json!({ "context_id": id, "data": document }))
    }

    /// Returns the beginning of a request body, up to its list of chunks.
    pub fn chunks(&self, field: &str) -> String {
        format!(r#"{{"kb_id":"{}","context_id":"one","{field}":["#, self.base)
    }

    /// Stores a chunk with a content of `bytes` bytes.
    pub fn insert(&self, bytes: usize) -> (StatusCode, Value) {
        let begin = format!(r#"{}{{"index":["{}"],"chunk_content":""#, self.chunks("chunks"), CONTEXT.1);
        self.send("POST", "/v1/chunk/default", Repeated::new(&begin, "c", bytes, r#""}]}"#))
    }

    /// Reads a reply without keeping it. Returns its status, its length, and the length that it announced.
    pub fn length(&self, method: &str, uri: &str, body: &Value) -> (StatusCode, usize, Option<u64>) {
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

    /// Creates an API key, with a permission for the knowledge base or none.
    pub fn api_key(&self, permission: Option<u8>) -> String {
        let made = self.call("POST", "/v1/keys", &json!({ "name": "key" })).1;
        if let Some(permission) = permission {
            let path = format!("/v1/keys/{}/permissions/{}", made["apiKey"]["hash"].as_str().unwrap(), self.base);
            assert_eq!(self.call("PUT", &path, &json!({ "permission": permission })).0, StatusCode::OK);
        }
        made["secretKey"].as_str().unwrap().to_owned()
    }
}
