//! Why a GPU could not finish a batch.

use crate::error::Error;

/// Why a GPU failed. The CPU finishes the batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GpuFailure {
    /// The device was lost.
    #[error("the device was lost: {0}")]
    Lost(String),
    /// The device has not enough memory.
    #[error("not enough GPU memory for {0} bytes")]
    Memory(u64),
    /// The device did not answer in time.
    #[error("timeout after {0} s")]
    TimeOut(u64),
    /// The driver reported an error.
    #[error("driver error: {0}")]
    Refused(String),
    /// A result failed its check.
    #[error("it computed a wrong {0}")]
    Wrong(&'static str),
}

/// The inputs of a known answer could not be made.
impl From<Error> for GpuFailure {
    fn from(error: Error) -> Self {
        Self::Refused(error.to_string())
    }
}
