//! `crt_pow`: computes powers modulo p² and modulo q².

use super::crt_key::CrtKey;
use super::pair_pow;
use crate::bignum::batch::Rows;
use crate::bignum::lanes::Lanes;
use crate::bignum::modulus::Modulus;
use crate::bignum::window::{self, Exponent};
use crate::bignum::with_lanes::{least_powers, with_shared_lanes};
use crate::device::cpu::Cpu;
use crate::device::open_device::OpenDevice;
use zeroize::Zeroizing;

/// Raises bases to one power modulo p², and other bases to another power modulo q².
///
/// `bases` and `out` are pairs, the same number modulo both primes.
pub fn crt_pow(
    device: &OpenDevice,
    key: &CrtKey,
    bases: [Rows<'_>; 2],
    exponents: [&Exponent; 2],
    out: [&mut [u64]; 2],
) {
    let moduli = [&*key.p().modulus, &*key.q().modulus];
    if device.is_gpu() {
        for (((modulus, bases), exponent), out) in moduli.into_iter().zip(bases).zip(exponents).zip(out) {
            pair_pow::pair_pow(device, modulus, bases, exponent, out);
        }
        return;
    }
    on_cpu(device.cpu(), moduli, bases, exponents, out);
}

fn on_cpu(cpu: &Cpu, moduli: [&Modulus; 2], bases: [Rows<'_>; 2], exponents: [&Exponent; 2], out: [&mut [u64]; 2]) {
    let [out_p, out_q] = out;
    let rows = bases[0].len().max(bases[1].len());
    // With several threads, each modulus is computed on its own thread instead.
    let few = cpu.threads() == 1 && 2 * rows >= least_powers(cpu.isa());
    if few
        && with_shared_lanes!(cpu, moduli, m => share(m, rows, bases, exponents, [&mut *out_p, &mut *out_q]), else false)
    {
        return;
    }
    cpu.do_both(
        || pair_pow::on_cpu(cpu, moduli[0], bases[0], exponents[0], out_p),
        || pair_pow::on_cpu(cpu, moduli[1], bases[1], exponents[1], out_q),
    );
}

/// Computes both moduli in one set of lanes: the first modulus takes the lower half, the second one the upper half.
/// Returns false if there are more rows than fit.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "portable arithmetic has one lane"))]
fn share<A: Lanes>(m: &A, rows: usize, bases: [Rows<'_>; 2], exponents: [&Exponent; 2], out: [&mut [u64]; 2]) -> bool {
    let (half, width) = (A::COUNT / 2, 2 * m.width());
    if rows > half {
        return false;
    }
    let mut lanes = Zeroizing::new(vec![0; A::COUNT * width]);
    for (lanes, bases) in lanes.chunks_exact_mut(half * width).zip(bases) {
        lanes[..bases.limbs().len()].copy_from_slice(bases.limbs());
    }
    let power = window::pow_each(m, &m.to_mont(&m.load_pair(Rows::new(&lanes, width))), exponents);
    m.store_pair(&m.from_mont(&power), &mut lanes);
    for (lanes, out) in lanes.chunks_exact(half * width).zip(out) {
        out.copy_from_slice(&lanes[..out.len()]);
    }
    true
}
