//! Search through index, query and response files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/keys.rs"]
mod keys;
#[path = "common/numbers.rs"]
mod numbers;
#[path = "common/reference.rs"]
mod reference;

use hushvec::{
    BitMatrix, Ciphertexts, Device, Error, Evaluator, ExecutionContext, HomomorphicClient, Ids, Index, IndexWriter,
    Neighbour, Progress, Query, Recovery, Response, Scheme,
};
use keys::{DIMENSIONS, context, contexts};
use numbers::SplitMix;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn vectors(seed: u64, count: usize) -> BitMatrix {
    let mut random = SplitMix(seed);
    BitMatrix::from_rows(DIMENSIONS, (0..count).map(|_| random.bits(DIMENSIONS))).unwrap()
}

fn fast() -> &'static ExecutionContext {
    context(Scheme::PaillierSubgroup)
}

fn evaluator(ctx: &ExecutionContext) -> Evaluator {
    Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap()
}

/// Writes an index of these vectors, appended in pieces of the given sizes.
fn write_index(ctx: &ExecutionContext, path: &Path, plain: &BitMatrix, pieces: &[usize]) {
    let mut writer = IndexWriter::create(path, Arc::clone(ctx.public_key())).unwrap();
    let mut row = 0;
    for piece in pieces {
        writer.append(&ctx.encrypt_vec_batch(&plain.slice(row..row + piece)).unwrap(), None).unwrap();
        row += piece;
    }
    writer.sync().unwrap();
}

fn expected(plain: &BitMatrix, queries: &BitMatrix, k: usize, id: impl Fn(usize) -> u64) -> Vec<Vec<Neighbour>> {
    (0..queries.len())
        .map(|q| {
            let mut all: Vec<Neighbour> = (0..plain.len())
                .map(|i| Neighbour { distance: plain.hamming(i, queries, q).unwrap(), id: id(i).into() })
                .collect();
            all.sort_unstable();
            all.truncate(k);
            all
        })
        .collect()
}

/// Searches through all three roles, with files only.
fn search_through_files(
    ctx: &ExecutionContext,
    folder: &Path,
    index: &Index,
    queries: &BitMatrix,
    k: usize,
) -> Result<Vec<Vec<Neighbour>>, Error> {
    let (query, response) = (folder.join("query"), folder.join("response"));
    Query::new(ctx.encrypt_vec_batch(queries)?)?.save(&query, ctx.public_key())?;
    let evaluator = evaluator(ctx);
    let progress = Progress::new();
    evaluator.aggregate(&evaluator.load_query(&query)?, index, &response, &progress)?;
    assert_eq!(progress.done(), index.len() * queries.len() as u64);
    Response::open(&response)?.nearest(ctx, k, &Progress::new())
}

#[test]
fn answers_are_those_of_a_plaintext_search() {
    for ctx in contexts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let (plain, queries) = (vectors(1, 70), vectors(2, 3));
        write_index(ctx, &path, &plain, &[1, 64, 5]);
        let index = Index::open(&path).unwrap();
        assert_eq!((index.len(), index.blocks(), index.recovery()), (70, 3, None));
        assert_eq!((index.public_id(), index.embedding_length(), index.key_len()), (ctx.public_id(), DIMENSIONS, 1024));
        for k in [0, 1, 10, 70, 1000] {
            let want = expected(&plain, &queries, k, |i| i as u64);
            let found = search_through_files(ctx, folder.path(), &index, &queries, k).unwrap();
            assert_eq!(found, want, "{}, k {k}", ctx.scheme());
            assert_eq!(index.nearest(ctx, &queries, k, &Progress::new()).unwrap(), want);
        }
        let (id, ciphertext) = index.get(ctx.public_key(), 68).unwrap().unwrap();
        let zero = ctx.encrypt_vec_one(&[0; DIMENSIONS]).unwrap();
        let weight = ctx.decode_hamming_client_one(&ctx.add(&ciphertext, &zero).unwrap()).unwrap();
        assert_eq!((id, weight), (68.into(), plain.row(68).unwrap().iter().map(|b| u32::from(*b)).sum()));
        assert!(index.get(ctx.public_key(), 70).unwrap().is_none());
    }
}

