//! Radix 2^58: words with six bits to spare.
//!
//! A product of two digits has 116 bits, so a `u128` takes the sum of over four thousand of them before a carry has
//! to move. That is what lets the compiler turn portable Rust into an unbroken run of multiply, add, add-with-carry.
//! Nine digits hold 512 bits with ten to spare, at every size.

/// Bits in a digit.
pub(crate) const DIGIT_BITS: u32 = 58;
/// The largest digit.
pub(crate) const DIGIT_MASK: u64 = (1 << DIGIT_BITS) - 1;

/// Digits that hold a number of `bits` bits, for multiples of 512.
pub(crate) const fn digits_for(bits: usize) -> usize {
    bits / 512 * 9
}

/// The digits of a number given as at most L limbs, of which the lower 58·L bits count.
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

/// Writes a number given as normalised digits to limbs. What does not fit in `limbs` is dropped.
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

/// Moves carries up: columns of a sum below 2^(58·L) to digits.
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

/// The low 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
#[inline(always)]
pub(crate) fn low(x: u128) -> u64 {
    x as u64
}

/// All ones if `condition` is 1, zero if it is 0, in a form that the compiler does not turn back into a branch.
#[inline(always)]
pub(crate) fn mask(condition: u64) -> u64 {
    core::hint::black_box(condition.wrapping_neg())
}

/// 1 if x is 0, else 0.
#[inline(always)]
pub(crate) fn is_zero(x: u64) -> u64 {
    ((x | x.wrapping_neg()) >> 63) ^ 1
}

/// a − b as digits, and 1 if that is negative (then the digits are those of a − b + 2^(58·L)).
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

/// a + b mod 2^(58·L), with carries moved up.
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

/// `a` where `mask` is all ones, `b` where it is zero.
#[inline(always)]
pub(crate) fn select<const L: usize>(mask: u64, a: &[u64; L], b: &[u64; L]) -> [u64; L] {
    core::array::from_fn(|i| (a[i] & mask) | (b[i] & !mask))
}

/// Subtracts m once if a ≥ m. Also returns 1 if it did.
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
