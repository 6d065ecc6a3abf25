//! The handle of an open device.

use super::Device;
use super::cpu::Cpu;
#[cfg(all(feature = "gpu", feature = "hazmat"))]
use super::gpu::{adapter::KernelOptions, fault::Fault};
#[cfg(feature = "gpu")]
use super::offload::Offloaded;
use super::report::{DeviceReport, GpuTimes};
use crate::error::Error;
use std::num::NonZeroUsize;

/// An open device, ready to compute: CPU threads, and a GPU if one is used.
///
/// Opening can fail. Once a device is open, every batch finishes: the CPU computes the batches that the GPU fails.
///
/// Clones share the threads and the GPU. Open one device and share it among contexts and evaluators:
///
/// ```no_run
/// use hushvec::{Device, Evaluator, OpenDevice, PublicContext};
///
/// let device = OpenDevice::open(Device::Auto, None)?;
/// let [ours, theirs] = ["ours.json", "theirs.json"].map(|path| PublicContext::load(path.as_ref(), false));
/// let evaluators = [Evaluator::on(&ours?, &device), Evaluator::on(&theirs?, &device)];
/// # Ok::<(), hushvec::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct OpenDevice {
    asked: Device,
    cpu: Cpu,
    #[cfg(feature = "gpu")]
    gpu: Option<Offloaded>,
}

impl OpenDevice {
    /// Opens a device with `threads` threads, or with one thread per core if `None`.
    ///
    /// # Errors
    /// [`Error::Device`] if the GPU is not found, its driver reports an error, this build has no GPU kernels, or
    /// threads cannot be started; [`Error::Parameter`] for more threads than
    /// [`Devices::check_threads`](crate::Devices::check_threads) allows.
    pub fn open(device: Device, threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        Self::with_cpu(device, Cpu::open(threads)?)
    }

    #[cfg(feature = "gpu")]
    fn with_cpu(asked: Device, cpu: Cpu) -> Result<Self, Error> {
        let gpu = match &asked {
            Device::Cpu => None,
            // `auto` falls back to the CPU whatever the error.
            Device::Auto => Offloaded::open(&asked, cpu.clone()).ok(),
            Device::Gpu | Device::GpuIndex(_) | Device::GpuName(_) => {
                let offloaded = Offloaded::open(&asked, cpu.clone())?;
                let info = offloaded.info();
                if info.software {
                    tracing::warn!("{} is a GPU emulated by the CPU: slower than the CPU itself", info.name);
                }
                Some(offloaded)
            }
        };
        Ok(Self { asked, cpu, gpu })
    }

    #[cfg(not(feature = "gpu"))]
    fn with_cpu(asked: Device, cpu: Cpu) -> Result<Self, Error> {
        match asked {
            Device::Auto | Device::Cpu => Ok(Self { asked, cpu }),
            Device::Gpu | Device::GpuIndex(_) | Device::GpuName(_) => Err(Error::Device {
                asked: asked.to_string(),
                reason: "this build has no GPU kernels; use cpu or auto".to_owned(),
            }),
        }
    }

    /// Returns the CPU of this device with another instruction set.
    #[cfg(test)]
    pub(crate) fn cpu_at(&self, isa: super::isa::Isa) -> Self {
        Self { cpu: self.cpu.at(isa), ..self.cpu_only() }
    }

    /// Returns a device with the same threads and no GPU, for work that must stay on the CPU.
    pub fn cpu_only(&self) -> Self {
        Self {
            asked: Device::Cpu,
            cpu: self.cpu.clone(),
            #[cfg(feature = "gpu")]
            gpu: None,
        }
    }

    /// Returns the device that was asked for.
    pub fn device(&self) -> &Device {
        &self.asked
    }

    /// Reports which device is used.
    pub fn report(&self) -> DeviceReport {
        let asked = self.asked.to_string();
        #[cfg(feature = "gpu")]
        if let Some(offloaded) = &self.gpu {
            let (info, batches_on_cpu) = (offloaded.info(), offloaded.batches_on_cpu());
            return DeviceReport { asked, used: info.name, software: info.software, batches_on_cpu };
        }
        DeviceReport { asked, used: "cpu".to_owned(), software: false, batches_on_cpu: 0 }
    }

