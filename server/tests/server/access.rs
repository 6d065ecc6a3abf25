//! Replaced keys, withdrawn permissions, and files that only the server's user can read.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hushvec_server::{Options, router, serve_until_stopped};
use serde_json::{Value, json};
use std::path::Path;
use tokio::runtime::Runtime;
use tower::ServiceExt;

struct Server {
    runtime: Runtime,
    router: Router,
}

impl Server {
    /// Opens a folder. Also returns the admin key if the organisation is new.
    fn open(folder: &Path) -> (Self, Option<String>) {
        let (router, key) = router(&options(folder)).unwrap();
        (Self { runtime: Runtime::new().unwrap(), router }, key)
    }

    fn call(&self, key: &str, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("x-api-key", key)
            .header("x-xtrace-key", key)
            .header("x-xtrace-org-id", "default")
            .body(Body::from(body.to_string()))
            .unwrap();
        self.runtime.block_on(async {
            let reply = self.router.clone().oneshot(request).await.unwrap();
            let status = reply.status();
            let bytes = axum::body::to_bytes(reply.into_body(), 1 << 20).await.unwrap();
            (status, serde_json::from_slice(&bytes).unwrap())
        })
    }

    fn ok(&self, key: &str, method: &str, path: &str, body: &Value) -> Value {
        let (status, reply) = self.call(key, method, path, body);
        assert_eq!(status, StatusCode::OK, "{method} {path}: {reply}");
        reply
    }
}

fn options(folder: &Path) -> Options {
    Options { device: hushvec::Device::Cpu, ..Options::new(folder) }
}

#[test]
fn a_replaced_admin_key_stops_working() {
    let folder = tempfile::tempdir().unwrap();
    let (server, first) = Server::open(folder.path());
    let first = first.unwrap();
    let api_key = server.ok(&first, "POST", "/v1/keys", &json!({ "name": "key" }));
    let rotate = |key: &str| server.call(key, "POST", "/v1/admin-key/rotate", &Value::Null);
    // API keys cannot rotate it.
    assert_eq!(rotate(api_key["secretKey"].as_str().unwrap()).0, StatusCode::FORBIDDEN);
    let (status, reply) = rotate(&first);
    assert_eq!(status, StatusCode::OK, "{reply}");
    let second = reply["adminKey"].as_str().unwrap().to_owned();
    assert!(second.starts_with("hvk_") && second != first);
    assert_eq!(rotate(&first).0, StatusCode::UNAUTHORIZED);
    assert_eq!(server.call(&first, "GET", "/v1/kbs", &Value::Null).0, StatusCode::UNAUTHORIZED);
    // Nothing else changes.
    assert_eq!(server.ok(&second, "GET", "/v1/keys", &Value::Null).as_array().unwrap().len(), 1);

    // Of many concurrent requests with the same key, only one succeeds.
    let again: Vec<_> = (0..16)
        .map(|_| {
            let request = Request::builder()
                .method("POST")
                .uri("/v1/admin-key/rotate")
                .header("x-xtrace-key", &second)
                .header("x-xtrace-org-id", "default")
                .body(Body::empty())
                .unwrap();
            server.runtime.spawn(server.router.clone().oneshot(request))
        })
        .collect();
    let statuses = again.into_iter().map(|one| server.runtime.block_on(one).unwrap().unwrap().status());
    assert_eq!(statuses.filter(|status| *status == StatusCode::OK).count(), 1);
}

#[test]
fn a_lost_admin_key_is_replaced_offline() {
    let folder = tempfile::tempdir().unwrap();
    let rotate = |org: &str| {
        serve_until_stopped(&Options { rotate_admin_key: true, org: org.to_owned(), ..options(folder.path()) })
    };
    assert!(rotate("default").unwrap_err().contains("has no server data"));
    let (server, first) = Server::open(folder.path());
    assert!(rotate("default").unwrap_err().contains("in use by another server"));
    drop(server);
    assert!(rotate("none").unwrap_err().contains("no organisation \"none\""));
    rotate("default").unwrap();
    let (server, none) = Server::open(folder.path());
    assert_eq!(none, None);
    assert_eq!(server.call(&first.unwrap(), "GET", "/v1/kbs", &Value::Null).0, StatusCode::UNAUTHORIZED);
}

