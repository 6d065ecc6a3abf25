//! Encrypted distances on their way out, a block at a time: rows `[[ciphertext], chunk_id]`.

use crate::store::{Answer, Answers, Event};
use bytes::Bytes;
use http_body::{Body, Frame};
use num_bigint::BigUint;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Ciphertexts as bytes, little-endian, as long as the key makes them.
    MessagePack,
    /// Ciphertexts as integers.
    Json,
}

impl Encoding {
    /// JSON if that is asked for by name and MessagePack is not.
    pub fn accepted(accept: Option<&str>) -> Self {
        let asked = |name: &str| accept.is_some_and(|accept| accept.contains(name));
        if asked("application/json") && !asked("msgpack") { Self::Json } else { Self::MessagePack }
    }

    /// The value of the header.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::MessagePack => "application/x-msgpack",
            Self::Json => "application/json",
        }
    }

    /// What comes before `len` rows.
    fn head(self, len: u64) -> Vec<u8> {
        match self {
            Self::Json => b"[".to_vec(),
            Self::MessagePack => {
                let mut head = Vec::new();
                // Writing to memory does not fail, and more rows than that are not stored.
                let _ = rmp::encode::write_array_len(&mut head, u32::try_from(len).unwrap_or(u32::MAX));
                head
            }
        }
    }

    fn rows(self, answer: &Answer, is_first: &mut bool) -> Vec<u8> {
        let rows = answer.rows();
        let row_bytes = rows.len() * (answer.rows().next().map_or(0, |(integer, _)| integer.len()) + 16);
        let mut out = Vec::with_capacity(row_bytes);
        for (integer, chunk) in rows {
            match self {
                Self::MessagePack => {
                    let _ = rmp::encode::write_array_len(&mut out, 2);
                    let _ = rmp::encode::write_array_len(&mut out, 1);
                    let _ = rmp::encode::write_bin(&mut out, integer);
                    let _ = rmp::encode::write_uint(&mut out, chunk);
                }
                Self::Json => {
                    if !std::mem::take(is_first) {
                        out.push(b',');
                    }
                    out.extend_from_slice(format!("[[{}],{chunk}]", BigUint::from_bytes_le(integer)).as_bytes());
                }
            }
        }
        out
    }

    /// What comes behind the rows.
    fn tail(self) -> Bytes {
        match self {
            Self::Json => Bytes::from_static(b"]"),
            Self::MessagePack => Bytes::new(),
        }
    }
}

/// The body of a response.
pub struct Rows {
    encoding: Encoding,
    head: Option<Bytes>,
    answers: Option<Answers>,
    is_first: bool,
    is_done: bool,
    /// A place among the searches.
    _place: OwnedSemaphorePermit,
}

impl Rows {
    /// `len` rows.
    pub fn new(encoding: Encoding, len: u64, answers: Option<Answers>, place: OwnedSemaphorePermit) -> Self {
        let head = Some(encoding.head(len).into());
        Self { encoding, head, answers, is_first: true, is_done: false, _place: place }
    }
}

impl Body for Rows {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        if self.is_done {
            return Poll::Ready(None);
        }
        let event = match &mut self.answers {
            Some(answers) => std::task::ready!(answers.poll_next(context)),
            None => Some(Event::Done),
        };
        let frame = match event {
            Some(Event::Answer(answer)) => {
                let encoding = self.encoding;
                Ok(Bytes::from(encoding.rows(&answer, &mut self.is_first)))
            }
            Some(Event::Done) => {
                self.is_done = true;
                Ok(self.encoding.tail())
            }
            // The connection is cut, so that nobody takes this for all there is.
            None => Err(io::Error::other("the search was cut short")),
        };
        Poll::Ready(Some(frame.map(Frame::data)))
    }
}
