//! Why a GPU could not finish a batch.

use crate::error::Error;
/// What went wrong on a GPU. The batch is finished on the processor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GpuFailure {
    /// The device is gone, or its driver gave up on it.
    #[error("the device was lost: {0}")]
    Lost(String),
    /// There was not enough memory.
    #[error("it has not enough memory for {0} bytes")]
    Memory(u64),
    /// It did not answer in time.
    #[error("it did not answer within {0} s")]
    TimeOut(u64),
    /// The driver refused something.
    #[error("its driver refused: {0}")]
    Refused(String),
    /// A result did not stand up to its check.
    #[error("it computed a wrong {0}")]
    Wrong(&'static str),
}

/// Inputs of a known answer that cannot be made.
impl From<Error> for GpuFailure {
    fn from(error: Error) -> Self {
        Self::Refused(error.to_string())
    }
}
