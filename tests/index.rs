//! The life of an index: ids of all kinds, deletion, compaction, merging, shards, verification.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "common/keys.rs"]
mod keys;
#[path = "common/numbers.rs"]
mod numbers;

use hushvec::{
    BitMatrix, Ciphertexts, Device, Error, Evaluator, ExecutionContext, HomomorphicClient, Id, IdKind, IdRef, Ids,
    Index, IndexWriter, Neighbour, Progress, Query, Response, Scheme, Shard,
};
use keys::{DIMENSIONS, context};
use numbers::SplitMix;
use std::path::Path;
use std::sync::OnceLock;

/// Vectors that tests share: encrypting them once is enough.
const POOL: usize = 40;

struct Pool {
    ctx: &'static ExecutionContext,
    plain: BitMatrix,
    encrypted: Ciphertexts,
}

fn pool() -> &'static Pool {
    static CELL: OnceLock<Pool> = OnceLock::new();
    CELL.get_or_init(|| {
        let (ctx, mut random) = (context(Scheme::PaillierSubgroup), SplitMix(1));
        let plain = BitMatrix::from_rows(DIMENSIONS, (0..POOL).map(|_| random.bits(DIMENSIONS))).unwrap();
        let encrypted = ctx.encrypt_vec_batch(&plain).unwrap();
        Pool { ctx, plain, encrypted }
    })
}

/// Vectors of the pool.
fn some(range: std::ops::Range<usize>) -> Ciphertexts {
    let parts: Vec<_> = range.map(|i| pool().encrypted.get(i).unwrap()).collect();
    Ciphertexts::from_ciphertexts(pool().ctx.public_key(), &parts).unwrap()
}

fn texts(all: &[&str]) -> Ids {
    Ids::parse(IdKind::Strings, all).unwrap()
}

fn create(path: &Path) -> IndexWriter {
    IndexWriter::create(path, pool().ctx.public_key()).unwrap()
}

fn reopen(path: &Path) -> IndexWriter {
    IndexWriter::append_to(path, pool().ctx.public_key()).unwrap().0
}

/// The index holds these vectors of the pool under these ids, in this order, by every way of reading it.
fn assert_holds(path: &Path, want: &[(Id, usize)]) {
    let Pool { ctx, plain, encrypted } = pool();
    let index = Index::open(path).unwrap();
    index.verify().unwrap();
    assert_eq!(index.len(), want.len() as u64);
    for (row, (id, vector)) in (0..).zip(want) {
        assert_eq!(index.get(ctx.public_key(), row).unwrap(), Some((id.clone(), encrypted.get(*vector).unwrap())));
    }
    assert_eq!(index.get(ctx.public_key(), want.len() as u64).unwrap(), None);
    let mut ids = Vec::new();
    index
        .for_each_id(|id| {
            ids.push(id.to_owned());
            Ok(())
        })
        .unwrap();
    assert!(ids.iter().eq(want.iter().map(|(id, _)| id)));

    let queries = plain.slice(0..2);
    let neighbours = |query: usize| {
        let mut all: Vec<Neighbour> = want
            .iter()
            .map(|(id, i)| Neighbour { id: id.clone(), distance: plain.hamming(*i, &queries, query).unwrap() })
            .collect();
        all.sort_unstable();
        all
    };
    let want_nearest = [neighbours(0), neighbours(1)];
    assert_eq!(index.nearest(ctx, &queries, POOL, &Progress::new()).unwrap(), want_nearest);

    let response = path.with_extension("response");
    let evaluator = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
    let query = Query::new(ctx.encrypt_vec_batch(&queries).unwrap()).unwrap();
    for resident in [false, true] {
        let progress = Progress::new();
        if resident {
            let index = evaluator.reside(Index::open(path).unwrap()).unwrap();
            evaluator.aggregate_resident(&query, &index, &response, &progress).unwrap();
        } else {
            evaluator.aggregate(&query, &index, &response, &progress).unwrap();
        }
        assert_eq!(progress.done(), 2 * want.len() as u64);
        let opened = Response::open(&response).unwrap();
        assert_eq!(opened.len(), want.len() as u64);
        assert_eq!(opened.nearest(ctx, POOL, &Progress::new()).unwrap(), want_nearest);
    }
    let mut exported = Vec::new();
    let keep = |ids: &Ids, bytes: &[u8]| {
        assert_eq!(bytes.len(), 512 * ids.len());
        exported.extend(ids.iter().map(IdRef::to_owned));
        Ok(())
    };
    index.export(ctx.public_key(), &evaluator, keep).unwrap();
    assert!(exported.iter().eq(want.iter().map(|(id, _)| id)));
    for deep in [false, true] {
        evaluator.verify(&index, deep, &Progress::new()).unwrap();
    }
}

