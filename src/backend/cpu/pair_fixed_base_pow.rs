//! `pair_fixed_base_pow`: one base's window tables, many exponents.

use super::level::{Level, with_lanes};
use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::lanes::{Lanes, Line, WINDOW_BITS};
use crate::arith::modulus::Modulus;
use crate::arith::window;
use crate::backend::fixed_base::FixedBase;
use std::convert::Infallible;
use zeroize::{Zeroize, Zeroizing};

/// Vectors that share one pass over the tables: enough to read each table from memory once for all, few enough for
/// their accumulators to stay in the cache.
const ROWS_A_PASS: Run = Run::new(32, 128);

/// All powers of the base that windows of an exponent can ask for: entry d of window i is base^(d·2^(6·i)), in
/// Montgomery form (Brickell, Gordon, McCurley and Wilson, "Fast exponentiation with precomputation", Eurocrypt '92).
///
/// Entries are read whole, so a larger window costs reading as well as memory: `docs/performance.md` has the widths that
/// were compared.
struct WindowTable {
    level: Level,
    lines: Zeroizing<Vec<Line>>,
}

impl WindowTable {
    /// A table for the arithmetic that this CPU uses.
    fn new(cpu: &Cpu, modulus: &Modulus, base: &[u64], exponent_bits: usize) -> Self {
        let windows = exponent_bits.div_ceil(WINDOW_BITS as usize).max(1);
        let lines = with_lanes!(cpu, modulus, m => fill(m, base, windows));
        Self { level: cpu.level(), lines }
    }
}

/// A lane makes the entries of a window.
fn fill<A: Lanes>(m: &A, base: &[u64], windows: usize) -> Zeroizing<Vec<Line>> {
    let row = base.len();
    let mut steps = Zeroizing::new(vec![0; windows * row]);
    let mut step = m.enter(&m.spread_pair(base));
    for out in steps.chunks_exact_mut(row) {
        m.reduce_pair(&mut step);
        m.store_pair(&step, out);
        (0..WINDOW_BITS).for_each(|_| m.square_assign(&mut step));
    }
    // Of its full length from the start: growing would leave copies behind.
    let mut lines = Zeroizing::new(Vec::with_capacity(windows * A::LINES_A_WINDOW));
    for steps in steps.chunks(A::COUNT * row) {
        let step = m.load_pair(Rows::new(steps, row));
        let mut entries = Zeroizing::new(vec![0; steps.len() << WINDOW_BITS]);
        let mut entry = *m.one();
        for out in entries.chunks_exact_mut(steps.len()) {
            m.reduce_pair(&mut entry);
            m.store_pair(&entry, out);
            m.mul_assign(&mut entry, &step);
        }
        let mut window = Zeroizing::new(vec![0; row << WINDOW_BITS]);
        for lane in 0..steps.len() / row {
            let of_lane = entries.chunks_exact(row).skip(lane).step_by(steps.len() / row);
            window.chunks_exact_mut(row).zip(of_lane).for_each(|(to, from)| to.copy_from_slice(from));
            m.append_window(&mut lines, Rows::new(&window, row));
        }
    }
    lines
}

pub(in crate::backend) fn pair_fixed_base_pow(
    cpu: &Cpu,
    base: &FixedBase,
    bits: usize,
    exponents: Rows<'_>,
    out: &mut [u64],
) {
    let make = || Ok::<_, Infallible>(WindowTable::new(cpu, base.modulus(), base.base(), base.exponent_bits()));
    let Ok(table) = base.table(Level::COUNT, |table: &WindowTable| table.level == cpu.level(), make);
    let bits = bits.min(base.exponent_bits());
    with_lanes!(cpu, base.modulus(), m => powers(cpu, m, &table, bits, exponents, out));
}

fn powers<A: Lanes>(cpu: &Cpu, m: &A, table: &WindowTable, bits: usize, exponents: Rows<'_>, out: &mut [u64]) {
    let width = 2 * m.width();
    cpu.for_each_run(out, width, Run { lanes: A::COUNT, ..ROWS_A_PASS }, |first, out| {
        let exponents = exponents.slice(first..first + out.len() / width);
        let groups: Vec<Rows<'_>> =
            (0..exponents.len()).step_by(A::COUNT).map(|row| exponents.slice(row..row + A::COUNT)).collect();
        let mut powers = Zeroizing::new(vec![*m.one(); groups.len()]);
        let (mut digits, mut factor) = (Zeroizing::new(vec![0; A::COUNT]), *m.one());
        let windows = table.lines.chunks_exact(A::LINES_A_WINDOW).take(bits.div_ceil(WINDOW_BITS as usize));
        for (i, window) in windows.enumerate() {
            for (power, exponents) in powers.iter_mut().zip(&groups) {
                for (digit, exponent) in digits.iter_mut().zip(exponents.iter()) {
                    *digit = window::window(exponent, bits, i * WINDOW_BITS as usize, WINDOW_BITS);
                }
                if i == 0 {
                    m.look_up(window, &digits, power);
                } else {
                    m.look_up(window, &digits, &mut factor);
                    m.mul_assign(power, &factor);
                }
            }
        }
        factor.zeroize();
        for (power, out) in powers.iter().zip(out.chunks_mut(A::COUNT * width)) {
            m.store_pair(&m.leave(power), out);
        }
    });
}
