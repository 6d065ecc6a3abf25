//! Which kernels are compiled, and for which shapes.

use hushvec::hazmat::{Cooperation, SHADERS, Shader, Shape};

/// Words of 32 bits of the moduli: primes and moduli of keys from 1024 to 4096 bits.
pub const WORDS: [u32; 4] = [32, 64, 96, 128];
/// Smallest subgroups of devices, in invocations: Metal says 4, Intel and Mesa's software driver 8, Arm and some Intel 16, NVIDIA
/// and AMD 32. They decide how many lanes a number gets.
const SUBGROUPS: [u32; 4] = [4, 8, 16, 32];
/// Bytes of workgroup memory, the least of these devices.
const WORKGROUP_BYTES: u32 = 32 << 10;

/// A kernel to compile.
pub struct Job {
    pub family: String,
    pub shader: &'static Shader,
    pub shape: Shape,
}

impl Job {
    pub fn name(&self) -> String {
        format!("{}.{}.{}", self.family, self.shader.name(), name(self.shape))
    }
}

/// Words of the modulus and lanes a number.
pub fn name(shape: Shape) -> String {
    format!("{}x{}", shape.words, shape.lanes)
}

/// The shapes that hardware gets by default, of the cooperative family and of the portable one.
fn shapes(words: u32) -> Vec<Shape> {
    let limits = SUBGROUPS.map(|lanes| Some(Cooperation { lanes, workgroup_bytes: WORKGROUP_BYTES }));
    let mut shapes: Vec<Shape> =
        limits.into_iter().chain([None]).map(|limits| Shape::on(limits, false, words)).collect();
    shapes.sort_by_key(|shape| shape.lanes);
    shapes.dedup();
    shapes
}

/// All kernels if `kernels` is empty.
pub fn jobs(families: &[String], kernels: &[String], words: &[u32]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for family in families {
        for shader in
            SHADERS.iter().filter(|shader| kernels.is_empty() || kernels.iter().any(|name| name == shader.name()))
        {
            for shape in words.iter().flat_map(|words| shapes(*words)) {
                jobs.push(Job { family: family.clone(), shader, shape });
            }
        }
    }
    jobs
}
