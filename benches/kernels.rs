//! Kernels by themselves: `kernel/device/bits/batch`, bits being the size of m, whose square is the modulus.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot go on stops")]

#[path = "common/devices.rs"]
mod devices;
#[path = "../tests/common/numbers.rs"]
mod numbers;
#[path = "../tests/common/reference.rs"]
mod reference;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hushvec::hazmat::{Backend, Exponent, FixedBase, Modulus, Rows};
use num_bigint::BigUint;
use numbers::SplitMix;
use reference::{limbs, pair_row, pair_value};
use std::sync::Arc;

fn backends() -> Vec<(&'static str, Backend)> {
    devices::devices().into_iter().map(|(name, device)| (name, Backend::open(&device, None).unwrap())).collect()
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

    /// Checks the last row.
    fn check(&self, out: &[u64], expected: &BigUint) {
        assert_eq!(pair_value(&out[out.len() - 2 * self.width..], &self.m), expected % (&self.m * &self.m));
    }
}

fn pair_pow(c: &mut Criterion) {
    let mut group = c.benchmark_group("pair_pow");
    for (device, backend) in backends() {
        for (bits, batch) in BITS.into_iter().flat_map(|bits| [1, 64, 4096].map(|batch| (bits, batch))) {
            if batch > 64 && device == "cpu" {
                continue;
            }
            let case = Case::new(bits, batch.max(8));
            let exponent = SplitMix(3).number(bits);
            let secret = Exponent::new(&limbs(&exponent, case.width), bits);
            let rows = Rows::new(&case.rows[case.rows.len() - batch * 2 * case.width..], 2 * case.width);
            let mut out = vec![0; rows.limbs().len()];
            group.throughput(Throughput::Elements(batch as u64)).sample_size(10);
            group.bench_function(BenchmarkId::new(format!("{device}/{bits}"), batch), |b| {
                b.iter(|| backend.pair_pow(&case.modulus, rows, &secret, &mut out));
            });
            case.check(&out, &case.values.last().unwrap().modpow(&exponent, &(&case.m * &case.m)));
        }
    }
}

fn pair_fixed_base_pow(c: &mut Criterion) {
    const EXPONENT: usize = 512;
    let mut group = c.benchmark_group("pair_fixed_base_pow");
    for (bits, (device, backend)) in BITS.into_iter().flat_map(|bits| backends().into_iter().map(move |b| (bits, b))) {
        let case = Case::new(bits, 8);
        let base = case.values.last().unwrap();
        let fixed = FixedBase::new(Arc::clone(&case.modulus), &pair_row(base, &case.m, case.width), EXPONENT);
        for batch in [1, 128, 1024] {
            let mut random = SplitMix(5);
            let exponents: Vec<BigUint> = (0..batch).map(|_| random.number(EXPONENT)).collect();
            let rows: Vec<u64> = exponents.iter().flat_map(|e| limbs(e, EXPONENT / 64)).collect();
            let mut out = vec![0; batch * 2 * case.width];
            group.throughput(Throughput::Elements(batch as u64)).sample_size(10);
            group.bench_function(BenchmarkId::new(format!("{device}/{bits}"), batch), |b| {
                b.iter(|| backend.pair_fixed_base_pow(&fixed, EXPONENT, Rows::new(&rows, EXPONENT / 64), &mut out));
            });
            case.check(&out, &base.modpow(exponents.last().unwrap(), &(&case.m * &case.m)));
        }
    }
}

fn products(c: &mut Criterion) {
    for (name, device, backend) in ["hamming_aggregate", "pair_mul"]
        .into_iter()
        .flat_map(|name| backends().into_iter().map(move |(device, backend)| (name, device, backend)))
    {
        let mut group = c.benchmark_group(name);
        for bits in BITS {
            for batch in [16, 1024, 16_384] {
                let case = Case::new(bits, batch);
                let query = case.values.last().unwrap();
                let query_row = pair_row(query, &case.m, case.width);
                let mut out = vec![0; case.rows.len()];
                group.throughput(Throughput::Elements(batch as u64)).sample_size(10);
                group.bench_function(BenchmarkId::new(format!("{device}/{bits}"), batch), |b| {
                    b.iter(|| match name {
                        "pair_mul" => {
                            match backend.pair_mul_on_gpu(&case.modulus, case.rows(), case.rows(), &mut out) {
                                Some(outcome) => outcome.unwrap(),
                                None => backend.pair_mul(&case.modulus, case.rows(), case.rows(), &mut out),
                            }
                        }
                        _ => backend.hamming_aggregate(
                            &case.modulus,
                            Rows::new(&query_row, case.rows().width()),
                            case.rows(),
                            &mut out,
                        ),
                    });
                });
                case.check(&out, &(query * query));
            }
        }
    }
}

criterion_group!(kernels, pair_pow, pair_fixed_base_pow, products);
criterion_main!(kernels);
