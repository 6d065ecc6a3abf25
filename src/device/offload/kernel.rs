//! What a kernel is to whatever offloads it.

use crate::device::cpu::Cpu;
use crate::device::gpu::GpuFailure;
use crate::device::gpu::engine::Engine;
use crate::device::gpu::readback::Readback;
use crate::error::Error;
use std::ops::Range;
use std::sync::Arc;

/// A batch for a GPU with the CPU behind it: a kernel and its inputs. The output is one or more lists of as many rows.
///
/// Choice of device, known answers before the first batch, rounds, checks and the way back to the CPU are generic over it.
pub(crate) trait Kernel: Sync {
    /// The name of its shader, of the CPU's function, of its parity test and of its bench.
    const NAME: &'static str;
    /// What the output is made of.
    type Element: Copy + Send;
    /// What stays on a device for all rounds of a batch.
    type Prepared;

    /// Bits of the modulus: a GPU proves itself for each size.
    fn bits(&self) -> usize;

    /// What the time of a row depends on beside [`Kernel::bits`]: the bits of an exponent, or of all of a row's.
    fn exponent_bits(&self) -> usize {
        0
    }

    /// Whether a GPU may have this batch at all.
    fn suits_gpus(&self) -> bool;

    /// Lists that the output has.
    fn lists(&self) -> usize {
        1
    }

    /// Rows of each list.
    fn rows(&self) -> usize;

    /// Elements of a row.
    fn width(&self) -> usize;

    /// Computes some rows of a list on the CPU.
    fn compute(&self, cpu: &Cpu, list: usize, rows: Range<usize>, out: &mut [Self::Element]);

    /// Whether a GPU computed some rows of a list rightly.
    ///
    /// # Errors
    /// [`Error::Random`] without random numbers to check them with.
    fn holds(&self, cpu: &Cpu, list: usize, rows: Range<usize>, out: &[Self::Element]) -> Result<bool, Error>;

    /// Sends what all rounds need to a device.
    fn prepare(&self, engine: &Arc<Engine>) -> Result<Self::Prepared, GpuFailure>;

    /// How many rows, of at most `most`, the round that begins at row `first` has.
    fn round(&self, engine: &Engine, prepared: &mut Self::Prepared, first: usize, most: usize) -> usize;

    /// Has a device compute a round.
    fn launch(&self, engine: &Engine, prepared: &mut Self::Prepared, rows: Range<usize>) -> Result<Launch, GpuFailure>;

    /// Reads a list's rows of a round from their bytes.
    fn read(&self, bytes: &[u8], out: &mut [Self::Element]);

    /// Whether a device and the CPU agree on numbers of that many bits that are hard on carries.
    fn known_answer(bits: usize, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure>;
}

/// A round on its way.
pub(crate) struct Launch {
    pub(crate) readback: Readback,
    /// Its multiply-adds, if the time that it takes is to tell how much a dispatch may do.
    pub(crate) macs: Option<u64>,
}
