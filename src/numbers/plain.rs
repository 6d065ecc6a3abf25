//! Plain numbers: the evaluator's own operands for encrypted numbers.

use super::encode::MachineNumber;
use crate::bignum::limbs::less_than;
use crate::error::{Error, NumberProblem};
use crate::paillier::kernels::weights::Weights;
use num_bigint::{BigInt, BigUint, Sign};

/// An array of plain numbers: integers times a common power of two.
///
/// Plain numbers are not secret: operations take time that depends on their values, and they are not wiped.
///
/// ```
/// use hushvec::PlainArray;
/// let prices = PlainArray::integers([40, -25]);
/// let rates = PlainArray::fixed_point(&[0.25, 1.1], 20)?; // rounded to multiples of 2^−20
/// assert_eq!((prices.exponent(), rates.exponent()), (0, -20));
/// assert_eq!(rates.values()[0], (1 << 18).into());
/// # Ok::<(), hushvec::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainArray {
    integers: Vec<BigInt>,
    exponent: i32,
}

impl PlainArray {
    /// Creates the array of the numbers integer·2^exponent.
    pub fn new(integers: Vec<BigInt>, exponent: i32) -> Self {
        Self { integers, exponent }
    }

    /// Creates an array of integers of any length.
    pub fn integers<T: Into<BigInt>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::new(values.into_iter().map(Into::into).collect(), 0)
    }

    /// Rounds numbers to `fraction_bits` bits after the point, half to even.
    ///
    /// # Errors
    /// [`Error::Number`], naming the first that is not finite.
    pub fn fixed_point<T: MachineNumber>(values: &[T], fraction_bits: u16) -> Result<Self, Error> {
        let exponent = -i32::from(fraction_bits);
        let integer = |(index, value): (u64, &T)| {
            let float = value.parts();
            if !float.is_finite {
                return Err(Error::Number { index, problem: NumberProblem::NotFinite });
            }
            let sign = if float.is_negative { Sign::Minus } else { Sign::Plus };
            let magnitude = BigUint::from(float.mantissa);
            let shift = i64::from(float.exponent) - i64::from(exponent);
            Ok(BigInt::from_biguint(sign, shifted(magnitude, shift)))
        };
        let integers: Result<_, Error> = (0..).zip(values).map(integer).collect();
        Ok(Self::new(integers?, exponent))
    }

    /// Returns the integers, which times 2^exponent are the numbers.
    pub fn values(&self) -> &[BigInt] {
        &self.integers
    }

    /// Returns the exponent: numbers are multiples of 2^exponent.
    pub fn exponent(&self) -> i32 {
        self.exponent
    }

    /// Returns how many numbers it has.
    pub fn len(&self) -> usize {
        self.integers.len()
    }

    /// Returns whether it has no numbers.
    pub fn is_empty(&self) -> bool {
        self.integers.is_empty()
    }

    /// Iterates over `count` values: the array's own, or its only one repeated.
    pub(super) fn broadcast(&self, count: usize) -> Result<impl Iterator<Item = &BigInt> + Clone, Error> {
        if self.len() != count && self.len() != 1 {
            return Err(Error::Length { what: "the plain array", expected: count, actual: self.len() });
        }
        Ok(self.integers.iter().cycle().take(count))
    }

    /// Returns the largest magnitude.
    pub(super) fn largest(&self) -> BigUint {
        self.integers.iter().map(BigInt::magnitude).max().cloned().unwrap_or_default()
    }

    /// Returns how many limbs the largest magnitude has.
    pub(super) fn width(&self) -> usize {
        usize::try_from(self.largest().bits().div_ceil(64)).unwrap_or(usize::MAX)
    }
}

/// Rounds x·2^shift to the nearest integer, half to even.
fn shifted(x: BigUint, shift: i64) -> BigUint {
    let Ok(right) = u64::try_from(-shift) else { return x << shift.unsigned_abs() };
    if right == 0 {
        return x;
    }
    let kept = &x >> right;
    let rest = x - (&kept << right);
    let half = BigUint::from(1u32) << (right - 1);
    if rest > half || (rest == half && kept.bit(0)) { kept + 1u32 } else { kept }
}

/// A matrix of plain numbers with a row for each output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainMatrix {
    columns: usize,
    values: PlainArray,
}

impl PlainMatrix {
    /// Creates a matrix of `columns` columns from its numbers in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] if the last row is incomplete.
    pub fn new(columns: usize, values: PlainArray) -> Result<Self, Error> {
        let rows = if columns == 0 { 0 } else { values.len().div_ceil(columns) };
        if rows * columns != values.len() {
            let expected = rows * columns;
            return Err(Error::Length { what: "the plain matrix", expected, actual: values.len() });
        }
        Ok(Self { columns, values })
    }

    /// Returns the number of columns, which is the number of inputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the number of rows, which is the number of outputs.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns.max(1)
    }

    /// Returns the numbers in row-major order.
    pub fn values(&self) -> &PlainArray {
        &self.values
    }

    /// Returns the largest Σ |w| of any row.
    pub(super) fn largest_sum(&self) -> BigUint {
        let sum = |row: &[BigInt]| row.iter().map(BigInt::magnitude).sum();
        self.values.integers.chunks(self.columns.max(1)).map(sum).max().unwrap_or_default()
    }

    pub(super) fn weights(&self) -> Weights {
        let mut weights = Weights::new(self.values.width());
        for row in self.values.integers.chunks(self.columns.max(1)) {
            weights.push(row.iter().enumerate().map(|(input, weight)| term(input, weight)));
        }
        weights
    }
}

/// Returns an input's weight as index, sign (true if negative) and limbs.
pub(super) fn term(input: usize, weight: &BigInt) -> (usize, bool, Vec<u64>) {
    (input, weight.sign() == Sign::Minus, weight.iter_u64_digits().collect())
}

/// Reduces a plain number of magnitude below n modulo n. Returns limbs.
pub(super) fn residue(x: &BigInt, n: &[u64]) -> Vec<u64> {
    let mut limbs = vec![0; n.len()];
    limbs.iter_mut().zip(x.iter_u64_digits()).for_each(|(limb, digit)| *limb = digit);
    debug_assert!(less_than(&limbs, n));
    super::encode::negate_if(x.sign() == Sign::Minus, n, &mut limbs);
    limbs
}
