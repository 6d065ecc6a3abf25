//! Record files that were cut, mixed up or made to mislead: typed errors that name the file, and little memory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "common/keys.rs"]
mod keys;

use hushvec::{
    BitMatrix, Device, Error, Evaluator, ExecutionContext, HomomorphicClient, IdKind, Ids, Index, IndexWriter,
    PassphraseKeyProvider, Progress, Query, Response, Scheme,
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

    /// What opening the file says with these bytes in it. It names the file.
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

/// The bytes with other ones in the file's header, whose checksum fits.
fn with_header(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + new.len()].copy_from_slice(new);
    seal(&mut bytes[..HEADER]);
    bytes
}

/// The bytes with other ones in a block, the header's checksum set right, and the payload's too.
fn with_block(bytes: &[u8], block: &Range<usize>, at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let part = &mut bytes[block.clone()];
    part[at..at + new.len()].copy_from_slice(new);
    let payload = crc32fast::hash(&part[BLOCK_HEADER..]).to_le_bytes();
    part[32..36].copy_from_slice(&payload);
    seal(&mut part[..BLOCK_HEADER]);
    bytes
}

/// Where blocks are in a file of records whose ids take `id_bytes` bytes a block.
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

/// The header and some of the blocks.
fn with_blocks(bytes: &[u8], blocks: &[Range<usize>]) -> Vec<u8> {
    let parts = blocks.iter().map(|block| &bytes[block.clone()]);
    std::iter::once(&bytes[..HEADER]).chain(parts).flatten().copied().collect()
}

/// The most memory of this process, in KiB.
#[cfg(target_os = "linux")]
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn every_count_is_bounded() {
    let files = Files::new();
    let [index, query, response] = ["index", "query", "response"].map(|name| files.bytes(name));
    #[cfg(target_os = "linux")]
    let before = peak();
    let most = u32::MAX.to_le_bytes();
    for (name, bytes, at, new, says) in [
        ("response", &response, 60, &0u32.to_le_bytes()[..], "from 1 to 65536"),
        ("response", &response, 60, &65_537u32.to_le_bytes(), "from 1 to 65536"),
        ("response", &response, 60, &most, "from 1 to 65536"),
        ("response", &response, 60, &65_536u32.to_le_bytes(), "incomplete"),
        ("response", &response, 60, &1u32.to_le_bytes(), "query 1"),
        ("response", &response, 64, &u64::MAX.to_le_bytes(), "incomplete"),
        ("response", &response, 64, &(1u64 << 40).to_le_bytes(), "incomplete"),
        ("response", &response, 64, &5u64.to_le_bytes(), "incomplete"),
        ("response", &response, 64, &3u64.to_le_bytes(), "follow the last"),
        ("response", &response, 64, &0u64.to_le_bytes(), "follow the last"),
        ("response", &response, 72, &[1], "only an index"),
        ("query", &query, 60, &most, "only a response"),
        ("query", &query, 96, &[0; 16], "no query id"),
        ("query", &query, 64, &0u64.to_le_bytes(), "from 1 to 65536"),
        ("query", &query, 64, &u64::MAX.to_le_bytes(), "from 1 to 65536"),
        ("query", &query, 64, &65_536u64.to_le_bytes(), "incomplete"),
        ("query", &query, 80, &[1, 0, 0, 0, 2], "only an index"),
        ("index", &index, 60, &2u32.to_le_bytes(), "only a response"),
        ("index", &index, 64, &[1], "does not say how many"),
        ("index", &index, 96, &[1], "answers no query"),
        // Fields that all files have.
        ("response", &response, 8, &0u32.to_le_bytes(), "versions 1 to 2"),
        ("response", &response, 8, &3u32.to_le_bytes(), "versions 1 to 2"),
        ("response", &response, 12, &9u32.to_le_bytes(), "kind 9 of a hushvec file"),
        ("response", &response, 48, &most, "sizes that no key of the scheme"),
        ("response", &response, 52, &0u32.to_le_bytes(), "sizes that no key of the scheme"),
        ("response", &response, 56, &most, "records of 4294967295 bytes"),
        ("response", &response, 88, &0u32.to_le_bytes(), "scheme 0"),
        ("response", &response, 88, &4u32.to_le_bytes(), "scheme 4"),
        ("response", &response, 92, &0u32.to_le_bytes(), "0 vectors in a record"),
        ("response", &response, 92, &2u32.to_le_bytes(), "2 vectors in a record"),
        ("response", &response, 112, &[1], "as third parameter"),
        ("response", &response, 120, &[0, 0, 0, 1], "bytes that version 2"),
        ("response", &response, 8, &1u32.to_le_bytes(), "bytes that version 1"),
    ] {
        let text = files.refused(name, &with_header(bytes, at, new));
        assert!(text.contains(says), "byte {at} of the {name} as {new:?}: {text}");
    }
    for (name, bytes) in [("query", &query), ("response", &response)] {
        let last = blocks(bytes, 0).pop().unwrap();
        for (at, new, says) in [
            (4, &0u32.to_le_bytes()[..], "has 0 vectors; the limits are 1 and 65536"),
            (4, &1u32.to_le_bytes(), ""),
            (4, &3u32.to_le_bytes(), "incomplete"),
            (4, &65_536u32.to_le_bytes(), "incomplete"),
            (4, &65_537u32.to_le_bytes(), "has 65537 vectors"),
            (4, &most, "has 4294967295 vectors"),
            (8, &u64::MAX.to_le_bytes(), "ids from 18446744073709551615 on"),
            (16, &2u32.to_le_bytes(), "query 2, expected query"),
            (16, &most, "expected query"),
            (20, &1u32.to_le_bytes(), "incomplete"),
            (20, &3u32.to_le_bytes(), "ids of kind 3"),
            (20, &[2, 0, 0, 0, 255, 255, 255, 255], "bytes of strings; the limit"),
            (20, &[2, 0, 0, 0, 0, 8, 0, 0], "incomplete"),
            // The block of the response has an id and a query, where deletions have zeros.
            (0, b"DEL1", if name == "query" { "deletes vectors" } else { "bytes of its header that are zero" }),
        ] {
            let changed = with_block(bytes, &last, at, new);
            if name == "response" || at != 4 || new != 1u32.to_le_bytes() {
                let text = files.refused(name, &changed);
                let shorter = at == 4 && new == 1u32.to_le_bytes();
                assert!(shorter || text.contains(says), "byte {at} of a block of the {name} as {new:?}: {text}");
            }
        }
    }
    // A short file that announces much is refused before anything is allocated, 137 GB at worst.
    let text = files.refused("response", &with_header(&response[..HEADER], 60, &most));
    assert!(text.contains("from 1 to 65536"), "{text}");
    #[cfg(target_os = "linux")]
    assert!(peak() - before < 256 << 10, "took {} KiB, other tests included", peak() - before);
}

