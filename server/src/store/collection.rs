//! A collection: the vectors of a knowledge base under one context, in segments.
//!
//! A vector is written to a segment first, and exists once SQLite commits its row. Rows without a commit, for example
//! after a crash, are dead.

use super::part::Part;
use super::scan::Scan;
use super::segment::{FULL, Place, Segment};
use crate::error::{ApiError, ApiResult};
use hushvec::{Ciphertexts, Evaluator, Index, IndexWriter, Progress, PublicKey};
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The vectors of a knowledge base under one context.
pub struct Collection {
    binding: i64,
    folder: PathBuf,
    evaluator: Evaluator,
    state: Mutex<State>,
    scan: Scan,
}

/// Changed only by the holder of the database's writing connection.
struct State {
    segments: Vec<Segment>,
    /// Appends to the last segment.
    writer: Option<IndexWriter>,
    /// Blocks appended since the segment was packed.
    blocks: usize,
}

/// Returns the path of a segment's file.
pub fn segment_path(folder: &Path, segment: i64) -> PathBuf {
    folder.join(format!("{segment}.hvx"))
}

impl Collection {
    /// Loads the list of chunks from the database.
    pub fn load(connection: &Connection, folder: &Path, binding: i64, evaluator: Evaluator) -> ApiResult<Self> {
        let mut statement =
            connection.prepare_cached("SELECT key, sealed FROM segments WHERE binding = ? ORDER BY key")?;
        let segments = statement.query_map([binding], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut rows = connection.prepare_cached("SELECT row, id FROM chunks WHERE segment = ? ORDER BY row")?;
        let mut loaded = Vec::new();
        for segment in segments {
            let (key, sealed) = segment?;
            let mut segment = Segment::new(key, segment_path(folder, key), sealed);
            let mut found = rows.query([key])?;
            while let Some(row) = found.next()? {
                segment.set(row.get(0)?, row.get(1)?);
            }
            loaded.push(segment);
        }
        let state = Mutex::new(State { segments: loaded, writer: None, blocks: 0 });
        Ok(Self { binding, folder: folder.to_owned(), scan: Scan::new(evaluator.clone()), evaluator, state })
    }

    /// Returns the evaluator, which has the public key and a device.
    pub fn evaluator(&self) -> &Evaluator {
        &self.evaluator
    }

    /// Returns the scan that answers queries.
    pub fn scan(&self) -> &Scan {
        &self.scan
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns all segments that have vectors, as they are at the moment.
    pub fn snapshot(&self) -> ApiResult<Vec<Part>> {
        let mut parts = Vec::new();
        for segment in self.state().segments.iter_mut().filter(|segment| segment.live > 0) {
            let open = segment.open(&self.evaluator)?;
            parts.push(Part { segment: open, chunks: segment.chunks.clone() });
        }
        Ok(parts)
    }

    /// Returns the ciphertext at a place, in the SDK's encoding.
    pub fn wire(&self, place: Place) -> ApiResult<String> {
        let key = self.evaluator.public_key();
        let segment = {
            let mut state = self.state();
            let segment = state.segments.iter_mut().find(|segment| segment.key == place.segment);
            let segment = segment.ok_or_else(|| ApiError::internal(&"a segment is missing"))?;
            segment.open(&self.evaluator)?
        };
        let found = segment.index.index().get(key, place.row as u64)?;
        let (_, ciphertext) = found.ok_or_else(|| ApiError::internal(&"a row is missing"))?;
        Ok(ciphertext.to_wire(key)?)
    }

    /// Writes vectors to disk and returns their places. Searches see them after [`Collection::publish`].
    pub fn append(&self, connection: &Connection, vectors: &Ciphertexts) -> ApiResult<Vec<Place>> {
        let mut state = self.state();
        let result = self.append_to(&mut state, connection, vectors);
        if result.is_err() {
            // The next append reads the file's state again.
            state.writer = None;
        }
        result
    }

    fn append_to(&self, state: &mut State, connection: &Connection, vectors: &Ciphertexts) -> ApiResult<Vec<Place>> {
        self.make_room(state, connection)?;
        let (Some(writer), Some(segment)) = (&mut state.writer, state.segments.last()) else {
            return Err(ApiError::internal(&"no segment to append to"));
        };
        let first = usize::try_from(writer.appended()).map_err(|error| ApiError::internal(&error))?;
        writer.append(vectors, None)?;
        writer.sync()?;
        state.blocks += 1;
        Ok((first..first + vectors.len()).map(|row| Place { segment: segment.key, row }).collect())
    }

    /// Ensures that there is an open segment to append to.
    fn make_room(&self, state: &mut State, connection: &Connection) -> ApiResult<()> {
        let key = self.evaluator.public_key();
        match state.segments.last_mut().filter(|segment| !segment.sealed) {
            Some(segment) if segment.chunks.len() >= FULL => {
                state.writer = None;
                pack(segment);
                connection.execute("UPDATE segments SET sealed = 1 WHERE key = ?", [segment.key])?;
                segment.sealed = true;
            }
            Some(segment) => {
                if segment.is_loose(state.blocks) {
                    state.writer = None;
                    pack(segment);
                    state.blocks = 0;
                }
                if state.writer.is_none() {
                    state.writer = Some(reopen(segment, key)?);
                }
                return Ok(());
            }
            None => {}
        }
        connection.execute("INSERT INTO segments (binding) VALUES (?)", [self.binding])?;
        let segment = connection.last_insert_rowid();
        let path = segment_path(&self.folder, segment);
        match IndexWriter::create(&path, key) {
            Ok(writer) => state.writer = Some(writer),
            Err(error) => {
                connection.execute("DELETE FROM segments WHERE key = ?", [segment])?;
                return Err(error.into());
            }
        }
        state.blocks = 0;
        state.segments.push(Segment::new(segment, path, false));
        Ok(())
    }

    /// Assigns rows to chunks, after the database commit.
    pub fn publish(&self, rows: impl IntoIterator<Item = (Place, u64)>) {
        let mut state = self.state();
        for (place, chunk) in rows {
            if let Some(segment) = state.segments.iter_mut().rev().find(|segment| segment.key == place.segment) {
                segment.set(place.row, chunk);
            }
        }
    }

    /// Marks rows as dead, after the database commit.
    pub fn retire(&self, places: impl IntoIterator<Item = Place>) {
        self.publish(places.into_iter().map(|place| (place, 0)));
    }

    /// Removes segments without live rows, and moves the live rows out of sparse segments. Nothing is lost if it fails.
    pub fn tidy(&self, connection: &mut Connection) -> ApiResult<()> {
        let sparse = {
            let mut state = self.state();
            let dead = |segment: &Segment| segment.sealed && segment.live == 0;
            for segment in state.segments.iter().filter(|segment| dead(segment)) {
                connection.execute("DELETE FROM segments WHERE key = ?", [segment.key])?;
                let _ = std::fs::remove_file(&segment.path);
            }
            state.segments.retain(|segment| !dead(segment));
            let Some(sparse) = state.segments.iter_mut().find(|segment| segment.is_sparse()) else { return Ok(()) };
            let segment = sparse.open(&self.evaluator)?;
            Part { segment, chunks: sparse.chunks.clone() }
        };
        self.move_rows(connection, &sparse)?;
        self.tidy(connection)
    }

    /// Moves a segment's live vectors to the segment that is appended to.
    fn move_rows(&self, connection: &mut Connection, part: &Part) -> ApiResult<()> {
        let key = self.evaluator.public_key();
        let (mut chunks, mut from, mut ciphertexts) = (Vec::new(), Vec::new(), Vec::new());
        for (row, chunk) in part.chunks.iter().enumerate().filter(|(_, chunk)| **chunk != 0) {
            let found = part.segment.index.index().get(key, row as u64)?;
            let (_, ciphertext) = found.ok_or_else(|| ApiError::internal(&"a row is missing"))?;
            chunks.push(*chunk);
            from.push(Place { segment: part.segment.key, row });
            ciphertexts.push(ciphertext);
        }
        let to = self.append(connection, &Ciphertexts::from_ciphertexts(key, &ciphertexts)?)?;
        let transaction = connection.transaction()?;
        {
            let sql = "UPDATE chunks SET segment = ?, row = ? WHERE segment = ? AND row = ?";
            let mut update = transaction.prepare_cached(sql)?;
            for (from, to) in from.iter().zip(&to) {
                update.execute(params![to.segment, to.row, from.segment, from.row])?;
            }
        }
        transaction.commit()?;
        self.publish(to.into_iter().zip(chunks));
        self.retire(from);
        Ok(())
    }
}

/// Reopens a segment for appending. Its file may be missing or incomplete if the server stopped while it was created.
fn reopen(segment: &mut Segment, key: &Arc<PublicKey>) -> ApiResult<IndexWriter> {
    match IndexWriter::append_to(&segment.path, key) {
        Ok((writer, _)) => Ok(writer),
        Err(error) if segment.live > 0 => Err(error.into()),
        Err(error) => {
            tracing::warn!("replacing the file of a segment without live rows: {error}");
            // If the file cannot be removed, creating it fails too.
            let _ = std::fs::remove_file(&segment.path);
            *segment = Segment::new(segment.key, segment.path.clone(), false);
            Ok(IndexWriter::create(&segment.path, key)?)
        }
    }
}

/// Rewrites a segment's file in full blocks. This is optional, so a failure is only logged.
fn pack(segment: &mut Segment) {
    match Index::compact(&segment.path, &Progress::new()) {
        Ok(_) => segment.close(),
        Err(error) => tracing::warn!("cannot pack a segment into full blocks: {error}"),
    }
}
