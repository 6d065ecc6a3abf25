//! When a GPU is retired.

use crate::job::{FAULTS, Job, open};
use hushvec::hazmat::{Fault, KernelOptions};
use hushvec::{Device, OpenDevice};

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
        // The fault hits a batch, or the known answers before a batch.
        assert!(job.run(&device) == expected);
        assert_eq!(device.report().batches_on_cpu, failures);
    }
    assert!(job.run(&device) == expected);
    assert_eq!(device.report().batches_on_cpu, 3 + 9);
}
