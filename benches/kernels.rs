//! Single kernels: `kernel/name/bits/batch`. `name` is an instruction set (`avx512ifma`, `avx2`, `portable`) or a
//! library with the same operation (`gmp`, `gmp-fat`, `crypto-bigint`, `num-bigint`), on one thread, or `gpu`. `bits`
//! is the size of m for a modulus m², or of a prime. Kernels come with samplers of their inputs, so a new kernel
//! needs no change here.
//!
//! Lattice kernels: `ntt_forward`, `ntt_inverse` and `key_switch` with the degree in place of the bits, and
//! `packed_scan` with the number of polynomials and, as batch, the number of blocks.

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
use hushvec::hazmat::{self, Basis, Ntt, SAMPLERS, SwitchingKey, ntt_primes};
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

type RunBatch = Box<dyn Fn(&OpenDevice, &mut [u32])>;

/// A batch of a lattice kernel, with the words of its output and the rows that the throughput counts.
struct Lattice {
    kernel: &'static str,
    size: usize,
    rows: usize,
    words: usize,
    run: RunBatch,
}

/// Transforms of polynomials modulo two primes, and scans of blocks.
fn lattice_batches() -> Vec<Lattice> {
    let mut random = SplitMix(7);
    let mut batches = Vec::new();
    for (degree, rows) in [2048, 4096, 8192].into_iter().flat_map(|degree| [(degree, 64), (degree, 4096)]) {
        let rings: Vec<Ntt> =
            ntt_primes(29, degree, 2).into_iter().map(|q| Ntt::for_prime(u32::try_from(q).unwrap(), degree)).collect();
        let input: Vec<u32> = (0..rows * degree).map(|_| u32::try_from(random.next() >> 36).unwrap()).collect();
        let (words, copies) = (input.len(), (rings.clone(), input.clone()));
        let run = Box::new(move |device: &OpenDevice, out: &mut [u32]| {
            hazmat::ntt_forward(device, &rings, &input, out);
        });
        batches.push(Lattice { kernel: "ntt_forward", size: degree, rows, words, run });
        let (rings, input) = copies;
        let run = Box::new(move |device: &OpenDevice, out: &mut [u32]| {
            hazmat::ntt_inverse(device, &rings, &input, out);
        });
        batches.push(Lattice { kernel: "ntt_inverse", size: degree, rows, words, run });
    }
    // The primes of packed search: three digits.
    let primes: Vec<u32> =
        [29, 20].into_iter().flat_map(|bits| ntt_primes(bits, 4096, 2)).map(|q| u32::try_from(q).unwrap()).collect();
    for rows in [16, 256] {
        let mut residues =
            |count: usize| (0..count).map(|_| u32::try_from(random.next() >> 45).unwrap()).collect::<Vec<u32>>();
        let (basis, key) = (Basis::for_primes(&primes, 4096), SwitchingKey::from_words(residues(24 * 4096)));
        let polynomials = residues(rows * 3 * 4096);
        let words = 2 * polynomials.len();
        let run = Box::new(move |device: &OpenDevice, out: &mut [u32]| {
            hazmat::key_switch(device, &basis, &key, &polynomials, out);
        });
        batches.push(Lattice { kernel: "key_switch", size: 4096, rows, words, run });
    }
    for (polynomials, rows) in [(171, 4), (171, 64)] {
        let mut words = |count: usize| (0..count).map(|_| u32::try_from(random.next() >> 36).unwrap()).collect();
        let query: Vec<u32> = words(4 * 4096 * polynomials);
        let blocks: Vec<Vec<u32>> = (0..rows).map(|_| words(2 * 4096 * polynomials)).collect();
        let run = Box::new(move |device: &OpenDevice, out: &mut [u32]| {
            let blocks: Vec<&[u32]> = blocks.iter().map(Vec::as_slice).collect();
            hazmat::packed_scan(device, polynomials, &[&query], &blocks, out);
        });
        batches.push(Lattice { kernel: "packed_scan", size: polynomials, rows, words: 4 * 4096 * rows, run });
    }
    batches
}

/// The lattice kernels on each instruction set and on the GPU.
fn lattice(c: &mut Criterion) {
    let isas = devices::isas();
    let best = isas.first().unwrap().1.clone();
    let gpu = devices::gpu().map(|device| ("gpu", OpenDevice::open(device, None).unwrap()));
    let devices: Vec<(&str, OpenDevice)> = isas.into_iter().chain(gpu).collect();
    for Lattice { kernel, size, rows, words, run } in lattice_batches() {
        let mut group = c.benchmark_group(kernel);
        group.sample_size(10).throughput(Throughput::Elements(rows as u64));
        let mut expected = vec![7; words];
        run(&best, &mut expected);
        for (name, device) in &devices {
            group.bench_function(BenchmarkId::new(format!("{name}/{size}"), rows), |b| {
                let mut out = vec![7; words];
                b.iter(|| run(device, &mut out));
                assert!(out == expected, "{kernel}/{name}/{size}/{rows}");
            });
        }
    }
}

criterion_group!(benches, kernels, lattice, peers);
criterion_main!(benches);
