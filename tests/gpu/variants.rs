//! Kernel variants for other drivers and hardware.

use crate::job::{Job, open};
use crate::numbers::SplitMix;
use crate::reference::{limbs, pair_row};
use hushvec::hazmat::{KernelOptions, Modulus, Rows};
use hushvec::{Device, OpenDevice, hazmat};

/// Shaders with the driver's checks, and OpenGL, give the same bytes.
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

/// Kernels as generated for hardware GPUs, with longer arrays in memory and up to 32 words per lane in registers.
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

/// Aggregates a few rows of numbers of `bits` bits with one of them as the query.
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

/// One kernel of the portable family at the largest sizes. The software driver takes half a minute to compile it.
#[test]
fn portable_kernels_of_the_largest_numbers() {
    let Some(gpu) = open(KernelOptions { portable: true, ..KernelOptions::default() }) else { return };
    let cpu = OpenDevice::open(Device::Cpu, None).unwrap();
    // The driver takes most of a minute to compile the kernel for one size.
    let sizes: &[usize] = if std::env::var_os("HUSHVEC_LONG_TESTS").is_some() { &[6144, 8192] } else { &[8192] };
    for &bits in sizes {
        assert!(aggregate(&gpu, bits) == aggregate(&cpu, bits), "{bits}");
    }
    assert_eq!(gpu.report().batches_on_cpu, 0);
}
