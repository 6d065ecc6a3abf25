//! Index files: `operation/scheme/name/key_len/vectors`. `name` is `cpu` with all cores, as in production; an
//! instruction set (`avx512ifma`, `avx2`, `portable`) on one thread; `gpu`; or a library that multiplies the same
//! number of ciphertexts in memory, on one thread.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a benchmark may panic")]

#[path = "common/devices.rs"]
mod devices;
#[path = "common/gmp.rs"]
mod gmp;
#[path = "../tests/common/numbers.rs"]
mod numbers;
#[path = "common/peers.rs"]
mod peers;
#[path = "../tests/common/reference.rs"]
mod reference;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gmp::Gmp;

use hushvec::OpenDevice;
use hushvec::{
    BitMatrix, Device, Evaluator, ExecutionContext, HomomorphicClient, Index, IndexWriter, PassphraseKeyProvider,
    Progress, Query, Response, Scheme,
};
use num_bigint::BigUint;
use numbers::SplitMix;
use peers::Peer;
use std::sync::Arc;

const DIMENSIONS: usize = 512;
const VECTORS: usize = 4096;

fn id(operation: &str, name: &str) -> BenchmarkId {
    BenchmarkId::new(format!("{operation}/paillier_subgroup/{name}/1024"), VECTORS)
}

fn index_files(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let builder = ExecutionContext::builder().scheme(Scheme::PaillierSubgroup).embedding_length(DIMENSIONS);
    let mut ctx = builder.device(Device::Cpu).create(PassphraseKeyProvider::new("bench").unwrap()).unwrap();
    let mut random = SplitMix(1);
    let plain = BitMatrix::from_rows(DIMENSIONS, (0..VECTORS).map(|_| random.bits(DIMENSIONS))).unwrap();
    let encrypted = ctx.encrypt_vec_batch(&plain).unwrap();
    let mut writer = IndexWriter::create(&file("index"), Arc::clone(ctx.public_key())).unwrap();
    writer.append(&encrypted, None).unwrap();
    drop(writer);
    let query_bits = plain.slice(7..8);
    let query = Query::new(ctx.encrypt_vec_batch(&query_bits).unwrap()).unwrap();
    let mut group = c.benchmark_group("index");
    group.throughput(Throughput::Elements(VECTORS as u64)).sample_size(10);
    group.bench_function(id("append", "cpu"), |b| {
        b.iter(|| {
            let _ = std::fs::remove_file(file("copy"));
            let mut writer = IndexWriter::create(&file("copy"), Arc::clone(ctx.public_key())).unwrap();
            writer.append(&encrypted, None).unwrap();
        });
    });
    group.bench_function(id("open_and_verify", "cpu"), |b| {
        b.iter(|| Index::open(&file("index")).unwrap().verify().unwrap());
    });
    let index = Index::open(&file("index")).unwrap();
    let aggregate = |evaluator: &Evaluator| {
        evaluator.aggregate(&query, &index, &file("response"), &Progress::new()).unwrap();
    };
    aggregate(&Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap());
    let all_cores = ("cpu", OpenDevice::open(Device::Cpu, None).unwrap());
    for (name, device) in std::iter::once(all_cores).chain(devices::isas()) {
        let evaluator = Evaluator::on(&ctx.public_context(), &device);
        group.bench_function(id("aggregate", name), |b| b.iter(|| aggregate(&evaluator)));
        ctx.use_device(device);
        group.bench_function(id("decode", name), |b| {
            b.iter(|| {
                let nearest = Response::open(&file("response")).unwrap().nearest(&ctx, 10, &Progress::new()).unwrap();
                assert!(nearest[0][0].id == 7 && nearest[0][0].distance == 0);
            });
        });
    }
    let gpu = devices::gpu().map(|device| ("gpu", device));
    for (name, device) in std::iter::once(("cpu", Device::Cpu)).chain(gpu) {
        let evaluator = Evaluator::open(&ctx.public_context(), device).unwrap();
        let resident = evaluator.reside(Index::open(&file("index")).unwrap()).unwrap();
        group.bench_function(id("aggregate_resident", name), |b| {
            b.iter(|| evaluator.aggregate_resident(&query, &resident, &file("response"), &Progress::new()).unwrap());
        });
    }
}

/// The same number of products of the same size in other libraries.
fn peers(c: &mut Criterion) {
    let (mut group, gmps, mut random) = (c.benchmark_group("index"), Gmp::load_all(), SplitMix(2));
    let modulus = random.modulus(4096);
    let stored: Vec<BigUint> = (0..VECTORS).map(|_| random.number(4096) % &modulus).collect();
    group.throughput(Throughput::Elements(VECTORS as u64)).sample_size(10);
    for Peer { name, mut call, .. } in peers::products(&gmps, &stored[7], &stored, &modulus) {
        group.bench_function(BenchmarkId::new(format!("product/none/{name}/1024"), VECTORS), |b| b.iter(&mut call));
    }
}

criterion_group!(search, index_files, peers);
criterion_main!(search);
