//! The trait of kernels that can be offloaded to a GPU.

use crate::device::cpu::Cpu;
use crate::device::gpu::GpuFailure;
use crate::device::gpu::engine::Engine;
use crate::device::gpu::readback::Readback;
use crate::error::Error;
use std::ops::Range;
use std::sync::Arc;

/// A kernel with its inputs: a batch for a GPU with the CPU as fallback. The output is one or more lists of equal
/// length.
///
/// The choice of device, known answers before the first batch, rounds, checks and the fallback to the CPU are generic
/// over this trait.
pub(crate) trait Kernel: Sync {
    /// The name of the shader, the CPU function, the parity test and the benchmark.
    const NAME: &'static str;
    /// The element type of the output.
    type Element: Copy + Send;
    /// Data that stays on the GPU for all rounds of a batch.
    type Prepared;

    /// The size of numbers: the bits of a modulus, or the degree of a ring. A GPU shows known answers for each size.
    fn size(&self) -> usize;

    /// What the time of a row depends on besides [`Kernel::size`]: the total bits of a row's exponents, or the number
    /// of products in a sum.
    fn length(&self) -> usize {
        0
    }

    /// Returns whether a GPU can compute this batch.
    fn suits_gpus(&self) -> bool;

    /// The number of lists in the output.
    fn lists(&self) -> usize {
        1
    }

    /// Rows per list.
    fn rows(&self) -> usize;

    /// Elements per row.
    fn width(&self) -> usize;

    /// Computes some rows of a list on the CPU.
    fn compute(&self, cpu: &Cpu, list: usize, rows: Range<usize>, out: &mut [Self::Element]);

    /// Checks some rows of a list that a GPU computed. Returns whether they are right.
    ///
    /// # Errors
    /// [`Error::Random`] if there are no random numbers for the check.
    fn holds(&self, cpu: &Cpu, list: usize, rows: Range<usize>, out: &[Self::Element]) -> Result<bool, Error>;

    /// Uploads the data that all rounds need.
    fn prepare(&self, engine: &Arc<Engine>) -> Result<Self::Prepared, GpuFailure>;

    /// Returns the number of rows of the round that begins at row `first`: at most `most`.
    fn round(&self, engine: &Engine, prepared: &mut Self::Prepared, first: usize, most: usize) -> usize;

    /// Submits a round.
    fn launch(&self, engine: &Engine, prepared: &mut Self::Prepared, rows: Range<usize>) -> Result<Launch, GpuFailure>;

    /// Decodes one list's rows of a round from their bytes.
    fn read(&self, bytes: &[u8], out: &mut [Self::Element]);

    /// Returns whether a GPU and the CPU agree on inputs with hard carries, for numbers of this size.
    fn known_answer(size: usize, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure>;
}

/// A submitted round.
pub(crate) struct Launch {
    pub(crate) readback: Readback,
    /// The multiply-adds of the round, if its time should adapt the dispatch budget.
    pub(crate) macs: Option<u64>,
}
