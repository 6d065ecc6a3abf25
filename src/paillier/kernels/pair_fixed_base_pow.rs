//! `pair_fixed_base_pow`: raises one base to many powers, with window tables.

use super::fixed_base::FixedBase;
#[cfg(feature = "hazmat")]
use super::samples::{self, Sample, Sampler};
use crate::bignum::batch::Rows;
use crate::bignum::lanes::{Lanes, Line, WINDOW_BITS};
use crate::bignum::modulus::Modulus;
use crate::bignum::window;
use crate::bignum::with_lanes::with_lanes;
use crate::device::cpu::{Cpu, Run};
use crate::device::isa::Isa;
use crate::device::open_device::OpenDevice;
#[cfg(feature = "hazmat")]
use crate::error::Error;
use std::convert::Infallible;
#[cfg(feature = "hazmat")]
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// Exponents that share one pass over the tables. They are enough to share the cost of reading a table from memory,
/// and few enough for their accumulators to stay in the cache.
const ROWS_PER_PASS: Run = Run::new(32, 128);

/// The powers of a base for all windows of an exponent: entry d of window i is base^(d·2^(6·i)), in Montgomery form
/// (Brickell, Gordon, McCurley and Wilson, "Fast exponentiation with precomputation", Eurocrypt '92).
///
/// All entries of a window are read, so a wider window costs reading time as well as memory. `docs/performance.md`
/// compares the widths.
struct WindowTable {
    isa: Isa,
    lines: Zeroizing<Vec<Line>>,
}

impl WindowTable {
    /// Computes a table for the arithmetic of this CPU.
    fn new(cpu: &Cpu, modulus: &Modulus, base: &[u64], exponent_bits: usize) -> Self {
        let windows = exponent_bits.div_ceil(WINDOW_BITS as usize).max(1);
        let lines = with_lanes!(cpu, modulus, m => fill(m, base, windows));
        Self { isa: cpu.isa(), lines }
    }
}

/// Computes the lines of a table. Each lane computes the entries of one window.
fn fill<A: Lanes>(m: &A, base: &[u64], windows: usize) -> Zeroizing<Vec<Line>> {
    let row = base.len();
    let mut steps = Zeroizing::new(vec![0; windows * row]);
    let mut step = m.to_mont(&m.broadcast_pair(base));
    for out in steps.chunks_exact_mut(row) {
        m.reduce_pair(&mut step);
        m.store_pair(&step, out);
        (0..WINDOW_BITS).for_each(|_| m.square_assign(&mut step));
    }
    // Allocated at its full length, because growing would leave copies of secrets in memory.
    let mut lines = Zeroizing::new(Vec::with_capacity(windows * A::LINES_A_WINDOW));
    for steps in steps.chunks(A::COUNT * row) {
        let step = m.load_pair(Rows::new(steps, row));
        let mut entries = Zeroizing::new(vec![0; steps.len() << WINDOW_BITS]);
        let mut entry = *m.one();
        for out in entries.chunks_exact_mut(steps.len()) {
            m.reduce_pair(&mut entry);
            m.store_pair(&entry, out);
            m.mul_assign(&mut entry, &step);
        }
        let mut window = Zeroizing::new(vec![0; row << WINDOW_BITS]);
        for lane in 0..steps.len() / row {
            let of_lane = entries.chunks_exact(row).skip(lane).step_by(steps.len() / row);
            window.chunks_exact_mut(row).zip(of_lane).for_each(|(to, from)| to.copy_from_slice(from));
            m.append_window(&mut lines, Rows::new(&window, row));
        }
    }
    lines
}

/// Raises one base to each exponent, modulo m², with the base's window tables.
///
/// `exponents` are rows of limbs, of which the lower `bits` bits are used, at most `base.exponent_bits()`. `out` are
/// pairs.
pub fn pair_fixed_base_pow(device: &OpenDevice, base: &FixedBase, bits: usize, exponents: Rows<'_>, out: &mut [u64]) {
    #[cfg(feature = "gpu")]
    if let Some(offloaded) = device.gpu() {
        return offloaded.run(&gpu::PairFixedBasePow { base, bits, exponents }, out);
    }
    on_cpu(device.cpu(), base, bits, exponents, out);
}