fn numbered(pairs: impl IntoIterator<Item = (u64, usize)>) -> Vec<(Id, usize)> {
    pairs.into_iter().map(|(id, vector)| (Id::from(id), vector)).collect()
}

#[test]
fn deleted_vectors_are_gone_for_every_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let mut writer = create(&path);
    for range in [0..10, 10..11, 11..20] {
        writer.append(&some(range), None).unwrap();
    }
    assert_eq!(writer.delete(&Ids::from(vec![19, 0, 3, 10])).unwrap(), 4);
    let want = numbered((0..20).filter(|i| ![0, 3, 10, 19].contains(i)).map(|i| (i as u64, i)));
    assert_eq!(writer.len(), 16);
    assert_holds(&path, &want);
    // What is gone is gone: it cannot be deleted again, and neither is anything else of that call.
    let error = writer.delete(&Ids::from(vec![1, 3, 2, 77])).unwrap_err();
    assert!(matches!(error.root(), Error::UnknownId { id, others: 1 } if *id == 3), "{error}");
    assert_eq!(
        error.to_string(),
        format!("{}: no vector has the id 3, nor another one of those given", path.display())
    );
    assert!(matches!(writer.delete(&texts(&["1"])).unwrap_err().root(), Error::UnknownId { .. }));
    assert_holds(&path, &want);
    assert_eq!(writer.delete_if_there(&Ids::from(vec![1, 3, 2, 2, 77])).unwrap(), 2);
    assert_eq!(writer.delete_if_there(&Ids::from(vec![1, 3])).unwrap(), 0);
    drop(writer);
    let mut writer = reopen(&path);
    assert_eq!((writer.len(), Index::open(&path).unwrap().deleted()), (14, 6));
    let rest: Vec<u64> = (4..19).filter(|i| *i != 10).collect();
    writer.delete(&Ids::from(rest)).unwrap();
    assert!(writer.is_empty() && Index::open(&path).unwrap().is_empty());
    assert_holds(&path, &[]);
    // Numbers go on where they were, so that none stands for two vectors by accident.
    writer.append(&some(5..7), None).unwrap();
    assert_holds(&path, &numbered([(20, 5), (21, 6)]));
}

/// Tombstones name rows: an id that is free again belongs to the new vector only, before and after compaction.
#[test]
fn ids_are_free_after_deletion() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let mut writer = create(&path);
    writer.append(&some(0..5), None).unwrap();
    let taken = |writer: &mut IndexWriter, id: u64| {
        let error = writer.append(&some(9..10), Some(&Ids::from(vec![id]))).unwrap_err();
        assert!(matches!(error.root(), Error::IdTaken { id: found, vector: 0 } if *found == id), "{error}");
    };
    taken(&mut writer, 2);
    for round in 0..2 {
        writer.delete(&Ids::from(vec![2, 4])).unwrap();
        taken(&mut writer, 3);
        writer.append(&some(7 + round..8 + round), Some(&Ids::from(vec![2]))).unwrap();
        taken(&mut writer, 2);
        writer.append(&some(20..21), Some(&Ids::from(vec![4]))).unwrap();
        if round == 0 {
            writer.sync().unwrap();
            drop(writer);
            writer = reopen(&path);
        }
        assert_holds(&path, &numbered([(0, 0), (1, 1), (3, 3), (2, 7 + round), (4, 20)]));
    }
    drop(writer);
    Index::compact(&path, &Progress::new()).unwrap();
    assert_holds(&path, &numbered([(0, 0), (1, 1), (3, 3), (2, 8), (4, 20)]));
    let mut writer = reopen(&path);
    taken(&mut writer, 2);
    writer.delete(&Ids::from(vec![2])).unwrap();
    assert_holds(&path, &numbered([(0, 0), (1, 1), (3, 3), (4, 20)]));
}