#[test]
fn rows_that_were_mixed_up_are_refused() {
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
    // Ids of their own, each twice in both answers.
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

/// Blocks with ids of their own, which take 64 bytes here.
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
    // Taking the id away does not help.
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
fn files_that_are_shortened_while_they_are_open_are_errors() {
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

#[test]
fn version_1_is_still_read() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/version_1");
    let provider = PassphraseKeyProvider::new("version1").unwrap();
    let context = ExecutionContext::load_from_disk(&data.join("context.json"), &provider).unwrap();
    let evaluator = Evaluator::open(&context.public_context(), Device::Cpu).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::copy(data.join("index.hvx"), path("index")).unwrap();
    let version = |path: &Path| u32::from_le_bytes(std::fs::read(path).unwrap()[8..12].try_into().unwrap());
    let expected = |response: &Path| {
        let mut found = Vec::new();
        let response = Response::open(response).unwrap();
        response
            .for_each_distance(&context, &Progress::new(), |query, id, distance| {
                found.push((query, id.number().unwrap(), distance));
            })
            .unwrap();
        found.sort_unstable();
        let ids = [(0, [7, 4]), (1, [1, 6]), (3, [9, 8]), (7, [7, 8]), (10, [9, 2])];
        let all = [0, 1].into_iter().flat_map(|query| ids.map(|(id, distances)| (query, id, distances[query])));
        assert_eq!(found, all.collect::<Vec<_>>());
    };
    let (query, index) = (evaluator.load_query(&data.join("query.hvq")).unwrap(), Index::open(&path("index")).unwrap());
    assert_eq!((query.id(), version(&data.join("query.hvq"))), (None, 1));
    let old = Response::open(&data.join("response.hvr")).unwrap();
    old.check_query(&query).unwrap();
    expected(&data.join("response.hvr"));
    query.save(&path("query"), context.public_key()).unwrap();
    assert_eq!((evaluator.load_query(&path("query")).unwrap().id(), version(&path("query"))), (None, 1));
    evaluator.aggregate(&query, &index, &path("response"), &Progress::new()).unwrap();
    expected(&path("response"));
    assert_eq!(version(&path("response")), 2);
    // An index stays in the version that it was begun in, since its header is never written again.
    let (mut writer, _) = IndexWriter::append_to(&path("index"), Arc::clone(context.public_key())).unwrap();
    writer.append(query.vectors(), None).unwrap();
    drop(writer);
    assert_eq!((Index::open(&path("index")).unwrap().len(), version(&path("index"))), (7, 1));
    Index::compact(&path("index"), &Progress::new()).unwrap();
    assert_eq!((Index::open(&path("index")).unwrap().len(), version(&path("index"))), (7, 1));
    evaluator.verify(&Index::open(&path("index")).unwrap(), true, &Progress::new()).unwrap();
}
