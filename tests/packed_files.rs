//! Index, query and response files of packed search, from encryption to the nearest vectors.

#![cfg(feature = "owner")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/numbers.rs"]
mod numbers;

use hushvec::packed::{Parameters, Vectors};
use hushvec::{
    BitMatrix, Device, Error, Id, IdRef, Ids, OpenDevice, PackedContext, PackedEvaluator, PackedIndex,
    PackedIndexWriter, PackedNeighbour, PackedQuery, PackedResponse, PassphraseKeyProvider, Progress, Shard,
};
use numbers::SplitMix;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

const DIMENSIONS: usize = 64;

fn provider() -> Arc<PassphraseKeyProvider> {
    static PROVIDER: OnceLock<Arc<PassphraseKeyProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(PassphraseKeyProvider::new("correct horse").unwrap())))
}

fn device() -> OpenDevice {
    OpenDevice::open(Device::Cpu, None).unwrap()
}

fn context(parameters: Parameters) -> PackedContext {
    PackedContext::generate(parameters, device(), provider()).unwrap()
}

fn hamming() -> PackedContext {
    context(Parameters::hamming(DIMENSIONS).unwrap())
}

/// Rows of random bits.
fn rows(random: &mut SplitMix, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|_| (0..DIMENSIONS).map(|_| u8::try_from(random.next() & 1).unwrap()).collect()).collect()
}

fn matrix(rows: &[Vec<u8>]) -> BitMatrix {
    BitMatrix::from_rows(DIMENSIONS, rows).unwrap()
}

fn distance(a: &[u8], b: &[u8]) -> i32 {
    i32::try_from(a.iter().zip(b).filter(|(a, b)| a != b).count()).unwrap()
}

/// An index with the vectors that it should have.
struct Case {
    _folder: tempfile::TempDir,
    path: PathBuf,
    context: PackedContext,
    /// The live vectors by id.
    expected: BTreeMap<Id, Vec<u8>>,
    /// The id of the next vector.
    next: u64,
    random: SplitMix,
}

impl Case {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.hvx");
        PackedIndexWriter::create(&path, &hamming_of(seed)).unwrap();
        Self {
            _folder: folder,
            path,
            context: hamming_of(seed),
            expected: BTreeMap::new(),
            next: 0,
            random: SplitMix(seed),
        }
    }

    /// Appends numbered vectors in several calls.
    fn append(&mut self, counts: &[usize]) {
        let (mut writer, recovery) = PackedIndexWriter::append_to(&self.path, &self.context).unwrap();
        assert_eq!(recovery, None);
        for count in counts {
            let rows = rows(&mut self.random, *count);
            writer.append(&Vectors::Bits(&matrix(&rows)), None).unwrap();
            self.expected.extend((self.next..).map(Id::from).zip(rows));
            self.next += *count as u64;
        }
        assert_eq!(writer.len(), self.expected.len() as u64);
        writer.sync().unwrap();
    }

    fn delete(&mut self, numbers: &[u64]) {
        let deletion = PackedIndex::delete(&self.path, &Ids::from(numbers.to_vec()), false).unwrap();
        assert_eq!(deletion.deleted, numbers.len() as u64);
        numbers.iter().for_each(|number| assert!(self.expected.remove(&Id::from(*number)).is_some()));
        assert_eq!(deletion.left, self.expected.len() as u64);
    }

    /// Searches the index in both ways, and compares every distance with that of the plaintexts.
    fn check(&mut self) {
        check(&self.path, &self.context, &self.expected, &mut self.random);
    }
}

/// The same key for the same seed within a process, so that a case can open its index twice.
fn hamming_of(seed: u64) -> PackedContext {
    static KEYS: std::sync::Mutex<BTreeMap<u64, String>> = std::sync::Mutex::new(BTreeMap::new());
    let text = KEYS.lock().unwrap().entry(seed).or_insert_with(|| hamming().serialize().unwrap()).clone();
    PackedContext::from_serialized(&text, &*provider(), Some(device())).unwrap()
}

