//! Large bodies that need no memory in this process.

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// A body that is generated while it is sent: a beginning, a repeated part, and an end.
pub struct Repeated {
    begin: Option<Bytes>,
    part: Bytes,
    times: usize,
    end: Option<Bytes>,
    /// The number of bytes read so far.
    pub taken: Arc<AtomicUsize>,
}

impl Repeated {
    /// Creates a body of about `bytes` bytes.
    pub fn new(begin: &str, part: &str, bytes: usize, end: &str) -> Self {
        // Larger parts, to limit the number of frames.
        let copies = (16 << 10) / part.len() + 1;
        let part: Bytes = part.repeat(copies).into();
        let times = bytes / part.len();
        let (begin, end) = (Some(begin.to_owned().into()), Some(end.to_owned().into()));
        Self { begin, part, times, end, taken: Arc::default() }
    }
}

impl http_body::Body for Repeated {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.begin.take().or_else(|| {
            let left = self.times.checked_sub(1);
            self.times = left.unwrap_or(0);
            left.map(|_| self.part.clone())
        });
        let next = next.or_else(|| self.end.take());
        self.taken.fetch_add(next.as_ref().map_or(0, Bytes::len), Ordering::Relaxed);
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
