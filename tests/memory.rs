//! Memory does not grow with the index: aggregation and decoding hold one or two blocks, for files of any size.
//!
//! HUSHVEC_LONG_TESTS=1 uses a million vectors instead of forty thousand.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/keys.rs"]
mod keys;
#[path = "common/numbers.rs"]
mod numbers;

use hushvec::{BitMatrix, Device, Evaluator, HomomorphicClient, Index, IndexWriter, Progress, Query, Response, Scheme};
use keys::{DIMENSIONS, context};
use numbers::SplitMix;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Returns the memory of this process without mapped files, in bytes.
fn anonymous_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// Returns the peak growth of memory while `work` runs.
fn growth(work: impl FnOnce()) -> u64 {
    let (before, most, done) = (anonymous_memory(), AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(anonymous_memory(), Ordering::Relaxed);
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        work();
        done.store(true, Ordering::Relaxed);
    });
    most.into_inner().saturating_sub(before)
}

#[test]
fn aggregation_and_decoding_are_streamed() {
    const POOL: usize = 1000;
    let blocks = if std::env::var_os("HUSHVEC_LONG_TESTS").is_some() { 1000 } else { 40 };
    let ctx = context(Scheme::PaillierSubgroup);
    let folder = tempfile::tempdir().unwrap();
    let (path, answer) = (folder.path().join("index"), folder.path().join("response"));
    let mut random = SplitMix(1);
    let plain = BitMatrix::from_rows(DIMENSIONS, (0..POOL).map(|_| random.bits(DIMENSIONS))).unwrap();
    let pool = ctx.encrypt_vec_batch(&plain).unwrap();
    let mut writer = IndexWriter::create(&path, Arc::clone(ctx.public_key())).unwrap();
    for _ in 0..blocks {
        writer.append(&pool, None).unwrap();
    }
    drop(writer);

    let evaluator = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
    let query = Query::new(ctx.encrypt_vec_batch(&plain.slice(0..1)).unwrap()).unwrap();
    let index = Index::open(&path).unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    assert_eq!((index.len(), size > blocks as u64 * POOL as u64 * 512), ((blocks * POOL) as u64, true));
    let limit = size / 3;
    let grown = growth(|| evaluator.aggregate(&query, &index, &answer, &Progress::new()).unwrap());
    assert!(grown < limit, "aggregation took {grown} bytes for an index of {size} bytes");
    let response = Response::open(&answer).unwrap();
    let mut nearest = Vec::new();
    let grown = growth(|| nearest = response.nearest(ctx, 10, &Progress::new()).unwrap());
    assert!(grown < limit, "decoding took {grown} bytes for a response of {size} bytes");
    // The query is vector 0 of the pool, which occurs once per block.
    let ids: Vec<u64> = nearest[0].iter().map(|neighbour| neighbour.id.as_ref().number().unwrap()).collect();
    assert_eq!(ids, (0..10).map(|block| block * POOL as u64).collect::<Vec<_>>());
}
