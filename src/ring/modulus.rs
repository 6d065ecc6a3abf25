//! A prime modulus below 2^30 with its constants, and arithmetic on 32-bit residues.

use super::primes::inverse;
use crate::device::words::Words;

/// A prime below 2^30, so that four times a residue fits into 32 bits.
///
/// Residues are in \[0, q). *Montgomery form* of x is x·2^32 mod q (Montgomery, Modular multiplication without trial
/// division, Mathematics of Computation 44, 1985).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Modulus {
    q: u32,
    /// −q^−1 mod 2^32.
    negative_inverse: u32,
    /// 2^32 mod q.
    radix: u32,
    /// 2^64 mod q.
    radix_squared: u32,
}

/// A constant w for products modulo q, with ⌊w·2^32 / q⌋ (Shoup's method; Harvey, Faster arithmetic for
/// number-theoretic transforms, Journal of Symbolic Computation 60, 2014, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Multiplier {
    pub(crate) value: u32,
    pub(crate) quotient: u32,
}

impl Modulus {
    /// Moduli are less than 2^`BITS`.
    pub(crate) const BITS: u32 = 30;

    /// Wraps an odd prime below 2^30.
    pub(crate) fn new(q: u32) -> Self {
        debug_assert!(q >> Self::BITS == 0 && q % 2 == 1);
        // Newton's iteration doubles the number of right bits, beginning with 3.
        let inverse = (0..4).fold(q, |x, _| x.wrapping_mul(2u32.wrapping_sub(q.wrapping_mul(x))));
        let radix = low((1 << 32) % u64::from(q));
        let radix_squared = low(u64::from(radix) * u64::from(radix) % u64::from(q));
        Self { q, negative_inverse: inverse.wrapping_neg(), radix, radix_squared }
    }

    /// The prime.
    pub(crate) fn value(self) -> u32 {
        self.q
    }

    /// The bits of the largest residue.
    pub(crate) fn bits(self) -> u32 {
        u32::BITS - self.q.leading_zeros()
    }

    /// 2^64 mod q: multiplying with it as if it were in Montgomery form converts to Montgomery form.
    #[cfg_attr(not(feature = "owner"), allow(dead_code, reason = "for the owner"))]
    pub(crate) fn radix_squared(self) -> u32 {
        self.radix_squared
    }

    /// Reduces an integer. Constant-time only if the CPU's division is.
    pub(crate) fn reduce(self, x: u64) -> u32 {
        low(x % u64::from(self.q))
    }

    /// Reduces a signed integer. Not for secrets.
    #[cfg_attr(not(feature = "owner"), allow(dead_code, reason = "for the owner"))]
    pub(crate) fn reduce_signed(self, x: i128) -> u32 {
        u32::try_from(x.rem_euclid(i128::from(self.q))).unwrap_or_default()
    }

    /// Returns the residue of a small signed integer, |x| < q, in constant time.
    #[cfg_attr(not(feature = "owner"), allow(dead_code, reason = "for the owner"))]
    #[inline(always)]
    pub(crate) fn lift(self, x: i32) -> u32 {
        let negative = (x >> 31).cast_unsigned();
        x.cast_unsigned().wrapping_add(negative & self.q)
    }

    /// x·y mod q.
    pub(crate) fn mul(self, x: u32, y: u32) -> u32 {
        self.reduce(u64::from(x) * u64::from(y))
    }

    /// x·2^−32 mod q for x < q·2^32, in constant time.
    #[cfg_attr(not(feature = "owner"), allow(dead_code, reason = "for the owner"))]
    #[inline(always)]
    pub(crate) fn reduce_mont(self, x: u64) -> u32 {
        let multiple = low(x).wrapping_mul(self.negative_inverse);
        let reduced = low((x + u64::from(multiple) * u64::from(self.q)) >> 32);
        self.reduce_once(reduced)
    }

    /// Returns x mod q for x < 2q, in constant time.
    #[cfg_attr(not(feature = "owner"), allow(dead_code, reason = "for the owner"))]
    #[inline(always)]
    pub(crate) fn reduce_once(self, x: u32) -> u32 {
        let difference = x.wrapping_sub(self.q);
        let negative = (difference.cast_signed() >> 31).cast_unsigned();
        difference.wrapping_add(negative & self.q)
    }

    /// x^−1 mod q, or 0 for x = 0. Not constant-time.
    pub(crate) fn inverse(self, x: u32) -> u32 {
        low(inverse(u64::from(x), u64::from(self.q)))
    }