pub(super) fn on_cpu(cpu: &Cpu, base: &FixedBase, bits: usize, exponents: Rows<'_>, out: &mut [u64]) {
    let make = || Ok::<_, Infallible>(WindowTable::new(cpu, base.modulus(), base.base(), base.exponent_bits()));
    let Ok(table) = base.table(Isa::COUNT, |table: &WindowTable| table.isa == cpu.isa(), make);
    let bits = bits.min(base.exponent_bits());
    with_lanes!(cpu, base.modulus(), m => powers(cpu, m, &table, bits, exponents, out));
}

fn powers<A: Lanes>(cpu: &Cpu, m: &A, table: &WindowTable, bits: usize, exponents: Rows<'_>, out: &mut [u64]) {
    let width = 2 * m.width();
    cpu.for_each_run(out, width, ROWS_PER_PASS.of(A::COUNT), |first, out| {
        let exponents = exponents.slice(first..first + out.len() / width);
        let groups: Vec<Rows<'_>> =
            (0..exponents.len()).step_by(A::COUNT).map(|row| exponents.slice(row..row + A::COUNT)).collect();
        let mut powers = Zeroizing::new(vec![*m.one(); groups.len()]);
        let (mut digits, mut factor) = (Zeroizing::new(vec![0; A::COUNT]), *m.one());
        let windows = table.lines.chunks_exact(A::LINES_A_WINDOW).take(bits.div_ceil(WINDOW_BITS as usize));
        for (i, window) in windows.enumerate() {
            for (power, exponents) in powers.iter_mut().zip(&groups) {
                for (digit, exponent) in digits.iter_mut().zip(exponents.iter()) {
                    *digit = window::window(exponent, bits, i * WINDOW_BITS as usize, WINDOW_BITS);
                }
                if i == 0 {
                    m.look_up(window, &digits, power);
                } else {
                    m.look_up(window, &digits, &mut factor);
                    m.mul_assign(power, &factor);
                }
            }
        }
        factor.zeroize();
        for (power, out) in powers.iter().zip(out.chunks_mut(A::COUNT * width)) {
            m.store_pair(&m.from_mont(power), out);
        }
    });
}

/// Inputs with exponents of 512 bits.
#[cfg(feature = "hazmat")]
pub(super) const SAMPLER: Sampler = Sampler { name: "pair_fixed_base_pow", batches: &[1, 128], make: sample };

#[cfg(feature = "hazmat")]
fn sample(bits: usize, rows: usize) -> Result<Sample, Error> {
    const EXPONENT_BITS: usize = 512;
    let (modulus, pairs) = samples::pairs(bits, 3)?;
    let width = 2 * modulus.width();
    let base = FixedBase::new(Arc::new(modulus), &pairs[2 * width..], EXPONENT_BITS);
    let exponents = samples::numbers(EXPONENT_BITS, rows);
    Ok(Sample::new(rows * width, move |device, out| {
        pair_fixed_base_pow(device, &base, EXPONENT_BITS, Rows::new(&exponents, EXPONENT_BITS / 64), out);
    }))
}

