//! Vectors of four 32-bit lanes in portable Rust, which compilers turn into SSE2 or NEON.

use super::Words;
use std::array::from_fn;

/// Four 32-bit lanes.
#[derive(Clone, Copy)]
pub(crate) struct U32x4([u32; 4]);

impl U32x4 {
    #[inline(always)]
    fn each(self, other: Self, of: impl Fn(u32, u32) -> u32) -> Self {
        Self(from_fn(|i| of(self.0[i], other.0[i])))
    }
}

/// The lower 32 bits.
#[inline(always)]
const fn low(x: u64) -> u32 {
    (x & 0xffff_ffff) as u32
}

/// The upper 32 bits.
#[inline(always)]
const fn high(x: u64) -> u32 {
    (x >> 32) as u32
}

impl Words for U32x4 {
    type Isa = ();

    type Array = [u32; 4];

    type Wide = [u64; 4];

    const LANES: usize = 4;

    // SSE2 has 16, NEON 32.
    const REGISTERS: usize = 16;

    #[inline(always)]
    fn splat((): (), x: u32) -> Self {
        Self([x; 4])
    }

    #[inline(always)]
    fn load((): (), lanes: &[u32; 4]) -> Self {
        Self(*lanes)
    }

    #[inline(always)]
    fn store(self, lanes: &mut [u32; 4]) {
        *lanes = self.0;
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.each(other, u32::wrapping_add)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.each(other, u32::wrapping_sub)
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self.each(other, |x, y| x & y)
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        // A mask instead of `u32::min`, which may become a branch.
        self.each(other, |x, y| {
            let less = 0u32.wrapping_sub(high(u64::from(x).wrapping_sub(u64::from(y))) >> 31);
            y ^ ((x ^ y) & less)
        })
    }

    #[inline(always)]
    fn shr(self, bits: u32) -> Self {
        Self(self.0.map(|x| x >> bits))
    }

    #[inline(always)]
    fn shl(self, bits: u32) -> Self {
        Self(self.0.map(|x| x << bits))
    }

    #[inline(always)]
    fn mul_low(self, other: Self) -> Self {
        self.each(other, u32::wrapping_mul)
    }

    #[inline(always)]
    fn mul_wide(self, other: Self) -> [u64; 4] {
        from_fn(|i| u64::from(self.0[i]) * u64::from(other.0[i]))
    }

    #[inline(always)]
    fn add_wide(x: [u64; 4], y: [u64; 4]) -> [u64; 4] {
        from_fn(|i| x[i].wrapping_add(y[i]))
    }

    #[inline(always)]
    fn fold(x: [u64; 4], factor: Self) -> [u64; 4] {
        from_fn(|i| u64::from(low(x[i])) + (x[i] >> 32) * u64::from(factor.0[i]))
    }

    #[inline(always)]
    fn clear_lower(x: [u64; 4], inverse: Self, modulus: Self) -> [u64; 4] {
        from_fn(|i| {
            let multiple = low(x[i]).wrapping_mul(inverse.0[i]);
            x[i].wrapping_add(u64::from(multiple) * u64::from(modulus.0[i]))
        })
    }

    #[inline(always)]
    fn upper(x: [u64; 4]) -> Self {
        Self(x.map(high))
    }

    #[inline(always)]
    fn split<const BLOCK: usize>([x, y]: [Self; 2]) -> [Self; 2] {
        let ([a, b, c, d], [e, f, g, h]) = (x.0, y.0);
        match BLOCK {
            1 => [Self([a, c, e, g]), Self([b, d, f, h])],
            2 => [Self([a, b, e, f]), Self([c, d, g, h])],
            _ => [x, y],
        }
    }

    #[inline(always)]
    fn join<const BLOCK: usize>([x, y]: [Self; 2]) -> [Self; 2] {
        let ([a, b, c, d], [e, f, g, h]) = (x.0, y.0);
        match BLOCK {
            1 => [Self([a, e, b, f]), Self([c, g, d, h])],
            2 => [Self([a, b, e, f]), Self([c, d, g, h])],
            _ => [x, y],
        }
    }
}
