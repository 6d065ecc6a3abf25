//! `key_switch` on a GPU: everything except for the division by the special prime.

use super::{MOST_DIGITS, SwitchingKey, sums_on_cpu};
use crate::device::cpu::Cpu;
use crate::device::gpu::GpuFailure;
use crate::device::gpu::buffer::{Buffer, Secrecy};
use crate::device::gpu::engine::{Engine, word};
use crate::device::gpu::readback::{Readback, copy};
use crate::device::gpu::shader::{Run, Shader};
use crate::device::offload::kernel::{Kernel, Launch};
use crate::device::offload::known_answer::are_same;
use crate::error::Error;
use crate::ring::basis::Basis;
use crate::ring::kernels::gpu::transform::{self, DEGREES};
use crate::ring::kernels::gpu::{check, sums};
use crate::ring::kernels::{ntt_inverse, samples};
use crate::ring::modulus::low;
use crate::ring::ntt::Ntt;
use crate::ring::primes::ntt_primes;
use crate::rlwe::key_switch::check::Pullback;
use std::ops::Range;
use std::sync::Arc;

/// The digits of polynomials, as values in each ring.
pub(crate) const DIGITS: Shader = Shader {
    name: "key_digits",
    parts: &[
        include_str!("../../../shaders/ring/transform.wgsl"),
        include_str!("../../../shaders/ring/residues.wgsl"),
        include_str!("../../../shaders/rlwe/key_digits.wgsl"),
        include_str!("../../../shaders/ring/ntt_forward.wgsl"),
    ],
};

/// The sums of their products with the key.
pub(crate) const PRODUCTS: Shader = Shader {
    name: "key_products",
    parts: &[
        include_str!("../../../shaders/ring/residues.wgsl"),
        include_str!("../../../shaders/ring/sums.wgsl"),
        include_str!("../../../shaders/rlwe/key_products.wgsl"),
    ],
};

/// Invocations of a workgroup of [`PRODUCTS`], which compute four values each.
const GROUP: usize = 64;
/// The polynomials of a known answer.
const KNOWN: usize = 5;

/// For each polynomial, P times b and a, modulo all primes.
pub(crate) struct KeySwitch<'a> {
    basis: &'a Basis,
    key: &'a SwitchingKey,
    polynomials: &'a [u32],
}

/// What all rounds need.
pub(crate) struct DeviceKey {
    forward: Buffer,
    inverse: Buffer,
    moduli: Buffer,
    key: Buffer,
}

impl<'a> KeySwitch<'a> {
    pub(crate) fn new(basis: &'a Basis, key: &'a SwitchingKey, polynomials: &'a [u32]) -> Self {
        Self { basis, key, polynomials }
    }

    fn primes(&self) -> usize {
        self.basis.rings().len()
    }

    fn digits(&self) -> usize {
        self.primes() - 1
    }

    fn rows_of(&self, rows: Range<usize>) -> &'a [u32] {
        let width = self.digits() * self.size();
        self.polynomials.get(rows.start * width..rows.end * width).unwrap_or_default()
    }

    /// Transforms of the digits of a row.
    fn transforms(&self) -> usize {
        self.primes() * self.digits()
    }
}