/// The kernel on a GPU, and the check of its results.
#[cfg(feature = "gpu")]
pub(super) mod gpu {
    use crate::bignum::batch::Rows;
    use crate::bignum::lanes::Lanes;
    use crate::bignum::modulus::with_modulus;
    use crate::device::cpu::Cpu;
    use crate::device::gpu::GpuFailure;
    use crate::device::gpu::buffer::{Buffer, Secrecy};
    use crate::device::gpu::engine::{Engine, word};
    use crate::device::gpu::readback::{Readback, copy};
    use crate::device::offload::kernel::{Kernel, Launch};
    use crate::error::Error;
    use crate::paillier::kernels::fixed_base::FixedBase;
    use crate::paillier::kernels::gpu::ROWS;
    use crate::paillier::kernels::gpu::constants::DeviceModulus;
    use crate::paillier::kernels::gpu::pace::Steps;
    use crate::paillier::kernels::gpu::shader::{Bindings, Shader};
    use crate::paillier::kernels::gpu::shape::RowLimits;
    use crate::paillier::kernels::gpu::{batch_check, suits_gpus};
    use crate::paillier::kernels::pair_mul::gpu::agree;
    use crate::paillier::kernels::samples::{self, EXPONENT_BITS};
    use bytemuck::{Pod, Zeroable};
    use std::ops::Range;
    use std::sync::{Arc, Weak};
    use zeroize::Zeroizing;

    pub(crate) const SHADER: Shader = Shader {
        name: "pair_fixed_base_pow",
        text: include_str!("../../../shaders/paillier/pair_fixed_base_pow.wgsl"),
    };

    /// The width of a window in bits. It is wider than on the CPU, because a GPU reads only the entries that it needs
    /// instead of all of them.
    const WIDTH: usize = 8;

    /// A base's window table in a device's memory: entry d of window i is base^(d·256^i), in Montgomery form.
    pub(crate) struct DeviceTable {
        engine: Weak<Engine>,
        /// Buffers of `windows_per_part` windows each; the last one may have fewer. There are several if the table
        /// does not fit one buffer.
        parts: Vec<Buffer>,
        windows_per_part: usize,
    }

    impl DeviceTable {
        fn new(engine: &Arc<Engine>, base: &FixedBase) -> Result<Self, GpuFailure> {
            let windows = base.exponent_bits().div_ceil(WIDTH).max(1);
            let [radix, ..] = &base.modulus().word_form().radix_powers;
            let limbs = with_modulus!(base.modulus(), m => fill(m, base.base(), radix, windows));
            let window = base.base().len() << WIDTH;
            let fit = usize::try_from(engine.most_bytes() / (8 * window as u64)).unwrap_or(usize::MAX);
            let windows_per_part = fit.clamp(1, windows);
            let parts = limbs.chunks(windows_per_part * window).map(|part| engine.upload(part, Secrecy::Secret));
            Ok(Self { engine: Arc::downgrade(engine), parts: parts.collect::<Result<_, _>>()?, windows_per_part })
        }
    }

    fn fill<A: Lanes>(m: &A, base: &[u64], radix: &[u64], windows: usize) -> Zeroizing<Vec<u64>> {
        let radix = m.to_mont(&m.broadcast_pair(radix));
        let mut limbs = Zeroizing::new(vec![0; (windows << WIDTH) * base.len()]);
        let mut rows = limbs.chunks_exact_mut(base.len());
        let mut step = m.to_mont(&m.broadcast_pair(base));
        for _ in 0..windows {
            let mut entry = *m.one();
            for row in rows.by_ref().take(1 << WIDTH) {
                m.store_pair(&m.from_mont(&m.mul(&entry, &radix)), row);
                entry = m.mul(&entry, &step);
            }
            step = entry;
        }
        limbs
    }

    /// The parameters of a dispatch, as in the shader's `Params`.
    #[derive(Clone, Copy, Pod, Zeroable)]
    #[repr(C)]
    struct Params {
        first: u32,
        last: u32,
        exponent_words: u32,
        exponent_bits: u32,
        windows: u32,
        part: u32,
    }