fn check(path: &Path, context: &PackedContext, expected: &BTreeMap<Id, Vec<u8>>, random: &mut SplitMix) {
    let index = PackedIndex::open(path).unwrap();
    assert_eq!(index.len(), expected.len() as u64);
    let mut ids = Vec::new();
    index
        .for_each_id(|id| {
            ids.push(id.to_owned());
            Ok(())
        })
        .unwrap();
    ids.sort();
    assert!(ids.iter().eq(expected.keys()));

    let queries = rows(random, 2);
    let matrix = matrix(&queries);
    let queries_of = Vectors::Bits(&matrix);
    let query = context.encrypt_queries(&queries_of).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (query_path, response_path) = (folder.path().join("q.hvq"), folder.path().join("r.hvr"));
    query.save(&query_path).unwrap();
    let loaded = PackedQuery::load(&query_path).unwrap();
    let public = context.public_context().unwrap();
    let evaluator = PackedEvaluator::open(&public, Device::Cpu).unwrap();
    evaluator.verify(&index, &Progress::new()).unwrap();
    evaluator.aggregate(&loaded, &index, &response_path, &Progress::new()).unwrap();
    let response = PackedResponse::open(&response_path).unwrap();
    response.check_query(&query).unwrap();
    let mut scores: [BTreeMap<Id, i32>; 2] = Default::default();
    response
        .for_each_score(context, &Progress::new(), |query, id, score| {
            assert_eq!(scores[query].insert(id.to_owned(), score), None);
        })
        .unwrap();
    for (query, scores) in queries.iter().zip(&scores) {
        let distances: BTreeMap<Id, i32> =
            expected.iter().map(|(id, row)| (id.clone(), distance(query, row))).collect();
        assert!(*scores == distances, "{} distances", distances.len());
    }
    let k = 7;
    let from_response = response.nearest(context, k, &Progress::new()).unwrap();
    let from_index = index.nearest(context, &queries_of, k, &Progress::new()).unwrap();
    assert!(from_response == from_index);
    for (scores, nearest) in scores.iter().zip(&from_index) {
        let mut all: Vec<(i32, &Id)> = scores.iter().map(|(id, score)| (*score, id)).collect();
        all.sort();
        let found: Vec<(i32, &Id)> = nearest.iter().map(|n| (n.score, &n.id)).collect();
        assert_eq!(found, all[..k.min(all.len())]);
        assert!(nearest.iter().all(|n| n.cosine.is_none()));
    }
}

#[test]
fn vectors_in_blocks_and_in_the_tail_are_found() {
    let mut case = Case::new(1);
    case.check();
    case.append(&[3]);
    case.check();
    assert_eq!(PackedIndex::open(&case.path).unwrap().tail().unwrap(), 3);
    // The block that they fill replaces the tail; the rest is the new tail.
    case.append(&[1, 4096, 2]);
    case.check();
    assert_eq!(PackedIndex::open(&case.path).unwrap().tail().unwrap(), 6);
    case.append(&[3 * 4096 - 6]);
    assert_eq!(PackedIndex::open(&case.path).unwrap().tail().unwrap(), 0);
    case.check();
}

