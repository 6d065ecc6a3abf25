//! `multi_exp`: multi-exponentiation. Each output is the product of all inputs, each raised to its weight.
//!
//! `multi_exp::plan` lists the products to compute, in rounds. Each product of a round takes one lane, whichever
//! inputs, windows and outputs it belongs to. So the lanes are full for every shape of weights.

pub(super) mod plan;
pub(super) mod sides;

#[cfg(feature = "hazmat")]
use super::samples::{self, Sample, Sampler};
use super::weights::Weights;
use crate::bignum::batch::Rows;
use crate::bignum::modulus::Modulus;
use crate::device::cpu::Cpu;
use crate::device::open_device::OpenDevice;
#[cfg(feature = "hazmat")]
use crate::error::Error;
use sides::{multi_exp_sides_vartime, quotients_vartime};

/// Computes, for each row of weights, the product of all inputs, each raised to its weight, modulo m². The product is
/// 0 if a negative weight belongs to an input that has no inverse. `inputs` and `out` are pairs. The time depends on
/// the weights.
pub fn multi_exp_vartime(device: &OpenDevice, modulus: &Modulus, inputs: Rows<'_>, weights: &Weights, out: &mut [u64]) {
    #[cfg(feature = "gpu")]
    if let Some(offloaded) = device.gpu() {
        let kernel = gpu::MultiExpSides { modulus, inputs, weights };
        if kernel.is_worth_it(&offloaded.gpu().engine) {
            let mut sides = vec![0; weights.sides() * inputs.width()];
            offloaded.run(&kernel, &mut sides);
            return quotients_vartime(device.cpu(), modulus, weights, Rows::new(&sides, inputs.width()), out);
        }
    }
    on_cpu(device.cpu(), modulus, inputs, weights, out);
}

/// Runs [`multi_exp_vartime`] on the GPU for any shape, without checking the results; `None` on the CPU.
#[cfg(all(feature = "gpu", feature = "hazmat"))]
pub fn multi_exp_on_gpu(
    device: &OpenDevice,
    modulus: &Modulus,
    inputs: Rows<'_>,
    weights: &Weights,
    out: &mut [u64],
) -> Option<Result<(), String>> {
    let mut sides = vec![0; weights.sides() * inputs.width()];
    let outcome = device.gpu()?.run_unchecked(&gpu::MultiExpSides { modulus, inputs, weights }, &mut sides);
    quotients_vartime(device.cpu(), modulus, weights, Rows::new(&sides, inputs.width()), out);
    Some(outcome)
}

fn on_cpu(cpu: &Cpu, modulus: &Modulus, inputs: Rows<'_>, weights: &Weights, out: &mut [u64]) {
    let width = 2 * modulus.width();
    let mut sides = vec![0; weights.sides() * width];
    multi_exp_sides_vartime(cpu, modulus, inputs, weights, 0..weights.sides(), &mut sides);
    quotients_vartime(cpu, modulus, weights, Rows::new(&sides, width), out);
}

/// Rows are signed weights of 8 bits: of one output with 784 inputs, or of ten.
#[cfg(feature = "hazmat")]
pub(super) const SAMPLER: Sampler = Sampler { name: "multi_exp", batches: &[784, 7840], make: sample };

#[cfg(feature = "hazmat")]
fn sample(bits: usize, rows: usize) -> Result<Sample, Error> {
    const INPUTS: usize = 784;
    let inputs = rows.min(INPUTS);
    // The first two pairs are skipped: they are extremes, which may have no inverse.
    let (modulus, pairs) = samples::pairs(bits, inputs + 2)?;
    let width = 2 * modulus.width();
    let integers: Vec<i64> =
        samples::numbers(64, rows).into_iter().map(|limb| i64::from(limb.to_le_bytes()[0].cast_signed())).collect();
    let weights = Weights::from_integers(inputs, &integers);
    Ok(Sample::new(weights.outputs() * width, move |device, out| {
        multi_exp_vartime(device, &modulus, Rows::new(&pairs[2 * width..], width), &weights, out);
    }))
}