    /// Prepares a constant for products.
    pub(crate) fn multiplier(self, value: u32) -> Multiplier {
        Multiplier { value, quotient: low((u64::from(value) << 32) / u64::from(self.q)) }
    }

    /// Returns this modulus in vectors.
    #[inline(always)]
    pub(crate) fn broadcast<W: Words>(self, isa: W::Isa) -> Broadcast<W> {
        Broadcast {
            q: W::splat(isa, self.q),
            double: W::splat(isa, 2 * self.q),
            negative_inverse: W::splat(isa, self.negative_inverse),
            radix: W::splat(isa, self.radix),
        }
    }
}

impl Multiplier {
    /// Returns this constant in vectors.
    #[inline(always)]
    pub(crate) fn broadcast<W: Words>(self, isa: W::Isa) -> [W; 2] {
        [W::splat(isa, self.value), W::splat(isa, self.quotient)]
    }
}

/// The lower 32 bits.
#[inline(always)]
pub(crate) const fn low(x: u64) -> u32 {
    (x & 0xffff_ffff) as u32
}

/// A modulus in vectors.
#[derive(Clone, Copy)]
pub(crate) struct Broadcast<W> {
    pub(crate) q: W,
    /// 2q.
    pub(crate) double: W,
    negative_inverse: W,
    radix: W,
}

impl<W: Words> Broadcast<W> {
    /// Subtracts q once if x ≥ q. The result is canonical for x < 2q.
    #[inline(always)]
    pub(crate) fn reduce_once(&self, x: W) -> W {
        x.min(x.sub(self.q))
    }

    /// Subtracts 2q once if x ≥ 2q.
    #[inline(always)]
    pub(crate) fn reduce_double(&self, x: W) -> W {
        x.min(x.sub(self.double))
    }

    /// x + y mod q.
    #[inline(always)]
    pub(crate) fn add(&self, x: W, y: W) -> W {
        self.reduce_once(x.add(y))
    }

    /// x − y mod q.
    #[inline(always)]
    pub(crate) fn sub(&self, x: W, y: W) -> W {
        let difference = x.sub(y);
        difference.min(difference.add(self.q))
    }

    /// x times a constant, in \[0, 2q), for any 32-bit x.
    #[inline(always)]
    pub(crate) fn mul_lazy(&self, x: W, [value, quotient]: [W; 2]) -> W {
        x.mul_low(value).sub(x.mul_high(quotient).mul_low(self.q))
    }

    /// x times a constant mod q, for any 32-bit x.
    #[inline(always)]
    pub(crate) fn mul_constant(&self, x: W, constant: [W; 2]) -> W {
        self.reduce_once(self.mul_lazy(x, constant))
    }

    /// x·2^−32 mod q for x < q·2^32.
    #[inline(always)]
    pub(crate) fn reduce_mont(&self, x: W::Wide) -> W {
        self.reduce_once(W::upper(W::clear_lower(x, self.negative_inverse, self.q)))
    }

    /// x·y·2^−32 mod q: the product of a residue with one in Montgomery form.
    #[inline(always)]
    pub(crate) fn mul_mont(&self, x: W, y: W) -> W {
        self.reduce_mont(x.mul_wide(y))
    }

    /// Replaces x by a congruent number that is less than 2^32 + q·⌈x / 2^32⌉.
    #[inline(always)]
    pub(crate) fn fold(&self, x: W::Wide) -> W::Wide {
        W::fold(x, self.radix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::primes::ntt_primes;

    #[test]
    fn constants_agree_with_their_definitions() {
        for q in ntt_primes(30, 1024, 3).into_iter().chain(ntt_primes(20, 4096, 2)).chain([3]) {
            let m = Modulus::new(u32::try_from(q).unwrap());
            assert_eq!(m.value().wrapping_mul(m.negative_inverse), u32::MAX);
            assert_eq!(u128::from(m.radix_squared()), (1u128 << 64) % u128::from(q));
            assert_eq!(u64::from(m.radix), (1u64 << 32) % q);
            let largest = i32::try_from(q - 1).unwrap();
            for x in [0, 1, -1, largest, -largest] {
                assert_eq!(i64::from(m.lift(x)), i64::from(x).rem_euclid(i64::try_from(q).unwrap()));
                assert_eq!(m.reduce_signed(i128::from(x) - (i128::from(q) << 70)), m.lift(x));
            }
            assert_eq!(m.mul(m.inverse(2), 2), 1);
            for x in [0, 1, q - 1, q, (q << 32) - 1, q << 31] {
                assert_eq!((u64::from(m.reduce_mont(x)) << 32) % q, x % q);
            }
        }
    }
}
