//! Devices: a [`Device`] is a plain value, stored in contexts and outside of their identity; an
//! [`OpenDevice`](open_device::OpenDevice) is a device that is ready to compute. Nothing here knows any mathematics.

pub(crate) mod cpu;
pub mod detect;
#[cfg(feature = "gpu")]
pub mod gpu;
pub(crate) mod isa;
#[cfg(feature = "gpu")]
pub(crate) mod offload;
pub mod open_device;
pub mod report;
pub(crate) mod threads;
pub(crate) mod vector;

use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// Where batches are computed. Results are the same bytes on every device, so contexts that differ only in this are
/// equal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Device {
    /// Whatever is fastest here; never a software GPU.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The best GPU adapter.
    Gpu,
    /// The GPU adapter of that number in the list of adapters.
    GpuIndex(usize),
    /// The first GPU adapter whose name contains this, in any case.
    GpuName(String),
}

impl FromStr for Device {
    type Err = Error;

    /// Reads `auto`, `cpu`, `gpu`, `gpu:N` or `gpu:NAME`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "gpu" => Ok(Self::Gpu),
            _ => match text.strip_prefix("gpu:") {
                Some(which) if !which.is_empty() => {
                    Ok(which.parse().map_or_else(|_| Self::GpuName(which.to_owned()), Self::GpuIndex))
                }
                _ => Err(Error::Device {
                    asked: text.to_owned(),
                    reason: "unknown; use auto, cpu, gpu, gpu:N or gpu:NAME".to_owned(),
                }),
            },
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu => f.write_str("gpu"),
            Self::GpuIndex(index) => write!(f, "gpu:{index}"),
            Self::GpuName(name) => write!(f, "gpu:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_read_what_they_write() {
        for text in ["auto", "cpu", "gpu", "gpu:0", "gpu:3", "gpu:NVIDIA H200"] {
            assert_eq!(text.parse::<Device>().unwrap().to_string(), text);
        }
        for text in ["", "gpu:", "cuda", "GPU "] {
            assert!(matches!(text.parse::<Device>(), Err(Error::Device { .. })), "{text}");
        }
    }
}
