//! What compiled kernels may take.

use crate::report::{Line, Row};

/// Limits of a kind of kernel.
struct Limits {
    spills: u64,
    /// Bytes of private memory; `None` where kernels keep numbers there.
    scratch: Option<u64>,
    /// Conditional branches of a row loop: its own, and one around what a single lane does. More are trees that look an array's words up.
    branches: u32,
    /// Cycles of a multiply-add in a row loop.
    cycles: f64,
}

/// Words in registers: the cooperative family's loops, written out.
const IN_REGISTERS: Limits = Limits { spills: 0, scratch: Some(0), branches: 2, cycles: 14.0 };
/// Words in private memory: the portable family.
const IN_MEMORY: Limits = Limits { spills: 0, scratch: None, branches: 1, cycles: 18.5 };

/// Which limits a kernel exceeds, in words.
pub fn exceeded(line: &Line) -> Vec<String> {
    let Line { job, shape, outcome, .. } = line;
    let figures = match outcome {
        Ok(figures) => figures,
        Err(error) => return vec![format!("{job}: {error}")],
    };
    let limits = if shape.lanes > 1 { IN_REGISTERS } else { IN_MEMORY };
    let (branches, cycles) = (figures.most(|row| row.row_loop.branches.into()), figures.most(Row::cycles_a_mac));
    let checks = [
        (figures.spills > limits.spills, format!("{} registers spilled", figures.spills)),
        (
            limits.scratch.is_some_and(|most| figures.scratch > most),
            format!("{} bytes of scratch memory", figures.scratch),
        ),
        (figures.rows.is_empty(), "no row loops found".to_owned()),
        (branches > f64::from(limits.branches), format!("{branches} branches in a row loop")),
        (cycles > limits.cycles, format!("{cycles:.1} cycles a multiply-add")),
    ];
    checks.into_iter().filter(|(is_exceeded, _)| *is_exceeded).map(|(_, text)| format!("{job}: {text}")).collect()
}
