//! What the kernels on polynomials share on GPUs.

pub(crate) mod check;
pub(crate) mod sums;
pub(crate) mod transform;
