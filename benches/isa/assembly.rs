//! Finds the loops of a kernel in the assembly printed by RADV, and counts the instructions of one pass.

use std::collections::HashMap;
use std::ops::RangeInclusive;

/// The instructions up to the next label.
struct Block<'a> {
    instructions: Vec<Instruction<'a>>,
}

#[derive(Clone, Copy)]
struct Instruction<'a> {
    name: &'a str,
    /// The last operand. For a branch, this is its target.
    last: &'a str,
}

/// An innermost loop with multiplications: the loop over the words of an operand. Counts are per pass.
pub struct RowLoop {
    /// Multiplications of words, or of 16-bit halves in the portable family.
    pub multiplications: f64,
    /// Cycles of the vector unit. A simple 32-bit instruction takes 1.
    pub cycles: f64,
    /// Conditional branches in the loop, taken or not.
    pub branches: u32,
    /// Accesses to workgroup memory, including shuffles through it.
    pub lds: f64,
    /// Waits for memory, not including waits for hazards of the vector unit.
    pub waits: f64,
    /// Scalar instructions, not including branches and waits.
    pub scalar: f64,
    /// Scalar loads.
    pub scalar_loads: f64,
    /// Accesses to buffers and to private memory.
    pub memory: f64,
}

/// Returns the innermost loops with multiplications, in the order of the text.
pub fn row_loops(assembly: &str) -> Vec<RowLoop> {
    let (blocks, labels) = parse(assembly);
    let loops = innermost(&blocks, &labels);
    let counted = loops.into_iter().map(|range| count(&blocks, &labels, &range));
    counted.filter(|row_loop| row_loop.multiplications > 0.0).collect()
}

/// Counts the instructions of a kernel without loops.
pub fn whole(assembly: &str) -> RowLoop {
    let (blocks, labels) = parse(assembly);
    count(&blocks, &labels, &(0..=blocks.len() - 1))
}

fn parse(assembly: &str) -> (Vec<Block<'_>>, HashMap<&str, usize>) {
    let mut blocks = vec![Block { instructions: Vec::new() }];
    let mut labels = HashMap::new();
    for line in assembly.lines() {
        if let Some((label, "")) = line.trim_end().split_once(':')
            && label.starts_with("BB")
        {
            labels.insert(label, blocks.len());
            blocks.push(Block { instructions: Vec::new() });
        } else if line.starts_with(char::is_whitespace) {
            let text = line.split(';').next().unwrap_or_default().trim();
            let instructions = &mut blocks.last_mut().unwrap().instructions;
            let repeated = text.strip_prefix("(then repeated ").and_then(|text| text.split(' ').next()?.parse().ok());
            if let (Some(times), Some(instruction)) = (repeated, instructions.last().copied()) {
                instructions.extend(std::iter::repeat_n(instruction, times));
                continue;
            }
            let mut parts = text.split_whitespace();
            if let Some(name) = parts.next() {
                instructions.push(Instruction { name, last: parts.last().unwrap_or_default() });
            }
        }
    }
    (blocks, labels)
}

/// Returns the loops that contain no other loop. A loop reaches from the target of a backward branch to the last
/// branch with that target.
fn innermost(blocks: &[Block<'_>], labels: &HashMap<&str, usize>) -> Vec<RangeInclusive<usize>> {
    let mut ends: Vec<(usize, usize)> = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        for instruction in block.instructions.iter().filter(|instruction| instruction.is_branch()) {
            let Some(target) = labels.get(instruction.last).copied().filter(|target| *target <= at) else { continue };
            match ends.iter_mut().find(|(start, _)| *start == target) {
                Some((_, end)) => *end = at,
                None => ends.push((target, at)),
            }
        }
    }
    ends.sort_unstable();
    let holds = |(start, end): (usize, usize), other: (usize, usize)| {
        start <= other.0 && other.1 <= end && (start, end) != other
    };
    let is_innermost = |range: &&(usize, usize)| !ends.iter().any(|other| holds(**range, *other));
    ends.iter().filter(is_innermost).map(|(start, end)| *start..=*end).collect()
}

