//! Comparison of numbers given as limbs.

/// Whether a < b, both of one width, in constant time.
pub(crate) fn less_than(a: &[u64], b: &[u64]) -> bool {
    let mut borrow = false;
    for (x, y) in a.iter().zip(b) {
        let (difference, first) = x.overflowing_sub(*y);
        borrow = first | difference.overflowing_sub(u64::from(borrow)).1;
    }
    borrow
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_the_order_of_numbers(a in prop::collection::vec(0u64..3, 3), b in prop::collection::vec(0u64..3, 3)) {
            prop_assert_eq!(less_than(&a, &b), a.iter().rev().lt(b.iter().rev()));
        }
    }
}
