//! Both transforms on GPUs: one workgroup per polynomial, 16 values per invocation (two times 16 for 8,192
//! coefficients).

use super::check;
use crate::device::cpu::Cpu;
use crate::device::gpu::GpuFailure;
use crate::device::gpu::buffer::{Buffer, Secrecy};
use crate::device::gpu::engine::{Engine, word};
use crate::device::gpu::readback::{Readback, copy};
use crate::device::gpu::shader::{Run, Shader};
use crate::device::offload::kernel::{Kernel, Launch};
use crate::device::offload::known_answer::are_same;
use crate::error::Error;
use crate::ring::kernels::samples;
use crate::ring::modulus::Multiplier;
use crate::ring::ntt::Ntt;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

/// The degrees that the shaders support.
pub(crate) const DEGREES: [usize; 3] = [2048, 4096, 8192];
/// The most values in workgroup memory: 16 KiB, which every device has.
const MOST_POINTS: usize = 4096;
/// Multiply-adds of a butterfly: the upper word of a product, and two lower words.
const BUTTERFLY: u64 = 3;
/// The polynomials of a known answer.
const KNOWN: usize = 9;

/// What differs between the transforms.
pub(crate) trait Direction: Sync {
    const SHADER: &'static Shader;

    /// Inputs are less than this times q.
    const LAZINESS: u32;

    /// The factors of the levels.
    fn factors(ring: &Ntt) -> &[Multiplier];

    /// Computes a batch whose first polynomial belongs to ring `first` modulo the number of rings.
    fn on_cpu(cpu: &Cpu, rings: &[Ntt], first: usize, input: &[u32], out: &mut [u32]);

    /// Returns the coefficients and the values.
    fn sides<'s>(input: &'s [u32], out: &'s [u32]) -> [&'s [u32]; 2];
}

/// A batch of transforms. Polynomial i belongs to ring i modulo the number of rings.
pub(crate) struct Transform<'a, D> {
    rings: &'a [Ntt],
    input: &'a [u32],
    direction: PhantomData<fn() -> D>,
}

impl<'a, D: Direction> Transform<'a, D> {
    pub(crate) fn new(rings: &'a [Ntt], input: &'a [u32]) -> Self {
        Self { rings, input, direction: PhantomData }
    }

    fn rows_of(&self, rows: Range<usize>) -> &'a [u32] {
        self.input.get(rows.start * self.size()..rows.end * self.size()).unwrap_or_default()
    }
}

impl<D: Direction> Kernel for Transform<'_, D> {
    const NAME: &'static str = D::SHADER.name;
    type Element = u32;
    type Prepared = Buffer;

    fn size(&self) -> usize {
        self.rings.first().map_or(0, Ntt::degree)
    }

    fn suits_gpus(&self) -> bool {
        DEGREES.contains(&self.size())
    }

    fn rows(&self) -> usize {
        self.input.len() / self.size().max(1)
    }

    fn width(&self) -> usize {
        self.size()
    }

    fn compute(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &mut [u32]) {
        D::on_cpu(cpu, self.rings, rows.start, self.rows_of(rows), out);
    }

    fn holds(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &[u32]) -> Result<bool, Error> {
        let [coefficients, values] = D::sides(self.rows_of(rows.clone()), out);
        let holds = check::are_canonical(self.rings, rows.start, out)
            && check::transforms_hold(cpu, self.rings, rows.start, coefficients, values)?;
        Ok(holds)
    }

    fn prepare(&self, engine: &Arc<Engine>) -> Result<Buffer, GpuFailure> {
        upload_constants(engine, self.rings, D::factors)
    }

    fn round(&self, engine: &Engine, _: &mut Buffer, _: usize, most: usize) -> usize {
        let fit = engine.most_bytes() / (4 * self.size().max(1)) as u64;
        let fit = usize::try_from(fit.min(engine.most_workgroups().into())).unwrap_or(usize::MAX);
        fit.min(engine.budget.pieces(macs(self.size()))).min(most)
    }

    fn launch(&self, engine: &Engine, constants: &mut Buffer, rows: Range<usize>) -> Result<Launch, GpuFailure> {
        let macs = rows.len() as u64 * macs(self.size());
        let input = engine.upload(self.rows_of(rows.clone()), Secrecy::Public)?;
        let output = engine.buffer(4 * self.size() * rows.len(), Secrecy::Public)?;
        D::SHADER.run(
            engine,
            &Run {
                variant: [word(self.size()), 0, 0],
                header: &|| header(self.size()),
                params: [word(rows.start % self.rings.len()), word(self.rings.len())],
                buffers: &[constants, &input, &output],
                workgroups: word(rows.len()),
                macs,
            },
        )?;
        let readback = Readback::start(engine, &output, rows.len(), 4 * self.size(), Secrecy::Public)?;
        Ok(Launch { readback, macs: Some(macs) })
    }

    fn read(&self, bytes: &[u8], out: &mut [u32]) {
        copy(bytes, out);
    }

    fn known_answer(degree: usize, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure> {
        let rings = samples::rings(degree);
        let input = samples::polynomials(&rings, D::LAZINESS, KNOWN);
        are_same(&Transform::<D>::new(&rings, &input), engine, cpu)
    }
}

/// Uploads the constants of rings for a direction.
pub(crate) fn upload_constants(
    engine: &Engine,
    rings: &[Ntt],
    factors: fn(&Ntt) -> &[Multiplier],
) -> Result<Buffer, GpuFailure> {
    let mut constants = Vec::new();
    for ring in rings {
        constants.push(Multiplier { value: ring.modulus().value(), quotient: 0 });
        constants.extend(ring.scale());
        constants.push(Multiplier::default());
        constants.extend_from_slice(factors(ring));
    }
    engine.upload(&constants, Secrecy::Public)
}

/// Multiply-adds of a transform.
pub(crate) fn macs(degree: usize) -> u64 {
    (degree / 2) as u64 * u64::from(degree.max(1).ilog2()) * BUTTERFLY
}

/// The header of the shaders for a degree.
pub(crate) fn header(degree: usize) -> String {
    let points = degree.clamp(1, MOST_POINTS);
    format!("const N: u32 = {degree}u;\nconst POINTS: u32 = {points}u;\nconst LEVELS: u32 = {}u;\n", points.ilog2())
}

/// The text of a shader for each degree, with a name.
#[cfg(any(test, feature = "hazmat"))]
pub(crate) fn sources(shader: &Shader) -> Vec<(String, String)> {
    DEGREES.map(|degree| (format!("{}.{degree}", shader.name), shader.source(&header(degree)))).to_vec()
}