#[test]
fn deleted_vectors_are_gone_before_and_after_compaction() {
    let mut case = Case::new(2);
    case.append(&[5, 9000, 20]);
    case.delete(&[0, 4095, 4096, 9024, 9023]);
    case.check();
    // Deleted rows of the tail are not moved into the block that replaces it, but count as appended.
    case.append(&[4096]);
    case.check();
    let before = PackedIndex::open(&case.path).unwrap();
    assert_eq!((before.appended(), before.deleted()), (9025 + 4096, 5));
    let first = ids_of(&before);
    let compaction = PackedIndex::compact(&case.path, &case.context, &Progress::new()).unwrap();
    assert_eq!((compaction.kept, compaction.removed), (9025 + 4096 - 5, 5));
    let after = PackedIndex::open(&case.path).unwrap();
    assert_eq!((after.deleted(), after.tail().unwrap() < 4096), (0, true));
    assert!(ids_of(&after) == first, "the order changed");
    assert_eq!(compaction.bytes_after, std::fs::metadata(&case.path).unwrap().len());
    case.check();
    // Ids of deleted vectors are not used again for new ones.
    case.append(&[1]);
    assert!(case.expected.contains_key(&Id::from(9025 + 4096)));
    case.check();
    // There is nothing to do.
    let again = PackedIndex::compact(&case.path, &case.context, &Progress::new()).unwrap();
    assert_eq!((again.removed, again.bytes_before), (0, again.bytes_after));
}

fn ids_of(index: &PackedIndex) -> Vec<Id> {
    let mut ids = Vec::new();
    index
        .for_each_id(|id| {
            ids.push(id.to_owned());
            Ok(())
        })
        .unwrap();
    ids
}

#[test]
fn a_tail_can_be_deleted_as_a_whole() {
    let mut case = Case::new(3);
    case.append(&[10]);
    case.delete(&(0..10).collect::<Vec<_>>());
    case.check();
    case.append(&[4096]);
    case.check();
    case.append(&[4095]);
    case.check();
}

#[test]
fn a_writer_counts_its_tail() {
    let mut case = Case::new(10);
    case.append(&[4100]);
    let (mut writer, _) = PackedIndexWriter::append_to(&case.path, &case.context).unwrap();
    assert_eq!(writer.tail(), 4);
    let ids = Ids::from(vec![4096, 4097, 5000]);
    writer.delete(&ids).unwrap_err();
    assert_eq!((writer.delete_if_there(&ids).unwrap(), writer.tail()), (2, 2));
    let rows = rows(&mut case.random, 4094);
    writer.append(&Vectors::Bits(&matrix(&rows)), None).unwrap();
    assert_eq!((writer.tail(), writer.len()), (0, 2 * 4096));
}

#[test]
fn indexes_are_merged_without_a_key() {
    let mut random = SplitMix(4);
    let context = hamming_of(4);
    let folder = tempfile::tempdir().unwrap();
    let (mut paths, mut expected) = (Vec::new(), BTreeMap::new());
    for i in 0..3u32 {
        let path = folder.path().join(format!("{i}.hvx"));
        let mut writer = PackedIndexWriter::create_shard(&path, &context, Shard::new(i, 3).unwrap()).unwrap();
        let rows = rows(&mut random, 5000);
        let mut ids = Ids::new();
        (0..5000).for_each(|row| ids.push(IdRef::Text(&format!("{i}/{row}"))).unwrap());
        writer.append(&Vectors::Bits(&matrix(&rows)), Some(&ids)).unwrap();
        writer.sync().unwrap();
        expected.extend(ids.iter().map(IdRef::to_owned).zip(rows));
        drop(writer);
        let mut gone = Ids::new();
        ["7", "4999"].iter().for_each(|row| gone.push(IdRef::Text(&format!("{i}/{row}"))).unwrap());
        PackedIndex::delete(&path, &gone, false).unwrap();
        gone.iter().for_each(|id| drop(expected.remove(&id.to_owned())));
        paths.push(path);
    }
    let open = |i: usize| PackedIndex::open(&paths[i]).unwrap();
    let merged = folder.path().join("merged.hvx");
    let error = PackedIndex::merge(&[open(2), open(0)], &merged, &Progress::new()).unwrap_err().to_string();
    assert!(error.contains("shard 1/3 is missing"), "{error}");
    let vectors = PackedIndex::merge(&[open(2), open(0), open(1)], &merged, &Progress::new()).unwrap();
    assert_eq!(vectors, 3 * 4998);
    check(&merged, &context, &expected, &mut random);
    let tail = PackedIndex::open(&merged).unwrap().tail().unwrap();
    assert_eq!(tail, 3 * (5000 - 4096 - 1));
    // Appending to a merged index, and packing its tail.
    let (mut writer, _) = PackedIndexWriter::append_to(&merged, &context).unwrap();
    let more = rows(&mut random, 4096);
    let mut ids = Ids::new();
    (0..4096).for_each(|row| ids.push(IdRef::Text(&format!("new/{row}"))).unwrap());
    writer.append(&Vectors::Bits(&matrix(&more)), Some(&ids)).unwrap();
    drop(writer);
    expected.extend(ids.iter().map(IdRef::to_owned).zip(more));
    check(&merged, &context, &expected, &mut random);
    PackedIndex::compact(&merged, &context, &Progress::new()).unwrap();
    check(&merged, &context, &expected, &mut random);
    // An id that two inputs have.
    let other = folder.path().join("other.hvx");
    let mut writer = PackedIndexWriter::create(&other, &context).unwrap();
    let mut ids = Ids::new();
    ids.push(IdRef::Text("1/5")).unwrap();
    writer.append(&Vectors::Bits(&matrix(&rows(&mut random, 1))), Some(&ids)).unwrap();
    drop(writer);
    let inputs = [PackedIndex::open(&merged).unwrap(), PackedIndex::open(&other).unwrap()];
    let error = PackedIndex::merge(&inputs, &folder.path().join("x.hvx"), &Progress::new()).unwrap_err().to_string();
    assert!(error.contains("1/5"), "{error}");
}

