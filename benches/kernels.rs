//! Kernels by themselves: `kernel/who/bits/batch`, bits being the size of m, whose square is the modulus. Who is a level
//! of instructions (`avx512ifma`, `avx2`, `portable`) or a library that does the same (`gmp`, `gmp-fat`, `crypto-bigint`,
//! `num-bigint`), on one thread each, or `gpu`.

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

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gmp::Gmp;
use hushvec::OpenDevice;
use hushvec::hazmat::{self, Exponent, FixedBase, Modulus, Rows, Weights};
use num_bigint::BigUint;
use numbers::SplitMix;
use peers::Peer;
use reference::{limbs, pair_row, pair_value};
use std::sync::Arc;

/// Levels and the GPU.
fn devices() -> Vec<(&'static str, OpenDevice)> {
    let gpu = devices::gpu().map(|device| ("gpu", OpenDevice::open(device, None).unwrap()));
    devices::levels().into_iter().chain(gpu).collect()
}

/// Libraries beside the kernels.
fn bench_peers(group: &mut BenchmarkGroup<'_, WallTime>, bits: usize, peers: Vec<Peer<'_>>) {
    for Peer { name, operations, mut call } in peers {
        group.throughput(Throughput::Elements(operations as u64));
        group.bench_function(BenchmarkId::new(format!("{name}/{bits}"), operations), |b| b.iter(&mut call));
    }
}

const BITS: [usize; 3] = [1024, 2048, 4096];

struct Case {
    m: BigUint,
    width: usize,
    modulus: Arc<Modulus>,
    values: Vec<BigUint>,
    rows: Vec<u64>,
}

impl Case {
    fn new(bits: usize, count: usize) -> Self {
        let mut random = SplitMix(bits as u64);
        let (m, width) = (random.modulus(bits), bits / 64);
        let values = random.residues(&m, count);
        let rows = values.iter().flat_map(|x| pair_row(x, &m, width)).collect();
        let modulus = Arc::new(Modulus::new(&limbs(&m, width)).unwrap());
        Self { m, width, modulus, values, rows }
    }

    fn rows(&self) -> Rows<'_> {
        Rows::new(&self.rows, 2 * self.width)
    }

    /// The modulus.
    fn square(&self) -> BigUint {
        &self.m * &self.m
    }

    /// Checks the last row.
    fn check(&self, out: &[u64], expected: &BigUint) {
        assert_eq!(pair_value(&out[out.len() - 2 * self.width..], &self.m), expected % self.square());
    }
}

fn pair_pow(c: &mut Criterion) {
    let (mut group, gmps, devices) = (c.benchmark_group("pair_pow"), Gmp::load_all(), devices());
    group.sample_size(10);
    for bits in BITS {
        for (who, device) in &devices {
            for batch in if *who == "gpu" { [64, 4096] } else { [1, 8] } {
                let case = Case::new(bits, batch.max(8));
                let exponent = exponent(bits);
                let secret = Exponent::new(&limbs(&exponent, case.width), bits);
                let rows = Rows::new(&case.rows[case.rows.len() - batch * 2 * case.width..], 2 * case.width);
                let mut out = vec![0; rows.limbs().len()];
                group.throughput(Throughput::Elements(batch as u64));
                group.bench_function(BenchmarkId::new(format!("{who}/{bits}"), batch), |b| {
                    b.iter(|| hazmat::pair_pow(device, &case.modulus, rows, &secret, &mut out));
                    case.check(&out, &case.values.last().unwrap().modpow(&exponent, &case.square()));
                });
            }
        }
        let case = Case::new(bits, 8);
        let peers = peers::powers(&gmps, case.values.last().unwrap(), &exponent(bits), &case.square());
        bench_peers(&mut group, bits, peers);
    }
}

fn exponent(bits: usize) -> BigUint {
    SplitMix(3).number(bits)
}

