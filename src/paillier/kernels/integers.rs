//! Converts pairs to the integers that they represent, and back. The conversion to pairs is for public values only:
//! the time that num-bigint takes depends on them.

use crate::bignum::batch::Rows;
use crate::bignum::lanes::Lanes;
use crate::bignum::modulus::Modulus;
use crate::bignum::with_lanes::with_lanes;
use crate::device::cpu::{Cpu, Run};
use crate::device::open_device::OpenDevice;
use num_bigint::BigUint;

const RUN: Run = Run::new(16, 256);

fn biguint(limbs: &[u64]) -> BigUint {
    BigUint::from_bytes_le(bytemuck::cast_slice(limbs))
}

/// Writes the limbs of a number to `out`, padded with zeros. Limbs that do not fit are dropped.
fn write(x: &BigUint, out: &mut [u64]) {
    out.fill(0);
    for (limb, word) in out.iter_mut().zip(x.iter_u64_digits()) {
        *limb = word;
    }
}

/// Converts integers below m² to pairs, in place. For public values only: the time depends on them.
pub fn pairs_from_integers(device: &OpenDevice, modulus: &Modulus, rows: &mut [u64]) {
    let cpu = device.cpu();
    let width = modulus.width();
    let m = biguint(modulus.limbs());
    cpu.for_each_run(rows, 2 * width, RUN, |_, rows| {
        for row in rows.chunks_exact_mut(2 * width) {
            let x = biguint(row);
            let (x0, x1) = row.split_at_mut(width);
            write(&(&x / &m), x1);
            write(&(&x % &m), x0);
        }
    });
}

/// Converts pairs to the integers that they represent, in place.
pub fn integers_from_pairs(device: &OpenDevice, modulus: &Modulus, rows: &mut [u64]) {
    let cpu = device.cpu();
    with_lanes!(cpu, modulus, m => join(cpu, m, modulus.limbs(), rows));
}

/// Replaces pairs by x0 + x1·m. All rows of a group are read before the first is written.
fn join<A: Lanes>(cpu: &Cpu, m: &A, modulus: &[u64], rows: &mut [u64]) {
    let width = 2 * m.width();
    let modulus = m.broadcast(modulus);
    cpu.for_each_group(rows, width, RUN.of(A::COUNT), |_, rows| {
        let pair = m.load_pair(Rows::new(rows, width));
        m.store_product(&pair.x1, &modulus, &pair.x0, rows, width, 0);
    });
}