#[test]
fn inner_products_give_cosines() {
    let context = context(Parameters::inner_product(96, 64).unwrap());
    let error = context.parameters().cosine_error().unwrap();
    assert!((0.006..0.008).contains(&error), "{error}");
    let mut random = SplitMix(5);
    let mut component = || f32::from(u16::try_from(random.next() & 0xffff).unwrap()) - 32_767.5;
    let reals: Vec<f32> = (0..96 * 4200).map(|_| component()).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.hvx");
    let mut writer = PackedIndexWriter::create(&path, &context).unwrap();
    writer.append(&Vectors::Reals(&reals), None).unwrap();
    writer.sync().unwrap();
    drop(writer);
    let index = PackedIndex::open(&path).unwrap();
    let nearest = index.nearest(&context, &Vectors::Reals(&reals[..96 * 3]), 4200, &Progress::new()).unwrap();
    let norm = |row: &[f32]| row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    let rows: Vec<&[f32]> = reals.chunks_exact(96).collect();
    for (query, nearest) in nearest.iter().enumerate() {
        assert_eq!(nearest[0].id, Id::from(query as u64));
        let errors = nearest.iter().map(|PackedNeighbour { id, cosine, .. }| {
            let Id::Number(row) = id else { panic!("{id:?}") };
            let (a, b) = (rows[query], rows[usize::try_from(*row).unwrap()]);
            let dot: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            cosine.unwrap() - dot / norm(a) / norm(b)
        });
        let errors: Vec<f64> = errors.collect();
        let rms = (errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64).sqrt();
        assert!((0.7 * error..1.3 * error).contains(&rms), "{rms}, stated {error}");
        assert!(nearest.is_sorted_by(|a, b| a.score >= b.score));
    }
    // Compaction and the tail keep the integers as they are.
    PackedIndex::delete(&path, &Ids::from(vec![0u64]), false).unwrap();
    let all = |index: &PackedIndex| {
        index.nearest(&context, &Vectors::Reals(&reals[..96]), 4200, &Progress::new()).unwrap().remove(0)
    };
    let before = all(&PackedIndex::open(&path).unwrap());
    PackedIndex::compact(&path, &context, &Progress::new()).unwrap();
    let after: BTreeMap<Id, i32> =
        all(&PackedIndex::open(&path).unwrap()).into_iter().map(|n| (n.id, n.score)).collect();
    assert_eq!(before.len(), 4199);
    let most = (10.0 * context.parameters().score_deviation()).ceil();
    assert!(before.iter().all(|n| f64::from((after[&n.id] - n.score).abs()) <= most));
}

