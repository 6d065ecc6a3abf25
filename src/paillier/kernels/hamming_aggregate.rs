//! `hamming_aggregate`: multiplies each query with every stored ciphertext.

use super::integers::integers_from_pairs;
#[cfg(feature = "hazmat")]
use super::samples::{self, Sample, Sampler};
use crate::bignum::batch::Rows;
use crate::bignum::factor::FixedFactor;
use crate::bignum::lanes::Lanes;
use crate::bignum::modulus::Modulus;
use crate::bignum::with_lanes::with_lanes;
use crate::device::cpu::{Cpu, Run};
use crate::device::open_device::OpenDevice;
#[cfg(feature = "hazmat")]
use crate::error::Error;

const RUN: Run = Run::new(16, 256);

/// Stored rows, which may be in a GPU's memory.
#[derive(Default)]
pub struct Resident {
    #[cfg(feature = "gpu")]
    rows: Option<gpu::DeviceRows>,
}

impl std::fmt::Debug for Resident {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resident").field("on_gpu", &self.is_on_gpu()).finish()
    }
}

impl Resident {
    /// Uploads stored rows to a GPU, for [`hamming_aggregate_resident`]. On the CPU, or if the GPU has no room,
    /// nothing is uploaded and the rows are used in place.
    #[cfg_attr(not(feature = "gpu"), expect(unused_variables, reason = "only GPUs have memory of their own"))]
    pub fn new(device: &OpenDevice, stored: Rows<'_>) -> Self {
        #[cfg(feature = "gpu")]
        if let Some(offloaded) = device.gpu().filter(|offloaded| !stored.is_empty() && !offloaded.is_retired()) {
            return Self { rows: gpu::DeviceRows::new(&offloaded.gpu().engine, stored).ok() };
        }
        Self::default()
    }

    /// Returns whether the rows are in a GPU's memory.
    pub fn is_on_gpu(&self) -> bool {
        #[cfg(feature = "gpu")]
        return self.rows.is_some();
        #[cfg(not(feature = "gpu"))]
        false
    }
}

/// Multiplies each query with each stored ciphertext, modulo n². All rows are pairs. `out` receives the rows of the
/// first query, then those of the next.
pub fn hamming_aggregate(device: &OpenDevice, modulus: &Modulus, queries: Rows<'_>, stored: Rows<'_>, out: &mut [u64]) {
    hamming_aggregate_resident(device, modulus, queries, stored, &Resident::default(), out);
}

/// Like [`hamming_aggregate`], with stored rows that were uploaded earlier. `stored` holds the same rows.
#[cfg_attr(not(feature = "gpu"), expect(unused_variables, reason = "only GPUs have memory of their own"))]
pub fn hamming_aggregate_resident(
    device: &OpenDevice,
    modulus: &Modulus,
    queries: Rows<'_>,
    stored: Rows<'_>,
    resident: &Resident,
    out: &mut [u64],
) {
    #[cfg(feature = "gpu")]
    if let Some(offloaded) = device.gpu() {
        let resident = resident.rows.as_ref();
        return offloaded.run(&gpu::HammingAggregate { modulus, queries, stored, resident }, out);
    }
    on_cpu(device.cpu(), modulus, queries, stored, out);
}

/// Like [`hamming_aggregate_resident`], but returns the products as integers instead of pairs.
pub fn hamming_aggregate_integers(
    device: &OpenDevice,
    modulus: &Modulus,
    queries: Rows<'_>,
    stored: Rows<'_>,
    resident: &Resident,
    out: &mut [u64],
) {
    if device.is_gpu() {
        hamming_aggregate_resident(device, modulus, queries, stored, resident, out);
        return integers_from_pairs(device, modulus, out);
    }
    let cpu = device.cpu();
    with_lanes!(cpu, modulus, m => aggregate(cpu, modulus, m, queries, stored, out, |m, rows, query, out| {
        m.store_scaled(&m.load_pair(rows), query, out);
    }));
}

fn on_cpu(cpu: &Cpu, modulus: &Modulus, queries: Rows<'_>, stored: Rows<'_>, out: &mut [u64]) {
    with_lanes!(cpu, modulus, m => aggregate(cpu, modulus, m, queries, stored, out, |m, rows, query, out| {
        let mut product = m.load_pair(rows);
        m.scale(&mut product, query);
        m.store_pair(&product, out);
    }));
}

