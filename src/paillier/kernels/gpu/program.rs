//! Powers as programs of steps that `shaders/paillier/pair_pow.wgsl` interprets. All rows of a batch run the same
//! steps.

use crate::bignum::window::{self, Exponent};
use zeroize::Zeroizing;

/// The operation of a step. The numbers are those in the shader.
#[derive(Clone, Copy)]
enum Step {
    ToMont = 0,
    Square = 1,
    Multiply = 2,
    Store = 3,
    Fetch = 4,
    One = 5,
    FromMont = 6,
}

/// The steps of a power, and the number of table entries that they use. The steps are as secret as the exponent.
pub(crate) struct Program {
    steps: Zeroizing<Vec<u32>>,
    pub(crate) entries: usize,
}

/// The widest window, so that the tables of many rows fit into memory.
const WIDEST: u32 = 5;

/// Returns the width of a window for exponents of `bits` bits.
fn width(bits: usize) -> u32 {
    window::best_width(bits, usize::MAX).min(WIDEST)
}

impl Program {
    /// Makes a program that reads the base from the input and writes the power to the output.
    pub(crate) fn power(exponent: &Exponent) -> Self {
        Self::new(exponent, true)
    }

    /// Makes a program that takes the base from the accumulator and leaves the power there, both in Montgomery form.
    #[cfg(feature = "owner")]
    pub(crate) fn power_in_place(exponent: &Exponent) -> Self {
        Self::new(exponent, false)
    }

    fn new(exponent: &Exponent, whole: bool) -> Self {
        let width = width(exponent.bits());
        let entries = 1u32 << width;
        let mut steps = Zeroizing::new(Vec::with_capacity(2 * entries as usize + 2 * exponent.bits() + 8));
        let mut push = |step: Step, entry: u32| steps.push((step as u32) << 24 | entry);
        if whole {
            push(Step::ToMont, 0);
        }
        push(Step::Store, 1);
        for entry in 2..entries {
            push(Step::Multiply, 1);
            push(Step::Store, entry);
        }
        push(Step::One, 0);
        push(Step::Store, 0);
        let windows = exponent.bits().div_ceil(width as usize);
        for i in (0..windows).rev() {
            let digit = window::window(exponent.limbs(), exponent.bits(), i * width as usize, width);
            #[expect(clippy::cast_possible_truncation, reason = "a window has few bits")]
            let digit = digit as u32;
            if i + 1 == windows {
                push(Step::Fetch, digit);
            } else {
                (0..width).for_each(|_| push(Step::Square, 0));
                push(Step::Multiply, digit);
            }
        }
        if whole {
            push(Step::FromMont, 0);
        }
        Self { steps, entries: entries as usize }
    }

    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Returns the steps as limbs, for a buffer.
    pub(crate) fn limbs(&self) -> Zeroizing<Vec<u64>> {
        let step = |i: usize| u64::from(self.steps.get(i).copied().unwrap_or(0));
        Zeroizing::new((0..self.len().div_ceil(2)).map(|i| step(2 * i) | step(2 * i + 1) << 32).collect())
    }
}