#[test]
fn an_interrupted_append_is_removed_and_resumed() {
    let mut case = Case::new(6);
    case.append(&[4096]);
    let whole = std::fs::metadata(&case.path).unwrap().len();
    let last = PackedIndex::open(&case.path).unwrap().last_appended(&case.context).unwrap().unwrap();
    assert_eq!(last.0, Id::from(4095));
    let matrix = matrix(std::slice::from_ref(&case.expected[&last.0]));
    assert!(last.1.is_same(case.context.parameters(), &Vectors::Bits(&matrix), 0).unwrap());
    let kept = case.expected.clone();
    case.append(&[4096]);
    let bytes = std::fs::read(&case.path).unwrap();
    let start = usize::try_from(whole).unwrap();
    for length in [start + 1, start + 64, start + 100_000, bytes.len() - 1] {
        std::fs::write(&case.path, &bytes[..length]).unwrap();
        let index = PackedIndex::open(&case.path).unwrap();
        assert_eq!((index.len(), index.recovery().unwrap().kept), (4096, 4096));
        drop(index);
        let (writer, recovery) = PackedIndexWriter::append_to(&case.path, &case.context).unwrap();
        assert_eq!(recovery.unwrap().torn_bytes, (length - start) as u64);
        drop(writer);
        assert_eq!(std::fs::metadata(&case.path).unwrap().len(), whole);
    }
    (case.expected, case.next) = (kept, 4096);
    case.append(&[10]);
    case.check();
}

#[test]
fn a_block_that_is_cut_leaves_the_tail_that_it_would_replace() {
    let mut case = Case::new(7);
    case.append(&[100]);
    let kept = case.expected.clone();
    case.append(&[4000]);
    let bytes = std::fs::read(&case.path).unwrap();
    std::fs::write(&case.path, &bytes[..bytes.len() - 5000]).unwrap();
    case.expected = kept;
    case.check();
}

#[test]
fn files_of_other_keys_and_schemes_are_refused() {
    let mut case = Case::new(8);
    case.append(&[4100]);
    let other = hamming();
    assert!(
        matches!(PackedIndexWriter::append_to(&case.path, &other), Err(Error::InFile { source, .. }) if matches!(*source, Error::WrongKey { .. }))
    );
    let index = PackedIndex::open(&case.path).unwrap();
    let queries = matrix(&rows(&mut case.random, 1));
    let queries = Vectors::Bits(&queries);
    let error = index.nearest(&other, &queries, 3, &Progress::new()).unwrap_err().to_string();
    assert!(error.contains("belongs to the key"), "{error}");
    let evaluator = PackedEvaluator::open(&case.context.public_context().unwrap(), Device::Cpu).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let response = folder.path().join("r.hvr");
    let foreign = other.encrypt_queries(&queries).unwrap();
    evaluator.aggregate(&foreign, &index, &response, &Progress::new()).unwrap_err();
    assert!(!response.exists());

    let [query, second] = [0, 1].map(|_| case.context.encrypt_queries(&queries).unwrap());
    evaluator.aggregate(&query, &index, &response, &Progress::new()).unwrap();
    let answer = PackedResponse::open(&response).unwrap();
    let error = answer.check_query(&second).unwrap_err().to_string();
    assert!(error.contains(&second.id().to_string()), "{error}");
    answer.nearest(&other, 3, &Progress::new()).unwrap_err();

    // A Paillier index is no index of packed search, and the other way round.
    assert!(PackedIndex::is_at(&case.path).unwrap() && PackedIndex::is_at(&response).unwrap());
    let error = hushvec::Index::open(&case.path).unwrap_err().to_string();
    assert!(error.contains("packed"), "{error}");
}

