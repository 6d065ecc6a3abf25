//! The open handle on a device.

use super::Device;
use super::cpu::Cpu;
#[cfg(all(feature = "gpu", feature = "hazmat"))]
use super::gpu::{adapter::KernelOptions, fault::Fault};
#[cfg(feature = "gpu")]
use super::offload::Offloaded;
use super::report::{DeviceReport, GpuTimes};
use crate::error::Error;
use std::num::NonZeroUsize;

/// A device that is ready to compute: threads of the CPU, and a GPU if there is one to use. Opening can fail; a batch on an
/// open device finishes.
///
/// Clones share the threads and the GPU. Open one and share it among contexts and evaluators:
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
    /// Opens a device with `threads` threads, or with one per core.
    ///
    /// # Errors
    /// [`Error::Device`] if there is no such GPU, or its driver refuses, or this build cannot use GPUs, or threads cannot be
    /// started; [`Error::Parameter`] for more threads than [`Devices::check_threads`](crate::Devices::check_threads) allows.
    pub fn open(device: Device, threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        Self::with_cpu(device, Cpu::open(threads)?)
    }

    #[cfg(feature = "gpu")]
    fn with_cpu(asked: Device, cpu: Cpu) -> Result<Self, Error> {
        let gpu = match &asked {
            Device::Cpu => None,
            // Whatever keeps a GPU from being used, the CPU is there.
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

    /// The same threads without the GPU: for what has to stay on the CPU.
    pub fn cpu_only(&self) -> Self {
        Self {
            asked: Device::Cpu,
            cpu: self.cpu.clone(),
            #[cfg(feature = "gpu")]
            gpu: None,
        }
    }

    /// The device asked for.
    pub fn device(&self) -> &Device {
        &self.asked
    }

    /// What the device turned out to be.
    pub fn report(&self) -> DeviceReport {
        let asked = self.asked.to_string();
        #[cfg(feature = "gpu")]
        if let Some(offloaded) = &self.gpu {
            let (info, batches_on_cpu) = (offloaded.info(), offloaded.batches_on_cpu());
            return DeviceReport { asked, used: info.name, software: info.software, batches_on_cpu };
        }
        DeviceReport { asked, used: "cpu".to_owned(), software: false, batches_on_cpu: 0 }
    }

    /// Where a GPU's time went; `None` on the CPU.
    pub fn gpu_times(&self) -> Option<GpuTimes> {
        #[cfg(feature = "gpu")]
        return self.gpu.as_ref().map(Offloaded::times);
        #[cfg(not(feature = "gpu"))]
        None
    }

    /// Threads of the CPU that it computes with.
    pub fn threads(&self) -> usize {
        self.cpu.threads()
    }

    /// The instruction set that kernels use on the CPU.
    pub fn cpu_isa(&self) -> &'static str {
        self.cpu.isa().name()
    }

    /// Whether batches go to a GPU.
    pub(crate) fn is_gpu(&self) -> bool {
        #[cfg(feature = "gpu")]
        return self.gpu.is_some();
        #[cfg(not(feature = "gpu"))]
        false
    }

    /// The CPU, which is there on every device for what is not worth sending to another.
    pub(crate) fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    /// The GPU, if batches go to one.
    #[cfg(feature = "gpu")]
    pub(crate) fn gpu(&self) -> Option<&Offloaded> {
        self.gpu.as_ref()
    }

    /// Does both, at once on a CPU that has threads for it.
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
    /// The CPU at each instruction set that it has, the best first: to compare them.
    ///
    /// # Errors
    /// [`Error::Device`] if threads cannot be started.
    pub fn at_every_isa(threads: Option<NonZeroUsize>) -> Result<Vec<Self>, Error> {
        Cpu::at_every_isa(threads)?.map(|cpu| Self::with_cpu(Device::Cpu, cpu)).collect()
    }
}

#[cfg(all(feature = "gpu", feature = "hazmat"))]
impl OpenDevice {
    /// Opens a GPU with kernels of a certain kind, for this handle alone. Anything but a GPU opens as ever.
    ///
    /// # Errors
    /// As [`OpenDevice::open`].
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

    /// Whether both have one open GPU between them.
    pub fn shares_gpu_with(&self, other: &Self) -> bool {
        matches!((&self.gpu, &other.gpu), (Some(mine), Some(theirs)) if mine.gpu().is(theirs.gpu()))
    }

    /// Has something go wrong on the GPU after `results` more results have come back. Nothing happens on the CPU.
    pub fn inject_fault(&self, results: u64, fault: Fault) {
        if let Some(offloaded) = &self.gpu {
            offloaded.gpu().inject(results, fault);
        }
    }

    /// Gives a GPU that failed another chance.
    pub fn trust_again(&self) {
        if let Some(offloaded) = &self.gpu {
            offloaded.trust_again();
        }
    }

    /// The multiply-adds of the GPU's largest dispatch so far; 0 on the CPU.
    pub fn most_macs_a_dispatch(&self) -> u64 {
        self.gpu.as_ref().map_or(0, |offloaded| offloaded.gpu().most_macs_a_dispatch())
    }
}
