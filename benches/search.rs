//! Index files: `operation/scheme/device/key_len/vectors`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot go on stops")]

#[path = "common/devices.rs"]
mod devices;
#[path = "../tests/common/numbers.rs"]
mod numbers;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hushvec::{
    BitMatrix, Device, Evaluator, ExecutionContext, HomomorphicClient, Index, IndexWriter, PassphraseKeyProvider,
    Progress, Query, Response, Scheme,
};
use numbers::SplitMix;
use std::sync::Arc;

const DIMENSIONS: usize = 512;
const VECTORS: usize = 4096;

fn index_files(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let builder = ExecutionContext::builder().scheme(Scheme::PaillierSubgroup).embedding_length(DIMENSIONS);
    let ctx = builder.device(Device::Cpu).create(PassphraseKeyProvider::new("bench").unwrap()).unwrap();
    let mut random = SplitMix(1);
    let plain = BitMatrix::from_rows(DIMENSIONS, (0..VECTORS).map(|_| random.bits(DIMENSIONS))).unwrap();
    let encrypted = ctx.encrypt_vec_batch(&plain).unwrap();
    let mut writer = IndexWriter::create(&file("index"), Arc::clone(ctx.public_key())).unwrap();
    writer.append(&encrypted, None).unwrap();
    drop(writer);
    let evaluator = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
    let query_bits = plain.slice(7..8);
    let query = Query::new(ctx.encrypt_vec_batch(&query_bits).unwrap()).unwrap();
    let id = |operation: &str| BenchmarkId::new(format!("{operation}/paillier_subgroup/cpu/1024"), VECTORS);

    let mut group = c.benchmark_group("index");
    group.throughput(Throughput::Elements(VECTORS as u64)).sample_size(10);
    group.bench_function(id("append"), |b| {
        b.iter(|| {
            let _ = std::fs::remove_file(file("copy"));
            let mut writer = IndexWriter::create(&file("copy"), Arc::clone(ctx.public_key())).unwrap();
            writer.append(&encrypted, None).unwrap();
        });
    });
    group.bench_function(id("open_and_verify"), |b| b.iter(|| Index::open(&file("index")).unwrap().verify().unwrap()));
    let index = Index::open(&file("index")).unwrap();
    group.bench_function(id("aggregate"), |b| {
        b.iter(|| evaluator.aggregate(&query, &index, &file("response"), &Progress::new()).unwrap());
    });
    for (name, device) in devices::devices() {
        let evaluator = Evaluator::open(&ctx.public_context(), device).unwrap();
        let resident = evaluator.reside(Index::open(&file("index")).unwrap()).unwrap();
        let id = BenchmarkId::new(format!("aggregate_resident/paillier_subgroup/{name}/1024"), VECTORS);
        group.bench_function(id, |b| {
            b.iter(|| evaluator.aggregate_resident(&query, &resident, &file("response"), &Progress::new()).unwrap());
        });
    }
    group.bench_function(id("decode"), |b| {
        b.iter(|| {
            let nearest = Response::open(&file("response")).unwrap().nearest(&ctx, 10, &Progress::new()).unwrap();
            assert_eq!((nearest[0][0].id, nearest[0][0].distance), (7, 0));
        });
    });
}

criterion_group!(search, index_files);
criterion_main!(search);
