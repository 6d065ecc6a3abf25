//! Limits on dispatches and buffers: with limits far below those of any GPU, every kernel still gives the same bytes.

#![cfg(all(feature = "gpu", feature = "owner"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/crt.rs"]
mod crt;
#[path = "common/devices.rs"]
mod devices;
#[path = "common/numbers.rs"]
mod numbers;
#[path = "common/reference.rs"]
mod reference;

use hushvec::Device;
use hushvec::OpenDevice;
use hushvec::hazmat::{self, Exponent, FixedBase, KernelOptions, Modulus, Rows, Weights};
use numbers::SplitMix;
use reference::{limbs, pair_row};
use std::sync::Arc;

const BITS: usize = 512;
const WIDTH: usize = BITS / 64;
const ROWS: usize = 100;
/// Multiply-adds of one product of pairs of this size.
const PRODUCT: u64 = 5 * (BITS as u64 / 32) * (BITS as u64 / 32);

struct Job {
    modulus: Arc<Modulus>,
    pairs: Vec<u64>,
    exponents: Vec<u64>,
    base: FixedBase,
    weights: Weights,
    decoding: crt::Decoding,
}

impl Job {
    fn new() -> Self {
        let mut random = SplitMix(21);
        let m = random.modulus(BITS);
        let modulus = Arc::new(Modulus::new(&limbs(&m, WIDTH)).unwrap());
        let pairs: Vec<u64> = random.units(&m, ROWS).iter().flat_map(|x| pair_row(x, &m, WIDTH)).collect();
        let exponents = (0..4 * ROWS).map(|_| random.next()).collect();
        let base = FixedBase::new(Arc::clone(&modulus), &pairs[..2 * WIDTH], 256);
        let integers: Vec<i64> =
            (0..100 * ROWS).map(|_| i64::from(random.next().to_le_bytes()[0].cast_signed())).collect();
        let weights = Weights::from_integers(ROWS, &integers);
        Self { modulus, pairs, exponents, base, weights, decoding: crt::Decoding::new(70) }
    }

    fn rows(&self) -> Rows<'_> {
        Rows::new(&self.pairs, 2 * WIDTH)
    }

    /// Runs a batch of each kernel and returns the results by name.
    fn run(&self, device: &OpenDevice) -> Vec<(&'static str, Vec<u64>)> {
        let queries = Rows::new(&self.pairs[..6 * WIDTH], 2 * WIDTH);
        let mut aggregated = vec![7; 3 * self.pairs.len()];
        hazmat::hamming_aggregate(device, &self.modulus, queries, self.rows(), &mut aggregated);
        let mut resident = vec![7; 3 * self.pairs.len()];
        let stored = hazmat::Resident::new(device, self.rows());
        hazmat::hamming_aggregate_resident(device, &self.modulus, queries, self.rows(), &stored, &mut resident);
        let mut powers = vec![7; self.pairs.len()];
        hazmat::pair_pow(device, &self.modulus, self.rows(), &Exponent::new(&[0x9e37_79b9], 32), &mut powers);
        let mut fixed = vec![7; self.pairs.len()];
        hazmat::pair_fixed_base_pow(device, &self.base, 256, Rows::new(&self.exponents, 4), &mut fixed);
        let mut sums = vec![7; 100 * 2 * WIDTH];
        hazmat::multi_exp_vartime(device, &self.modulus, self.rows(), &self.weights, &mut sums);
        let mut distances = vec![0; self.decoding.rows().len()];
        hazmat::hamming_decode(
            device,
            &self.decoding.crt,
            self.decoding.dimensions,
            self.decoding.rows(),
            &mut distances,
        );
        vec![
            ("hamming_aggregate", aggregated),
            ("hamming_aggregate, resident", resident),
            ("pair_pow", powers),
            ("pair_fixed_base_pow", fixed),
            ("multi_exp", sums),
            ("hamming_decode", distances.into_iter().map(u64::from).collect()),
        ]
    }
}

/// Runs the job with these options on both kernel families. All batches must run on the GPU and be correct.
fn check(options: KernelOptions, then: impl Fn(&OpenDevice)) {
    let job = Job::new();
    let expected = job.run(&OpenDevice::open(Device::Cpu, None).unwrap());
    for portable in [false, true] {
        let gpu = match OpenDevice::with_options(Device::Gpu, None, KernelOptions { portable, ..options }) {
            Ok(gpu) => gpu,
            Err(error) if devices::is_gpu_required() => panic!("{error}"),
            Err(error) => return devices::say(&format!("SKIPPED on a GPU: {error}")),
        };
        for ((kernel, expected), (_, actual)) in expected.iter().zip(job.run(&gpu)) {
            assert!(*expected == actual, "{kernel}, portable: {portable}");
        }
        assert_eq!(gpu.report().batches_on_cpu, 0);
        then(&gpu);
    }
}

#[test]
fn no_dispatch_does_more_than_its_budget() {
    // A workgroup of the portable family has 64 numbers, and the longest step has three products.
    let budget = 64 * 3 * PRODUCT;
    check(KernelOptions { budget: Some(budget), ..KernelOptions::default() }, |gpu| {
        let most = gpu.most_macs_a_dispatch();
        assert!(most <= budget, "{most} multiply-adds, the budget is {budget}");
        // The budget is not underused either.
        assert!(most > budget / 4, "{most} multiply-adds, the budget is {budget}");
    });
}

#[test]
fn tables_and_resident_rows_are_split_over_buffers() {
    // A window of the table takes 32 KiB, and all stored rows 12.5 KiB. Known answers need less.
    for most_bytes in [80 << 10, 8 << 10] {
        check(KernelOptions { most_bytes: Some(most_bytes), ..KernelOptions::default() }, |_| {});
    }
}
