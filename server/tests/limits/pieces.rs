//! Long replies are written in pieces, so that none blocks a thread.

use crate::application::Application;
use crate::context::CONTEXT;
use crate::repeated::Repeated;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body::Body as _;
use serde_json::json;
use std::pin::Pin;
use tower::ServiceExt;

#[test]
fn distances_are_written_in_pieces() {
    let server = Application::new(|_| ());
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
        // A block has 4096 rows of more than 512 bytes. Smaller pieces block a thread only briefly.
        assert!(largest < 256 << 10, "{accept}: {largest}");
        if accept == "application/json" {
            // The JSON parser does not accept integers with thousands of digits.
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
