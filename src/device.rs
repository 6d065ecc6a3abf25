//! Devices: where batches are computed.
//!
//! A [`Device`] is a plain value that contexts store; it is not part of a context's identity. An
//! [`OpenDevice`](open_device::OpenDevice) is the open handle, ready to compute. This module contains no mathematics.

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
#[cfg(target_arch = "x86_64")]
pub(crate) mod vector;
pub(crate) mod words;

use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// Where batches are computed.
///
/// Results are byte-identical on every device, so contexts that differ only in their device are equal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Device {
    /// The fastest device of this machine; never a GPU emulated in software.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The best GPU adapter.
    Gpu,
    /// The GPU adapter at this index in the list of adapters.
    GpuIndex(usize),
    /// The first GPU adapter whose name contains this text, ignoring case.
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
    fn display_and_from_str_round_trip() {
        for text in ["auto", "cpu", "gpu", "gpu:0", "gpu:3", "gpu:NVIDIA H200"] {
            assert_eq!(text.parse::<Device>().unwrap().to_string(), text);
        }
        for text in ["", "gpu:", "cuda", "GPU "] {
            assert!(matches!(text.parse::<Device>(), Err(Error::Device { .. })), "{text}");
        }
    }
}
