//! Operations and their operands.

use crate::keys::{context, contexts};
use crate::numbers::SplitMix;
use crate::parties::{evaluator, fast, of_fast};
use hushvec::{Error, NumberFormat, PlainArray, PlainMatrix, Scheme};

#[test]
fn arrays_are_joined_exactly() {
    let (ctx, evaluator) = (fast(), of_fast());
    let fine = ctx.encrypt_numbers(&[0.25, -1.5], &NumberFormat::fixed_point(8, 4)).unwrap();
    let coarse = ctx.encrypt_numbers(&[7i64, -9, 0], &NumberFormat::integers(63)).unwrap();
    let joined = evaluator.concat([&coarse, &fine, &coarse]).unwrap();
    assert_eq!((joined.len(), joined.exponent(), joined.bound().bits()), (8, -4, 68));
    assert_eq!(ctx.decrypt_numbers(&joined).unwrap(), [7.0, -9.0, 0.0, 0.25, -1.5, 7.0, -9.0, 0.0]);
    assert_eq!(evaluator.concat([&fine]).unwrap(), fine);
    assert!(evaluator.concat([]).unwrap().is_empty());
}

#[test]
fn a_product_with_a_matrix_is_exact() {
    let mut random = SplitMix(22);
    let (inputs, outputs) = (50, 7);
    let pixels: Vec<u8> = (0..inputs).map(|_| random.next().to_le_bytes()[0]).collect();
    let weights: Vec<i8> = (0..inputs * outputs).map(|_| random.next().to_le_bytes()[0].cast_signed()).collect();
    let expected: Vec<i64> = weights
        .chunks(inputs)
        .map(|row| row.iter().zip(&pixels).map(|(w, x)| i64::from(*w) * i64::from(*x)).sum())
        .collect();
    let matrix = PlainMatrix::new(inputs, PlainArray::integers(weights)).unwrap();
    assert_eq!((matrix.rows(), matrix.columns()), (outputs, inputs));
    for ctx in contexts() {
        let encrypted = ctx.encrypt_numbers(&pixels, &NumberFormat::integers(8)).unwrap();
        let product = evaluator(ctx).matmul(&matrix, &encrypted).unwrap();
        assert_eq!(ctx.decrypt_integers(&product).unwrap(), expected, "{}", ctx.scheme());
    }
}

#[test]
fn operands_are_checked() {
    let (ctx, evaluator) = (fast(), of_fast());
    let format = NumberFormat::integers(8);
    let three = ctx.encrypt_numbers(&[1, 2, 3], &format).unwrap();
    let foreign = context(Scheme::Paillier).encrypt_numbers(&[1, 2, 3], &format).unwrap();
    assert!(matches!(evaluator.add(&three, &foreign), Err(Error::WrongKey { .. })));
    assert!(matches!(evaluator.neg(&foreign), Err(Error::WrongKey { .. })));
    assert!(matches!(evaluator.rerandomize(&foreign), Err(Error::WrongKey { .. })));
    assert!(matches!(ctx.decrypt_integers(&foreign), Err(Error::WrongKey { .. })));
    let two = three.slice(1..3);
    assert!(matches!(evaluator.add(&three, &two), Err(Error::Length { expected: 3, actual: 2, .. })));
    let plain = PlainArray::integers([1, 2]);
    assert!(matches!(evaluator.dot(&three, &plain), Err(Error::Length { expected: 3, actual: 2, .. })));
    assert!(matches!(evaluator.mul_plain(&three, &plain), Err(Error::Length { .. })));
    let matrix = PlainMatrix::new(2, plain).unwrap();
    assert!(matches!(evaluator.matmul(&matrix, &three), Err(Error::Length { expected: 2, actual: 3, .. })));
    assert!(matches!(PlainMatrix::new(2, PlainArray::integers([1, 2, 3])), Err(Error::Length { .. })));
    assert!(matches!(evaluator.with_exponent(&three, 1), Err(Error::Unsupported { .. })));
    assert_eq!(ctx.decrypt_integers(&two).unwrap(), [2, 3]);
    assert_eq!(ctx.decrypt_integer(&three.get(2).unwrap()).unwrap(), 3);
    assert!(three.get(3).is_none());
    // An empty array is valid, and its sum is 0.
    let none = three.slice(0..0);
    assert!(none.is_empty() && evaluator.neg(&none).unwrap().is_empty());
    assert_eq!(ctx.decrypt_integer(&evaluator.sum(&none).unwrap()).unwrap(), 0);
    assert_eq!(ctx.decrypt_integer(&evaluator.dot(&none, &PlainArray::integers([0; 0])).unwrap()).unwrap(), 0);
}

#[test]
fn fresh_noise_changes_the_ciphertext_and_not_the_number() {
    let (ctx, evaluator) = (fast(), of_fast());
    let number = ctx.encrypt_number(-7, &NumberFormat::integers(8)).unwrap();
    let again = evaluator.rerandomize(&number).unwrap();
    assert!(again.ciphertext() != number.ciphertext());
    assert_eq!((again.exponent(), again.bound()), (number.exponent(), number.bound()));
    assert_eq!(ctx.decrypt_integer(&again).unwrap(), -7);
}