#[test]
fn empty_indexes_have_no_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    write_index(fast(), &path, &vectors(1, 0), &[]);
    let index = Index::open(&path).unwrap();
    assert!(index.is_empty());
    let found = search_through_files(fast(), folder.path(), &index, &vectors(2, 2), 5).unwrap();
    assert_eq!(found, [vec![], vec![]]);
}

#[test]
fn given_ids() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let plain = vectors(3, 30);
    let ctx = fast();
    let encrypted = ctx.encrypt_vec_batch(&plain).unwrap();
    let part = |range: std::ops::Range<usize>| {
        let parts: Vec<_> = range.map(|i| encrypted.get(i).unwrap()).collect();
        Ciphertexts::from_ciphertexts(ctx.public_key(), &parts).unwrap()
    };
    let mut writer = IndexWriter::create(&path, Arc::clone(ctx.public_key())).unwrap();
    let ids: Vec<u64> = (0..30).map(|i| u64::MAX - 7 * i).collect();
    let some = |ids: &[u64]| Ids::from(ids.to_vec());
    writer.append(&part(0..10), Some(&some(&ids[..10]))).unwrap();
    let refused = |writer: &mut IndexWriter, ids: &[u64], what: &str| {
        let error = writer.append(&part(10..10 + ids.len().min(3)), Some(&some(ids))).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    };
    refused(&mut writer, &[1, 2, u64::MAX], "duplicate id");
    refused(&mut writer, &[1, 2, 1], "duplicate id 1 (row 2)");
    refused(&mut writer, &[1, 2, 3, 4], "4 ids were given for 3 vectors");
    writer.append(&part(10..20), Some(&some(&ids[10..20]))).unwrap();
    drop(writer);
    let (mut writer, recovery) = IndexWriter::append_to(&path, Arc::clone(ctx.public_key())).unwrap();
    assert_eq!((writer.len(), recovery), (20, None));
    refused(&mut writer, &[5, u64::MAX - 7 * 19, 6], "duplicate id");
    writer.append(&part(20..30), Some(&some(&ids[20..30]))).unwrap();
    let index = Index::open(&path).unwrap();
    let queries = vectors(4, 2);
    let want = expected(&plain, &queries, 30, |i| ids[i]);
    assert_eq!(search_through_files(ctx, folder.path(), &index, &queries, 30).unwrap(), want);
}

#[test]
fn one_writer_at_a_time_and_no_overwriting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let key = fast().public_key();
    let writer = IndexWriter::create(&path, Arc::clone(key)).unwrap();
    let second = IndexWriter::append_to(&path, Arc::clone(key)).unwrap_err();
    assert!(second.to_string().contains("another process is writing"), "{second}");
    drop(writer);
    assert!(matches!(IndexWriter::create(&path, Arc::clone(key)), Err(Error::Occupied { .. })));
    IndexWriter::append_to(&path, Arc::clone(key)).unwrap();
}

