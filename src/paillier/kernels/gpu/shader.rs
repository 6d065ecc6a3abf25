//! Shaders for large numbers. Assembles the text of each kernel, family and size from the files in `shaders/`.

use super::constants::DeviceModulus;
use super::shape::Shape;
use crate::device::gpu::GpuFailure;
use crate::device::gpu::adapter::WORKGROUP_SIZE;
use crate::device::gpu::buffer::Buffer;
use crate::device::gpu::engine::{Dispatch, Engine, ShaderId, word};
use bytemuck::Pod;
use std::fmt::Write;

/// A shader, which is one step of a kernel. Its name is that of its file in `shaders/paillier/`.
pub struct Shader {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// The buffers of a dispatch besides the constants: see `shaders/shared/bindings.wgsl`. Buffers that the shader does
/// not use are `None`.
#[derive(Default, Clone, Copy)]
pub(crate) struct Bindings<'a> {
    pub(crate) input: Option<&'a Buffer>,
    pub(crate) second: Option<&'a Buffer>,
    pub(crate) output: Option<&'a Buffer>,
    pub(crate) state: Option<&'a Buffer>,
}

impl Shader {
    /// Returns the name of the shader's file.
    #[cfg(all(feature = "hazmat", feature = "owner"))]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the shader's WGSL for a shape. The entry point is `main`.
    #[cfg(all(feature = "hazmat", feature = "owner"))]
    pub fn source(&self, shape: Shape) -> String {
        source(self, shape)
    }

    /// Runs the shader on `rows` rows, with `products` products of pairs per row. `params` are the fields of its
    /// `Params` after the number of rows and the words per lane.
    pub(crate) fn dispatch<P: Pod>(
        &self,
        engine: &Engine,
        modulus: &DeviceModulus,
        rows: usize,
        products: usize,
        params: P,
        on: Bindings<'_>,
    ) -> Result<wgpu::SubmissionIndex, GpuFailure> {
        let shape = modulus.shape;
        let mut bytes = bytemuck::bytes_of(&[word(rows), shape.words_a_lane()]).to_vec();
        bytes.extend_from_slice(bytemuck::bytes_of(&params));
        let buffers = [Some(&modulus.constants), on.input, on.second, on.output, on.state];
        let buffers: Vec<(u32, &Buffer)> =
            (1..).zip(buffers).filter_map(|(binding, buffer)| Some((binding, buffer?))).collect();
        engine.dispatch(&Dispatch {
            shader: ShaderId { name: self.name, variant: [shape.words, shape.lanes, shape.wide.into()] },
            text: &|| source(self, shape),
            params: &bytes,
            buffers: &buffers,
            workgroups: shape.workgroups(rows),
            macs: shape.macs(rows, products),
        })
    }
}

/// The offsets of the constants in their buffer, in words. The constants for decoding come last.
pub(crate) struct Offsets {
    pub(crate) modulus: u32,
    pub(crate) one: u32,
    pub(crate) r2: u32,
    pub(crate) r3: u32,
    pub(crate) other_r: u32,
    pub(crate) other_r2: u32,
    pub(crate) scale: u32,
}

impl Offsets {
    pub(crate) fn new(words: u32) -> Self {
        // −1/m takes four words, so that the rows after it are aligned to 16 bytes.
        let at = |numbers: u32| 4 + numbers * words;
        Self { modulus: at(0), one: at(1), r2: at(3), r3: at(5), other_r: at(7), other_r2: at(8), scale: at(9) }
    }
}

/// Assembles the text of a shader for a shape.
pub(crate) fn source(shader: &Shader, shape: Shape) -> String {
    let at = Offsets::new(shape.words);
    let mut text = String::new();
    let numbers = [
        ("N", shape.words),
        ("LANES", shape.lanes),
        ("L", shape.words_a_lane()),
        ("ROOM", shape.room()),
        ("GROUP", WORKGROUP_SIZE),
        ("NUMBERS", shape.numbers_per_group()),
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
        include_str!("../../../../shaders/shared/mac_u64.wgsl")
    } else {
        include_str!("../../../../shaders/shared/mac_u32.wgsl")
    };
    let lanes = if shape.lanes == 1 {
        include_str!("../../../../shaders/shared/one_lane.wgsl")
    } else {
        include_str!("../../../../shaders/shared/many_lanes.wgsl")
    };
    let parts = [
        include_str!("../../../../shaders/shared/bindings.wgsl"),
        mac,
        lanes,
        include_str!("../../../../shaders/shared/arithmetic.wgsl"),
        include_str!("../../../../shaders/shared/rows.wgsl"),
        shader.text,
    ];
    for part in parts {
        text += &unroll(part, shape);
    }
    text
}

const MARK: &str = "// unroll";
const ROW_MARK: &str = "// unroll row";

/// Unrolls the marked loops over a lane's words: completely, or a few words at a time if there are many. Some drivers
/// keep arrays in slow memory if a loop variable indexes them.
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
    use crate::paillier::kernels::SHADERS;
    use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

    #[test]
    fn every_shader_of_every_shape_is_valid() {
        for words in [16, 32, 48, 64, 96, 128, 192, 256] {
            for lanes in [1, 2, 4, 8, 16, 32] {
                if words % lanes != 0 {
                    continue;
                }
                for (wide, software) in [(false, false), (false, true), (true, false), (true, true)] {
                    let shape = Shape { words, lanes, wide, software };
                    for shader in SHADERS {
                        let text = source(shader, shape);
                        assert!(!text.contains(MARK), "{}: a loop was not unrolled", shader.name);
                        let module = wgpu::naga::front::wgsl::parse_str(&text).unwrap_or_else(|error| {
                            panic!("{}, {shape:?}: {}", shader.name, error.emit_to_string(&text))
                        });
                        let mut needed = Capabilities::empty();
                        if lanes > 1 {
                            needed |= Capabilities::SHADER_INT64 | Capabilities::SUBGROUP;
                        } else if wide {
                            needed |= Capabilities::SHADER_INT64;
                        }
                        Validator::new(ValidationFlags::all(), needed).validate(&module).unwrap_or_else(|error| {
                            panic!("{}, {shape:?}: {}", shader.name, error.emit_to_string(&text))
                        });
                    }
                }
            }
        }
    }
}
