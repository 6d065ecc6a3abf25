//! The server's data: SQLite for everything except ciphertexts, which are in index files.

mod chunks;
mod collection;
mod contexts;
mod database;
mod knowledge_bases;
mod migrations;
mod organisations;
mod part;
mod principal;
mod private;
mod quota;
mod scan;
mod segment;

pub use chunks::{Change, MetadataChange, NewChunk, OnConflict, Order, Page, Projection, Selection, SortBy, Stored};
pub use knowledge_bases::KnowledgeBase;
pub use organisations::{KeyRecord, PermissionRecord};
pub use principal::{Permission, Principal};
pub use quota::Quota;
pub use scan::{Answer, Answers, Counts, Event};

use crate::error::{ApiError, ApiResult};
use crate::interrupt;
use collection::Collection;
use database::Database;
use hushvec::{Ciphertext, DeviceReport, Evaluator, OpenDevice};
use principal::check_permission;
use rusqlite::Connection;
use scan::Plan;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The data of a server.
pub struct Store {
    database: Database,
    segments: PathBuf,
    device: OpenDevice,
    refuse_weak: bool,
    quota: Quota,
    /// Collections loaded so far, by binding.
    collections: Mutex<HashMap<i64, Arc<Collection>>>,
    /// Locked until the store is dropped.
    _lock: File,
}

/// A search.
pub struct SearchRequest<'a> {
    /// The chunks to search.
    pub selection: Selection<'a>,
    /// Whether the selection's filter matches every chunk.
    pub everything: bool,
    /// The first and the last chunk id to search, inclusive.
    pub range: Option<(u64, u64)>,
    /// The encrypted query, in the SDK's encoding.
    pub query: &'a str,
}

impl Store {
    /// Opens a folder, or creates it. `query_time` limits the time of a database query.
    ///
    /// # Errors
    /// If the folder cannot be created or read, has another version, or is open in another server.
    pub fn open(
        folder: &Path,
        device: OpenDevice,
        refuse_weak: bool,
        quota: Quota,
        query_time: Duration,
    ) -> Result<Self, String> {
        let failed = |what: &str| {
            let what = format!("cannot {what} {}", folder.display());
            move |error: std::io::Error| format!("{what}: {error}")
        };
        let segments = folder.join("segments");
        if folder.is_file() {
            return Err(format!("{} is a file; --data takes a folder", folder.display()));
        }
        private::create_folder(folder).map_err(failed("create"))?;
        private::create_folder(&segments).map_err(failed("create a folder in"))?;
        let lock = private::open_file(&folder.join("lock")).map_err(failed("write to"))?;
        lock.try_lock().map_err(|_| {
            format!("{} is in use by another server; stop it, or give another folder with --data", folder.display())
        })?;
        // SQLite gives its other files the same mode as the database.
        let path = folder.join("hushvec.db");
        private::open_file(&path).map_err(failed("write to"))?;
        for beside in ["hushvec.db-wal", "hushvec.db-shm", "segments"] {
            private::tighten(&folder.join(beside)).map_err(failed("change the mode of files in"))?;
        }
        let database = Database::open(&path, query_time)?;
        let store = Self { database, segments, device, refuse_weak, quota, collections: Mutex::default(), _lock: lock };
        store.remove_orphans().map_err(failed("read"))?;
        Ok(store)
    }

    /// Returns the device that the store computes on.
    pub fn device_report(&self) -> DeviceReport {
        self.device.report()
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    /// If it does not.
    pub fn check(&self) -> ApiResult<()> {
        self.database.read(|connection| Ok(connection.query_row("SELECT 1", [], |_| Ok(()))?))
    }

    /// Returns the counts of all searches so far.
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for collection in self.collections().values() {
            let counts = collection.scan().counts();
            sum.blocks += counts.blocks;
            sum.wanted += counts.wanted;
            sum.distances += counts.distances;
            sum.computing += counts.computing;
        }
        sum
    }

    /// Starts to aggregate a query with the selected chunks. Returns the number of distances, and the stream of them.
    pub fn search(&self, principal: &Principal, request: &SearchRequest<'_>) -> ApiResult<(u64, Option<Answers>)> {
        let Some(collection) = self.collection_of(principal, &request.selection)? else { return Ok((0, None)) };
        let query = Ciphertext::from_wire(collection.evaluator().public_key(), request.query)
            .map_err(|error| ApiError::invalid(format!("query: {error}")))?;
        let (first, last) = request.range.unwrap_or((0, u64::MAX));
        // Chunks are selected by id, so changes between the snapshot and the selection do no harm.
        let parts = collection.snapshot()?;
        let plan = if request.everything {
            Plan::new(&parts, |chunk| (first..=last).contains(&chunk))
        } else {
            let mut wanted = self.selected_ids(principal, &request.selection)?;
            wanted.sort_unstable();
            Plan::new(&parts, |chunk| (first..=last).contains(&chunk) && wanted.binary_search(&chunk).is_ok())
        };
        let len = plan.len;
        let answers = collection.scan().start(query, plan)?;
        Ok((len, Some(answers)))
    }

    /// Returns the collection of a selection. `None` if nothing was ever stored there; the query is then not read.
    fn collection_of(&self, principal: &Principal, selection: &Selection<'_>) -> ApiResult<Option<Arc<Collection>>> {
        self.database.read(|connection| {
            let base = knowledge_bases::number(connection, principal, selection.base)?;
            check_permission(connection, principal, base, Permission::Read)?;
            let context = contexts::number(connection, principal, selection.context)?;
            let binding = contexts::binding(connection, base, context)?;
            binding.map(|binding| self.collection(connection, binding)).transpose()
        })
    }

    fn collections(&self) -> MutexGuard<'_, HashMap<i64, Arc<Collection>>> {
        self.collections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the collection of a binding, loading it from disk on first use.
    fn collection(&self, connection: &Connection, binding: i64) -> ApiResult<Arc<Collection>> {
        // Loads under the lock, so that nothing is written to the collection before it is in the map.
        let mut collections = self.collections();
        if let Some(collection) = collections.get(&binding) {
            return Ok(collection.clone());
        }
        // Not interrupted: otherwise the next request would start over.
        interrupt::uninterrupted(|| self.load_collection(connection, &mut collections, binding))
    }

    fn load_collection(
        &self,
        connection: &Connection,
        collections: &mut HashMap<i64, Arc<Collection>>,
        binding: i64,
    ) -> ApiResult<Arc<Collection>> {
        let context =
            connection.query_row("SELECT context FROM bindings WHERE key = ?", [binding], |row| row.get(0))?;
        let public = contexts::public_context(connection, context)?;
        let evaluator = Evaluator::on(&public, &self.device);
        let collection = Arc::new(Collection::load(connection, &self.segments, binding, evaluator)?);
        collections.insert(binding, collection.clone());
        Ok(collection)
    }

    /// Removes a deleted collection from memory.
    fn forget(&self, binding: i64) {
        self.collections().remove(&binding);
    }

    /// Removes segment files that are not in the database, left by interrupted requests.
    fn remove_orphans(&self) -> std::io::Result<()> {
        let known: HashSet<PathBuf> = self
            .database
            .writer()
            .prepare("SELECT key FROM segments")
            .and_then(|mut statement| {
                statement.query_map([], |row| Ok(collection::segment_path(&self.segments, row.get(0)?)))?.collect()
            })
            .map_err(std::io::Error::other)?;
        for entry in std::fs::read_dir(&self.segments)? {
            let path = entry?.path();
            if !known.contains(&path) {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}
