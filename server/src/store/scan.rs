//! Scans of a collection, shared by concurrent queries.
//!
//! One thread goes over the blocks again and again. A query joins at the current block, and is done after one full
//! pass. Each block is read once for all queries that need it and have room for the answer. A slow client skips a
//! block and receives it on the next pass, so no client waits for another. Nothing is computed for clients that have
//! disconnected.

use super::part::Part;
use super::segment::{BLOCK_ROWS, OpenSegment};
use hushvec::{Ciphertext, Ciphertexts, Evaluator, PartialResponse, Query};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Answers that may wait for the client, per query.
const AHEAD: usize = 2;
/// How long a client may take to receive an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the thread checks for disconnected clients while all clients are slow.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The maximum number of buffers kept for later blocks.
const KEPT: usize = 64;

/// The key of a segment and the number of a block in it.
type Position = (i64, usize);

/// The part of a block that a query needs.
#[derive(Clone)]
struct Piece {
    segment: Arc<OpenSegment>,
    /// The rows, counted from the block's first row; `None` for all of them.
    rows: Option<Vec<u32>>,
    /// The block's first row in its segment.
    first: usize,
    /// The chunk of each of the segment's rows.
    chunks: Arc<Vec<u64>>,
}

/// The rows that a query needs.
pub struct Plan {
    pieces: BTreeMap<Position, Piece>,
    /// The number of distances.
    pub len: u64,
}

impl Plan {
    /// Plans a scan of the chunks that `wanted` accepts.
    pub fn new(parts: &[Part], wanted: impl Fn(u64) -> bool) -> Self {
        let (mut pieces, mut len) = (BTreeMap::new(), 0);
        for Part { segment, chunks } in parts {
            for (block, rows) in segment.index.index().block_rows().enumerate() {
                let [first, end] = [rows.start, rows.end].map(|row| usize::try_from(row).unwrap_or(usize::MAX));
                let here = chunks.get(first..end.min(chunks.len())).unwrap_or_default();
                let rows: Vec<u32> =
                    (0..).zip(here).filter(|(_, chunk)| **chunk != 0 && wanted(**chunk)).map(|(row, _)| row).collect();
                len += rows.len() as u64;
                let rows = if rows.len() == end - first { None } else { Some(rows) };
                if rows.as_ref().is_none_or(|rows| !rows.is_empty()) {
                    let (segment, chunks) = (segment.clone(), chunks.clone());
                    pieces.insert((segment.key, block), Piece { segment, rows, first, chunks });
                }
            }
        }
        Self { pieces, len }
    }
}

/// Encrypted distances to the chunks of a block.
pub struct Answer {
    response: PartialResponse,
    piece: Piece,
    pool: Arc<Mutex<Vec<PartialResponse>>>,
}

impl Answer {
    /// Returns each ciphertext, as a little-endian integer of the key's length, with its chunk.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (&[u8], u64)> {
        let Piece { rows, first, chunks, .. } = &self.piece;
        self.response.integers().enumerate().map(move |(number, integer)| {
            let row = rows.as_ref().map_or(number, |rows| rows.get(number).map_or(0, |row| *row as usize));
            (integer, chunks.get(first + row).copied().unwrap_or(0))
        })
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let mut pool = lock(&self.pool);
        if pool.len() < KEPT {
            pool.push(std::mem::take(&mut self.response));
        }
    }
}

/// An event of a running query.
pub enum Event {
    /// Some distances.
    Answer(Answer),
    /// All distances have been sent.
    Done,
}

/// A running query.
struct Walk {
    query: Ciphertext,
    pieces: BTreeMap<Position, Piece>,
    to: mpsc::Sender<Event>,
    /// When there was last room for an answer.
    ready: Instant,
}

/// New queries for the scanning thread.
#[derive(Default)]
struct Arrivals {
    walks: Vec<Walk>,
    is_walking: bool,
}

/// Total work of all queries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Blocks read.
    pub blocks: u64,
    /// Blocks that queries would have read without sharing.
    pub wanted: u64,
    /// Distances computed.
    pub distances: u64,
    /// Time spent computing them.
    pub computing: Duration,
}

/// The scanning thread of a collection, and its queries.
#[derive(Clone)]
pub struct Scan {
    shared: Arc<Shared>,
}

struct Shared {
    evaluator: Evaluator,
    arrivals: Mutex<Arrivals>,
    wake: Condvar,
    pool: Arc<Mutex<Vec<PartialResponse>>>,
    counts: Mutex<Counts>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The stream of answers to a query.
pub struct Answers {
    events: mpsc::Receiver<Event>,
    scan: Scan,
}

impl Answers {
    /// Returns the maximum memory of answers waiting to be sent, in bytes, if the query has `rows` rows.
    pub fn most_bytes(&self, rows: u64) -> usize {
        let row = self.scan.shared.evaluator.public_context().parameters().ciphertext_bytes();
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        // One more is being sent.
        row.saturating_mul(rows.min((AHEAD + 1) * BLOCK_ROWS))
    }

    /// Polls for the next event; `None` if the scan failed or timed out.
    pub fn poll_next(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Option<Event>> {
        let event = self.events.poll_recv(context);
        if event.is_ready() {
            // The thread checks for room and starts to wait under this lock, so it cannot miss the notification.
            drop(lock(&self.scan.shared.arrivals));
            self.scan.shared.wake.notify_one();
        }
        event
    }
}

impl Scan {
    /// Creates a scan without queries.
    pub fn new(evaluator: Evaluator) -> Self {
        let (arrivals, wake, pool, counts) = Default::default();
        Self { shared: Arc::new(Shared { evaluator, arrivals, wake, pool, counts }) }
    }

