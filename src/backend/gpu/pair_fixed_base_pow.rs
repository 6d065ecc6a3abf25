//! `pair_fixed_base_pow` on a GPU.

use super::buffer::{Buffer, Secrecy};
use super::constants;
use super::engine::{Bindings, Engine};
use super::failure::GpuFailure;
use super::pace::Steps;
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
    /// Buffers of `windows_a_part` windows each, but for the last: one buffer may be less than the table.
    parts: Vec<Buffer>,
    windows_a_part: usize,
}

impl DeviceTable {
    fn new(engine: &Arc<Engine>, base: &FixedBase) -> Result<Self, GpuFailure> {
        let windows = base.exponent_bits().div_ceil(WIDTH).max(1);
        let [radix, ..] = &base.modulus().word_form().radix_powers;
        let limbs = with_modulus!(base.modulus(), m => fill(m, base.base(), radix, windows));
        let window = base.base().len() << WIDTH;
        let fit = usize::try_from(engine.most_bytes() / (8 * window as u64)).unwrap_or(usize::MAX);
        let windows_a_part = fit.clamp(1, windows);
        let parts = limbs.chunks(windows_a_part * window).map(|part| engine.upload(part, Secrecy::Secret));
        Ok(Self { engine: Arc::downgrade(engine), parts: parts.collect::<Result<_, _>>()?, windows_a_part })
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
    let [words, bits, all] = [2 * exponents.width(), bits, windows].map(word);
    let start = |exponents: Rows<'_>, _| {
        let bytes = 8 * width * exponents.len();
        let input = engine.upload(exponents.limbs(), Secrecy::Secret)?;
        let (output, state) = (engine.buffer(bytes, Secrecy::Secret)?, engine.buffer(bytes, Secrecy::Secret)?);
        let on = Bindings {
            constants: Some(&constants),
            input: Some(&input),
            second: None,
            output: Some(&output),
            state: Some(&state),
        };
        for (part, buffer) in table.parts.iter().enumerate() {
            let first = part * table.windows_a_part;
            let range = first..windows.max(1).min(first + table.windows_a_part);
            let on = Bindings { second: Some(buffer), ..on };
            // The last dispatch leaves Montgomery form too, which is one product more.
            Steps { shape, rows: exponents.len(), range, more: 1 }.run(engine, |range| {
                let products = range.len() + 1;
                let params = [range.start, range.end.min(all), words, bits, all, word(first)];
                engine.dispatch(Stem::PairFixedBasePow, shape, exponents.len(), products, params, on)
            })?;
        }
        Reading::start(engine, &output, exponents.len(), 8 * width, Secrecy::Secret)
    };
    let bytes_a_row = 8 * width.max(exponents.width());
    Rounds::new(engine, shape, bytes_a_row, 2).run(engine, exponents, out, start, rounds::copy)
}

fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
