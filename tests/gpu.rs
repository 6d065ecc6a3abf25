//! A GPU that fails, lies or is not there: no wrong answer, and no missing one.
//!
//! HUSHVEC_LONG_TESTS=1 injects a hundred times as many faults.

#![cfg(feature = "gpu")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "common/crt.rs"]
mod crt;
#[path = "common/devices.rs"]
mod devices;
#[path = "common/keys.rs"]
mod keys;
#[path = "common/numbers.rs"]
mod numbers;
#[path = "common/reference.rs"]
mod reference;

use hushvec::OpenDevice;
use hushvec::hazmat::{self, Exponent, Fault, FixedBase, KernelOptions, Modulus, Rows, Weights};
use hushvec::{BitMatrix, Device, Evaluator, HomomorphicClient, Index, IndexWriter, Progress, Query, Scheme};
use numbers::SplitMix;
use reference::{limbs, pair_row};
use std::sync::Arc;

const FAULTS: [Fault; 5] = [Fault::Destroyed, Fault::OutOfMemory, Fault::Flipped, Fault::Swapped, Fault::Zeroed];
const BITS: usize = 1024;
const WIDTH: usize = BITS / 64;
const ROWS: usize = 37;

fn open(options: KernelOptions) -> Option<OpenDevice> {
    match OpenDevice::with_options(Device::Gpu, None, options) {
        Ok(device) => Some(device),
        Err(error) if devices::is_gpu_required() => panic!("{error}"),
        Err(error) => {
            devices::say(&format!("SKIPPED on a GPU: {error}"));
            None
        }
    }
}

/// A job of several batches, of every kernel, and what it should return.
struct Job {
    modulus: Arc<Modulus>,
    pairs: Vec<u64>,
    exponents: Vec<u64>,
    base: FixedBase,
}

impl Job {
    fn new() -> Self {
        let mut random = SplitMix(11);
        let m = random.modulus(BITS);
        let modulus = Arc::new(Modulus::new(&limbs(&m, WIDTH)).unwrap());
        let pairs: Vec<u64> = random.residues(&m, ROWS).iter().flat_map(|x| pair_row(x, &m, WIDTH)).collect();
        let base = FixedBase::new(Arc::clone(&modulus), &pairs[20 * WIDTH..22 * WIDTH], 64);
        Self { modulus, pairs, exponents: (0..ROWS).map(|_| random.next()).collect(), base }
    }

    /// The batches, one after the other: three of each kernel.
    fn run(&self, device: &OpenDevice) -> Vec<Vec<u64>> {
        let rows = Rows::new(&self.pairs, 2 * WIDTH);
        let queries = Rows::new(&self.pairs[6 * WIDTH..10 * WIDTH], 2 * WIDTH);
        (0..9)
            .map(|batch| {
                let mut out = vec![7; self.pairs.len()];
                match batch % 3 {
                    0 => {
                        out.resize(2 * self.pairs.len(), 7);
                        hazmat::hamming_aggregate(device, &self.modulus, queries, rows, &mut out);
                    }
                    1 => hazmat::pair_pow(device, &self.modulus, rows, &Exponent::new(&[0x9e37_79b9], 32), &mut out),
                    _ => hazmat::pair_fixed_base_pow(device, &self.base, 64, Rows::new(&self.exponents, 1), &mut out),
                }
                out
            })
            .collect()
    }
}

#[test]
fn whatever_goes_wrong_the_answers_are_right() {
    let job = Job::new();
    let expected = job.run(&OpenDevice::open(Device::Cpu, None).unwrap());
    for fault in FAULTS {
        for batch in 0..9 {
            let Some(device) = open(KernelOptions::default()) else { return };
            // Once without, so that the kernels have shown their known answers.
            assert!(job.run(&device) == expected);
            assert_eq!(device.report().batches_on_cpu, 0);
            device.inject_fault(batch, fault);
            assert!(job.run(&device) == expected, "{fault:?} at batch {batch}");
            // That batch alone, if the device is still there, since it shows its known answers again.
            let on_cpu = if matches!(fault, Fault::Destroyed) { 9 - batch } else { 1 };
            assert_eq!(device.report().batches_on_cpu, on_cpu, "{fault:?} at batch {batch}");
        }
    }
}