/// A block that has nothing left says nothing about ids.
#[test]
fn ids_stay_taken_beside_blocks_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let mut writer = create(&path);
    writer.append(&some(0..3), None).unwrap();
    writer.append(&some(3..5), None).unwrap();
    writer.delete(&(3..5).into()).unwrap();
    for _ in 0..2 {
        let error = writer.append(&some(9..10), Some(&Ids::from(vec![0]))).unwrap_err();
        assert!(matches!(error.root(), Error::IdTaken { id, .. } if *id == 0), "{error}");
        drop(writer);
        writer = reopen(&path);
    }
    assert_holds(&path, &numbered([(0, 0), (1, 1), (2, 2)]));
}

#[test]
fn compaction_takes_the_deleted_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let mut writer = create(&path);
    for i in 0..POOL {
        writer.append(&some(i..i + 1), None).unwrap();
    }
    writer.delete(&(30..40).into()).unwrap();
    writer.delete(&Ids::from(vec![0, 15])).unwrap();
    let refused = Index::compact(&path, &Progress::new()).unwrap_err();
    assert!(refused.to_string().contains("another process is writing"), "{refused}");
    drop(writer);
    let want = numbered((1..30).filter(|i| *i != 15).map(|i| (i as u64, i)));
    assert_holds(&path, &want);
    // Whoever reads goes on with what was there.
    let before = Index::open(&path).unwrap();
    let progress = Progress::new();
    let done = Index::compact(&path, &progress).unwrap();
    assert_eq!((done.kept, done.removed, done.recovery, progress.done()), (28, 12, None, 28));
    assert_eq!(done.bytes_before, 128 + 40 * (64 + 512) + 2 * 64 + (10 * 8_u64).next_multiple_of(64) + 64);
    assert_eq!(done.bytes_after, 128 + 64 + (28 * 8_u64).next_multiple_of(64) + 28 * 512);
    assert_eq!((before.len(), before.blocks()), (28, 40));
    before.verify().unwrap();
    assert_holds(&path, &want);
    let index = Index::open(&path).unwrap();
    assert_eq!((index.deleted(), index.blocks()), (0, 1));
    // 39 was the highest number ever, though its vector is gone without a trace.
    reopen(&path).append(&some(0..1), None).unwrap();
    assert_holds(&path, &[want, numbered([(40, 0)])].concat());
    // Twice is once, and an empty index stays one.
    let bytes = Index::compact(&path, &Progress::new()).unwrap().bytes_after;
    assert_eq!(Index::compact(&path, &Progress::new()).unwrap().bytes_after, bytes);
    let mut ids = Vec::new();
    Index::open(&path)
        .unwrap()
        .for_each_id(|id| {
            ids.push(id.number().unwrap());
            Ok(())
        })
        .unwrap();
    reopen(&path).delete(&Ids::from(ids)).unwrap();
    assert_eq!(Index::compact(&path, &Progress::new()).unwrap().bytes_after, 128);
    assert_holds(&path, &[]);
    // Cancelled, it leaves the old file and nothing else.
    reopen(&path).append(&some(0..3), None).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let cancelled = Progress::new();
    cancelled.cancel();
    assert!(matches!(Index::compact(&path, &cancelled), Err(Error::Cancelled)));
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert!(
        std::fs::read_dir(folder.path()).unwrap().all(|entry| !entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with('.'))
    );
}

#[cfg(unix)]
#[test]
fn compaction_keeps_links_and_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("index"), folder.path().join("link"));
    create(&path).append(&some(0..3), None).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    reopen(&link).delete(&Ids::from(vec![1])).unwrap();
    Index::compact(&link, &Progress::new()).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_holds(&path, &numbered([(0, 0), (2, 2)]));
}