#[test]
fn a_withdrawn_permission_stops_working() {
    let folder = tempfile::tempdir().unwrap();
    let (server, admin) = Server::open(folder.path());
    let admin = admin.unwrap();
    let base = server.ok(&admin, "POST", "/v1/kbs", &json!({ "name": "base" }))["id"].as_str().unwrap().to_owned();
    let made = server.ok(&admin, "POST", "/v1/keys", &json!({ "name": "key" }));
    let (hash, key) = (made["apiKey"]["hash"].as_str().unwrap(), made["secretKey"].as_str().unwrap());
    let permission = format!("/v1/keys/{hash}/permissions/{base}");
    let read = || server.call(key, "GET", &format!("/v1/chunk/default?kb_id={base}&chunk_ids=1"), &Value::Null).0;
    let withdraw = |path: &str| server.call(&admin, "DELETE", path, &Value::Null);
    assert_eq!((read(), withdraw(&permission).0), (StatusCode::FORBIDDEN, StatusCode::NOT_FOUND));
    server.ok(&admin, "PUT", &permission, &json!({ "permission": 1 }));
    assert_eq!(read(), StatusCode::OK);
    assert_eq!(server.call(key, "DELETE", &permission, &Value::Null).0, StatusCode::FORBIDDEN);
    let (status, reply) = withdraw(&permission);
    assert_eq!((status, reply), (StatusCode::OK, json!({ "knowledgeBaseId": base, "withdrawn": true })));
    assert_eq!((read(), withdraw(&permission).0), (StatusCode::FORBIDDEN, StatusCode::NOT_FOUND));
    assert_eq!(server.ok(&admin, "GET", &format!("/v1/keys/{hash}/permissions"), &Value::Null), json!([]));
    for path in [format!("/v1/keys/{hash}/permissions/none"), format!("/v1/keys/{}/permissions/{base}", "0".repeat(32))]
    {
        assert_eq!(withdraw(&path).0, StatusCode::NOT_FOUND);
    }
    // It can be granted again.
    server.ok(&admin, "PUT", &permission, &json!({ "permission": 3 }));
    assert_eq!(read(), StatusCode::OK);
}

#[cfg(unix)]
#[test]
fn files_are_private_to_the_servers_user() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    set(folder.path(), 0o755);
    let open_to_others = || {
        let entries = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
        let open = entries.filter(|entry| entry.metadata().unwrap().permissions().mode() & 0o077 != 0);
        let mut names: Vec<String> = open.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    };
    let write = |server: &Server, key: &str| drop(server.ok(key, "POST", "/v1/kbs", &json!({ "name": "base" })));
    let (server, key) = Server::open(folder.path());
    let key = key.unwrap();
    write(&server, &key);
    assert!(folder.path().join("hushvec.db-wal").exists());
    assert_eq!(open_to_others(), [""; 0]);
    // Permissions of files from an older version are removed, and their contents do not change.
    let names = ["hushvec.db", "hushvec.db-shm", "hushvec.db-wal", "lock", "segments"];
    let copy = tempfile::tempdir().unwrap();
    for name in names {
        let (from, to) = (folder.path().join(name), copy.path().join(name));
        if from.is_dir() {
            std::fs::create_dir(&to).unwrap();
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
        set(&to, if from.is_dir() { 0o755 } else { 0o644 });
    }
    drop(server);
    let (server, none) = Server::open(copy.path());
    assert_eq!(none, None);
    write(&server, &key);
    for name in names {
        let mode = copy.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if name == "segments" { 0o700 } else { 0o600 }, "{name}: {mode:o}");
    }
}
