//! The kernels and shapes to compile.

use hushvec::hazmat::{Cooperation, SHADERS, Shape, lattice_shaders};

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
    pub kernel: String,
    /// The size and the division of the work, as text.
    pub size: String,
    pub source: String,
    pub work: Work,
}

/// What an invocation computes.
#[derive(Clone, Copy)]
pub enum Work {
    /// Rows of words, with numbers of this shape.
    Rows(Shape),
    /// This many butterflies, without a loop.
    Butterflies(u32),
    /// This many products in a pass of the longest loop, with few reductions.
    ScanProducts(u32),
    /// This many products in a pass of the longest loop, each with a reduction.
    KeyProducts(u32),
}

impl Job {
    pub fn name(&self) -> String {
        format!("{}.{}.{}", self.family, self.kernel, self.size)
    }
}

/// Formats a shape as the words of the modulus and the lanes per number.
fn name(shape: Shape) -> String {
    format!("{}x{}", shape.words, shape.lanes)
}

/// Returns what an invocation of a lattice kernel computes. `size` is the degree of the ring, or the blocks of a scan.
fn lattice_work(kernel: &str, size: u32) -> Work {
    match kernel {
        // Both sums of four polynomials.
        "packed_scan" => Work::ScanProducts(2 * 4 * size),
        // Both halves of four values.
        "key_products" => Work::KeyProducts(2 * 4),
        // An invocation has 16 values, or twice as many for 8,192 coefficients.
        _ => Work::Butterflies(if size > 4096 { 16 } else { 8 } * size.ilog2()),
    }
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
    let is_wanted = |kernel: &str| kernels.is_empty() || kernels.iter().any(|name| name == kernel);
    for family in families {
        for shader in SHADERS.iter().filter(|shader| is_wanted(shader.name())) {
            for shape in words.iter().flat_map(|words| shapes(*words)) {
                jobs.push(Job {
                    family: family.clone(),
                    kernel: shader.name().to_owned(),
                    size: name(shape),
                    source: shader.source(shape),
                    work: Work::Rows(shape),
                });
            }
        }
        for (name, source) in lattice_shaders() {
            let Some((kernel, size)) = name.split_once('.').filter(|(kernel, _)| is_wanted(kernel)) else { continue };
            let work = lattice_work(kernel, size.parse().unwrap());
            jobs.push(Job { family: family.clone(), kernel: kernel.to_owned(), size: size.to_owned(), source, work });
        }
    }
    jobs
}