#[test]
fn strings_are_ids() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let names = ["hushvec(1)", "7", "größer", &"x".repeat(Id::MOST_BYTES), "日本", " "];
    let mut writer = create(&path);
    writer.append(&some(0..4), Some(&texts(&names[..4]))).unwrap();
    writer.append(&some(4..6), Some(&texts(&names[4..]))).unwrap();
    let want: Vec<(Id, usize)> = names.iter().enumerate().map(|(i, name)| (Id::Text((*name).to_owned()), i)).collect();
    assert_holds(&path, &want);
    assert_eq!(Index::open(&path).unwrap().id_kind().unwrap(), Some(IdKind::Strings));
    let refused = |writer: &mut IndexWriter, ids: Option<Ids>, what: &str| {
        let error = writer.append(&some(9..10), ids.as_ref()).unwrap_err().to_string();
        assert!(error.contains(what) && error.contains(path.to_str().unwrap()), "{error}");
    };
    refused(&mut writer, Some(texts(&["7"])), "the id \"7\" (vector 0) is taken");
    refused(&mut writer, Some(Ids::from(vec![7])), "id 0 cannot be used: 7 among strings");
    refused(&mut writer, None, "its ids are strings; give ids for these vectors too");
    drop(writer);
    let mut writer = reopen(&path);
    refused(&mut writer, Some(texts(&["日本"])), "is taken");
    writer.delete(&texts(&["7", "日本"])).unwrap();
    writer.append(&some(8..9), Some(&texts(&["7"]))).unwrap();
    drop(writer);
    let mut want: Vec<(Id, usize)> = want.into_iter().filter(|(id, _)| *id != *"7" && *id != *"日本").collect();
    want.push((Id::Text("7".to_owned()), 8));
    assert_holds(&path, &want);
    Index::compact(&path, &Progress::new()).unwrap();
    assert_holds(&path, &want);
    // Integers do not take strings.
    let path = folder.path().join("integers");
    create(&path).append(&some(0..1), None).unwrap();
    let error = reopen(&path).append(&some(1..2), Some(&texts(&["a"]))).unwrap_err().to_string();
    assert!(error.contains("id 0 cannot be used: \"a\" among integers"), "{error}");
}

#[test]
fn numbers_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let mut writer = create(&path);
    writer.append(&some(0..1), Some(&Ids::from(vec![u64::MAX]))).unwrap();
    for _ in 0..2 {
        let error = writer.append(&some(1..2), None).unwrap_err().to_string();
        assert!(error.contains("no numbers are left"), "{error}");
        writer.append(&some(1..1), None).unwrap();
        drop(writer);
        Index::compact(&path, &Progress::new()).unwrap();
        writer = reopen(&path);
    }
    writer.append(&some(1..2), Some(&Ids::from(vec![5]))).unwrap();
    assert_holds(&path, &numbered([(u64::MAX, 0), (5, 1)]));
}

#[test]
fn merged_shards_are_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let whole = numbered((0..30).map(|i| (i as u64, i)));
    let mut paths = Vec::new();
    for number in 0..7 {
        let shard = Shard::new(number, 7).unwrap();
        let rows = shard.rows(30);
        let path = folder.path().join(format!("shard-{number}"));
        let mut writer = IndexWriter::create_shard(&path, pool().ctx.public_key(), shard).unwrap();
        for row in rows.clone() {
            let i = usize::try_from(row).unwrap();
            writer.append(&some(i..i + 1), Some(&(row..row + 1).into())).unwrap();
        }
        assert_eq!(Index::open(&path).unwrap().shard(), Some(shard));
        assert_holds(&path, &numbered(rows.map(|row| (row, usize::try_from(row).unwrap()))));
        paths.push(path);
    }
    let open = |numbers: &[usize]| -> Vec<Index> { numbers.iter().map(|i| Index::open(&paths[*i]).unwrap()).collect() };
    let out = folder.path().join("merged");
    let progress = Progress::new();
    // In whatever order a shell lists them.
    assert_eq!(Index::merge(&open(&[6, 0, 5, 1, 4, 2, 3]), &out, &progress).unwrap(), 30);
    assert_eq!(progress.done(), 30);
    assert_holds(&out, &whole);
    assert_eq!(Index::open(&out).unwrap().shard(), None);
    let size = std::fs::metadata(&out).unwrap().len();
    assert_eq!(size, 128 + 64 + 30 * 512, "one block, its ids in order");
    reopen(&out).append(&some(30..31), None).unwrap();
    assert_holds(&out, &[whole, numbered([(30, 30)])].concat());

    let never = folder.path().join("never");
    for (numbers, what) in [
        (&[0, 1, 2, 4, 5, 6][..], "shard 3/7 is missing (1 of 7 are)"),
        (&[0, 1], "shard 2/7 is missing (5 of 7 are)"),
        (&[1, 2, 3, 4, 5, 6], "shard 0/7 is missing"),
        (&[0, 1, 2, 3, 4, 5, 6, 2], "it is shard 2/7, and so is"),
    ] {
        let error = Index::merge(&open(numbers), &never, &Progress::new()).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    let other = folder.path().join("other");
    IndexWriter::create_shard(&other, pool().ctx.public_key(), Shard::new(0, 2).unwrap()).unwrap();
    let mut mixed = open(&[0]);
    mixed.push(Index::open(&other).unwrap());
    assert!(
        Index::merge(&mixed, &never, &Progress::new()).unwrap_err().to_string().contains("another number of shards")
    );
    assert!(matches!(Index::merge(&[], &never, &Progress::new()), Err(Error::Missing(_))));
    assert!(!never.exists());
    // What is there is not overwritten.
    assert!(matches!(
        Index::merge(&open(&[0, 1, 2, 3, 4, 5, 6]), &out, &Progress::new()),
        Err(Error::Occupied { occupant: hushvec::Occupant::File, .. })
    ));
}