/// Wherever an append is cut, the complete blocks before it stay, are searchable, and can be appended to.
#[test]
fn interrupted_appends_are_recovered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let plain = vectors(5, 9);
    write_index(fast(), &path, &plain, &[3, 4, 2]);
    let whole = std::fs::read(&path).unwrap();
    let ends = [128, 128 + 64 + 3 * 512, 128 + 2 * 64 + 7 * 512, 128 + 3 * 64 + 9 * 512];
    assert_eq!(whole.len(), ends[3]);
    let torn = folder.path().join("torn");
    let queries = vectors(6, 1);
    let lengths =
        (128..whole.len()).filter(|length| length % 37 == 0 || ends.iter().any(|end| length.abs_diff(*end) < 3));
    for length in lengths {
        std::fs::write(&torn, &whole[..length]).unwrap();
        let kept = [0, 3, 7][ends.iter().rposition(|end| *end <= length).unwrap()];
        let index = Index::open(&torn).unwrap();
        let tail = length - ends[ends.iter().rposition(|end| *end <= length).unwrap()];
        let recovery = (tail > 0).then_some(Recovery { kept, torn_bytes: tail as u64 });
        assert_eq!((index.len(), index.recovery()), (kept, recovery), "{length} bytes");
        drop(index);
        let (mut writer, reported) = IndexWriter::append_to(&torn, Arc::clone(fast().public_key())).unwrap();
        assert_eq!((writer.len(), reported), (kept, recovery));
        let rest = plain.slice(usize::try_from(kept).unwrap()..9);
        writer.append(&fast().encrypt_vec_batch(&rest).unwrap(), None).unwrap();
        drop(writer);
        let index = Index::open(&torn).unwrap();
        assert_eq!(index.recovery(), None);
        assert_eq!(
            index.nearest(fast(), &queries, 9, &Progress::new()).unwrap(),
            expected(&plain, &queries, 9, |i| i as u64)
        );
    }
    // A tail of zeros from the file system, or of other bytes, is treated the same way.
    for garbage in [vec![0; 4096], vec![0xff; 700]] {
        std::fs::write(&torn, [&whole[..], &garbage[..]].concat()).unwrap();
        let recovery = Recovery { kept: 9, torn_bytes: garbage.len() as u64 };
        assert_eq!(Index::open(&torn).unwrap().recovery(), Some(recovery));
    }
}

/// A change of any byte of an index is detected: when the file is opened, when the block is read, or as an incomplete
/// last block.
#[test]
fn damage_is_detected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let plain = vectors(7, 6);
    write_index(fast(), &path, &plain, &[2, 2, 2]);
    let whole = std::fs::read(&path).unwrap();
    let last = whole.len() - 64 - 2 * 512;
    for position in (0..whole.len()).filter(|p| *p < 256 || p % 11 == 0 || p.abs_diff(last) < 70) {
        let mut changed = whole.clone();
        changed[position] ^= 0x10;
        std::fs::write(&path, &changed).unwrap();
        match Index::open(&path) {
            Err(error) => assert!(position < last, "byte {position}: {error}"),
            Ok(index) if position >= last => assert_eq!(index.recovery().map(|r| r.kept), Some(4), "byte {position}"),
            Ok(index) => {
                let error = index.verify().unwrap_err();
                assert!(error.to_string().contains("block"), "byte {position}: {error}");
                assert!(IndexWriter::append_to(&path, Arc::clone(fast().public_key())).is_err());
            }
        }
    }
    for length in 0..128 {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(Index::open(&path).is_err());
    }
}

/// Writes an index, a query and a response.
fn write_files(folder: &Path) -> (PathBuf, PathBuf, PathBuf) {
    let (index, query, response) = (folder.join("index"), folder.join("query"), folder.join("response"));
    write_index(fast(), &index, &vectors(8, 5), &[5]);
    let queries = fast().encrypt_vec_batch(&vectors(9, 2)).unwrap();
    Query::new(queries).unwrap().save(&query, fast().public_key()).unwrap();
    let evaluator = evaluator(fast());
    let loaded = evaluator.load_query(&query).unwrap();
    evaluator.aggregate(&loaded, &Index::open(&index).unwrap(), &response, &Progress::new()).unwrap();
    (index, query, response)
}