    /// Returns the work done so far.
    pub fn counts(&self) -> Counts {
        *lock(&self.shared.counts)
    }

    /// Starts a query.
    ///
    /// # Errors
    /// If the operating system cannot start a thread.
    pub fn start(&self, query: Ciphertext, plan: Plan) -> std::io::Result<Answers> {
        let (to, events) = mpsc::channel(AHEAD + 1);
        let mut arrivals = lock(&self.shared.arrivals);
        arrivals.walks.push(Walk { query, pieces: plan.pieces, to, ready: Instant::now() });
        if arrivals.is_walking {
            self.shared.wake.notify_one();
        } else {
            let scan = self.clone();
            std::thread::Builder::new().name("scan".to_owned()).spawn(move || scan.walk())?;
            arrivals.is_walking = true;
        }
        drop(arrivals);
        Ok(Answers { events, scan: self.clone() })
    }

    /// Scans until no query is left.
    fn walk(&self) {
        let _stopped = Stopped(&self.shared);
        let (mut walks, mut at) = (Vec::<Walk>::new(), (0, 0));
        loop {
            let mut arrivals = lock(&self.shared.arrivals);
            walks.append(&mut arrivals.walks);
            walks.retain_mut(Walk::is_active);
            if walks.is_empty() {
                arrivals.is_walking = false;
                return;
            }
            let Some(next) = next(&walks, at) else {
                // All clients are slow. A client that takes an answer wakes this thread.
                drop(self.shared.wake.wait_timeout(arrivals, POLL_INTERVAL));
                continue;
            };
            drop(arrivals);
            at = next;
            self.answer(&mut walks, at);
        }
    }

    /// Aggregates a block for the queries that need it and have room.
    fn answer(&self, walks: &mut [Walk], at: Position) {
        let Some(asked) = walks.iter().filter(|walk| walk.has_room()).find_map(|walk| walk.pieces.get(&at)).cloned()
        else {
            return;
        };
        // Queries share the computation if they need the same rows of the same snapshot of the file.
        let same = |piece: &Piece| Arc::ptr_eq(&piece.segment, &asked.segment) && piece.rows == asked.rows;
        let mut together: Vec<(&mut Walk, Piece)> = Vec::new();
        for walk in walks.iter_mut().filter(|walk| walk.has_room() && walk.pieces.get(&at).is_some_and(same)) {
            if let Some(piece) = walk.pieces.remove(&at) {
                together.push((walk, piece));
            }
        }
        let mut responses: Vec<PartialResponse> = {
            let mut pool = lock(&self.shared.pool);
            (0..together.len()).map(|_| pool.pop().unwrap_or_default()).collect()
        };
        let (evaluator, started) = (&self.shared.evaluator, Instant::now());
        let queries =
            Ciphertexts::from_ciphertexts(evaluator.public_key(), together.iter().map(|(walk, _)| &walk.query));
        let done = queries.and_then(Query::new).and_then(|queries| {
            evaluator.aggregate_block(&queries, &asked.segment.index, at.1, asked.rows.as_deref(), &mut responses)
        });
        if let Err(error) = done {
            tracing::error!("search failed: {error}");
            // Dropping the sender ends the answers without `Event::Done`, so the client sees an error.
            together.into_iter().for_each(|(walk, _)| walk.to = mpsc::channel(1).0);
            return;
        }
        let mut counts = lock(&self.shared.counts);
        counts.blocks += 1;
        counts.wanted += together.len() as u64;
        counts.computing += started.elapsed();
        for ((walk, piece), response) in together.into_iter().zip(responses) {
            let answer = Answer { response, piece, pool: self.shared.pool.clone() };
            counts.distances += answer.rows().len() as u64;
            let _ = walk.to.try_send(Event::Answer(answer));
        }
    }
}

/// Lets the next query start a new thread if this one panicked.
struct Stopped<'a>(&'a Shared);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut arrivals = lock(&self.0.arrivals);
            arrivals.is_walking = false;
            arrivals.walks.clear();
        }
    }
}

impl Walk {
    /// Returns whether there is room for an answer and for [`Event::Done`].
    fn has_room(&self) -> bool {
        self.to.capacity() > 1
    }

    /// Returns whether the query is unfinished and its client is connected and receiving.
    fn is_active(&mut self) -> bool {
        if self.pieces.is_empty() {
            let _ = self.to.try_send(Event::Done);
            return false;
        }
        if self.has_room() {
            self.ready = Instant::now();
        }
        !self.to.is_closed() && self.ready.elapsed() < PATIENCE
    }
}

/// Returns the next block needed by a query with room, starting at `from` and wrapping around.
fn next(walks: &[Walk], from: Position) -> Option<Position> {
    let ready = || walks.iter().filter(|walk| walk.has_room());
    let ahead = ready().filter_map(|walk| walk.pieces.range(from..).next()).map(|(at, _)| *at).min();
    ahead.or_else(|| ready().filter_map(|walk| walk.pieces.first_key_value()).map(|(at, _)| *at).min())
}
