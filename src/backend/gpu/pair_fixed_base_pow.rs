//! `pair_fixed_base_pow` on a GPU.

use super::buffer::{Buffer, Secrecy};
use super::constants;
use super::engine::{Bindings, Engine};
use super::failure::GpuFailure;
use super::pace;
use super::reading::Reading;
use super::rounds::{self, Output, Rounds};
use super::shader::Stem;
use crate::arith::batch::Rows;
use crate::arith::lanes::Lanes;
use crate::arith::modulus::{Modulus, with_modulus};
use crate::backend::fixed_base::FixedBase;
use std::sync::{Arc, Weak};
use zeroize::Zeroizing;

/// Bits of an exponent that one multiplication takes care of. Wider than on the processor: a GPU looks entries up
/// instead of reading them all.
const WIDTH: usize = 8;

/// A base's window table in the memory of a device: entry d of window i is base^(d·256^i), in Montgomery form.
pub(in crate::backend) struct DeviceTable {
    engine: Weak<Engine>,
    buffer: Arc<Buffer>,
}

impl DeviceTable {
    fn new(engine: &Arc<Engine>, base: &FixedBase) -> Result<Self, GpuFailure> {
        let windows = base.exponent_bits().div_ceil(WIDTH).max(1);
        let [radix, ..] = &base.modulus().word_form().radix_powers;
        let limbs = with_modulus!(base.modulus(), m => fill(m, base.base(), radix, windows));
        let buffer = Arc::new(engine.upload(&limbs, Secrecy::Secret)?);
        Ok(Self { engine: Arc::downgrade(engine), buffer })
    }

    fn is_on(&self, engine: &Arc<Engine>) -> bool {
        Weak::ptr_eq(&self.engine, &Arc::downgrade(engine))
    }
}

fn fill<A: Lanes>(m: &A, base: &[u64], radix: &[u64], windows: usize) -> Zeroizing<Vec<u64>> {
    let radix = m.enter(&m.spread_pair(radix));
    let mut limbs = Zeroizing::new(vec![0; (windows << WIDTH) * base.len()]);
    let mut rows = limbs.chunks_exact_mut(base.len());
    let mut step = m.enter(&m.spread_pair(base));
    for _ in 0..windows {
        let mut entry = *m.one();
        for row in rows.by_ref().take(1 << WIDTH) {
            m.store_pair(&m.leave(&m.mul(&entry, &radix)), row);
            entry = m.mul(&entry, &step);
        }
        step = entry;
    }
    limbs
}

pub(super) fn pair_fixed_base_pow(
    engine: &Arc<Engine>,
    base: &FixedBase,
    bits: usize,
    exponents: Rows<'_>,
    out: &mut Output<'_, '_, u64>,
) -> Result<(), GpuFailure> {
    let modulus: &Modulus = base.modulus();
    let (shape, constants) = constants::upload(engine, modulus)?;
    let table = base.device_table(|table| table.is_on(engine), || DeviceTable::new(engine, base))?;
    let width = 2 * modulus.width();
    let bits = bits.min(base.exponent_bits());
    let windows = bits.div_ceil(WIDTH);
    let [words, bits, all] = [2 * exponents.width(), bits, windows].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let start = |exponents: Rows<'_>, _| {
        let bytes = 8 * width * exponents.len();
        let input = engine.upload(exponents.limbs(), Secrecy::Secret)?;
        let (output, state) = (engine.buffer(bytes, Secrecy::Secret)?, engine.buffer(bytes, Secrecy::Secret)?);
        let on = Bindings {
            constants: Some(&constants),
            input: Some(&input),
            second: Some(&table),
            output: Some(&output),
            state: Some(&state),
        };
        // The last dispatch leaves Montgomery form too, which is one multiplication more.
        let most = pace::most_steps(shape, 1).saturating_sub(1).max(1);
        pace::in_dispatches(engine, windows.max(1), most, |range| {
            let last = range.end.min(all);
            let params = [range.start, last, words, bits, all, 0];
            engine.dispatch(Stem::PairFixedBasePow, shape, exponents.len(), params, on)
        })?;
        Reading::start(engine, &output, exponents.len(), 8 * width, Secrecy::Secret)
    };
    let bytes_a_row = 8 * width.max(exponents.width());
    Rounds::new(engine, shape, bytes_a_row).run(engine, exponents, out, start, rounds::copy)
}

impl DeviceTable {
    pub(in crate::backend) fn buffer(&self) -> Arc<Buffer> {
        Arc::clone(&self.buffer)
    }
}
