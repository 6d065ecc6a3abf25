//! Replies of chunks: JSON that is written piece by piece, up to a limit, and sent likewise.

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

/// Bytes of a piece.
pub const PIECE: usize = 256 << 10;

/// A reply that is being written.
pub struct Reply {
    pieces: VecDeque<Bytes>,
    last: Vec<u8>,
    len: usize,
    most: usize,
    held: Held,
    /// Whether an element of a list was written.
    has_elements: bool,
    /// Why it ends here.
    refused: Option<ApiError>,
}

impl Reply {
    /// An empty one, of at most so many bytes.
    pub fn new(most: usize, held: Held) -> Self {
        Self { pieces: VecDeque::new(), last: Vec::new(), len: 0, most, held, has_elements: false, refused: None }
    }

    /// Appends text.
    ///
    /// # Errors
    /// If the reply is too large, or there is no memory for it.
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

    /// Appends an element of a list, with what separates it from the one before.
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
                "the reply is larger than {most} MiB; fetch fewer chunks at once, or fewer fields of them"
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

    /// Pieces grow, so that small replies take little.
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

/// A reply on its way out.
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