impl Kernel for KeySwitch<'_> {
    const NAME: &'static str = "key_switch";
    type Element = u32;
    type Prepared = DeviceKey;

    fn size(&self) -> usize {
        self.basis.degree()
    }

    fn length(&self) -> usize {
        self.transforms()
    }

    fn suits_gpus(&self) -> bool {
        DEGREES.contains(&self.size()) && (1..=MOST_DIGITS).contains(&self.digits())
    }

    fn rows(&self) -> usize {
        self.polynomials.len() / (self.digits() * self.size()).max(1)
    }

    fn width(&self) -> usize {
        2 * self.primes() * self.size()
    }

    fn compute(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &mut [u32]) {
        sums_on_cpu(cpu, self.basis, self.key, self.rows_of(rows), out);
    }

    fn holds(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &[u32]) -> Result<bool, Error> {
        if !check::are_canonical(self.basis.rings(), 0, out) {
            return Ok(false);
        }
        Pullback::new(cpu, self.basis, self.key)?.holds(cpu, self.rows_of(rows), out)
    }

    fn prepare(&self, engine: &Arc<Engine>) -> Result<DeviceKey, GpuFailure> {
        let rings = self.basis.rings();
        let moduli: Vec<u32> = rings.iter().flat_map(|ring| sums::constants(ring.modulus())).collect();
        Ok(DeviceKey {
            forward: transform::upload_constants(engine, rings, Ntt::forward_factors)?,
            inverse: transform::upload_constants(engine, rings, Ntt::inverse_factors)?,
            moduli: engine.upload(&moduli, Secrecy::Public)?,
            key: engine.upload(&self.key.words, Secrecy::Public)?,
        })
    }

    fn round(&self, engine: &Engine, _: &mut DeviceKey, _: usize, most: usize) -> usize {
        // The digits are the largest buffer, unless there is only one.
        let transforms = self.transforms().max(2 * self.primes());
        let fit = engine.most_bytes() / (4 * transforms * self.size()).max(1) as u64;
        let fit = usize::try_from(fit.min(u64::from(engine.most_workgroups()) / transforms as u64));
        let affordable = engine.budget.pieces(transforms as u64 * transform::macs(self.size()));
        fit.unwrap_or(usize::MAX).min(affordable).min(most)
    }

    fn launch(&self, engine: &Engine, device: &mut DeviceKey, rows: Range<usize>) -> Result<Launch, GpuFailure> {
        let (count, degree, primes) = (rows.len(), self.size(), self.primes());
        let input = engine.upload(self.rows_of(rows), Secrecy::Public)?;
        let digits = engine.buffer(4 * count * self.transforms() * degree, Secrecy::Public)?;
        let [values, output] = [(); 2].map(|()| engine.buffer(4 * count * self.width(), Secrecy::Public));
        let (values, output) = (values?, output?);
        let run = |shader: &Shader, params: [u32; 2], buffers: &[&Buffer], workgroups: usize, macs: u64| {
            let (variant, header) = ([word(degree), 0, 0], || transform::header(degree));
            shader
                .run(engine, &Run { variant, header: &header, params, buffers, workgroups: word(workgroups), macs })?;
            Ok::<u64, GpuFailure>(macs)
        };
        let transforms = |number: usize| (count * number) as u64 * transform::macs(degree);
        let rings = [0, word(primes)];
        let groups = count * self.transforms();
        let mut macs = run(&DIGITS, rings, &[&device.forward, &input, &digits], groups, transforms(self.transforms()))?;
        let quarters = count * primes * degree / 4;
        macs += run(
            &PRODUCTS,
            [word(self.digits()), word(quarters)],
            &[&device.moduli, &device.key, &digits, &values],
            quarters.div_ceil(GROUP),
            (8 * quarters * self.digits()) as u64,
        )?;
        let inverse = &ntt_inverse::gpu::SHADER;
        let groups = count * 2 * primes;
        macs += run(inverse, rings, &[&device.inverse, &values, &output], groups, transforms(2 * primes))?;
        let readback = Readback::start(engine, &output, count, 4 * self.width(), Secrecy::Public)?;
        Ok(Launch { readback, macs: Some(macs) })
    }

    fn read(&self, bytes: &[u8], out: &mut [u32]) {
        copy(bytes, out);
    }

    /// A key and polynomials of the greatest residues, and of random ones.
    fn known_answer(degree: usize, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure> {
        let primes = [ntt_primes(30, degree, 2), ntt_primes(20, degree, 1)].concat();
        let primes: Vec<u32> = primes.into_iter().map(low).collect();
        let basis = Basis::new(&primes, degree);
        let digits = primes.len() - 1;
        // The halves for each digit and prime.
        let words = samples::polynomials(basis.rings(), 1, 2 * digits * primes.len());
        let key = SwitchingKey { words: halves_last(&words, primes.len() * degree, degree) };
        let polynomials = samples::polynomials(&basis.rings()[..digits], 1, KNOWN * digits);
        are_same(&KeySwitch::new(&basis, &key, &polynomials), engine, cpu)
    }
}

/// Brings words \[digit\]\[half\]\[prime\] into the order of a key: \[digit\]\[prime\]\[half\].
fn halves_last(words: &[u32], half: usize, degree: usize) -> Vec<u32> {
    let of_digit = |words: &[u32]| -> Vec<u32> {
        let (b, a) = words.split_at(half);
        b.chunks_exact(degree).zip(a.chunks_exact(degree)).flat_map(|(b, a)| [b, a].concat()).collect()
    };
    words.chunks_exact(2 * half).flat_map(of_digit).collect()
}

/// The text of the shaders for each degree, with a name.
#[cfg(any(test, feature = "hazmat"))]
pub(crate) fn sources() -> Vec<(String, String)> {
    [DIGITS, PRODUCTS].iter().flat_map(transform::sources).collect()
}
