//! Constant-time comparison of numbers given as limbs.

/// Returns whether a < b, for numbers of the same width.
pub(crate) fn less_than(a: &[u64], b: &[u64]) -> bool {
    let mut borrow = false;
    for (x, y) in a.iter().zip(b) {
        let (difference, first) = x.overflowing_sub(*y);
        borrow = first | difference.overflowing_sub(u64::from(borrow)).1;
    }
    borrow
}

/// Returns whether a = b, for numbers of the same width.
pub(crate) fn equal(a: &[u64], b: &[u64]) -> bool {
    a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_the_order_of_numbers(a in prop::collection::vec(0u64..3, 3), b in prop::collection::vec(0u64..3, 3)) {
            prop_assert_eq!(less_than(&a, &b), a.iter().rev().lt(b.iter().rev()));
            prop_assert_eq!(equal(&a, &b), a == b);
        }
    }
}
