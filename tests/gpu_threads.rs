//! Threads that share a GPU with occasional faults get correct results, and the GPU is used again after each fault.
//!
//! HUSHVEC_LONG_TESTS=1 computes a thousand batches on each thread instead of fifty.

#![cfg(feature = "gpu")]
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
use hushvec::hazmat::{self, Exponent, Fault, FixedBase, KernelOptions, Modulus, Rows};
use numbers::SplitMix;
use reference::{limbs, pair_row};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const THREADS: u8 = 8;
/// Batches of all threads between two faults: more than a GPU needs to be trusted again.
const BETWEEN_FAULTS: usize = 150;

/// Batches of several kernels on numbers of one size.
struct Job {
    modulus: Arc<Modulus>,
    pairs: Vec<u64>,
    base: FixedBase,
}

/// A kernel to run.
#[derive(Clone, Copy)]
enum Kernel {
    HammingAggregate,
    PairPow,
    PairFixedBasePow,
}

const KERNELS: [Kernel; 3] = [Kernel::HammingAggregate, Kernel::PairPow, Kernel::PairFixedBasePow];
const ROWS: [usize; 3] = [1, 40, 7];

impl Job {
    fn new(bits: usize) -> Self {
        let (mut random, width) = (SplitMix(bits as u64), bits / 64);
        let m = random.modulus(bits);
        let modulus = Arc::new(Modulus::new(&limbs(&m, width)).unwrap());
        let pairs: Vec<u64> = random.residues(&m, 41).iter().flat_map(|x| pair_row(x, &m, width)).collect();
        // For one size, the base is a multiple of m, whose powers are checked in another way.
        let base = &pairs[if bits == 512 { 0 } else { 40 * 2 * width }..][..2 * width];
        let base = FixedBase::new(Arc::clone(&modulus), base, 64);
        Self { modulus, pairs, base }
    }

    fn run(&self, device: &OpenDevice, kernel: Kernel, rows: usize) -> Vec<u64> {
        let width = 2 * self.modulus.width();
        let inputs = Rows::new(&self.pairs[width..(rows + 1) * width], width);
        let mut out = vec![7; rows * width];
        match kernel {
            Kernel::HammingAggregate => {
                hazmat::hamming_aggregate(
                    device,
                    &self.modulus,
                    Rows::new(&self.pairs[..width], width),
                    inputs,
                    &mut out,
                );
            }
            Kernel::PairPow => {
                hazmat::pair_pow(device, &self.modulus, inputs, &Exponent::new(&[0x9e37_79b9], 32), &mut out);
            }
            Kernel::PairFixedBasePow => {
                let exponents = Rows::new(&self.pairs[..rows], 1);
                hazmat::pair_fixed_base_pow(device, &self.base, 64, exponents, &mut out);
            }
        }
        out
    }
}

#[test]
fn eight_threads_and_faults() {
    let batches = if std::env::var_os("HUSHVEC_LONG_TESTS").is_some() { 1000 } else { 50 };
    let gpu = match OpenDevice::with_options(Device::Gpu, None, KernelOptions::default()) {
        Ok(gpu) => gpu,
        Err(error) if devices::is_gpu_required() => panic!("{error}"),
        Err(error) => return devices::say(&format!("SKIPPED on a GPU: {error}")),
    };
    let cpu = OpenDevice::open(Device::Cpu, None).unwrap();
    // Decoding, which is secret, runs as well: its buffers are wiped while other threads read theirs.
    let decoding = crt::Decoding::new(9);
    let decode = |device: &OpenDevice| {
        let mut distances = vec![0; decoding.rows().len()];
        hazmat::hamming_decode(device, &decoding.crt, decoding.dimensions, decoding.rows(), &mut distances);
        distances
    };
    let jobs = [512, 1024].map(Job::new);
    let cases: Vec<_> =
        jobs.iter().flat_map(|job| KERNELS.map(|kernel| ROWS.map(|rows| (job, kernel, rows)))).flatten().collect();
    let expected: Vec<_> = cases.iter().map(|(job, kernel, rows)| job.run(&cpu, *kernel, *rows)).collect();
    let distances = decode(&cpu);
    // Runs everything once on a single thread, so that no fault hits the first known answers.
    assert_eq!(decode(&gpu), distances);
    for ((job, kernel, rows), expected) in cases.iter().zip(&expected) {
        assert!(job.run(&gpu, *kernel, *rows) == *expected);
    }
    assert_eq!(gpu.report().batches_on_cpu, 0);

    let (done, faults) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let kinds = [Fault::Flipped, Fault::OutOfMemory, Fault::Zeroed, Fault::Swapped];
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (cases, expected, done, faults, gpu, decode, distances) =
                (&cases, &expected, &done, &faults, &gpu, &decode, &distances);
            scope.spawn(move || {
                let mut random = SplitMix(u64::from(thread));
                for _ in 0..batches {
                    if done.fetch_add(1, Ordering::Relaxed) % BETWEEN_FAULTS == BETWEEN_FAULTS - 1 {
                        let fault = faults.fetch_add(1, Ordering::Relaxed);
                        gpu.inject_fault(0, kinds[fault % kinds.len()]);
                    }
                    let case = usize::from(random.next().to_le_bytes()[0]) % (cases.len() + 1);
                    match cases.get(case) {
                        Some((job, kernel, rows)) => assert!(job.run(gpu, *kernel, *rows) == expected[case]),
                        None => assert_eq!(decode(gpu), *distances),
                    }
                }
            });
        }
    });
    let (faults, on_cpu) = (faults.into_inner() as u64, gpu.report().batches_on_cpu);
    assert!(faults > 0 && on_cpu > 0, "{faults} faults, {on_cpu} batches on the CPU");
    assert!(on_cpu <= faults * u64::from(THREADS), "{faults} faults sent {on_cpu} batches to the CPU");
    // The GPU is still in use.
    assert_eq!(decode(&gpu), distances);
    for ((job, kernel, rows), expected) in cases.iter().zip(&expected) {
        assert!(job.run(&gpu, *kernel, *rows) == *expected);
    }
    assert_eq!(gpu.report().batches_on_cpu, on_cpu);
}
