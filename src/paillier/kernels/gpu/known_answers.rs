//! Known answers: before a GPU is trusted with a kernel and a size, it must return the same bytes as the CPU for
//! numbers with long carry chains.

use crate::device::cpu::Cpu;
use crate::device::gpu::GpuFailure;
use crate::device::gpu::engine::Engine;
use crate::device::offload::kernel::Kernel;
use crate::device::offload::rounds::unchecked;
use std::sync::Arc;

/// The rows of a known answer: more than a workgroup has of the widest numbers, and not a multiple of that.
pub(crate) const ROWS: usize = 9;

/// Returns whether a device and the CPU return the same bytes.
pub(crate) fn are_same<K: Kernel<Element = u64>>(
    kernel: &K,
    engine: &Arc<Engine>,
    cpu: &Cpu,
) -> Result<bool, GpuFailure> {
    let list = kernel.rows() * kernel.width();
    let mut ours = vec![0; list * kernel.lists()];
    let mut theirs = ours.clone();
    unchecked(kernel, engine, &mut theirs)?;
    for (list, out) in ours.chunks_mut(list.max(1)).enumerate() {
        kernel.compute(cpu, list, 0..kernel.rows(), out);
    }
    Ok(ours == theirs)
}
