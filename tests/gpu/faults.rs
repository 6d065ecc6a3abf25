//! All faults of a GPU are detected.

use crate::crt;
use crate::job::{FAULTS, Job, open};
use crate::numbers::SplitMix;
use crate::reference::{limbs, pair_row};
use hushvec::hazmat::{Fault, KernelOptions, Modulus, Rows, Weights};
use hushvec::{Device, OpenDevice, hazmat};

#[test]
fn results_are_correct_despite_faults() {
    let job = Job::new();
    let expected = job.run(&OpenDevice::open(Device::Cpu, None).unwrap());
    for fault in FAULTS {
        for batch in 0..9 {
            let Some(device) = open(KernelOptions::default()) else { return };
            // Once without a fault, so that the kernels have passed their known answers.
            assert!(job.run(&device) == expected);
            assert_eq!(device.report().batches_on_cpu, 0);
            device.inject_fault(batch, fault);
            assert!(job.run(&device) == expected, "{fault:?} at batch {batch}");
            // Only that batch, unless the device is lost, because the device passes its known answers again.
            let on_cpu = if matches!(fault, Fault::Destroyed) { 9 - batch } else { 1 };
            assert_eq!(device.report().batches_on_cpu, on_cpu, "{fault:?} at batch {batch}");
        }
    }
}

/// Weighted sums with enough outputs for a GPU: it computes all of them, and faults are detected.
#[test]
fn multi_exp_of_many_outputs() {
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
        hazmat::multi_exp_vartime(device, &modulus, Rows::new(&pairs, 2 * width), &weights, &mut out);
        out
    };
    let expected = run(&OpenDevice::open(Device::Cpu, None).unwrap());
    let Some(device) = open(KernelOptions::default()) else { return };
    assert!(run(&device) == expected);
    assert_eq!(device.report().batches_on_cpu, 0);
    for (done, fault) in (1..).zip(FAULTS.into_iter().rev()) {
        device.inject_fault(0, fault);
        assert!(run(&device) == expected, "{fault:?}");
        assert_eq!(device.report().batches_on_cpu, done, "{fault:?}: the GPU did not compute it");
        device.trust_again();
        // Without a fault, so that the next fault does not hit known answers.
        assert!(run(&device) == expected);
    }
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
        assert_eq!(device.report().batches_on_cpu, before + 1, "{fault:?}, trial {trial}: not detected");
        device.trust_again();
        // Without a fault, so that the next fault does not hit known answers.
        assert!(job.run(&device) == expected);
    }
}

/// Faults in decoding: flipped counts, swapped rows and missing results.
#[test]
fn wrong_distances_are_detected() {
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
