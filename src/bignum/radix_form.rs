//! The constants of Montgomery arithmetic for some radix R.

use zeroize::Zeroizing;

/// The constants of Montgomery arithmetic for some radix R. As secret as the modulus; wiped when dropped.
pub(crate) struct RadixForm {
    /// −1/m modulo 2^64.
    pub(crate) negative_inverse: u64,
    /// R, R² and R³ modulo m², as pairs.
    pub(crate) radix_powers: [Zeroizing<Vec<u64>>; 3],
}