    /// The powers of one base, modulo m². The exponents are the lower `bits` bits of rows of limbs.
    pub(crate) struct PairFixedBasePow<'a> {
        pub(crate) base: &'a FixedBase,
        pub(crate) bits: usize,
        pub(crate) exponents: Rows<'a>,
    }

    /// A modulus and a base on a device.
    pub(crate) struct DeviceBase {
        modulus: DeviceModulus,
        table: Arc<DeviceTable>,
    }

    impl Kernel for PairFixedBasePow<'_> {
        const NAME: &'static str = SHADER.name;
        type Element = u64;
        type Prepared = DeviceBase;

        fn size(&self) -> usize {
            self.base.modulus().bits()
        }

        fn length(&self) -> usize {
            self.bits
        }

        fn suits_gpus(&self) -> bool {
            suits_gpus(self.base.modulus())
        }

        fn rows(&self) -> usize {
            self.exponents.len()
        }

        fn width(&self) -> usize {
            2 * self.base.modulus().width()
        }

        fn compute(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &mut [u64]) {
            let exponents = self.exponents.slice(rows);
            super::on_cpu(cpu, self.base, self.bits, exponents, out);
        }

        fn holds(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &[u64]) -> Result<bool, Error> {
            let out = Rows::new(out, self.width());
            batch_check::fixed_base_powers_hold(cpu, self.base, self.bits, self.exponents.slice(rows), out)
        }

        fn prepare(&self, engine: &Arc<Engine>) -> Result<DeviceBase, GpuFailure> {
            let fits = |table: &DeviceTable| Weak::ptr_eq(&table.engine, &Arc::downgrade(engine));
            Ok(DeviceBase {
                modulus: DeviceModulus::new(engine, self.base.modulus())?,
                table: self.base.table(1, fits, || DeviceTable::new(engine, self.base))?,
            })
        }

        fn round(&self, engine: &Engine, device: &mut DeviceBase, _: usize, most: usize) -> usize {
            let bytes_per_row = 8 * self.width().max(self.exponents.width());
            RowLimits { bytes_per_row, products: 2 }.rows(engine, device.modulus.shape).min(most)
        }

        fn launch(&self, engine: &Engine, device: &mut DeviceBase, rows: Range<usize>) -> Result<Launch, GpuFailure> {
            let (exponents, table) = (self.exponents.slice(rows), &device.table);
            let (rows, bytes) = (exponents.len(), 8 * self.width() * exponents.len());
            let input = engine.upload(exponents.limbs(), Secrecy::Secret)?;
            let (output, state) = (engine.buffer(bytes, Secrecy::Secret)?, engine.buffer(bytes, Secrecy::Secret)?);
            let bits = self.bits.min(self.base.exponent_bits());
            let windows = bits.div_ceil(WIDTH);
            for (part, buffer) in table.parts.iter().enumerate() {
                let first = part * table.windows_per_part;
                let range = first..windows.max(1).min(first + table.windows_per_part);
                let on =
                    Bindings { input: Some(&input), second: Some(buffer), output: Some(&output), state: Some(&state) };
                // The last dispatch also converts from Montgomery form, which is one more product.
                Steps { shape: device.modulus.shape, rows, range, more: 1 }.run(engine, |range| {
                    let params = Params {
                        first: range.start,
                        last: range.end.min(word(windows)),
                        exponent_words: word(2 * exponents.width()),
                        exponent_bits: word(bits),
                        windows: word(windows),
                        part: word(first),
                    };
                    SHADER.dispatch(engine, &device.modulus, rows, range.len() + 1, params, on)
                })?;
            }
            let readback = Readback::start(engine, &output, rows, 8 * self.width(), Secrecy::Secret)?;
            Ok(Launch { readback, macs: None })
        }

        fn read(&self, bytes: &[u8], out: &mut [u64]) {
            copy(bytes, out);
        }

        fn known_answer(bits: usize, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure> {
            let (modulus, pairs) = samples::pairs(bits, ROWS)?;
            let width = 2 * modulus.width();
            let base = FixedBase::new(Arc::new(modulus), &pairs[pairs.len() - width..], EXPONENT_BITS);
            let exponents: Vec<u64> = (0..ROWS as u64).map(|row| row.wrapping_mul(0x1_e3f7) ^ 0xff).collect();
            let exponents = Rows::new(&exponents, 1);
            agree(&PairFixedBasePow { base: &base, bits: EXPONENT_BITS, exponents }, engine, cpu)
        }
    }
}