#[test]
fn merging_checks_what_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    create(&path("a")).append(&some(0..5), None).unwrap();
    let mut b = create(&path("b"));
    b.append(&some(5..10), Some(&Ids::from(vec![10, 3, 12, 13, 14]))).unwrap();
    create(&path("c")).append(&some(10..11), Some(&texts(&["3"]))).unwrap();
    let merge = |names: &[&str]| {
        let indexes: Vec<Index> = names.iter().map(|name| Index::open(&path(name)).unwrap()).collect();
        Index::merge(&indexes, &path("out"), &Progress::new())
    };
    for names in [["a", "b"], ["b", "a"]] {
        let error = merge(&names).unwrap_err();
        let want = format!("{}: the id 3 is also in {}", path(names[1]).display(), path(names[0]).display());
        assert_eq!(error.to_string(), want);
        assert!(matches!(error.root(), Error::DuplicateId { .. }));
    }
    assert!(merge(&["a", "a"]).unwrap_err().to_string().contains("the id 0 is also in"));
    let error = merge(&["a", "c"]).unwrap_err().to_string();
    assert!(error.contains("its ids are strings, those of the indexes before it integers"), "{error}");
    let other = context(Scheme::Paillier);
    IndexWriter::create(&path("foreign"), other.public_key()).unwrap();
    let error = merge(&["a", "foreign"]).unwrap_err();
    assert!(matches!(error.root(), Error::WrongKey { .. }) && error.to_string().contains("foreign: "), "{error}");
    assert!(!path("out").exists());
    // Deleted, the id is no obstacle.
    b.delete(&Ids::from(vec![3])).unwrap();
    assert_eq!(merge(&["a", "b"]).unwrap(), 9);
    assert_holds(&path("out"), &numbered([(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (10, 5), (12, 7), (13, 8), (14, 9)]));
}

#[test]
fn verification_finds_what_no_checksum_shows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let Pool { ctx, .. } = pool();
    let evaluator = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
    let mut writer = create(&path);
    writer.append(&some(0..3), None).unwrap();
    writer.append(&some(3..6), None).unwrap();
    writer.delete(&Ids::from(vec![1])).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let verify = |bytes: &[u8], deep| {
        std::fs::write(&path, bytes).unwrap();
        evaluator.verify(&Index::open(&path).unwrap(), deep, &Progress::new())
    };
    assert!(verify(&whole, false).is_ok() && verify(&whole, true).is_ok());
    // Row 1 of the second block is vector 3 of those that are left. Its block gets a checksum that fits.
    let (block, record) = (128 + 64 + 3 * 512, 128 + 64 + 3 * 512 + 64 + 512);
    let forged = |c0: &[u8], c1: &[u8]| {
        let mut bytes = whole.clone();
        bytes[record..record + 512].fill(0);
        bytes[record..record + c0.len()].copy_from_slice(c0);
        bytes[record + 256..record + 256 + c1.len()].copy_from_slice(c1);
        let payload = crc32fast::hash(&bytes[block + 64..block + 64 + 3 * 512]);
        bytes[block + 32..block + 36].copy_from_slice(&payload.to_le_bytes());
        let header = crc32fast::hash(&bytes[block..block + 60]);
        bytes[block + 60..block + 64].copy_from_slice(&header.to_le_bytes());
        bytes
    };
    let n = ctx.public_key().n().to_bytes_le();
    for (bytes, shallow) in [
        (forged(&[], &[]), Some("ciphertext 3: it is 0")),
        (forged(&n, &[]), Some("ciphertext 3: it is not below n²")),
        (forged(&[1], &n), Some("ciphertext 3: it is not below n²")),
        (forged(&[], &[1]), None),
    ] {
        match (verify(&bytes, false), shallow) {
            (Ok(()), None) => {}
            (Err(error), Some(what)) => assert!(error.to_string().contains(what), "{error}"),
            (result, _) => panic!("{result:?}"),
        }
        let error = verify(&bytes, true).unwrap_err().to_string();
        assert!(error.contains(shallow.unwrap_or("ciphertext 3: it shares a factor with n")), "{error}");
    }
    let other = Evaluator::open(&context(Scheme::Paillier).public_context(), Device::Cpu).unwrap();
    let error = other.verify(&Index::open(&path).unwrap(), false, &Progress::new()).unwrap_err();
    assert!(matches!(error.root(), Error::WrongKey { .. }));
}

