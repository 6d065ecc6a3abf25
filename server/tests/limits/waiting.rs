//! Bodies that do not arrive: what they hold is there for others again.

use crate::application::Application;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use http_body::Frame;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::ServiceExt;

/// A body that ends when it is told to.
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
fn bodies_that_wait_leave_memory_to_others() {
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
    // Of three that have sent half, an organisation's share is enough for one, and the others give up.
    let statuses = server.runtime.block_on(async { tokio::join!(context(), context(), context()) });
    let mut statuses: [u16; 3] = statuses.into();
    statuses.sort_unstable();
    assert!(statuses.iter().all(|status| [408, 503].contains(status)) && statuses.contains(&503), "{statuses:?}");
    // What they held is there again.
    assert_eq!(server.insert(512 << 10).0, StatusCode::OK);
}
