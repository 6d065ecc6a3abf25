//! Arithmetic modulo odd numbers of 512 to 8192 bits and modulo their squares.
//!
//! Numbers have two representations:
//!
//! - **limbs**: little-endian `u64` words, always fully reduced. Files and batches contain limbs, and every kernel
//!   takes and returns limbs, so results are byte-identical on every device. A residue modulo m² is a *pair* (x0, x1)
//!   of numbers below m that stands for x0 + x1·m.
//! - **digits**: little-endian words of 58 bits in Montgomery form, only partly reduced (lazy reduction). They are
//!   internal to the portable kernels. Other instruction sets have digits of other sizes, behind the trait in
//!   [`lanes`].
//!
//! The mathematics is in `docs/arithmetic.md`.

pub mod batch;

pub(crate) mod digits;
pub(crate) mod factor;
pub(crate) mod lanes;
pub(crate) mod limbs;
pub mod modulus;
pub(crate) mod pair;
#[cfg(feature = "owner")]
pub(crate) mod primes;
pub(crate) mod product;
#[cfg(any(feature = "gpu", target_arch = "x86_64"))]
pub(crate) mod radix;
#[cfg(any(feature = "gpu", target_arch = "x86_64"))]
pub(crate) mod radix_form;
pub(crate) mod random;
pub(crate) mod secrecy;
#[cfg(target_arch = "x86_64")]
pub(crate) mod simd;
#[cfg(feature = "owner")]
pub(crate) mod uint;
pub(crate) mod window;
pub(crate) mod with_lanes;
