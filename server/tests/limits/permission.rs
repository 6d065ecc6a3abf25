//! A client without permission is refused before the server reads the body.

use crate::application::Application;
use crate::context::CONTEXT;
use crate::repeated::Repeated;
use axum::body::Body;
use axum::http::StatusCode;
use serde_json::json;
use std::sync::atomic::Ordering;

#[test]
fn bodies_are_not_read_without_permission() {
    let server = Application::new(|_| ());
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
    // Storing a context needs write permission for some knowledge base.
    let document = json!({ "context_id": "two", "data": CONTEXT.0.to_dict_enc().unwrap() }).to_string();
    for (key, expected) in [(reader, 403), (server.api_key(Some(3)), 200)] {
        let reply = server.request("POST", "/v1/exec_context/default", &key, Body::from(document.clone()));
        assert_eq!(reply.status().as_u16(), expected);
    }
}
