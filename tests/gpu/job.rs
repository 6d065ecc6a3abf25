//! Batches to run on a GPU.

use crate::devices;
use crate::numbers::SplitMix;
use crate::reference::{limbs, pair_row};
use hushvec::hazmat::{Exponent, Fault, FixedBase, KernelOptions, Modulus, Rows};
use hushvec::{Device, OpenDevice, hazmat};
use std::sync::Arc;

pub const FAULTS: [Fault; 5] = [Fault::Destroyed, Fault::OutOfMemory, Fault::Flipped, Fault::Swapped, Fault::Zeroed];
const BITS: usize = 1024;
pub const WIDTH: usize = BITS / 64;
const ROWS: usize = 37;

pub fn open(options: KernelOptions) -> Option<OpenDevice> {
    match OpenDevice::with_options(Device::Gpu, None, options) {
        Ok(device) => Some(device),
        Err(error) if devices::is_gpu_required() => panic!("{error}"),
        Err(error) => {
            devices::say(&format!("SKIPPED on a GPU: {error}"));
            None
        }
    }
}

/// The inputs of several batches of each kernel.
pub struct Job {
    pub modulus: Arc<Modulus>,
    pub pairs: Vec<u64>,
    pub exponents: Vec<u64>,
    pub base: FixedBase,
}

impl Job {
    pub fn new() -> Self {
        let mut random = SplitMix(11);
        let m = random.modulus(BITS);
        let modulus = Arc::new(Modulus::new(&limbs(&m, WIDTH)).unwrap());
        let pairs: Vec<u64> = random.residues(&m, ROWS).iter().flat_map(|x| pair_row(x, &m, WIDTH)).collect();
        let base = FixedBase::new(Arc::clone(&modulus), &pairs[20 * WIDTH..22 * WIDTH], 64);
        Self { modulus, pairs, exponents: (0..ROWS).map(|_| random.next()).collect(), base }
    }

    /// Runs nine batches, three of each kernel, and returns their results.
    pub fn run(&self, device: &OpenDevice) -> Vec<Vec<u64>> {
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
