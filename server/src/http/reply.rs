//! Replies of chunks: JSON that is written and sent in pieces, up to a size limit.

use super::memory::Held;
use crate::error::{ApiError, ApiResult};
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use serde::Serialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The maximum size of a piece, in bytes.
pub const PIECE: usize = 256 << 10;

/// A reply that is being written.
pub struct Reply {
    pieces: VecDeque<Bytes>,
    last: Vec<u8>,
    len: usize,
    most: usize,
    held: Held,
    /// Whether a list element has been written.
    has_elements: bool,
    /// Why writing stopped.
    refused: Option<ApiError>,
}

impl Reply {
    /// Creates an empty reply of at most `most` bytes.
    pub fn new(most: usize, held: Held) -> Self {
        Self { pieces: VecDeque::new(), last: Vec::new(), len: 0, most, held, has_elements: false, refused: None }
    }

    /// Appends text.
    ///
    /// # Errors
    /// If the reply would be too large, or no memory is left for it.
    pub fn text(&mut self, text: &str) -> ApiResult<()> {
        self.append(text.as_bytes())
    }

    /// Appends a value.
    ///
    /// # Errors
    /// As [`Reply::text`].
    pub fn value(&mut self, value: &impl Serialize) -> ApiResult<()> {
        let written = serde_json::to_writer(&mut *self, value);
        match self.refused.take() {
            Some(error) => Err(error),
            None => written.map_err(|error| ApiError::internal(&error)),
        }
    }

    /// Appends a list element, and a comma before it if it is not the first.
    ///
    /// # Errors
    /// As [`Reply::text`].
    pub fn element(&mut self, value: &impl Serialize) -> ApiResult<()> {
        if std::mem::replace(&mut self.has_elements, true) {
            self.text(",")?;
        }
        self.value(value)
    }

    fn append(&mut self, mut bytes: &[u8]) -> ApiResult<()> {
        let len = self.len + bytes.len();
        if len > self.most {
            let most = self.most >> 20;
            return Err(ApiError::too_large(format!(
                "the reply is larger than {most} MiB (--max-reply); fetch fewer chunks at once, or fewer fields"
            )));
        }
        while !bytes.is_empty() {
            if self.last.len() == self.last.capacity() {
                self.next_piece()?;
            }
            let room = self.last.capacity() - self.last.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.last.extend_from_slice(now);
            bytes = later;
        }
        self.len = len;
        Ok(())
    }

    /// Starts the next piece. Pieces grow, so that small replies take little memory.
    fn next_piece(&mut self) -> ApiResult<()> {
        let capacity = (2 * self.last.capacity()).clamp(1024, PIECE);
        self.held.take_blocking(capacity)?;
        let full = std::mem::replace(&mut self.last, Vec::with_capacity(capacity));
        if !full.is_empty() {
            self.pieces.push_back(full.into());
        }
        Ok(())
    }
}

impl io::Write for Reply {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.append(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                self.refused = Some(error);
                Err(io::Error::other("the reply was refused"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl IntoResponse for Reply {
    fn into_response(mut self) -> Response {
        self.pieces.push_back(self.last.into());
        let body = Pieces { pieces: self.pieces, len: self.len as u64, _held: self.held };
        ([(header::CONTENT_TYPE, "application/json")], Body::new(body)).into_response()
    }
}

/// The body of a reply that is being sent.
struct Pieces {
    pieces: VecDeque<Bytes>,
    len: u64,
    _held: Held,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.pop_front();
        self.len -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len)
    }
}
