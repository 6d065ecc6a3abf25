//! Known answers: before a GPU is trusted with a kernel and a size, it must return the same as the CPU.

use super::kernel::Kernel;
use super::rounds::unchecked;
use crate::device::cpu::Cpu;
use crate::device::gpu::GpuFailure;
use crate::device::gpu::engine::Engine;
use std::sync::Arc;

/// Returns whether a device and the CPU return the same bytes.
pub(crate) fn are_same<K: Kernel>(kernel: &K, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure>
where
    K::Element: Default + PartialEq,
{
    let list = kernel.rows() * kernel.width();
    let mut ours = vec![K::Element::default(); list * kernel.lists()];
    let mut theirs = ours.clone();
    unchecked(kernel, engine, &mut theirs)?;
    for (list, out) in ours.chunks_mut(list.max(1)).enumerate() {
        kernel.compute(cpu, list, 0..kernel.rows(), out);
    }
    Ok(ours == theirs)
}
