//! Kernels by themselves: `kernel/who/bits/batch`, bits being the size of m, whose square is the modulus, or of a prime. Who is an
//! instruction set (`avx512ifma`, `avx2`, `portable`) or a library that does the same (`gmp`, `gmp-fat`, `crypto-bigint`,
//! `num-bigint`), on one thread each, or `gpu`. Kernels bring their inputs along, so a new one is measured without a line here.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a benchmark that cannot go on stops")]

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
use hushvec::hazmat::SAMPLERS;
use numbers::SplitMix;
use peers::Peer;

const BITS: [usize; 3] = [1024, 2048, 4096];
/// Bits of the exponents of `pair_fixed_base_pow`.
const SHORT: usize = 512;

/// Each kernel on each instruction set and on the GPU, which gets batches that fill it.
fn kernels(c: &mut Criterion) {
    let levels = devices::levels();
    // What all others are compared with. Tests compare it with num-bigint.
    let best = levels.first().unwrap().1.clone();
    let gpu = devices::gpu().map(|device| ("gpu", OpenDevice::open(device, None).unwrap()));
    let devices: Vec<(&str, OpenDevice)> = levels.into_iter().chain(gpu).collect();
    for sampler in SAMPLERS {
        let mut group = c.benchmark_group(sampler.name);
        group.sample_size(10);
        for (bits, batch) in BITS.into_iter().flat_map(|bits| sampler.batches.iter().map(move |batch| (bits, *batch))) {
            for (who, device) in &devices {
                let batch = if *who == "gpu" && batch < 1024 { 64 * batch } else { batch };
                let sample = (sampler.make)(bits, batch).unwrap();
                group.throughput(Throughput::Elements(batch as u64));
                group.bench_function(BenchmarkId::new(format!("{who}/{bits}"), batch), |b| {
                    let mut out = sample.room();
                    b.iter(|| sample.run_into(device, &mut out));
                    assert!(out == sample.run(&best), "{}/{who}/{bits}/{batch}", sampler.name);
                });
            }
        }
    }
}

/// Libraries that do the same as a kernel, in its group. They have no tables for a base, and take a power as ever.
fn peers(c: &mut Criterion) {
    let gmps = Gmp::load_all();
    for bits in BITS {
        let mut random = SplitMix(bits as u64);
        let m = random.modulus(bits);
        let (square, values) = (&m * &m, random.residues(&m, 1024));
        let last = values.last().unwrap();
        let (long, short) = (SplitMix(3).number(bits), SplitMix(5).number(SHORT));
        let groups: [(&str, Vec<Peer<'_>>); 3] = [
            ("pair_pow", peers::powers(&gmps, last, &long, &square)),
            ("pair_fixed_base_pow", peers::powers(&gmps, last, &short, &square)),
            ("hamming_aggregate", peers::products(&gmps, last, &values, &square)),
        ];
        for (kernel, peers) in groups {
            let mut group = c.benchmark_group(kernel);
            group.sample_size(10);
            for Peer { name, operations, mut call } in peers {
                group.throughput(Throughput::Elements(operations as u64));
                group.bench_function(BenchmarkId::new(format!("{name}/{bits}"), operations), |b| b.iter(&mut call));
            }
        }
    }
}

criterion_group!(benches, kernels, peers);
criterion_main!(benches);
