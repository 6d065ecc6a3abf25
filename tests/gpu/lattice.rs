//! Faults in the lattice kernels are detected.

use crate::job::{FAULTS, open};
use crate::numbers::SplitMix;
use hushvec::hazmat::{self, Basis, Fault, KernelOptions, Ntt, SwitchingKey, ntt_primes};
use hushvec::{Device, OpenDevice};

const DEGREE: usize = 4096;
const POLYNOMIALS: usize = 9;
const KERNELS: usize = 4;

/// Inputs of each kernel.
struct Job {
    rings: Vec<Ntt>,
    polynomials: Vec<u32>,
    basis: Basis,
    key: SwitchingKey,
    queries: Vec<Vec<u32>>,
    blocks: Vec<Vec<u32>>,
}

impl Job {
    fn new() -> Self {
        let primes: Vec<u32> = ntt_primes(29, DEGREE, 2).into_iter().map(|q| u32::try_from(q).unwrap()).collect();
        let mut random = SplitMix(41);
        // Residues of both limbs, one after the other.
        let mut words = |count: usize| {
            let residue = |i: usize| u32::try_from(random.next() % u64::from(primes[2 * i / count])).unwrap();
            (0..count).map(residue).collect::<Vec<u32>>()
        };
        Self {
            polynomials: (0..6).flat_map(|_| words(2 * DEGREE)).collect(),
            queries: (0..2).map(|_| words(4 * POLYNOMIALS * DEGREE)).collect(),
            blocks: (0..6).map(|_| words(2 * POLYNOMIALS * DEGREE)).collect(),
            // Residues of the second prime are below the first one. The last prime is the special one.
            key: SwitchingKey::from_words(words(4 * DEGREE).into_iter().map(|x| x % primes[1]).collect()),
            basis: Basis::for_primes(&primes, DEGREE),
            rings: primes.iter().map(|q| Ntt::for_prime(*q, DEGREE)).collect(),
        }
    }

    fn run(&self, device: &OpenDevice, kernel: usize) -> Vec<u32> {
        let mut out = vec![7; self.polynomials.len()];
        match kernel {
            0 => hazmat::ntt_forward(device, &self.rings, &self.polynomials, &mut out),
            1 => hazmat::ntt_inverse(device, &self.rings, &self.polynomials, &mut out),
            2 => {
                out = vec![7; 2 * self.polynomials.len()];
                hazmat::key_switch(device, &self.basis, &self.key, &self.polynomials, &mut out);
            }
            _ => {
                let queries: Vec<&[u32]> = self.queries.iter().map(Vec::as_slice).collect();
                let blocks: Vec<&[u32]> = self.blocks.iter().map(Vec::as_slice).collect();
                out = vec![7; queries.len() * blocks.len() * 4 * DEGREE];
                hazmat::packed_scan(device, POLYNOMIALS, &queries, &blocks, &mut out);
            }
        }
        out
    }
}

/// No fault gives a wrong result: the CPU computes that batch, and only that batch.
#[test]
fn faults_of_lattice_kernels_are_detected() {
    let job = Job::new();
    let cpu = OpenDevice::open(Device::Cpu, None).unwrap();
    for kernel in 0..KERNELS {
        let expected = job.run(&cpu, kernel);
        for fault in FAULTS {
            let Some(device) = open(KernelOptions::default()) else { return };
            // Once without a fault, so that the kernel has passed its known answers.
            assert!(job.run(&device, kernel) == expected);
            assert_eq!(device.report().batches_on_cpu, 0);
            device.inject_fault(0, fault);
            assert!(job.run(&device, kernel) == expected, "{fault:?} in kernel {kernel}");
            assert_eq!(device.report().batches_on_cpu, 1, "{fault:?} in kernel {kernel} was not detected");
            assert!(job.run(&device, kernel) == expected);
            let on_cpu = if fault == Fault::Destroyed { 2 } else { 1 };
            assert_eq!(device.report().batches_on_cpu, on_cpu, "{fault:?} in kernel {kernel}");
        }
    }
}

/// A fault in a known answer keeps the kernel from being used.
#[test]
fn wrong_known_answers_of_lattice_kernels_are_detected() {
    let job = Job::new();
    let cpu = OpenDevice::open(Device::Cpu, None).unwrap();
    for kernel in 0..KERNELS {
        let Some(device) = open(KernelOptions::default()) else { return };
        device.inject_fault(0, Fault::Flipped);
        assert!(job.run(&device, kernel) == job.run(&cpu, kernel));
        assert_eq!(device.report().batches_on_cpu, 1);
    }
}

/// Batches of many rounds, with dispatches and buffers far below the limits of any GPU; shaders with the driver's
/// checks; and OpenGL.
#[test]
fn lattice_kernels_stay_within_limits() {
    let job = Job::new();
    let cpu = OpenDevice::open(Device::Cpu, None).unwrap();
    let defaults = KernelOptions::default();
    // A tile of a query takes 1,152 bytes, and the sums of a block 64 KiB. The digits of a key switch in the known
    // answers take six transforms of 73,728 multiply-adds.
    let options = [
        KernelOptions { budget: Some(450_000), ..defaults },
        KernelOptions { most_bytes: Some(200 << 10), ..defaults },
        KernelOptions { most_bytes: Some(8 << 10), ..defaults },
        KernelOptions { round: Some(2), ..defaults },
        KernelOptions { checked: true, ..defaults },
        KernelOptions { open_gl: true, ..defaults },
    ];
    for options in options {
        let Some(device) = open(options) else { continue };
        for kernel in 0..KERNELS {
            assert!(job.run(&device, kernel) == job.run(&cpu, kernel), "kernel {kernel} with {options:?}");
        }
        assert_eq!(device.report().batches_on_cpu, 0, "{options:?}");
        if let Some(budget) = options.budget {
            assert!(device.most_macs_a_dispatch() <= budget, "{}", device.most_macs_a_dispatch());
        }
    }
}