/// One id on two vectors: an error of whoever wrote the file, found by verification and when ids are needed.
#[test]
fn an_id_on_two_vectors_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    create(&path).append(&some(0..2), None).unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&whole[..], &whole[128..]].concat()).unwrap();
    let evaluator = Evaluator::open(&pool().ctx.public_context(), Device::Cpu).unwrap();
    let error = evaluator.verify(&Index::open(&path).unwrap(), false, &Progress::new()).unwrap_err().to_string();
    assert!(error.contains("index: damaged: two vectors have the id 0"), "{error}");
    let error = reopen(&path).append(&some(2..3), Some(&Ids::from(vec![0]))).unwrap_err().to_string();
    assert!(error.contains("two vectors have the id 0"), "{error}");
}

/// Every bit of the header of a file and of its blocks: refused, or if a block is the last one, cut off and reported.
#[test]
fn every_bit_of_a_header_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let (mut ends, mut lengths) = (vec![128], vec![0]);
    let mut writer = create(&path);
    for step in 0..5 {
        match step {
            0 => writer.append(&some(0..3), None).unwrap(),
            1 => writer.append(&some(3..5), Some(&Ids::from(vec![9, 4]))).unwrap(),
            2 | 4 => drop(writer.delete(&Ids::from(vec![step])).unwrap()),
            _ => writer.append(&some(5..6), None).unwrap(),
        }
        ends.push(usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap());
        lengths.push(writer.len());
    }
    let whole = std::fs::read(&path).unwrap();
    // With this many of its blocks the index ends in records of each kind and in deletions.
    for blocks in 1..ends.len() {
        let whole = &whole[..ends[blocks]];
        let last = ends[blocks - 1];
        let headers = (0..128).chain(ends[..blocks].iter().flat_map(|start| *start..start + 64));
        for position in headers {
            for bit in 0..8 {
                let mut changed = whole.to_vec();
                changed[position] ^= 1 << bit;
                std::fs::write(&path, &changed).unwrap();
                let what = format!("bit {bit} of byte {position} with {blocks} blocks");
                match Index::open(&path) {
                    Err(error) => assert!(position < last, "{what}: {error}"),
                    Ok(index) => {
                        assert!(position >= last, "{what}: it was opened");
                        let recovery = index.recovery().unwrap();
                        assert_eq!(
                            (recovery.kept, recovery.torn_bytes),
                            (lengths[blocks - 1], (whole.len() - last) as u64)
                        );
                        index.verify().unwrap();
                    }
                }
            }
        }
    }
    // What deletions say is verified when the index is opened.
    let payload = ends[2] + 64;
    let mut changed = whole.clone();
    changed[payload] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    assert!(Index::open(&path).unwrap_err().to_string().contains("damaged in the middle"));
}

/// Deletions of what there is not, with checksums that fit.
#[test]
fn deletions_of_nothing_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let mut writer = create(&path);
    writer.append(&some(0..3), None).unwrap();
    writer.delete(&Ids::from(vec![0, 2])).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let block = whole.len() - 128;
    for records in [[2u64, 0], [1, 1], [0, 3], [0, u64::MAX]] {
        let mut bytes = whole.clone();
        for (i, record) in records.iter().enumerate() {
            bytes[block + 64 + 8 * i..block + 72 + 8 * i].copy_from_slice(&record.to_le_bytes());
        }
        let payload = crc32fast::hash(&bytes[block + 64..]);
        bytes[block + 32..block + 36].copy_from_slice(&payload.to_le_bytes());
        let header = crc32fast::hash(&bytes[block..block + 60]);
        bytes[block + 60..block + 64].copy_from_slice(&header.to_le_bytes());
        std::fs::write(&path, &bytes).unwrap();
        let error = Index::open(&path).unwrap_err().to_string();
        assert!(error.contains("it deletes vectors that it does not have"), "{records:?}: {error}");
    }
}
