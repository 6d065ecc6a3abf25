//! Single kernels: `kernel/name/bits/batch`. `name` is an instruction set (`avx512ifma`, `avx2`, `portable`) or a
//! library with the same operation (`gmp`, `gmp-fat`, `crypto-bigint`, `num-bigint`), on one thread, or `gpu`. `bits`
//! is the size of m for a modulus m², or of a prime. Kernels come with samplers of their inputs, so a new kernel
//! needs no change here.

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
use hushvec::hazmat::SAMPLERS;
use numbers::SplitMix;
use peers::Peer;

const BITS: [usize; 3] = [1024, 2048, 4096];
/// Bits of the exponents of `pair_fixed_base_pow`.
const SHORT: usize = 512;

/// Each kernel on each instruction set and on the GPU. The GPU gets larger batches, which fill it.
fn kernels(c: &mut Criterion) {
    let isas = devices::isas();
    // The results of all devices are compared with this one. Tests compare it with num-bigint.
    let best = isas.first().unwrap().1.clone();
    let gpu = devices::gpu().map(|device| ("gpu", OpenDevice::open(device, None).unwrap()));
    let devices: Vec<(&str, OpenDevice)> = isas.into_iter().chain(gpu).collect();
    for sampler in SAMPLERS {
        let mut group = c.benchmark_group(sampler.name);
        group.sample_size(10);
        for (bits, batch) in BITS.into_iter().flat_map(|bits| sampler.batches.iter().map(move |batch| (bits, *batch))) {
            for (name, device) in &devices {
                let batch = if *name == "gpu" && batch < 1024 { 64 * batch } else { batch };
                let sample = (sampler.make)(bits, batch).unwrap();
                group.throughput(Throughput::Elements(batch as u64));
                group.bench_function(BenchmarkId::new(format!("{name}/{bits}"), batch), |b| {
                    let mut out = sample.room();
                    b.iter(|| sample.run_into(device, &mut out));
                    assert!(out == sample.run(&best), "{}/{name}/{bits}/{batch}", sampler.name);
                });
            }
        }
    }
}

/// The same operations in other libraries, in the group of the kernel. They have no tables for fixed bases, and
/// compute ordinary powers instead.
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
