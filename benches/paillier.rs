//! Encryption, decoding and single operations of each scheme: `operation/scheme/name/key_len/batch`. `name` is an
//! instruction set (`avx512ifma`, `avx2`, `portable`) on one thread, or `gpu`. For the scheme `textbook` it is
//! another library.

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
    BitMatrix, Device, Evaluator, ExecutionContext, HomomorphicClient, PassphraseKeyProvider, Plaintext, Scheme,
};
use numbers::SplitMix;
use peers::Peer;
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

/// A device with its name in bench ids.
type Named = (&'static str, OpenDevice);

fn devices() -> Vec<Named> {
    let gpu = devices::gpu().map(|device| ("gpu", OpenDevice::open(device, None).unwrap()));
    devices::isas().into_iter().chain(gpu).collect()
}

fn vectors_and_distances(c: &mut Criterion) {
    for (mut ctx, (name, device)) in
        devices().iter().flat_map(|device| contexts().into_iter().map(move |ctx| (ctx, device)))
    {
        ctx.use_device(device.clone());
        let evaluator = Evaluator::on(&ctx.public_context(), device);
        for batch in if *name == "gpu" { [1, 128, 1024].as_slice() } else { &[1, 128] } {
            let plain = vectors(*batch);
            let id = |operation: &str| BenchmarkId::new(format!("{operation}/{}/{name}/1024", ctx.scheme()), batch);
            let mut group = c.benchmark_group("vectors");
            group.throughput(Throughput::Elements(*batch as u64)).sample_size(10);
            let encrypted = RefCell::new(ctx.encrypt_vec_batch(&plain).unwrap());
            group.bench_function(id("encrypt_owner"), |b| {
                b.iter(|| *encrypted.borrow_mut() = ctx.encrypt_vec_batch(&plain).unwrap());
            });
            group.bench_function(id("encrypt_public"), |b| b.iter(|| evaluator.encrypt_vec_batch(&plain).unwrap()));
            let query = ctx.encrypt_vec_one(&plain.row(0).unwrap()).unwrap();
            let response = evaluator.hamming_batch(&query, &encrypted.borrow()).unwrap();
            let expected: Vec<u32> = (0..*batch).map(|i| plain.hamming(i, &plain, 0).unwrap()).collect();
            group.bench_function(id("decode"), |b| {
                b.iter(|| assert_eq!(ctx.decode_hamming_client_batch(&response).unwrap(), expected));
            });
        }
    }
}

/// The dominant operations of textbook Paillier in other libraries: r^n to encrypt, c^(p−1) and c^(q−1) to decode.
fn textbook(c: &mut Criterion) {
    let (mut group, gmps, mut random) = (c.benchmark_group("vectors"), Gmp::load_all(), SplitMix(2));
    group.throughput(Throughput::Elements(1)).sample_size(10);
    let mut powers = |modulus: usize, exponent: usize| {
        peers::powers(&gmps, &random.number(modulus), &random.modulus(exponent), &random.modulus(modulus))
    };
    for Peer { name, mut call, .. } in powers(4096, 2048) {
        group.bench_function(format!("encrypt_public/textbook/{name}/1024/1"), |b| b.iter(&mut call));
    }
    for (mut p, mut q) in powers(2048, 1024).into_iter().zip(powers(2048, 1024)) {
        group.bench_function(format!("decode/textbook/{}/1024/1", p.name), |b| {
            b.iter(|| {
                (p.call)();
                (q.call)();
            });
        });
    }
}

fn integers(c: &mut Criterion) {
    let isas = devices::isas();
    for (mut ctx, (name, device)) in isas.iter().flat_map(|isa| contexts().into_iter().map(move |ctx| (ctx, isa))) {
        ctx.use_device(device.clone());
        let mut group = c.benchmark_group("integers");
        let id = |operation: &str| format!("{operation}/{}/{name}/1024/1", ctx.scheme());
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

criterion_group!(paillier, vectors_and_distances, textbook, integers);
criterion_main!(paillier);