/// Counts the instructions of one pass. Both ways of a branch have weight 1/2, so a tree of branches counts as one
/// path.
fn count(blocks: &[Block<'_>], labels: &HashMap<&str, usize>, range: &RangeInclusive<usize>) -> RowLoop {
    let mut row_loop = RowLoop {
        multiplications: 0.0,
        cycles: 0.0,
        branches: 0,
        lds: 0.0,
        waits: 0.0,
        scalar: 0.0,
        scalar_loads: 0.0,
        memory: 0.0,
    };
    let mut weights = vec![0.0; blocks.len() + 1];
    weights[*range.start()] = 1.0;
    for at in range.clone() {
        let mut weight = weights[at];
        for instruction in &blocks[at].instructions {
            row_loop.add(instruction, weight);
            if instruction.is_branch() {
                row_loop.branches += u32::from(instruction.name != "s_branch");
                // Branches out of the loop, and back to its start, are not followed.
                let inside = labels.get(instruction.last).copied().filter(|to| *to > at && to <= range.end());
                let taken = weight * if inside.is_some() { instruction.chance() } else { instruction.leaves() };
                if let Some(target) = inside {
                    weights[target] += taken;
                }
                weight -= taken;
            }
        }
        weights[at + 1] += weight;
    }
    row_loop
}

impl Instruction<'_> {
    fn is_branch(&self) -> bool {
        self.name.starts_with("s_cbranch") || self.name == "s_branch"
    }

    /// Returns the probability of taking a branch within the loop. A branch that skips work if no lane is active is
    /// never taken.
    fn chance(&self) -> f64 {
        match self.name {
            "s_branch" => 1.0,
            "s_cbranch_execz" => 0.0,
            _ => 0.5,
        }
    }

    /// Returns the fraction of passes for which a branch out of the loop, or back, skips the instructions after it.
    fn leaves(&self) -> f64 {
        if self.name == "s_branch" { 1.0 } else { 0.0 }
    }

    /// Returns the cycles of the vector unit for 32 invocations, by Mesa's model (`aco_statistics.cpp`):
    /// multiplications take four times as long as additions, 64-bit shifts twice as long.
    fn cycles(&self) -> f64 {
        let name = self.plain_name();
        if !name.starts_with("v_") || name == "v_nop" {
            0.0
        } else if ["v_mul_lo_u32", "v_mul_hi_u32", "v_mad_u64_u32", "v_mad_co_u64_u32"].contains(&name) {
            4.0
        } else if name.ends_with("_b64") || name.starts_with("v_cmp") && name.ends_with("_u64") {
            2.0
        } else {
            1.0
        }
    }

    /// Returns the weight of a multiplication. A word product takes two 32-bit multiplications (low and high half) or
    /// four 16-bit ones.
    fn multiplications(&self) -> f64 {
        match self.plain_name() {
            "v_mad_u64_u32" | "v_mad_co_u64_u32" => 2.0,
            "v_mul_lo_u32" | "v_mul_hi_u32" => 1.0,
            "v_mul_u32_u24" | "v_mad_u32_u24" | "v_mul_lo_u16" | "v_mad_u32_u16" => 1.0,
            _ => 0.0,
        }
    }

    /// Returns the name without the suffix of its encoding.
    fn plain_name(&self) -> &str {
        let mut name = self.name;
        for suffix in ["_dpp8", "_dpp", "_sdwa", "_e32", "_e64"] {
            name = name.strip_suffix(suffix).unwrap_or(name);
        }
        name
    }
}

impl RowLoop {
    fn add(&mut self, instruction: &Instruction<'_>, weight: f64) {
        self.multiplications += weight * instruction.multiplications();
        self.cycles += weight * instruction.cycles();
        let name = instruction.name;
        let begins = |begins: &[&str]| begins.iter().any(|begin| name.starts_with(begin));
        if name.starts_with("ds_") {
            self.lds += weight;
        } else if begins(&["buffer_", "global_", "flat_", "scratch_"]) {
            self.memory += weight;
        } else if name.starts_with("s_wait") {
            self.waits += if begins(&["s_waitcnt_depctr", "s_wait_alu"]) { 0.0 } else { weight };
        } else if begins(&["s_load", "s_buffer_load"]) {
            self.scalar_loads += weight;
        } else if name.starts_with("s_")
            && !instruction.is_branch()
            && !begins(&["s_nop", "s_delay", "s_clause", "s_barrier"])
        {
            self.scalar += weight;
        }
    }
}