/// Weighted sums of enough outputs for a GPU: it computes them all, and what it gets wrong is noticed.
#[test]
fn weighted_sums_of_many_outputs() {
    const INPUTS: usize = 200;
    let mut random = SplitMix(15);
    let (m, width) = (random.modulus(512), 8);
    let modulus = Modulus::new(&limbs(&m, width)).unwrap();
    let values = random.units(&m, INPUTS);
    let pairs: Vec<u64> = values.iter().flat_map(|x| pair_row(x, &m, width)).collect();
    let integers: Vec<i64> =
        (0..100 * INPUTS).map(|_| i64::from(random.next().to_le_bytes()[0].cast_signed())).collect();
    let weights = Weights::from_integers(INPUTS, &integers);
    let run = |device: &OpenDevice| {
        let mut out = vec![7; 100 * 2 * width];
        hazmat::weighted_sum_vartime(device, &modulus, Rows::new(&pairs, 2 * width), &weights, &mut out);
        out
    };
    let expected = run(&OpenDevice::open(Device::Cpu, None).unwrap());
    let Some(device) = open(KernelOptions::default()) else { return };
    assert!(run(&device) == expected);
    assert_eq!(device.report().batches_on_cpu, 0);
    for (done, fault) in (1..).zip(FAULTS.into_iter().rev()) {
        device.inject_fault(0, fault);
        assert!(run(&device) == expected, "{fault:?}");
        assert_eq!(device.report().batches_on_cpu, done, "{fault:?}: it was not the GPU's to do");
        device.trust_again();
        // Without a fault, so that the next one does not meet known answers.
        assert!(run(&device) == expected);
    }
}

#[test]
fn a_gpu_is_opened_once() {
    let Some(own) = open(KernelOptions::default()) else { return };
    let [first, second] = [(); 2].map(|()| OpenDevice::open(Device::Gpu, None).unwrap());
    assert!(first.shares_gpu_with(&second));
    assert!(!first.shares_gpu_with(&own));
}

#[test]
fn threads_share_a_gpu() {
    let job = Job::new();
    let expected = job.run(&OpenDevice::open(Device::Cpu, None).unwrap());
    let Some(device) = open(KernelOptions::default()) else { return };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| assert!(job.run(&device) == expected)));
        }
    });
    assert_eq!(device.report().batches_on_cpu, 0);
}

/// A batch in rounds, each checked while the next is computed: what was right before the fault is kept.
#[test]
fn batches_are_checked_in_rounds() {
    let job = Job::new();
    let cpu = OpenDevice::open(Device::Cpu, None).unwrap();
    let rows = Rows::new(&job.pairs, 2 * WIDTH);
    let query = Rows::new(&job.pairs[6 * WIDTH..8 * WIDTH], 2 * WIDTH);
    let exponent = Exponent::new(&[0x9e37_79b9], 32);
    let run = |device: &OpenDevice| {
        let mut outs = [(); 3].map(|()| vec![7; job.pairs.len()]);
        hazmat::hamming_aggregate(device, &job.modulus, query, rows, &mut outs[0]);
        hazmat::pair_pow(device, &job.modulus, rows, &exponent, &mut outs[1]);
        hazmat::pair_fixed_base_pow(device, &job.base, 64, Rows::new(&job.exponents, 1), &mut outs[2]);
        outs
    };
    let expected = run(&cpu);
    let decoding = crt::Decoding::new(30);
    let mut distances = vec![0; 30];
    hazmat::hamming_decode(&cpu, &decoding.crt, decoding.dimensions, decoding.rows(), &mut distances);
    for fault in [None, Some(Fault::Flipped), Some(Fault::Zeroed), Some(Fault::OutOfMemory)] {
        // 37 rows in rounds of 10, which makes four.
        for round in 0..if fault.is_some() { 4 } else { 1 } {
            let Some(device) = open(KernelOptions { round: Some(10), ..KernelOptions::default() }) else { return };
            assert!(run(&device) == expected);
            let mut decoded = vec![0; 30];
            hazmat::hamming_decode(&device, &decoding.crt, decoding.dimensions, decoding.rows(), &mut decoded);
            assert_eq!(decoded, distances);
            assert_eq!(device.report().batches_on_cpu, 0);
            if let Some(fault) = fault {
                device.inject_fault(round, fault);
                assert!(run(&device) == expected, "{fault:?} in round {round}");
                assert_eq!(device.report().batches_on_cpu, 1, "{fault:?} in round {round}");
            }
        }
    }
}

