//! Limits on the resources of compiled kernels.

use crate::report::{Line, Row};
use crate::shapes::Work;

/// The limits of a family of kernels.
struct Limits {
    spills: u64,
    /// Bytes of private memory. `None` for kernels that keep numbers there.
    scratch: Option<u64>,
    /// Conditional branches per row loop: its own, and one around the work of a single lane. More branches mean that
    /// array accesses were compiled to trees of branches.
    branches: u32,
    /// Cycles per multiply-add in a row loop.
    cycles: f64,
}

/// The cooperative family, with words in registers and unrolled loops.
const IN_REGISTERS: Limits = Limits { spills: 0, scratch: Some(0), branches: 2, cycles: 14.0 };
/// The portable family, with words in private memory.
const IN_MEMORY: Limits = Limits { spills: 0, scratch: None, branches: 1, cycles: 18.5 };

/// Transforms of polynomials. Cycles are those of a butterfly.
const TRANSFORM: Limits = Limits { spills: 0, scratch: Some(0), branches: 0, cycles: 31.0 };
/// Sums of products of residues. Cycles are those of a product.
const SCAN: Limits = Limits { spills: 0, scratch: Some(0), branches: 1, cycles: 9.5 };
/// Products with switching keys. Cycles are those of a product.
const KEY: Limits = Limits { spills: 0, scratch: Some(0), branches: 1, cycles: 18.0 };

/// Describes the limits that a kernel exceeds.
pub fn exceeded(line: &Line) -> Vec<String> {
    let Line { job, work, outcome, .. } = line;
    let figures = match outcome {
        Ok(figures) => figures,
        Err(error) => return vec![format!("{job}: {error}")],
    };
    let limits = match work {
        Work::Rows(shape) if shape.lanes > 1 => IN_REGISTERS,
        Work::Rows(_) => IN_MEMORY,
        Work::Butterflies(_) => TRANSFORM,
        Work::ScanProducts(_) => SCAN,
        Work::KeyProducts(_) => KEY,
    };
    let (branches, cycles) = (figures.most(|row| row.row_loop.branches.into()), figures.most(Row::cycles_per_mac));
    let checks = [
        (figures.spills > limits.spills, format!("{} registers spilled", figures.spills)),
        (
            limits.scratch.is_some_and(|most| figures.scratch > most),
            format!("{} bytes of scratch memory", figures.scratch),
        ),
        (figures.rows.is_empty(), "no row loops found".to_owned()),
        (branches > f64::from(limits.branches), format!("{branches} branches in a row loop")),
        (cycles > limits.cycles, format!("{cycles:.1} cycles per multiply-add")),
    ];
    checks.into_iter().filter(|(is_exceeded, _)| *is_exceeded).map(|(_, text)| format!("{job}: {text}")).collect()
}