/// The kernel on a GPU, and the check of its results.
#[cfg(feature = "gpu")]
pub(super) mod gpu {
    use crate::bignum::batch::Rows;
    use crate::bignum::modulus::Modulus;
    use crate::device::cpu::Cpu;
    use crate::device::gpu::GpuFailure;
    use crate::device::gpu::buffer::Secrecy;
    use crate::device::gpu::engine::{Engine, word};
    use crate::device::gpu::readback::{Readback, copy};
    use crate::device::offload::kernel::{Kernel, Launch};
    use crate::error::Error;
    use crate::paillier::kernels::gpu::ROWS;
    use crate::paillier::kernels::gpu::batch_check;
    use crate::paillier::kernels::gpu::constants::DeviceModulus;
    use crate::paillier::kernels::gpu::shader::{Bindings, Shader};
    use crate::paillier::kernels::gpu::suits_gpus;
    use crate::paillier::kernels::multi_exp::plan::{Part, Parts, inputs_at_once};
    use crate::paillier::kernels::pair_mul::gpu::agree;
    use crate::paillier::kernels::samples;
    use crate::paillier::kernels::weights::Weights;
    use bytemuck::{Pod, Zeroable};
    use std::ops::Range;
    use std::sync::Arc;

    pub(crate) const SHADER: Shader =
        Shader { name: "multi_exp", text: include_str!("../../../shaders/paillier/multi_exp.wgsl") };

    /// The slot of R², by which a product converts a number to Montgomery form.
    const TO_MONT: u32 = 0;
    /// The slot of 1 in Montgomery form, R.
    const ONE: u32 = 1;
    /// The slot of 1, by which a product converts a number from Montgomery form.
    const FROM_MONT: u32 = 2;
    const _: () = assert!(Part::GIVEN == 3);

    /// The parameters of a dispatch, as in the shader's `Params`.
    #[derive(Clone, Copy, Pod, Zeroable)]
    #[repr(C)]
    struct Params {
        first: u32,
        to: u32,
        is_last: u32,
    }

