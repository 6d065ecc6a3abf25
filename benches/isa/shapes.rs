//! The kernels and shapes to compile.

use hushvec::hazmat::{Cooperation, SHADERS, Shader, Shape};

/// Sizes of moduli in 32-bit words: primes and moduli of keys, from 1024 to 4096 bits.
pub const WORDS: [u32; 4] = [32, 64, 96, 128];
/// Minimum subgroup sizes of devices in invocations: 4 on Metal, 8 on Intel and Mesa's software driver, 16 on Arm and
/// some Intel GPUs, 32 on NVIDIA and AMD. They determine the number of lanes per number.
const SUBGROUPS: [u32; 4] = [4, 8, 16, 32];
/// Bytes of workgroup memory: the minimum of these devices.
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

/// Formats a shape as the words of the modulus and the lanes per number.
pub fn name(shape: Shape) -> String {
    format!("{}x{}", shape.words, shape.lanes)
}

/// Returns the default shapes on hardware, of the cooperative and of the portable family.
fn shapes(words: u32) -> Vec<Shape> {
    let limits = SUBGROUPS.map(|lanes| Some(Cooperation { lanes, workgroup_bytes: WORKGROUP_BYTES }));
    let mut shapes: Vec<Shape> =
        limits.into_iter().chain([None]).map(|limits| Shape::on(limits, false, words)).collect();
    shapes.sort_by_key(|shape| shape.lanes);
    shapes.dedup();
    shapes
}

/// Returns the jobs for these families, kernels (all if empty) and sizes.
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