#[test]
fn a_gpu_that_gives_wrong_known_answers_is_not_used() {
    let job = Job::new();
    let expected = job.run(&OpenDevice::open(Device::Cpu, None).unwrap());
    for fault in FAULTS {
        let Some(device) = open(KernelOptions::default()) else { return };
        device.inject_fault(0, fault);
        assert!(job.run(&device) == expected, "{fault:?}");
        assert_eq!(device.report().batches_on_cpu, 9, "{fault:?}");
    }
}

#[test]
fn a_gpu_that_fails_three_times_in_a_row_is_retired() {
    let job = Job::new();
    let expected = job.run(&OpenDevice::open(Device::Cpu, None).unwrap());
    let Some(device) = open(KernelOptions::default()) else { return };
    assert!(job.run(&device) == expected);
    for failures in 1..=3 {
        device.inject_fault(8, Fault::Flipped);
        // The fault meets a batch, or the known answers before one, which are then not the last.
        assert!(job.run(&device) == expected);
        assert_eq!(device.report().batches_on_cpu, failures);
    }
    assert!(job.run(&device) == expected);
    assert_eq!(device.report().batches_on_cpu, 3 + 9);
}

#[test]
fn no_single_flipped_bit_and_no_swap_passes() {
    let trials = if std::env::var_os("HUSHVEC_LONG_TESTS").is_some() { 3000 } else { 30 };
    let job = Job::new();
    let expected = job.run(&OpenDevice::open(Device::Cpu, None).unwrap());
    let Some(device) = open(KernelOptions::default()) else { return };
    assert!(job.run(&device) == expected);
    for trial in 0..trials {
        let fault = if trial % 2 == 0 { Fault::Flipped } else { Fault::Swapped };
        device.inject_fault(trial % 3, fault);
        let before = device.report().batches_on_cpu;
        assert!(job.run(&device) == expected, "{fault:?}, trial {trial}");
        assert_eq!(device.report().batches_on_cpu, before + 1, "{fault:?}, trial {trial}: nobody noticed");
        device.trust_again();
        // Without a fault, so that the next one does not meet known answers.
        assert!(job.run(&device) == expected);
    }
}

/// A faulty decoding: flipped counts, swapped rows, nothing at all.
#[test]
fn wrong_distances_are_noticed() {
    let key = crt::Decoding::new(30);
    let cpu = OpenDevice::open(Device::Cpu, None).unwrap();
    let mut expected = vec![0; key.rows().len()];
    hazmat::hamming_decode(&cpu, &key.crt, key.dimensions, key.rows(), &mut expected);
    for fault in FAULTS {
        let Some(device) = open(KernelOptions::default()) else { return };
        for (round, fault) in [None, Some(fault)].into_iter().enumerate() {
            if let Some(fault) = fault {
                device.inject_fault(0, fault);
            }
            let mut distances = vec![0; key.rows().len()];
            hazmat::hamming_decode(&device, &key.crt, key.dimensions, key.rows(), &mut distances);
            assert_eq!(distances, expected, "{fault:?}");
            assert_eq!(device.report().batches_on_cpu, round as u64, "{fault:?}");
        }
    }
}

/// The driver's own checks on, and OpenGL: the same bytes once more.
#[test]
fn checked_shaders_and_open_gl_give_the_same() {
    let job = Job::new();
    let expected = job.run(&OpenDevice::open(Device::Cpu, None).unwrap());
    let plain = KernelOptions::default();
    for options in [
        KernelOptions { checked: true, ..plain },
        KernelOptions { checked: true, portable: true, ..plain },
        KernelOptions { open_gl: true, portable: true, ..plain },
    ] {
        let Some(device) = open(options) else { continue };
        assert!(job.run(&device) == expected, "{options:?}");
        assert_eq!(device.report().batches_on_cpu, 0, "{options:?}");
    }
}

