//! Opening and sharing a GPU.

use crate::job::{Job, open};
use hushvec::hazmat::KernelOptions;
use hushvec::{Device, OpenDevice};

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

#[test]
fn errors_about_missing_devices_list_the_available_ones() {
    for device in ["gpu:99", "gpu:no such adapter"] {
        let error = OpenDevice::open(device.parse().unwrap(), None).unwrap_err().to_string();
        assert!(error.contains(device), "{error}");
        assert!(error.contains("available GPUs: ") || error.contains("no GPU"), "{error}");
    }
}
