//! Encryption, decoding and single operations of each scheme: `operation/scheme/device/key_len/batch`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot go on stops")]

#[path = "common/devices.rs"]
mod devices;
#[path = "../tests/common/numbers.rs"]
mod numbers;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hushvec::{
    BitMatrix, Device, Evaluator, ExecutionContext, HomomorphicClient, PassphraseKeyProvider, Plaintext, Scheme,
};
use numbers::SplitMix;
use std::cell::RefCell;

const DIMENSIONS: usize = 512;

fn contexts() -> Vec<ExecutionContext> {
    let make = |scheme| {
        let builder = ExecutionContext::builder().scheme(scheme).embedding_length(DIMENSIONS).device(Device::Cpu);
        builder.create(PassphraseKeyProvider::new("bench").unwrap()).unwrap()
    };
    Scheme::ALL.map(make).into()
}

fn vectors(count: usize) -> BitMatrix {
    let mut random = SplitMix(1);
    BitMatrix::from_rows(DIMENSIONS, (0..count).map(|_| random.bits(DIMENSIONS))).unwrap()
}

fn vectors_and_distances(c: &mut Criterion) {
    let devices = devices::devices();
    for (mut ctx, (name, device)) in
        devices.iter().flat_map(|device| contexts().into_iter().map(move |ctx| (ctx, device)))
    {
        ctx.set_device(device.clone(), None).unwrap();
        let evaluator = Evaluator::open(&ctx.public_context(), device.clone()).unwrap();
        for batch in [1, 128, 1024] {
            let plain = vectors(batch);
            let id = |operation: &str| BenchmarkId::new(format!("{operation}/{}/{name}/1024", ctx.scheme()), batch);
            let mut group = c.benchmark_group("vectors");
            group.throughput(Throughput::Elements(batch as u64)).sample_size(10);
            let encrypted = RefCell::new(ctx.encrypt_vec_batch(&plain).unwrap());
            group.bench_function(id("encrypt_owner"), |b| {
                b.iter(|| *encrypted.borrow_mut() = ctx.encrypt_vec_batch(&plain).unwrap());
            });
            group.bench_function(id("encrypt_public"), |b| b.iter(|| evaluator.encrypt_vec_batch(&plain).unwrap()));
            let query = ctx.encrypt_vec_one(&plain.row(0).unwrap()).unwrap();
            let response = evaluator.hamming_batch(&query, &encrypted.borrow()).unwrap();
            let expected: Vec<u32> = (0..batch).map(|i| plain.hamming(i, &plain, 0).unwrap()).collect();
            group.bench_function(id("decode"), |b| {
                b.iter(|| assert_eq!(ctx.decode_hamming_client_batch(&response).unwrap(), expected));
            });
        }
    }
}

fn integers(c: &mut Criterion) {
    for ctx in contexts() {
        let mut group = c.benchmark_group("integers");
        let id = |operation: &str| format!("{operation}/{}/cpu/1024/1", ctx.scheme());
        let (a, b) = (Plaintext::from(123_456u64), Plaintext::from(654_321u64));
        let (x, y) = (ctx.encrypt(&a).unwrap(), ctx.encrypt(&b).unwrap());
        group.sample_size(20);
        group.bench_function(id("encrypt"), |bench| bench.iter(|| ctx.encrypt(&a).unwrap()));
        group.bench_function(id("decrypt"), |bench| bench.iter(|| ctx.decrypt(&x).unwrap()));
        group.bench_function(id("add"), |bench| bench.iter(|| ctx.add(&x, &y).unwrap()));
        group.bench_function(id("add_plain"), |bench| bench.iter(|| ctx.add_plain(&x, &b).unwrap()));
        group.bench_function(id("mul_plain"), |bench| bench.iter(|| ctx.mul_plain(&x, &b).unwrap()));
        let sum = ctx.decrypt(&ctx.add(&x, &y).unwrap()).unwrap();
        assert_eq!(u64::try_from(&sum).unwrap(), 777_777);
    }
}

criterion_group!(paillier, vectors_and_distances, integers);
criterion_main!(paillier);