/// Kernels as hardware gets them: longer arrays in memory, and up to 32 words a lane in registers.
#[test]
fn kernels_for_hardware_give_the_same() {
    let hardware = KernelOptions { hardware: true, ..KernelOptions::default() };
    let job = Job::new();
    let cpu = OpenDevice::open(Device::Cpu, None).unwrap();
    let Some(portable) = open(KernelOptions { portable: true, ..hardware }) else { return };
    assert!(job.run(&portable) == job.run(&cpu));
    let Some(cooperative) = open(KernelOptions { lanes: Some(4), ..hardware }) else { return };
    for bits in [3072, 4096] {
        assert!(aggregate(&cooperative, bits) == aggregate(&cpu, bits), "{bits}");
    }
    for gpu in [portable, cooperative] {
        assert_eq!(gpu.report().batches_on_cpu, 0);
    }
}

/// A few rows of numbers of that many bits, and one of them as the query.
fn aggregate(device: &OpenDevice, bits: usize) -> Vec<u64> {
    let mut random = SplitMix(14);
    let (m, width) = (random.modulus(bits), bits / 64);
    let modulus = Modulus::new(&limbs(&m, width)).unwrap();
    let pairs: Vec<u64> = random.residues(&m, 11).iter().flat_map(|x| pair_row(x, &m, width)).collect();
    let mut products = vec![0; pairs.len()];
    let query = Rows::new(&pairs[20 * width..], 2 * width);
    hazmat::hamming_aggregate(device, &modulus, query, Rows::new(&pairs, 2 * width), &mut products);
    products
}

/// The portable family at the largest sizes, which the software driver takes half a minute to compile a kernel for.
#[test]
fn portable_kernels_of_the_largest_numbers() {
    let Some(gpu) = open(KernelOptions { portable: true, ..KernelOptions::default() }) else { return };
    let cpu = OpenDevice::open(Device::Cpu, None).unwrap();
    for bits in [6144, 8192] {
        assert!(aggregate(&gpu, bits) == aggregate(&cpu, bits), "{bits}");
    }
    assert_eq!(gpu.report().batches_on_cpu, 0);
}

#[test]
fn devices_that_are_not_there_are_refused_with_what_there_is() {
    for device in ["gpu:99", "gpu:no such adapter"] {
        let error = OpenDevice::open(device.parse().unwrap(), None).unwrap_err().to_string();
        assert!(error.contains(device), "{error}");
        assert!(error.contains("there are: ") || error.contains("no GPU"), "{error}");
    }
}

#[test]
fn an_index_stays_on_the_device_over_many_queries() {
    let ctx = keys::context(Scheme::PaillierSubgroup);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut random = SplitMix(13);
    let vectors = |count: usize, random: &mut SplitMix| {
        BitMatrix::from_rows(keys::DIMENSIONS, (0..count).map(|_| random.bits(keys::DIMENSIONS))).unwrap()
    };
    let mut writer = IndexWriter::create(&path("index.hvx"), ctx.public_key().clone()).unwrap();
    for count in [70, 1, 33] {
        writer.append(&ctx.encrypt_vec_batch(&vectors(count, &mut random)).unwrap(), None).unwrap();
    }
    writer.sync().unwrap();
    drop(writer);
    let cpu = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
    assert_eq!(cpu.reside(Index::open(&path("index.hvx")).unwrap()).unwrap().blocks_on_gpu(), 0);
    let Ok(gpu) = Evaluator::open(&ctx.public_context(), Device::Gpu) else {
        assert!(!devices::is_gpu_required());
        return devices::say("SKIPPED on a GPU: there is none");
    };
    let resident = gpu.reside(Index::open(&path("index.hvx")).unwrap()).unwrap();
    assert_eq!((resident.blocks_on_gpu(), resident.index().blocks()), (3, 3));
    for round in 0..3 {
        let query = Query::new(ctx.encrypt_vec_batch(&vectors(round + 1, &mut random)).unwrap()).unwrap();
        gpu.aggregate_resident(&query, &resident, &path("resident.hvr"), &Progress::new()).unwrap();
        cpu.aggregate(&query, resident.index(), &path("plain.hvr"), &Progress::new()).unwrap();
        let read = |name: &str| std::fs::read(path(name)).unwrap();
        assert!(read("resident.hvr") == read("plain.hvr"), "round {round}");
    }
    assert_eq!(gpu.device_report().batches_on_cpu, 0);
}
