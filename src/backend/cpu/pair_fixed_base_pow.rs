//! `pair_fixed_base_pow`: one base's window tables, many exponents.

use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::modulus::{Modulus, with_modulus};
use crate::arith::pair::{Pair, PairModulus};
use crate::arith::window;
use crate::backend::fixed_base::FixedBase;
use zeroize::{Zeroize, Zeroizing};

/// Vectors that share one pass over the tables: enough to read each table from memory once for all, few enough for
/// their accumulators to stay in the cache.
const ROWS_A_PASS: Run = Run { least: 32, most: 128 };

/// All powers of the base that windows of an exponent can ask for: entry d of window i is base^(d·2^(width·i)), in
/// Montgomery form (Brickell, Gordon, McCurley and Wilson, "Fast exponentiation with precomputation", Eurocrypt '92).
///
/// Entries are read whole, so a larger window costs reading as well as memory: `docs/performance.md` has the widths that
/// were compared.
pub(in crate::backend) struct WindowTable {
    digits: Zeroizing<Vec<u64>>,
}

/// Bits of an exponent that one multiplication takes care of.
const WIDTH: u32 = 6;

impl WindowTable {
    pub(in crate::backend) fn new(modulus: &Modulus, base: &[u64], exponent_bits: usize) -> Self {
        let windows = exponent_bits.div_ceil(WIDTH as usize).max(1);
        let digits = with_modulus!(modulus, m => fill(m, base, windows));
        Self { digits }
    }
}

fn fill<const L: usize>(m: &PairModulus<L>, base: &[u64], windows: usize) -> Zeroizing<Vec<u64>> {
    let mut digits = Zeroizing::new(Vec::with_capacity((windows << WIDTH) * 2 * L));
    let mut step = m.enter(&Pair::from_row(base));
    for _ in 0..windows {
        let mut entry = *m.one();
        for _ in 0..1 << WIDTH {
            window::push(&mut digits, &entry);
            entry = m.mul(&entry, &step);
        }
        step = entry;
    }
    digits
}

pub(in crate::backend) fn pair_fixed_base_pow(
    cpu: &Cpu,
    base: &FixedBase,
    bits: usize,
    exponents: Rows<'_>,
    out: &mut [u64],
) {
    let width = 2 * base.modulus().width();
    let table = base.cpu_table();
    let bits = bits.min(base.exponent_bits());
    with_modulus!(base.modulus(), m => cpu.for_each_run(out, width, ROWS_A_PASS, |first, out| {
        powers(m, table, bits, &exponents.iter().skip(first), out.chunks_exact_mut(width));
    }));
}

/// One pass over the table for all rows of a run.
fn powers<'a, const L: usize>(
    m: &PairModulus<L>,
    table: &WindowTable,
    bits: usize,
    exponents: &(impl Iterator<Item = &'a [u64]> + Clone),
    out: std::slice::ChunksExactMut<'_, u64>,
) {
    let mut powers = Zeroizing::new(vec![*m.one(); out.len()]);
    let windows = table.digits.chunks_exact((2 * L) << WIDTH).take(bits.div_ceil(WIDTH as usize));
    for (i, entries) in windows.enumerate() {
        for (power, exponent) in powers.iter_mut().zip(exponents.clone()) {
            let digit = window::window(exponent, bits, i * WIDTH as usize, WIDTH);
            let mut factor = window::select(entries, digit);
            *power = if i == 0 { factor } else { m.mul(power, &factor) };
            factor.zeroize();
        }
    }
    for (power, out) in powers.iter().zip(out) {
        m.leave(power).to_row(out);
    }
}