/// The libraries have no tables for a base, and take a power as ever.
fn pair_fixed_base_pow(c: &mut Criterion) {
    const EXPONENT: usize = 512;
    let (mut group, gmps, devices) = (c.benchmark_group("pair_fixed_base_pow"), Gmp::load_all(), devices());
    group.sample_size(10);
    for bits in BITS {
        let case = Case::new(bits, 8);
        let base = case.values.last().unwrap();
        let fixed = FixedBase::new(Arc::clone(&case.modulus), &pair_row(base, &case.m, case.width), EXPONENT);
        for (who, device) in &devices {
            for batch in if *who == "gpu" { [128, 1024] } else { [1, 128] } {
                let mut random = SplitMix(5);
                let exponents: Vec<BigUint> = (0..batch).map(|_| random.number(EXPONENT)).collect();
                let rows: Vec<u64> = exponents.iter().flat_map(|e| limbs(e, EXPONENT / 64)).collect();
                let mut out = vec![0; batch * 2 * case.width];
                group.throughput(Throughput::Elements(batch as u64));
                group.bench_function(BenchmarkId::new(format!("{who}/{bits}"), batch), |b| {
                    b.iter(|| {
                        hazmat::pair_fixed_base_pow(device, &fixed, EXPONENT, Rows::new(&rows, EXPONENT / 64), &mut out)
                    });
                    case.check(&out, &base.modpow(exponents.last().unwrap(), &case.square()));
                });
            }
        }
        bench_peers(&mut group, bits, peers::powers(&gmps, base, &SplitMix(5).number(EXPONENT), &case.square()));
    }
}

fn products(c: &mut Criterion) {
    let (gmps, devices) = (Gmp::load_all(), devices());
    for name in ["hamming_aggregate", "pair_mul"] {
        let mut group = c.benchmark_group(name);
        group.sample_size(10);
        for (bits, batch) in BITS.into_iter().flat_map(|bits| [16, 1024, 16_384].map(|batch| (bits, batch))) {
            let case = Case::new(bits, batch);
            let query = case.values.last().unwrap();
            let query_row = pair_row(query, &case.m, case.width);
            for (who, device) in &devices {
                let mut out = vec![0; case.rows.len()];
                group.throughput(Throughput::Elements(batch as u64));
                group.bench_function(BenchmarkId::new(format!("{who}/{bits}"), batch), |b| {
                    b.iter(|| match name {
                        "pair_mul" => {
                            match hazmat::pair_mul_on_gpu(device, &case.modulus, case.rows(), case.rows(), &mut out) {
                                Some(outcome) => outcome.unwrap(),
                                None => hazmat::pair_mul(device, &case.modulus, case.rows(), case.rows(), &mut out),
                            }
                        }
                        _ => hazmat::hamming_aggregate(
                            device,
                            &case.modulus,
                            Rows::new(&query_row, case.rows().width()),
                            case.rows(),
                            &mut out,
                        ),
                    });
                    case.check(&out, &(query * query));
                });
            }
            if batch == 1024 {
                bench_peers(&mut group, bits, peers::products(&gmps, query, &case.values, &case.square()));
            }
        }
    }
}

/// Weights of 8 bits with their signs; a batch is inputs × outputs, and an operation is a weight.
fn weighted_sum(c: &mut Criterion) {
    let (mut group, devices) = (c.benchmark_group("weighted_sum"), devices());
    group.sample_size(10);
    for (bits, (inputs, outputs)) in
        BITS.into_iter().flat_map(|bits| [(784, 1), (784, 10), (16, 1000)].map(|shape| (bits, shape)))
    {
        let mut random = SplitMix(bits as u64);
        let (m, width) = (random.modulus(bits), bits / 64);
        let (modulus, values) = (Modulus::new(&limbs(&m, width)).unwrap(), random.units(&m, inputs));
        let rows: Vec<u64> = values.iter().flat_map(|x| pair_row(x, &m, width)).collect();
        let integers: Vec<i64> =
            (0..inputs * outputs).map(|_| i64::from(random.next().to_le_bytes()[0].cast_signed())).collect();
        let weights = Weights::from_integers(inputs, &integers);
        let square = &m * &m;
        let power = |(x, w): (&BigUint, &i64)| {
            let power = x.modpow(&w.unsigned_abs().into(), &square);
            if *w < 0 { power.modinv(&square).unwrap() } else { power }
        };
        let last = integers.chunks(inputs).last().unwrap();
        let expected = values.iter().zip(last).map(power).fold(BigUint::from(1u32), |x, y| x * y % &square);
        for (who, device) in &devices {
            let mut out = vec![0; outputs * 2 * width];
            group.throughput(Throughput::Elements((inputs * outputs) as u64));
            group.bench_function(BenchmarkId::new(format!("{who}/{bits}"), format!("{inputs}x{outputs}")), |b| {
                b.iter(|| {
                    hazmat::weighted_sum_vartime(device, &modulus, Rows::new(&rows, 2 * width), &weights, &mut out)
                });
                assert_eq!(pair_value(&out[out.len() - 2 * width..], &m), expected);
            });
        }
    }
}

criterion_group!(kernels, pair_pow, pair_fixed_base_pow, products, weighted_sum);
criterion_main!(kernels);
