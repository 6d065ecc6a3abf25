//! The text of each kernel for each family and size, put together from `shaders/`.

use super::pace::MOST_ITERATIONS;
use std::fmt::Write;

/// A shader that is one step of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stem {
    PairMul,
    PairPow,
    PairFixedBasePow,
    HammingAggregate,
    WeightedSum,
    #[cfg(feature = "owner")]
    DecodeEnter,
    #[cfg(feature = "owner")]
    DecodeCount,
}

impl Stem {
    #[cfg(all(test, feature = "owner"))]
    const ALL: [Self; 7] = [
        Self::PairMul,
        Self::PairPow,
        Self::PairFixedBasePow,
        Self::HammingAggregate,
        Self::WeightedSum,
        Self::DecodeEnter,
        Self::DecodeCount,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PairMul => "pair_mul",
            Self::PairPow => "pair_pow",
            Self::PairFixedBasePow => "pair_fixed_base_pow",
            Self::HammingAggregate => "hamming_aggregate",
            Self::WeightedSum => "weighted_sum",
            #[cfg(feature = "owner")]
            Self::DecodeEnter => "decode_enter",
            #[cfg(feature = "owner")]
            Self::DecodeCount => "decode_count",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::PairMul => include_str!("../../../shaders/pair_mul.wgsl"),
            Self::PairPow => include_str!("../../../shaders/pair_pow.wgsl"),
            Self::PairFixedBasePow => include_str!("../../../shaders/pair_fixed_base_pow.wgsl"),
            Self::HammingAggregate => include_str!("../../../shaders/hamming_aggregate.wgsl"),
            Self::WeightedSum => include_str!("../../../shaders/weighted_sum.wgsl"),
            #[cfg(feature = "owner")]
            Self::DecodeEnter => include_str!("../../../shaders/decode_enter.wgsl"),
            #[cfg(feature = "owner")]
            Self::DecodeCount => include_str!("../../../shaders/decode_count.wgsl"),
        }
    }
}

/// Invocations of a workgroup.
pub(super) const GROUP: u32 = 64;
/// Words of a number that one invocation's loops are written out for.
const MOST_UNROLLED: u32 = 12;
/// Words of a lane's arrays that loops go through, at least. Mesa turns an index into an array of up to 32 words into a
/// tree of branches.
const LEAST_ROOM: u32 = 33;
/// How many words at a time beyond, in the innermost loops of products. A driver takes the longer over a shader the more
/// is written out, so as few as let the longest kernel stay within a dispatch's iterations.
/// Words of the largest prime.
const LARGEST_PRIME: u32 = 128;
const AT_A_TIME: [u32; 4] = [1, 2, 4, 8];

/// How the invocations of a GPU share the work of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// 32-bit words of the modulus.
    pub(super) words: u32,
    /// Invocations a number: 1 for the portable family.
    pub(super) lanes: u32,
    /// Whether products are taken in 64 bits.
    pub(super) wide: bool,
}

impl Shape {
    /// Words of a number in each lane.
    pub(super) fn words_a_lane(self) -> u32 {
        self.words / self.lanes
    }

    /// Numbers that one workgroup computes.
    pub(super) fn numbers_a_group(self) -> u32 {
        GROUP / self.lanes
    }

    /// Bytes of workgroup memory.
    pub(super) fn workgroup_bytes(self) -> u32 {
        if self.lanes == 1 { 0 } else { self.numbers_a_group() * 3 * self.words * 4 }
    }

    fn is_unrolled(self) -> bool {
        self.words_a_lane() <= MOST_UNROLLED
    }

    /// Products of pairs that the longest kernel for numbers of this size does in one dispatch: `decode_enter` modulo
    /// primes, `pair_mul` modulo n.
    pub(super) fn most_products(self) -> u32 {
        if self.words <= LARGEST_PRIME { 3 } else { 2 }
    }

    /// Words that a pass through the innermost loop of a product takes.
    fn words_at_a_time(self) -> u32 {
        let fits = |words: &u32| self.most_products() * self.iterations(*words) <= MOST_ITERATIONS;
        AT_A_TIME.into_iter().find(fits).unwrap_or(8)
    }

    /// Loop iterations that one multiplication of pairs takes each invocation, at most.
    pub(super) fn iterations_a_product(self) -> u32 {
        if self.is_unrolled() { 2 * self.words + 32 } else { self.iterations(self.words_at_a_time()) }
    }

    fn iterations(self, at_a_time: u32) -> u32 {
        // Two passes over the operands' words, and two dozen loops over a lane's: operands, carries, corrections.
        2 * self.words * (1 + self.words_a_lane() / at_a_time) + 24 * (1 + self.words_a_lane())
    }
}

/// Where constants stand in their buffer, in words. Those of decoding follow the others.
pub(super) struct Offsets {
    pub(super) modulus: u32,
    pub(super) one: u32,
    pub(super) r2: u32,
    pub(super) r3: u32,
    pub(super) other_r: u32,
    pub(super) other_r2: u32,
    pub(super) scale: u32,
}

