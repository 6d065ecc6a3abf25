//! Truncated, mixed-up and forged record files cause typed errors that name the file, and use little memory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "record_files/bounds.rs"]
mod bounds;
#[path = "common/keys.rs"]
mod keys;
#[path = "record_files/versions.rs"]
mod versions;

use hushvec::{
    BitMatrix, Device, Error, Evaluator, ExecutionContext, HomomorphicClient, IdKind, Ids, Index, IndexWriter,
    Progress, Query, Response, Scheme,
};
use keys::{DIMENSIONS, context};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const HEADER: usize = 128;
const BLOCK_HEADER: usize = 64;
const RECORD: usize = 512;

fn fast() -> &'static ExecutionContext {
    context(Scheme::PaillierSubgroup)
}

fn evaluator() -> Evaluator {
    Evaluator::open(&fast().public_context(), Device::Cpu).unwrap()
}

/// An index with two blocks, and a response to two queries about it.
struct Files {
    folder: tempfile::TempDir,
    query: Query,
}

impl Files {
    fn with_ids(ids: &[Option<Ids>; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vectors = BitMatrix::from_rows(DIMENSIONS, [[0u8; DIMENSIONS], [1; DIMENSIONS]]).unwrap();
        let encrypted = fast().encrypt_vec_batch(&vectors).unwrap();
        let mut writer = IndexWriter::create(&folder.path().join("index"), Arc::clone(fast().public_key())).unwrap();
        ids.iter().for_each(|ids| writer.append(&encrypted, ids.as_ref()).unwrap());
        writer.sync().unwrap();
        let query = Query::new(encrypted).unwrap();
        let files = Self { folder, query };
        files.query.save(&files.path("query"), fast().public_key()).unwrap();
        let index = Index::open(&files.path("index")).unwrap();
        evaluator().aggregate(&files.query, &index, &files.path("response"), &Progress::new()).unwrap();
        files
    }

    fn new() -> Self {
        Self::with_ids(&[None, None])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Opens a file with these bytes and returns the error, which must name the file.
    fn refused(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(format!("{name}.changed"));
        std::fs::write(&path, bytes).unwrap();
        let error = match name {
            "index" => Index::open(&path).map(drop),
            "query" => evaluator().load_query(&path).map(drop),
            _ => Response::open(&path).map(drop),
        };
        let error = error.unwrap_err();
        assert!(matches!(error.root(), Error::Format { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with(path.to_str().unwrap()), "{text}");
        text
    }
}

fn seal(header: &mut [u8]) {
    let end = header.len() - 4;
    let checksum = crc32fast::hash(&header[..end]).to_le_bytes();
    header[end..].copy_from_slice(&checksum);
}

/// Returns the file with new bytes in its header, with a valid checksum.
fn with_header(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + new.len()].copy_from_slice(new);
    seal(&mut bytes[..HEADER]);
    bytes
}

/// Returns the file with new bytes in a block, with valid checksums of its header and payload.
fn with_block(bytes: &[u8], block: &Range<usize>, at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let part = &mut bytes[block.clone()];
    part[at..at + new.len()].copy_from_slice(new);
    let payload = crc32fast::hash(&part[BLOCK_HEADER..]).to_le_bytes();
    part[32..36].copy_from_slice(&payload);
    seal(&mut part[..BLOCK_HEADER]);
    bytes
}

/// Returns the positions of the blocks in a file whose ids take `id_bytes` bytes per block.
fn blocks(bytes: &[u8], id_bytes: usize) -> Vec<Range<usize>> {
    let (mut at, mut blocks) = (HEADER, Vec::new());
    while at < bytes.len() {
        let count = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        let end = at + BLOCK_HEADER + id_bytes + count * RECORD;
        blocks.push(at..end);
        at = end;
    }
    blocks
}

/// Returns a file of the header and the given blocks.
fn with_blocks(bytes: &[u8], blocks: &[Range<usize>]) -> Vec<u8> {
    let parts = blocks.iter().map(|block| &bytes[block.clone()]);
    std::iter::once(&bytes[..HEADER]).chain(parts).flatten().copied().collect()
}

#[test]
fn mixed_up_rows_are_refused() {
    let files = Files::new();
    let whole = files.bytes("response");
    let blocks = blocks(&whole, 0);
    let [a0, a1, b0, b1] = [0, 1, 2, 3].map(|number: usize| blocks[number].clone());
    let rows = |rows: u64| with_header(&whole, 64, &rows.to_le_bytes());
    for (what, bytes, says) in [
        (
            "swapped",
            with_blocks(&whole, &[a1.clone(), a0.clone(), b0.clone(), b1.clone()]),
            "query 1, expected query 0",
        ),
        ("dropped", with_blocks(&whole, &[a0.clone(), a1.clone(), b0.clone()]), "incomplete"),
        ("dropped in one answer", with_blocks(&rows(3), &[a0.clone(), a1.clone(), b0.clone()]), "incomplete"),
        (
            "all of one answer",
            with_blocks(&whole, &[a0.clone(), b0.clone(), a0.clone(), b0.clone()]),
            "query 0, expected query 1",
        ),
        (
            "repeated",
            with_blocks(&whole, &[a0.clone(), a1.clone(), a0.clone(), a1.clone()]),
            "two vectors have the id 0",
        ),
        ("of other ids", with_block(&whole, &b1, 8, &7u64.to_le_bytes()), "query 1 has other ids than query 0"),
        (
            "too many",
            with_blocks(&whole, &[a0.clone(), a1.clone(), b0.clone(), b1.clone(), a0.clone()]),
            "follow the last",
        ),
    ] {
        let text = files.refused("response", &bytes);
        assert!(text.contains(says), "{what}: {text}");
    }
    // Given ids, one of them twice for both queries.
    let numbers = |numbers: &[u64]| Some(Ids::from(numbers.to_vec()));
    let texts = |texts: [&str; 2]| Some(Ids::parse(IdKind::Strings, texts).unwrap());
    for (ids, at, new, says) in [
        ([numbers(&[5, 9]), numbers(&[7, 3])], 8, &5u64.to_le_bytes()[..], "two vectors have the id 5"),
        ([texts(["aa", "bb"]), texts(["cc", "dd"])], 8 + 2, b"aa", "two vectors have the id \"aa\""),
    ] {
        let files = Files::with_ids(&ids);
        let whole = files.bytes("response");
        Response::open(&files.path("response")).unwrap();
        let [a0, a1, ..] = [0, 1].map(|number: usize| blocks_with_ids(&whole)[number].clone());
        let changed = with_block(&with_block(&whole, &a0, BLOCK_HEADER + at, new), &a1, BLOCK_HEADER + at, new);
        let text = files.refused("response", &changed);
        assert!(text.contains(says), "{text}");
    }
}

/// Returns the positions of blocks with given ids, which take 64 bytes here.
fn blocks_with_ids(bytes: &[u8]) -> Vec<Range<usize>> {
    blocks(bytes, 64)
}

#[test]
fn a_response_belongs_to_its_query() {
    let (files, others) = (Files::new(), Files::new());
    let response = Response::open(&files.path("response")).unwrap();
    response.check_query(&files.query).unwrap();
    let loaded = fast().load_query(&files.path("query")).unwrap();
    assert_eq!((loaded.id(), response.query_id()), (files.query.id(), files.query.id()));
    response.check_query(&loaded).unwrap();
    let one = fast().encrypt_vec_batch(&BitMatrix::from_rows(DIMENSIONS, [[1u8; DIMENSIONS]]).unwrap()).unwrap();
    for other in [&others.query, &Query::new(one).unwrap()] {
        let error = response.check_query(other).unwrap_err();
        assert!(matches!(error.root(), Error::WrongQuery { .. }), "{error}");
        let [expected, actual] = [other.id(), files.query.id()].map(|id| id.unwrap().to_string());
        let text = error.to_string();
        assert!(text.contains(&expected) && text.contains(&actual), "{text}");
    }
    // Removing the id does not bypass the check.
    let whole = files.bytes("response");
    let old = with_header(&with_header(&whole, 88, &[0; 24]), 8, &1u32.to_le_bytes());
    for changed in [with_header(&whole, 96, &[0; 16]), old] {
        std::fs::write(files.path("changed"), changed).unwrap();
        let response = Response::open(&files.path("changed")).unwrap();
        assert_eq!(response.query_id(), None);
        let error = response.check_query(&files.query).unwrap_err();
        assert!(error.to_string().contains("without an id"), "{error}");
    }
    let error =
        response.check_query(&Query::new(context(Scheme::Paillier).encrypt_vec_batch(&vectors()).unwrap()).unwrap());
    assert!(matches!(error.unwrap_err().root(), Error::WrongKey { .. }));
}

fn vectors() -> BitMatrix {
    BitMatrix::from_rows(DIMENSIONS, [[0u8; DIMENSIONS], [1; DIMENSIONS]]).unwrap()
}

#[test]
fn the_scheme_is_that_of_the_key() {
    let files = Files::new();
    for name in ["index", "response"] {
        let changed = files.path("changed");
        std::fs::write(&changed, with_header(&files.bytes(name), 88, &1u32.to_le_bytes())).unwrap();
        let error = if name == "index" {
            Index::open(&changed).unwrap().get(fast().public_key(), 0).unwrap_err()
        } else {
            Response::open(&changed).unwrap().nearest(fast(), 1, &Progress::new()).unwrap_err()
        };
        assert!(error.to_string().contains("another scheme"), "{error}");
    }
}

#[test]
fn indexes_of_other_sizes_are_not_merged() {
    let files = Files::new();
    let forged = files.path("forged");
    std::fs::write(&forged, with_header(&files.bytes("index"), 52, &40u32.to_le_bytes())).unwrap();
    let inputs = [files.path("index"), forged.clone()].map(|path| Index::open(&path).unwrap());
    let error = Index::merge(&inputs, &files.path("merged"), &Progress::new()).unwrap_err();
    assert!(error.to_string().starts_with(forged.to_str().unwrap()), "{error}");
    assert!(error.to_string().contains("another scheme or other sizes"), "{error}");
}

fn shorten(path: &Path, to: usize) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(to as u64).unwrap();
}

#[test]
fn files_shortened_while_open_are_errors() {
    for rest in [0, HEADER, HEADER + 100, HEADER + BLOCK_HEADER + 2 * RECORD + 10] {
        let files = Files::new();
        let response = Response::open(&files.path("response")).unwrap();
        shorten(&files.path("response"), rest);
        let error = response.nearest(fast(), 1, &Progress::new()).unwrap_err();
        assert!(error.to_string().contains("was shortened"), "{rest} bytes: {error}");
        #[cfg(unix)]
        {
            let index = Index::open(&files.path("index")).unwrap();
            index.verify().unwrap();
            shorten(&files.path("index"), rest);
            let (path, progress) = (files.path("again"), Progress::new());
            for error in [
                index.verify().unwrap_err(),
                index.get(fast().public_key(), 3).unwrap_err(),
                evaluator().aggregate(&files.query, &index, &path, &progress).unwrap_err(),
            ] {
                assert!(error.to_string().contains("was shortened"), "{rest} bytes: {error}");
            }
        }
    }
}
