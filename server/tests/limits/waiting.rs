//! Bodies that do not arrive: their memory is released.

use crate::application::Application;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use http_body::Frame;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::ServiceExt;

/// A body that sends one frame and then stalls.
struct Halted {
    sent: Option<Bytes>,
}

impl http_body::Body for Halted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.sent.take().map_or(Poll::Pending, |sent| Poll::Ready(Some(Ok(Frame::data(sent)))))
    }
}

#[test]
fn stalled_bodies_release_memory() {
    let server = Application::new(|options| {
        (options.max_body, options.max_reply, options.max_memory, options.timeout) = (1, 1, 4, 1);
    });
    let context = || async {
        let halted = Body::new(Halted { sent: Some(vec![b' '; 1000 << 10].into()) });
        let request = Request::builder()
            .method("POST")
            .uri("/v1/chunk/default")
            .header("content-type", "application/json")
            .header("x-api-key", &server.key)
            .body(halted)
            .unwrap();
        server.router.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    // Three clients have sent half. The organisation's share is enough for one, and the others are refused.
    let statuses = server.runtime.block_on(async { tokio::join!(context(), context(), context()) });
    let mut statuses: [u16; 3] = statuses.into();
    statuses.sort_unstable();
    assert!(statuses.iter().all(|status| [408, 503].contains(status)) && statuses.contains(&503), "{statuses:?}");
    // The memory is available again.
    assert_eq!(server.insert(512 << 10).0, StatusCode::OK);
}