impl Offsets {
    pub(super) fn new(words: u32) -> Self {
        // Four words for −1/m, so that rows begin on 16 bytes.
        let at = |numbers: u32| 4 + numbers * words;
        Self { modulus: at(0), one: at(1), r2: at(3), r3: at(5), other_r: at(7), other_r2: at(8), scale: at(9) }
    }
}

/// The shader of that stem and shape.
pub(super) fn source(stem: Stem, shape: Shape) -> String {
    let at = Offsets::new(shape.words);
    let mut text = String::new();
    let numbers = [
        ("N", shape.words),
        ("LANES", shape.lanes),
        ("L", shape.words_a_lane()),
        ("ROOM", if shape.is_unrolled() { shape.words_a_lane() } else { shape.words_a_lane().max(LEAST_ROOM) }),
        ("GROUP", GROUP),
        ("NUMBERS", shape.numbers_a_group()),
        ("LANE_MASK", u32::MAX >> (32 - shape.lanes)),
        ("AT_MODULUS", at.modulus),
        ("AT_ONE", at.one),
        ("AT_R2", at.r2),
        ("AT_R3", at.r3),
        ("AT_OTHER_R", at.other_r),
        ("AT_OTHER_R2", at.other_r2),
        ("AT_SCALE", at.scale),
    ];
    for (name, value) in numbers {
        let _ = writeln!(text, "const {name} = {value}u;");
    }
    let mac = if shape.wide {
        include_str!("../../../shaders/mac_u64.wgsl")
    } else {
        include_str!("../../../shaders/mac_u32.wgsl")
    };
    let lanes = if shape.lanes == 1 {
        include_str!("../../../shaders/one_lane.wgsl")
    } else {
        include_str!("../../../shaders/many_lanes.wgsl")
    };
    let parts = [
        include_str!("../../../shaders/bindings.wgsl"),
        mac,
        lanes,
        include_str!("../../../shaders/arithmetic.wgsl"),
        include_str!("../../../shaders/rows.wgsl"),
        stem.source(),
    ];
    for part in parts {
        text += &unroll(part, shape);
    }
    text
}

const MARK: &str = "// unroll";
const ROW_MARK: &str = "// unroll row";

/// Writes out the loops over a lane's words that are marked: whole, or a few words at a time if there are many. Some
/// drivers leave arrays in slow memory if a loop's variable indexes them.
fn unroll(text: &str, shape: Shape) -> String {
    let mut out = String::with_capacity(2 * text.len());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let is_row = line.ends_with(ROW_MARK);
        let Some(head) = line.strip_suffix(if is_row { ROW_MARK } else { MARK }) else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        let body: String = lines.by_ref().take_while(|line| *line != end).flat_map(|line| [line, "\n"]).collect();
        debug_assert!(head.contains("for (var j = 0u; j < L; j++) {"), "{line}");
        if shape.is_unrolled() {
            for j in 0..shape.words_a_lane() {
                let _ = write!(out, "{indent}{{\n{indent}  const j = {j}u;\n{body}{indent}}}\n");
            }
        } else {
            let at_a_time = if is_row { shape.words_at_a_time() } else { 1 };
            let _ = writeln!(out, "{indent}for (var block = 0u; block < params.words; block += {at_a_time}u) {{");
            for j in 0..at_a_time {
                let _ = write!(out, "{indent}{{\n{indent}  let j = block + {j}u;\n{body}{indent}}}\n");
            }
            let _ = writeln!(out, "{indent}}}");
        }
    }
    out
}

#[cfg(all(test, feature = "owner"))]
mod tests {
    use super::*;
    use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

    #[test]
    fn every_shader_of_every_shape_is_valid() {
        for words in [16, 32, 48, 64, 96, 128, 192, 256] {
            for lanes in [1, 2, 4, 8, 16, 32] {
                if words % lanes != 0 {
                    continue;
                }
                for wide in [false, true] {
                    let shape = Shape { words, lanes, wide };
                    for stem in Stem::ALL {
                        let text = source(stem, shape);
                        assert!(!text.contains(MARK), "{stem:?}: a loop was not unrolled");
                        let module = wgpu::naga::front::wgsl::parse_str(&text)
                            .unwrap_or_else(|error| panic!("{stem:?}, {shape:?}: {}", error.emit_to_string(&text)));
                        let mut needed = Capabilities::empty();
                        if lanes > 1 {
                            needed |= Capabilities::SHADER_INT64 | Capabilities::SUBGROUP;
                        } else if wide {
                            needed |= Capabilities::SHADER_INT64;
                        }
                        Validator::new(ValidationFlags::all(), needed)
                            .validate(&module)
                            .unwrap_or_else(|error| panic!("{stem:?}, {shape:?}: {}", error.emit_to_string(&text)));
                    }
                }
            }
        }
    }
}