    /// Returns where the GPU's time went; `None` on the CPU.
    pub fn gpu_times(&self) -> Option<GpuTimes> {
        #[cfg(feature = "gpu")]
        return self.gpu.as_ref().map(Offloaded::times);
        #[cfg(not(feature = "gpu"))]
        None
    }

    /// Returns the number of CPU threads.
    pub fn threads(&self) -> usize {
        self.cpu.threads()
    }

    /// Returns the name of the instruction set that kernels use on the CPU.
    pub fn cpu_isa(&self) -> &'static str {
        self.cpu.isa().name()
    }

    /// Returns whether batches go to a GPU.
    pub(crate) fn is_gpu(&self) -> bool {
        #[cfg(feature = "gpu")]
        return self.gpu.is_some();
        #[cfg(not(feature = "gpu"))]
        false
    }

    /// The CPU. Every device has it, for work that is not worth sending to a GPU.
    pub(crate) fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    /// The GPU, if batches go to one.
    #[cfg(feature = "gpu")]
    pub(crate) fn gpu(&self) -> Option<&Offloaded> {
        self.gpu.as_ref()
    }

    /// Runs both closures: one after the other if there is a GPU, otherwise as [`Cpu::do_both`].
    #[cfg(feature = "owner")]
    pub(crate) fn do_both(&self, first: impl FnOnce() + Send, second: impl FnOnce() + Send) {
        if self.is_gpu() {
            first();
            second();
        } else {
            self.cpu.do_both(first, second);
        }
    }
}

#[cfg(feature = "hazmat")]
impl OpenDevice {
    /// Opens the CPU with each instruction set that it has, the fastest first, for comparisons.
    ///
    /// # Errors
    /// [`Error::Device`] if threads cannot be started.
    pub fn at_every_isa(threads: Option<NonZeroUsize>) -> Result<Vec<Self>, Error> {
        Cpu::at_every_isa(threads)?.map(|cpu| Self::with_cpu(Device::Cpu, cpu)).collect()
    }
}

#[cfg(all(feature = "gpu", feature = "hazmat"))]
impl OpenDevice {
    /// Opens a GPU with the given kernel options, not shared with other handles. `auto` and `cpu` ignore the options.
    ///
    /// # Errors
    /// The same as [`OpenDevice::open`].
    pub fn with_options(device: Device, threads: Option<NonZeroUsize>, options: KernelOptions) -> Result<Self, Error> {
        let cpu = Cpu::open(threads)?;
        match device {
            Device::Auto | Device::Cpu => Self::with_cpu(device, cpu),
            _ => {
                let gpu = Some(Offloaded::with_options(&device, cpu.clone(), options)?);
                Ok(Self { asked: device, cpu, gpu })
            }
        }
    }

    /// Returns whether both handles share one open GPU.
    pub fn shares_gpu_with(&self, other: &Self) -> bool {
        matches!((&self.gpu, &other.gpu), (Some(mine), Some(theirs)) if mine.gpu().is(theirs.gpu()))
    }

    /// Injects a fault into the GPU's result after the next `results` results. Does nothing on the CPU.
    pub fn inject_fault(&self, results: u64, fault: Fault) {
        if let Some(offloaded) = &self.gpu {
            offloaded.gpu().inject(results, fault);
        }
    }

    /// Allows a retired GPU to be used again.
    pub fn trust_again(&self) {
        if let Some(offloaded) = &self.gpu {
            offloaded.trust_again();
        }
    }

    /// Returns the multiply-adds of the GPU's largest dispatch so far; 0 on the CPU.
    pub fn most_macs_a_dispatch(&self) -> u64 {
        self.gpu.as_ref().map_or(0, |offloaded| offloaded.gpu().most_macs_a_dispatch())
    }
}