#[test]
fn changed_queries_and_responses_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (index, query, response) = write_files(folder.path());
    let evaluator = evaluator(fast());
    for path in [&query, &response] {
        let whole = std::fs::read(path).unwrap();
        let open = |bytes: &[u8]| {
            std::fs::write(path, bytes).unwrap();
            if path == &query {
                evaluator.load_query(path).map(drop)
            } else {
                Response::open(path).and_then(|r| r.nearest(fast(), 3, &Progress::new())).map(drop)
            }
        };
        for position in (0..whole.len()).filter(|p| *p < 200 || p % 13 == 0) {
            let mut changed = whole.clone();
            changed[position] ^= 4;
            let error = open(&changed).unwrap_err();
            assert!(error.to_string().contains(path.to_str().unwrap()), "byte {position}: {error}");
        }
        for length in (0..whole.len()).step_by(29) {
            assert!(open(&whole[..length]).is_err(), "{length} bytes");
        }
        assert!(open(&[&whole[..], &[0; 64]].concat()).is_err(), "64 bytes were appended");
        open(&whole).unwrap();
    }
    // Errors about files of another kind name both kinds.
    for (path, what) in [(&query, "an encrypted query, expected a response"), (&index, "an index, expected a response")]
    {
        let error = Response::open(path).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    assert!(Index::open(&response).unwrap_err().to_string().contains("a response, expected an index"));
    assert!(evaluator.load_query(&index).unwrap_err().to_string().contains("an index, expected an encrypted query"));
}

#[test]
fn keys_are_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let (index, query, response) = write_files(folder.path());
    let other = context(Scheme::Paillier);
    let wrong = |error: Error| assert!(matches!(error.root(), Error::WrongKey { .. }), "{error}");
    wrong(evaluator(other).load_query(&query).unwrap_err());
    wrong(Response::open(&response).unwrap().nearest(other, 1, &Progress::new()).unwrap_err());
    let opened = Index::open(&index).unwrap();
    wrong(opened.nearest(other, &vectors(1, 1), 1, &Progress::new()).unwrap_err());
    wrong(opened.get(other.public_key(), 0).unwrap_err());
    wrong(IndexWriter::append_to(&index, Arc::clone(other.public_key())).unwrap_err());
    let theirs = other.encrypt_vec_batch(&vectors(1, 1)).unwrap();
    let theirs = Query::new(theirs).unwrap();
    let into = folder.path().join("never");
    wrong(evaluator(other).aggregate(&theirs, &opened, &into, &Progress::new()).unwrap_err());
    wrong(evaluator(fast()).aggregate(&theirs, &opened, &into, &Progress::new()).unwrap_err());
    wrong(theirs.save(&into, fast().public_key()).unwrap_err());
    let (mut writer, _) = IndexWriter::append_to(&index, Arc::clone(fast().public_key())).unwrap();
    wrong(writer.append(theirs.vectors(), None).unwrap_err());
    assert!(!into.exists());
}

#[test]
fn cancelled_work_leaves_no_response() {
    let folder = tempfile::tempdir().unwrap();
    let (index, query, response) = write_files(folder.path());
    std::fs::remove_file(&response).unwrap();
    let progress = Progress::new();
    progress.cancel();
    let evaluator = evaluator(fast());
    let query = evaluator.load_query(&query).unwrap();
    let result = evaluator.aggregate(&query, &Index::open(&index).unwrap(), &response, &progress);
    assert!(matches!(result, Err(Error::Cancelled)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "index and query");
}

#[test]
fn exported_integers_are_the_ciphertexts() {
    let folder = tempfile::tempdir().unwrap();
    let (index, ..) = write_files(folder.path());
    let (ctx, evaluator) = (fast(), evaluator(fast()));
    let index = Index::open(&index).unwrap();
    let mut exported = Vec::new();
    index
        .export(ctx.public_key(), &evaluator, |ids, bytes| {
            assert_eq!(*ids, Ids::from(0..5));
            exported.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
    assert_eq!(exported.len(), 5 * 512);
    for (row, bytes) in (0..).zip(exported.chunks(512)) {
        let (_, ciphertext) = index.get(ctx.public_key(), row).unwrap().unwrap();
        assert_eq!(num_bigint::BigUint::from_bytes_le(bytes), ciphertext.to_biguint(ctx.public_key()).unwrap());
    }
    let imported = evaluator.import(&exported).unwrap();
    assert_eq!(imported.get(3), index.get(ctx.public_key(), 3).unwrap().map(|(_, c)| c));
    exported[512..1024].fill(0);
    assert!(matches!(evaluator.import(&exported), Err(Error::Ciphertext { record: 1, .. })));
}
