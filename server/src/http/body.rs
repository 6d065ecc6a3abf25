//! Streams encrypted distances to the client, as rows `[[ciphertext], chunk_id]`.

use super::memory::Held;
use super::shares::Permit;
use crate::store::{Answer, Answers, Event};
use bytes::Bytes;
use http_body::{Body, Frame};
use num_bigint::BigUint;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{Semaphore, mpsc};

/// Rows encoded at a time. With the longest keys, 128 rows take some milliseconds as JSON integers.
const ROWS: usize = 128;
/// Encoded pieces that may wait to be sent.
const AHEAD: usize = 1;

/// The encoding of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Ciphertexts as little-endian bytes, of the key's ciphertext size.
    MessagePack,
    /// Ciphertexts as integers.
    Json,
}

impl Encoding {
    /// Chooses the encoding by the `Accept` header: JSON if it names JSON and not MessagePack.
    pub fn accepted(accept: Option<&str>) -> Self {
        let asked = |name: &str| accept.is_some_and(|accept| accept.contains(name));
        if asked("application/json") && !asked("msgpack") { Self::Json } else { Self::MessagePack }
    }

    /// Returns the value of the `Content-Type` header.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::MessagePack => "application/x-msgpack",
            Self::Json => "application/json",
        }
    }

    /// Returns the bytes before `len` rows.
    fn head(self, len: u64) -> Vec<u8> {
        match self {
            Self::Json => b"[".to_vec(),
            Self::MessagePack => {
                let mut head = Vec::new();
                // Writing to memory does not fail, and the server does not store more than `u32::MAX` rows.
                let _ = rmp::encode::write_array_len(&mut head, u32::try_from(len).unwrap_or(u32::MAX));
                head
            }
        }
    }

    /// Encodes up to [`ROWS`] rows of an answer, starting at row `from`.
    fn rows(self, answer: &Answer, from: usize, is_first: bool) -> Vec<u8> {
        let rows = answer.rows().skip(from).take(ROWS);
        let row_bytes = answer.rows().next().map_or(0, |(integer, _)| integer.len()) + 16;
        let mut out = Vec::with_capacity(rows.len() * row_bytes);
        for (number, (integer, chunk)) in rows.enumerate() {
            match self {
                Self::MessagePack => {
                    let _ = rmp::encode::write_array_len(&mut out, 2);
                    let _ = rmp::encode::write_array_len(&mut out, 1);
                    let _ = rmp::encode::write_bin(&mut out, integer);
                    let _ = rmp::encode::write_uint(&mut out, chunk);
                }
                Self::Json => {
                    if !is_first || number > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(format!("[[{}],{chunk}]", BigUint::from_bytes_le(integer)).as_bytes());
                }
            }
        }
        out
    }

    /// Returns the bytes after the rows.
    fn tail(self) -> Bytes {
        match self {
            Self::Json => Bytes::from_static(b"]"),
            Self::MessagePack => Bytes::new(),
        }
    }
}

/// Resources that a search holds while it is answered.
pub struct Holds {
    /// Its permit.
    #[expect(dead_code, reason = "held")]
    pub permit: Permit,
    /// Its memory.
    pub held: Held,
    /// Permits for threads that write JSON: one per core, so that other requests find a thread.
    pub writers: Arc<Semaphore>,
}

/// The body of a search response.
pub struct Rows {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
}

impl Rows {
    /// Creates a body of `len` rows. A task encodes them as they are sent.
    pub fn new(encoding: Encoding, len: u64, answers: Option<Answers>, holds: Holds) -> Self {
        let (to, pieces) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            // Fails only if the client has disconnected.
            let _ = write(encoding, len, answers, &holds, &to).await;
        });
        Self { pieces }
    }
}

/// The receiver was dropped.
struct Gone;

async fn write(
    encoding: Encoding,
    len: u64,
    mut answers: Option<Answers>,
    holds: &Holds,
    to: &mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), Gone> {
    let send = async |piece| to.send(piece).await.map_err(|_| Gone);
    send(Ok(encoding.head(len).into())).await?;
    let mut is_first = true;
    loop {
        let event = match &mut answers {
            Some(answers) => tokio::select! {
                event = std::future::poll_fn(|context| answers.poll_next(context)) => event,
                () = to.closed() => return Err(Gone),
            },
            None => Some(Event::Done),
        };
        match event {
            Some(Event::Answer(answer)) => {
                let answer = Arc::new(answer);
                for from in (0..answer.rows().len()).step_by(ROWS) {
                    send(rows(encoding, &answer, from, is_first, holds).await).await?;
                    is_first = false;
                }
            }
            Some(Event::Done) => return send(Ok(encoding.tail())).await,
            // The error closes the connection, so that the client does not take this for the complete result.
            None => return send(Err(io::Error::other("the search was cut short"))).await,
        }
    }
}

/// Encodes some rows. JSON integers are written on a thread that may block.
async fn rows(
    encoding: Encoding,
    answer: &Arc<Answer>,
    from: usize,
    is_first: bool,
    holds: &Holds,
) -> io::Result<Bytes> {
    if encoding == Encoding::MessagePack {
        return Ok(encoding.rows(answer, from, is_first).into());
    }
    let _writer = holds.writers.acquire().await.map_err(io::Error::other)?;
    let (answer, held) = (answer.clone(), holds.held.clone());
    let written = tokio::task::spawn_blocking(move || {
        let _held = held;
        encoding.rows(&answer, from, is_first)
    });
    written.await.map(Bytes::from).map_err(io::Error::other)
}

impl Body for Rows {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.pieces.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
