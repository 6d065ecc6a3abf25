//! What a GPU has to show before it is trusted with a kernel and a size: the same bytes as the CPU, for numbers that are hard
//! on carries.

use crate::device::cpu::Cpu;
use crate::device::gpu::GpuFailure;
use crate::device::gpu::engine::Engine;
use crate::device::offload::kernel::Kernel;
use crate::device::offload::rounds::unchecked;
use std::sync::Arc;

/// Rows of a known answer: more than a workgroup of the widest numbers has, and not a multiple of it.
pub(crate) const ROWS: usize = 9;

/// Whether a device and the CPU compute the same.
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