/// Multiplies the stored rows with each query. A query is prepared once, as a fixed factor of all rows.
fn aggregate<A: FixedFactor>(
    cpu: &Cpu,
    modulus: &Modulus,
    m: &A,
    queries: Rows<'_>,
    stored: Rows<'_>,
    out: &mut [u64],
    store: impl Fn(&A, Rows<'_>, &A::Factor, &mut [u64]) + Sync,
) {
    for (query, out) in queries.iter().zip(out.chunks_exact_mut(stored.limbs().len().max(1))) {
        let query = m.factor_vartime(modulus, query, stored.len());
        cpu.for_each_group(out, 2 * m.width(), RUN.of(A::COUNT), |rows, out| store(m, stored.slice(rows), &query, out));
    }
}

/// Inputs with one query.
#[cfg(feature = "hazmat")]
pub(super) const SAMPLER: Sampler = Sampler { name: "hamming_aggregate", batches: &[16, 1024, 16_384], make: sample };

#[cfg(feature = "hazmat")]
fn sample(bits: usize, rows: usize) -> Result<Sample, Error> {
    let (modulus, stored) = samples::pairs(bits, rows)?;
    let (_, query) = samples::pairs(bits, 3)?;
    let width = 2 * modulus.width();
    Ok(Sample::new(stored.len(), move |device, out| {
        hamming_aggregate(device, &modulus, Rows::new(&query[2 * width..], width), Rows::new(&stored, width), out);
    }))
}

/// The kernel on a GPU, and the check of its results.
#[cfg(feature = "gpu")]
pub(super) mod gpu {
    use crate::bignum::batch::Rows;
    use crate::bignum::modulus::Modulus;
    use crate::bignum::radix;
    use crate::device::cpu::Cpu;
    use crate::device::gpu::GpuFailure;
    use crate::device::gpu::buffer::{Buffer, Secrecy};
    use crate::device::gpu::engine::{Engine, word};
    use crate::device::gpu::readback::{Readback, copy};
    use crate::device::offload::kernel::{Kernel, Launch};
    use crate::error::Error;
    use crate::paillier::kernels::gpu::ROWS;
    use crate::paillier::kernels::gpu::constants::DeviceModulus;
    use crate::paillier::kernels::gpu::shader::{Bindings, Shader};
    use crate::paillier::kernels::gpu::shape::RowLimits;
    use crate::paillier::kernels::gpu::{batch_check, pace, suits_gpus};
    use crate::paillier::kernels::pair_mul::gpu::agree;
    use crate::paillier::kernels::samples;
    use std::ops::Range;
    use std::sync::{Arc, Weak};

    pub(crate) const SHADER: Shader =
        Shader { name: "hamming_aggregate", text: include_str!("../../../shaders/paillier/hamming_aggregate.wgsl") };

    /// Rows in a device's memory, to aggregate with many queries.
    pub(crate) struct DeviceRows {
        engine: Weak<Engine>,
        /// Buffers of `rows_per_part` rows each; the last one may have fewer. There are several if the rows do not
        /// fit one buffer.
        parts: Vec<Buffer>,
        rows_per_part: usize,
    }

    impl DeviceRows {
        /// Uploads rows to a device.
        pub(crate) fn new(engine: &Arc<Engine>, rows: Rows<'_>) -> Result<Self, GpuFailure> {
            let rows_per_part =
                usize::try_from(engine.most_bytes() / (8 * rows.width().max(1)) as u64).unwrap_or(usize::MAX);
            let rows_per_part = rows_per_part.clamp(1, rows.len().max(1));
            let parts = rows.limbs().chunks(rows_per_part * rows.width().max(1));
            let parts = parts.map(|part| engine.upload(part, Secrecy::Public)).collect::<Result<_, _>>()?;
            Ok(Self { engine: Arc::downgrade(engine), parts, rows_per_part })
        }

        /// Returns the buffer that a row is in, and the number of the row in that buffer.
        fn part(&self, row: usize) -> (Option<&Buffer>, usize) {
            (self.parts.get(row / self.rows_per_part), row % self.rows_per_part)
        }
    }

    /// The products of each query with each stored ciphertext, modulo n²: one list per query.
    pub(crate) struct HammingAggregate<'a> {
        pub(crate) modulus: &'a Modulus,
        pub(crate) queries: Rows<'a>,
        pub(crate) stored: Rows<'a>,
        /// The stored rows on the device, if they were uploaded earlier.
        pub(crate) resident: Option<&'a DeviceRows>,
    }

    /// A modulus and queries in Montgomery form on a device, and the stored rows if they are there.
    pub(crate) struct DeviceQueries<'a> {
        modulus: DeviceModulus,
        queries: Buffer,
        resident: Option<&'a DeviceRows>,
    }

    impl<'a> HammingAggregate<'a> {
        fn query(&self, list: usize) -> &'a [u64] {
            self.queries.get(list).unwrap_or_default()
        }
    }

    impl<'a> Kernel for HammingAggregate<'a> {
        const NAME: &'static str = SHADER.name;
        type Element = u64;
        type Prepared = DeviceQueries<'a>;

        fn size(&self) -> usize {
            self.modulus.bits()
        }

        fn suits_gpus(&self) -> bool {
            suits_gpus(self.modulus)
        }

        fn lists(&self) -> usize {
            self.queries.len()
        }

        fn rows(&self) -> usize {
            self.stored.len()
        }

        fn width(&self) -> usize {
            self.stored.width()
        }

        fn compute(&self, cpu: &Cpu, list: usize, rows: Range<usize>, out: &mut [u64]) {
            let query = Rows::new(self.query(list), self.width());
            super::on_cpu(cpu, self.modulus, query, self.stored.slice(rows), out);
        }

        fn holds(&self, cpu: &Cpu, list: usize, rows: Range<usize>, out: &[u64]) -> Result<bool, Error> {
            let out = Rows::new(out, self.width());
            batch_check::products_hold(cpu, self.modulus, self.query(list), self.stored.slice(rows), out)
        }

        fn prepare(&self, engine: &Arc<Engine>) -> Result<DeviceQueries<'a>, GpuFailure> {
            let [r, ..] = &self.modulus.word_form().radix_powers;
            let in_form: Vec<u64> =
                self.queries.iter().flat_map(|query| radix::multiply(self.modulus, query, r).to_vec()).collect();
            Ok(DeviceQueries {
                modulus: DeviceModulus::new(engine, self.modulus)?,
                queries: engine.upload(&in_form, Secrecy::Public)?,
                resident: self.resident.filter(|rows| Weak::ptr_eq(&rows.engine, &Arc::downgrade(engine))),
            })
        }

        fn round(&self, engine: &Engine, device: &mut DeviceQueries<'a>, first: usize, most: usize) -> usize {
            let bytes_per_row = 8 * self.width() * self.queries.len();
            let rows = RowLimits { bytes_per_row, products: 1 }.rows(engine, device.modulus.shape).min(most);
            // A round does not cross from one buffer of resident rows to the next.
            device.resident.map_or(rows, |resident| rows.min(resident.rows_per_part - first % resident.rows_per_part))
        }

        fn launch(
            &self,
            engine: &Engine,
            device: &mut DeviceQueries<'a>,
            rows: Range<usize>,
        ) -> Result<Launch, GpuFailure> {
            let (shape, stored) = (device.modulus.shape, self.stored.slice(rows.clone()));
            let sent = match device.resident {
                None => Some(engine.upload(stored.limbs(), Secrecy::Public)?),
                Some(_) => None,
            };
            let (input, skipped) = device.resident.map_or((sent.as_ref(), 0), |resident| resident.part(rows.start));
            let queries = self.queries.len();
            let at_once = pace::most_steps(shape, 1).min(shape.affordable_products(&engine.budget, stored.len()));
            let output = engine.buffer(8 * stored.limbs().len() * queries, Secrecy::Public)?;
            let on = Bindings { input, second: Some(&device.queries), output: Some(&output), state: None };
            for first in (0..queries).step_by(at_once) {
                let last = (first + at_once).min(queries);
                let params = [first, last, skipped].map(word);
                SHADER.dispatch(engine, &device.modulus, stored.len(), last - first, params, on)?;
            }
            let readback = Readback::start(engine, &output, stored.len() * queries, 8 * self.width(), Secrecy::Public)?;
            Ok(Launch { readback, macs: Some(shape.macs(stored.len(), queries)) })
        }

        fn read(&self, bytes: &[u8], out: &mut [u64]) {
            copy(bytes, out);
        }

        fn known_answer(bits: usize, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure> {
            let (modulus, pairs) = samples::pairs(bits, ROWS)?;
            let width = 2 * modulus.width();
            let (stored, queries) = (Rows::new(&pairs, width), Rows::new(&pairs[width..3 * width], width));
            let kernel = HammingAggregate { modulus: &modulus, queries, stored, resident: None };
            agree(&kernel, engine, cpu)
        }
    }
}