#[test]
fn changed_responses_are_refused() {
    let mut case = Case::new(9);
    case.append(&[4196]);
    let index = PackedIndex::open(&case.path).unwrap();
    let queries = matrix(&rows(&mut case.random, 1));
    let query = case.context.encrypt_queries(&Vectors::Bits(&queries)).unwrap();
    let evaluator = PackedEvaluator::open(&case.context.public_context().unwrap(), Device::Cpu).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.hvr");
    evaluator.aggregate(&query, &index, &path, &Progress::new()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(&path, bytes).unwrap();
        let result =
            PackedResponse::open(&path).and_then(|response| response.nearest(&case.context, 3, &Progress::new()));
        assert!(result.is_err(), "{what}");
    };
    for length in (0..bytes.len()).step_by(997).chain([bytes.len() - 1]) {
        refused(&bytes[..length], &format!("cut to {length} bytes"));
    }
    for at in (0..bytes.len()).step_by(1009) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        refused(&changed, &format!("byte {at} changed"));
    }
    let mut longer = bytes.clone();
    longer.extend([0; 64]);
    refused(&longer, "64 bytes more");
    std::fs::write(&path, &bytes).unwrap();
    PackedResponse::open(&path).unwrap().nearest(&case.context, 3, &Progress::new()).unwrap();
}

#[test]
fn contexts_are_stored_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("context.json");
    let context = context(Parameters::inner_product(384, 128).unwrap()).with_id("mine");
    context.save_to_disk(&path).unwrap();
    let loaded = PackedContext::load_from_disk(&path, &*provider(), None).unwrap();
    assert!(loaded == context && loaded.parameters() == context.parameters());
    assert_eq!((loaded.id(), loaded.key().seed()), ("mine".to_owned(), context.key().seed()));
    let wrong = PassphraseKeyProvider::new("wrong horse").unwrap();
    let error = PackedContext::load_from_disk(&path, &wrong, None).unwrap_err();
    assert!(matches!(error, Error::InFile { source, .. } if matches!(*source, Error::Unseal)));
    // Every field is authenticated.
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in [("\"mine\"", "\"yours\""), ("128", "64"), ("384", "385"), ("inner_product", "hamming")] {
        let changed = text.replacen(from, to, 1);
        assert!(changed != text);
        PackedContext::from_serialized(&changed, &*provider(), None).unwrap_err();
    }
    // A new key replaces no file.
    let create = |path: &Path| {
        PackedContext::create_on_disk(path, Parameters::hamming(DIMENSIONS).unwrap(), device(), provider())
    };
    assert!(matches!(create(&path), Err(Error::Occupied { .. })));
    let new = folder.path().join("new.json");
    let created = create(&new).unwrap();
    assert!(PackedContext::load_from_disk(&new, &*provider(), None).unwrap() == created);
    // Another passphrase replaces the file; another key does not.
    let renewed = loaded.with_key_provider(Arc::new(PassphraseKeyProvider::new("new horse").unwrap()));
    renewed.save_to_disk(&path).unwrap();
    PackedContext::load_from_disk(&path, &*provider(), None).unwrap_err();
    assert!(matches!(hamming().save_to_disk(&path), Err(Error::Occupied { .. })));

    let public = context.public_context().unwrap();
    assert_eq!(public.public_id(), context.public_id());
    let public_path = folder.path().join("public.json");
    public.save(&public_path).unwrap();
    let read = hushvec::PackedPublicContext::load(&public_path).unwrap();
    assert_eq!((read.public_id(), read.parameters()), (public.public_id(), context.parameters()));
    let changed = std::fs::read_to_string(&public_path).unwrap().replacen("384", "383", 1);
    hushvec::PackedPublicContext::from_json(&changed).unwrap_err();
}
