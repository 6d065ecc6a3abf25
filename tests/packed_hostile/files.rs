//! An index, a query and a response, and what becomes of changed copies.

use crate::keys::FixedKeyProvider;
use crate::numbers::SplitMix;
use hushvec::packed::{Parameters, Vectors};
use hushvec::{
    BitMatrix, Device, Error, Id, Ids, OpenDevice, PackedContext, PackedEvaluator, PackedIndex, PackedIndexWriter,
    PackedQuery, PackedResponse, Progress,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const DIMENSIONS: usize = 64;
/// Deleted from the first block, the second, and the tail.
pub const DELETED: [u64; 3] = [5, 4100, 8195];
/// Vectors of the index, including deleted ones: two blocks, and a tail of ten rows.
pub const VECTORS: u64 = 2 * 4096 + 10;

/// The vectors that each query found.
pub type Found = Vec<Vec<(i32, Id)>>;

/// What a changed file leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Refused,
    /// The last block of an index is taken for an interrupted append, which is reported.
    Torn,
    /// Nothing changes.
    Same,
    /// Nothing is refused, but what is found changes.
    Other,
}

pub struct Files {
    folder: tempfile::TempDir,
    pub context: PackedContext,
    pub evaluator: PackedEvaluator,
    pub query: PackedQuery,
    queries: BitMatrix,
    pub found: Found,
}

pub fn generate() -> PackedContext {
    let device = OpenDevice::open(Device::Cpu, None).unwrap();
    let parameters = Parameters::hamming(DIMENSIONS).unwrap();
    PackedContext::generate(parameters, device, Arc::new(FixedKeyProvider::default())).unwrap()
}

pub fn random_bits(seed: u64, rows: usize) -> BitMatrix {
    let mut random = SplitMix(seed);
    BitMatrix::from_rows(DIMENSIONS, (0..rows).map(|_| random.bits(DIMENSIONS))).unwrap()
}

impl Files {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let context = generate();
        let vectors = random_bits(1, usize::try_from(VECTORS).unwrap());
        let path = folder.path().join("index");
        let mut writer = PackedIndexWriter::create(&path, &context).unwrap();
        for rows in [0..4096, 4096..8192, 8192..vectors.len()] {
            writer.append(&Vectors::Bits(&vectors.slice(rows)), None).unwrap();
        }
        writer.delete(&Ids::from(DELETED.to_vec())).unwrap();
        drop(writer);
        let queries = random_bits(2, 2);
        let query = context.encrypt_queries(&Vectors::Bits(&queries)).unwrap();
        query.save(&folder.path().join("query")).unwrap();
        let evaluator = PackedEvaluator::open(&context.public_context().unwrap(), Device::Cpu).unwrap();
        let mut files = Self { folder, context, evaluator, query, queries, found: Vec::new() };
        let index = PackedIndex::open(&path).unwrap();
        files.evaluator.aggregate(&files.query, &index, &files.path("response"), &Progress::new()).unwrap();
        for query in 0..2 {
            let rows = (0..vectors.len()).filter(|row| !DELETED.contains(&(*row as u64)));
            let distance = |row| files.queries.hamming(query, &vectors, row).unwrap().cast_signed();
            files.found.push(rows.map(|row| (distance(row), Id::from(row as u64))).collect());
            files.found[query].sort();
        }
        assert_eq!(files.answers(&files.path("response")).unwrap(), files.found);
        files
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Reads a response like its owner, who has the query.
    fn answers(&self, path: &Path) -> Result<Found, Error> {
        let response = PackedResponse::open(path)?;
        response.check_query(&self.query)?;
        let found = response.nearest(&self.context, usize::MAX, &Progress::new())?;
        Ok(sorted(found))
    }

    /// Verifies an index like an evaluator, and searches it like its owner.
    fn search(&self, path: &Path) -> Result<Found, Error> {
        let index = PackedIndex::open(path)?;
        self.evaluator.verify(&index, &Progress::new())?;
        let queries = Vectors::Bits(&self.queries);
        Ok(sorted(index.nearest(&self.context, &queries, usize::MAX, &Progress::new())?))
    }

    /// Answers a query like an evaluator, and decodes like the owner.
    fn ask(&self, path: &Path) -> Result<Found, Error> {
        let query = PackedQuery::load(path)?;
        let response = self.path("response.changed");
        let index = PackedIndex::open(&self.path("index"))?;
        let aggregated = self.evaluator.aggregate(&query, &index, &response, &Progress::new());
        aggregated.map_err(|error| error.in_file_for_test(path))?;
        self.answers(&response).map_err(|error| error.in_file_for_test(path))
    }

    /// Uses a changed file. Errors must name it.
    pub fn outcome(&self, name: &str, bytes: &[u8]) -> (Outcome, String) {
        let path = self.path(&format!("{name}.changed"));
        std::fs::write(&path, bytes).unwrap();
        let found = match name {
            "index" => self.search(&path),
            "query" => self.ask(&path),
            _ => self.answers(&path),
        };
        match found {
            Ok(found) if found == self.found => (Outcome::Same, String::new()),
            Ok(_) if name == "index" && PackedIndex::open(&path).unwrap().recovery().is_some() => {
                (Outcome::Torn, String::new())
            }
            Ok(_) => (Outcome::Other, String::new()),
            Err(error) => {
                let text = error.to_string();
                assert!(text.starts_with(path.to_str().unwrap()), "{text}");
                (Outcome::Refused, text)
            }
        }
    }

    /// Asserts that a changed file is refused, for a reason.
    pub fn refused(&self, name: &str, bytes: &[u8], what: &str, says: &str) {
        let (outcome, text) = self.outcome(name, bytes);
        assert_eq!(outcome, Outcome::Refused, "{name}: {what}");
        assert!(text.contains(says), "{name}: {what}: {text}");
    }
}

/// Errors that concern a query in memory cannot name its file, but these tests do.
trait InFile {
    fn in_file_for_test(self, path: &Path) -> Self;
}

impl InFile for Error {
    fn in_file_for_test(self, path: &Path) -> Self {
        Self::InFile { path: path.to_owned(), source: Box::new(self) }
    }
}

fn sorted(found: Vec<Vec<hushvec::PackedNeighbour>>) -> Found {
    let each = |found: Vec<hushvec::PackedNeighbour>| {
        let mut all: Vec<(i32, Id)> = found.into_iter().map(|n| (n.score, n.id)).collect();
        all.sort();
        all
    };
    found.into_iter().map(each).collect()
}
