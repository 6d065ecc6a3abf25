//! Batches that are computed in rounds.

use crate::crt;
use crate::job::{Job, WIDTH, open};
use hushvec::hazmat::{Exponent, Fault, KernelOptions, Rows};
use hushvec::{Device, OpenDevice, hazmat};

/// Each round of a batch is checked while the next is computed, and correct rounds before a fault are kept.
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
        // 37 rows make four rounds of 10.
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