    /// The sides of each output, modulo m²: the product for its positive weights, then the product for its negative
    /// weights.
    pub(crate) struct MultiExpSides<'a> {
        pub(crate) modulus: &'a Modulus,
        pub(crate) inputs: Rows<'a>,
        pub(crate) weights: &'a Weights,
    }

    /// A modulus on a device, and the parts of the job. Each part is a round.
    pub(crate) struct DeviceParts<'a> {
        modulus: DeviceModulus,
        /// The content of the first slots of each part: constants and inputs.
        given: Vec<u64>,
        parts: Parts<'a>,
        next: Option<Part>,
    }

    impl MultiExpSides<'_> {
        /// Returns whether the device has room for the inputs, and the CPU takes much less time to check than to
        /// compute.
        pub(crate) fn is_worth_it(&self, engine: &Engine) -> bool {
            let most = inputs_at_once(self.weights, most_slots(engine, self.width())) / 2;
            self.weights.outputs() > 0
                && self.inputs.len() <= most
                && batch_check::multi_exp_sides_are_worth_checking(self.inputs.len(), self.weights)
        }
    }

    /// Returns how many slots a part may have, so that they fit into a buffer.
    fn most_slots(engine: &Engine, width: usize) -> usize {
        usize::try_from(engine.most_bytes() / (8 * width as u64)).unwrap_or(usize::MAX) / 2
    }

    impl<'a> Kernel for MultiExpSides<'a> {
        const NAME: &'static str = SHADER.name;
        type Element = u64;
        type Prepared = DeviceParts<'a>;

        fn size(&self) -> usize {
            self.modulus.bits()
        }

        fn length(&self) -> usize {
            self.weights.bits() * self.inputs.len()
        }

        fn suits_gpus(&self) -> bool {
            suits_gpus(self.modulus)
        }

        fn rows(&self) -> usize {
            self.weights.sides()
        }

        fn width(&self) -> usize {
            2 * self.modulus.width()
        }

        fn compute(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &mut [u64]) {
            super::multi_exp_sides_vartime(cpu, self.modulus, self.inputs, self.weights, rows, out);
        }

        fn holds(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &[u64]) -> Result<bool, Error> {
            let out = Rows::new(out, self.width());
            batch_check::multi_exp_sides_hold(cpu, self.modulus, self.inputs, self.weights, rows, out)
        }

        fn prepare(&self, engine: &Arc<Engine>) -> Result<DeviceParts<'a>, GpuFailure> {
            let width = self.width();
            let [radix, square, _] = &self.modulus.word_form().radix_powers;
            let mut given = [square.as_slice(), radix, &vec![0; width], self.inputs.limbs()].concat();
            given[FROM_MONT as usize * width] = 1;
            let most = most_slots(engine, width);
            let parts = Parts::new(self.weights, 0..self.weights.sides(), self.inputs.len(), most);
            Ok(DeviceParts { modulus: DeviceModulus::new(engine, self.modulus)?, given, parts, next: None })
        }

        /// Returns the rows of the next part of the job. The part is a round, whatever its number of rows.
        fn round(&self, _: &Engine, device: &mut DeviceParts<'a>, _: usize, _: usize) -> usize {
            device.next = device.parts.next();
            device.next.as_ref().map_or(0, |part| part.sides.len())
        }

        fn launch(
            &self,
            engine: &Engine,
            device: &mut DeviceParts<'a>,
            rows: Range<usize>,
        ) -> Result<Launch, GpuFailure> {
            let (width, rows) = (self.width(), rows.len());
            let part =
                device.next.take().filter(|part| part.sides.len() == rows && part.inputs.len() == self.inputs.len());
            let part = part.ok_or(GpuFailure::Memory(8 * device.given.len() as u64))?;
            let factors = Factors::new(&part);
            let second = engine.upload(&factors.limbs, Secrecy::Public)?;
            let slots = engine.buffer(8 * width * part.slots(), Secrecy::Public)?;
            engine.write(&slots, &device.given);
            let output = engine.buffer(8 * width * rows, Secrecy::Public)?;
            let on = Bindings { input: None, second: Some(&second), output: Some(&output), state: Some(&slots) };
            factors.rounds.iter().try_for_each(|round| round.dispatch(engine, &device.modulus, on))?;
            let readback = Readback::start(engine, &output, rows, 8 * width, Secrecy::Public)?;
            Ok(Launch { readback, macs: Some(device.modulus.shape.macs(factors.limbs.len(), 1)) })
        }

        fn read(&self, bytes: &[u8], out: &mut [u64]) {
            copy(bytes, out);
        }

        fn known_answer(bits: usize, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure> {
            let (modulus, pairs) = samples::pairs(bits, ROWS)?;
            let inputs = Rows::new(&pairs, 2 * modulus.width());
            let integers: Vec<i64> = (0..3 * ROWS as i64).map(|i| (i * 0x9e37 + 5) % 101 - 50).collect();
            let weights = Weights::from_integers(ROWS, &integers);
            agree(&MultiExpSides { modulus: &modulus, inputs, weights: &weights }, engine, cpu)
        }
    }

    /// The factors of all products of a part, as slots, and their rounds: the conversion of the inputs to Montgomery
    /// form, the rounds of the part, and the conversion of the results from Montgomery form.
    struct Factors {
        limbs: Vec<u64>,
        rounds: Vec<Round>,
    }

    /// Products that do not depend on each other.
    struct Round {
        first: usize,
        length: usize,
        /// The slot of the first product; `None` is the first row of the output.
        to: Option<usize>,
    }

    impl Factors {
        fn new(part: &Part) -> Self {
            let mut factors = Self { limbs: Vec::new(), rounds: Vec::new() };
            let inputs = Part::GIVEN..Part::GIVEN + part.inputs.len();
            factors.push(inputs.clone().map(|slot| [word(slot), TO_MONT]), Some(inputs.start));
            let (mut left, mut to) = (part.rounds.factors.as_slice(), inputs.end);
            for length in &part.rounds.lengths {
                let (round, rest) = left.split_at(*length);
                factors.push(round.iter().copied(), Some(to));
                (left, to) = (rest, to + length);
            }
            factors.push(part.results.iter().map(|slot| [slot.unwrap_or(ONE), FROM_MONT]), None);
            factors
        }

        fn push(&mut self, factors: impl Iterator<Item = [u32; 2]>, to: Option<usize>) {
            let first = self.limbs.len();
            self.limbs.extend(factors.map(|[x, y]| u64::from(x) | u64::from(y) << 32));
            self.rounds.push(Round { first, length: self.limbs.len() - first, to });
        }
    }

    impl Round {
        fn dispatch(&self, engine: &Engine, modulus: &DeviceModulus, on: Bindings<'_>) -> Result<(), GpuFailure> {
            let shape = modulus.shape;
            let most = shape.most_rows(engine).min(shape.affordable_rows(&engine.budget, 1));
            for done in (0..self.length).step_by(most) {
                let rows = most.min(self.length - done);
                let to = self.to.unwrap_or(0) + done;
                let params = Params { first: word(self.first + done), to: word(to), is_last: self.to.is_none().into() };
                SHADER.dispatch(engine, modulus, rows, 1, params, on)?;
            }
            Ok(())
        }
    }
}
