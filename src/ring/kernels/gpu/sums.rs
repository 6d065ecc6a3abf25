//! The constants of `shaders/ring/sums.wgsl`.

use crate::ring::modulus::Modulus;

/// Returns the constants of a modulus: q, 0, then 2^−32, 2^30·2^−32 and 2^46·2^−32 with their quotients.
pub(crate) fn constants(modulus: Modulus) -> [u32; 8] {
    let inverse = modulus.inverse(modulus.reduce(1 << 32));
    let [low, high, top] = [0, 30, 46].map(|bits| modulus.multiplier(modulus.mul(inverse, modulus.reduce(1 << bits))));
    [modulus.value(), 0, low.value, low.quotient, high.value, high.quotient, top.value, top.quotient]
}
