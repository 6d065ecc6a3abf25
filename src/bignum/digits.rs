//! Numbers in radix 2^58: digits of 58 bits in 64-bit words.
//!
//! A product of two digits has 116 bits, so a `u128` holds the sum of more than four thousand products before carries
//! have to be propagated. The compiler turns such sums into straight-line code of multiply, add and add-with-carry.
//! Nine digits hold 512 bits with ten bits to spare, and every size is a multiple of 512 bits.

/// Bits in a digit.
pub(crate) const DIGIT_BITS: u32 = 58;
/// The largest digit.
pub(crate) const DIGIT_MASK: u64 = (1 << DIGIT_BITS) - 1;

/// Returns the number of digits for `bits` bits, a multiple of 512.
pub(crate) const fn digits_for(bits: usize) -> usize {
    bits / 512 * 9
}

/// Converts at most L limbs to L digits. Bits from 58·L on are ignored.
pub(crate) fn from_limbs<const L: usize>(limbs: &[u64]) -> [u64; L] {
    let mut padded = [0; L];
    for (word, limb) in padded.iter_mut().zip(limbs) {
        *word = *limb;
    }
    core::array::from_fn(|i| {
        let bit = i * DIGIT_BITS as usize;
        let (word, shift) = (bit / 64, bit % 64);
        let mut value = padded[word] >> shift;
        if shift > 64 - DIGIT_BITS as usize && word + 1 < L {
            value |= padded[word + 1] << (64 - shift);
        }
        value & DIGIT_MASK
    })
}

/// Converts normalised digits (below 2^58) to limbs. Bits that do not fit in `limbs` are dropped.
pub(crate) fn to_limbs(digits: &[u64], limbs: &mut [u64]) {
    const BITS: usize = DIGIT_BITS as usize;
    let digit = |i: usize| digits.get(i).copied().unwrap_or(0);
    for (i, limb) in limbs.iter_mut().enumerate() {
        let (first, shift) = (i * 64 / BITS, i * 64 % BITS);
        *limb = digit(first) >> shift | digit(first + 1) << (BITS - shift);
        if shift > 2 * BITS - 64 {
            *limb |= digit(first + 2) << (2 * BITS - shift);
        }
    }
}

/// Propagates carries: converts the columns of a sum below 2^(58·L) to digits.
#[inline(always)]
pub(crate) fn carry<const L: usize>(columns: &[u128]) -> [u64; L] {
    let mut digits = [0; L];
    let mut carry = 0u128;
    for (digit, column) in digits.iter_mut().zip(columns) {
        carry = carry.wrapping_add(*column);
        *digit = low(carry) & DIGIT_MASK;
        carry >>= DIGIT_BITS;
    }
    digits
}

/// Returns the low 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "the low half is intended")]
#[inline(always)]
pub(crate) fn low(x: u128) -> u64 {
    x as u64
}

/// Returns all ones if `condition` is 1, zero if it is 0. Opaque to the compiler, so that it makes no branch of it.
#[inline(always)]
pub(crate) fn mask(condition: u64) -> u64 {
    core::hint::black_box(condition.wrapping_neg())
}

/// Returns 1 if x is 0, else 0.
#[inline(always)]
pub(crate) fn is_zero(x: u64) -> u64 {
    ((x | x.wrapping_neg()) >> 63) ^ 1
}

/// Returns the digits of a − b mod 2^(58·L), and the borrow: 1 if a < b, else 0.
#[inline(always)]
pub(crate) fn sub<const L: usize>(a: &[u64; L], b: &[u64; L]) -> ([u64; L], u64) {
    let mut difference = [0; L];
    let mut borrow = 0u64;
    for i in 0..L {
        let x = a[i].wrapping_sub(b[i]).wrapping_sub(borrow);
        difference[i] = x & DIGIT_MASK;
        borrow = x >> 63;
    }
    (difference, borrow)
}

/// Returns a + b mod 2^(58·L), with carries propagated.
#[inline(always)]
pub(crate) fn add<const L: usize>(a: &[u64; L], b: &[u64; L]) -> [u64; L] {
    let mut sum = [0; L];
    let mut carry = 0u64;
    for i in 0..L {
        let x = a[i] + b[i] + carry;
        sum[i] = x & DIGIT_MASK;
        carry = x >> DIGIT_BITS;
    }
    sum
}

/// Returns `a` if `mask` is all ones, `b` if it is zero.
#[inline(always)]
pub(crate) fn select<const L: usize>(mask: u64, a: &[u64; L], b: &[u64; L]) -> [u64; L] {
    core::array::from_fn(|i| (a[i] & mask) | (b[i] & !mask))
}

/// Subtracts m once if a ≥ m. Also returns 1 if it subtracted, else 0.
#[inline(always)]
pub(crate) fn reduce_once<const L: usize>(a: &[u64; L], m: &[u64; L]) -> ([u64; L], u64) {
    let (difference, borrow) = sub(a, m);
    (select(mask(borrow), a, &difference), borrow ^ 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn limbs_and_digits_agree(limbs in prop::collection::vec(any::<u64>(), 16)) {
            let digits: [u64; 18] = from_limbs(&limbs);
            prop_assert!(digits.iter().all(|d| *d <= DIGIT_MASK));
            let mut back = vec![0; 16];
            to_limbs(&digits, &mut back);
            prop_assert_eq!(back, limbs);
        }

        #[test]
        fn subtraction_undoes_addition(a in prop::array::uniform9(0..=DIGIT_MASK), b in prop::array::uniform9(0..=DIGIT_MASK)) {
            let (mut a, mut b) = (a, b);
            a[8] >>= 2;
            b[8] >>= 2;
            prop_assert_eq!(sub(&add(&a, &b), &b), (a, 0));
            let (difference, borrow) = sub(&a, &b);
            prop_assert_eq!(borrow == 1, a.iter().rev().lt(b.iter().rev()));
            let (reduced, taken) = reduce_once(&a, &b);
            prop_assert_eq!(reduced, if taken == 1 { difference } else { a });
        }
    }
}
