//! Round trips of numbers, and numbers that cannot be encrypted.

use crate::keys::contexts;
use crate::parties::{evaluator, fast};
use hushvec::{Error, NumberFormat, NumberProblem, PlainArray};

#[test]
fn numbers_come_back_in_every_scheme() {
    let floats = [0.0, -0.0, 1.5, -2.25, 1e6, -1e-6, 0.1, 123_456.789];
    let integers = [0, 1, -1, i64::MAX, i64::MIN, 42, -1_000_000_007];
    for ctx in contexts() {
        let evaluator = evaluator(ctx);
        let format = NumberFormat::fixed_point(20, 40);
        let unit = 2f64.powi(-40);
        let rounded = floats.map(|x| (x / unit).round_ties_even() * unit);
        for encrypted in
            [ctx.encrypt_numbers(&floats, &format).unwrap(), evaluator.encrypt_numbers(&floats, &format).unwrap()]
        {
            assert_eq!((encrypted.len(), encrypted.exponent()), (8, -40));
            assert_eq!(ctx.decrypt_numbers(&encrypted).unwrap(), rounded, "{}", ctx.scheme());
        }
        for encrypted in [
            ctx.encrypt_numbers(&integers, &NumberFormat::integers(63)).unwrap(),
            evaluator.encrypt_numbers(&integers, &NumberFormat::integers(63)).unwrap(),
        ] {
            assert_eq!(ctx.decrypt_integers(&encrypted).unwrap(), integers, "{}", ctx.scheme());
        }
        let one = ctx.encrypt_number(0.75f32, &format).unwrap();
        assert_eq!(ctx.decrypt_number(&one).unwrap(), 0.75);
        let difference = evaluator.sub(&one, &evaluator.encrypt_number(2u8, &format).unwrap()).unwrap();
        let scaled = evaluator.add_plain(&difference, &PlainArray::integers([10])).unwrap();
        assert_eq!(ctx.decrypt_number(&evaluator.rerandomize(&scaled).unwrap()).unwrap(), 8.75, "{}", ctx.scheme());
        assert!(matches!(
            ctx.decrypt_integer(&one),
            Err(Error::Number { index: 0, problem: NumberProblem::NotAnInteger })
        ));
    }
}

#[test]
fn errors_name_the_number_that_cannot_be_encrypted() {
    let format = NumberFormat::fixed_point(10, 10);
    let problem = |values: &[f64]| match fast().encrypt_numbers(values, &format) {
        Err(Error::Number { index, problem }) => (index, problem),
        other => panic!("{other:?}"),
    };
    assert_eq!(problem(&[1.0, f64::NAN]), (1, NumberProblem::NotFinite));
    assert_eq!(problem(&[f64::INFINITY]), (0, NumberProblem::NotFinite));
    assert_eq!(problem(&[0.0, 1.0, f64::NEG_INFINITY]), (2, NumberProblem::NotFinite));
    assert_eq!(problem(&[1024.0, -1024.001]), (1, NumberProblem::OutOfRange));
    assert_eq!(problem(&[1e300]), (0, NumberProblem::OutOfRange));
    // Half a unit above the bound is rounded to even, which is the bound itself.
    assert!(fast().encrypt_numbers(&[1024.0 + 2f64.powi(-11), -1024.0], &format).is_ok());
    assert!(matches!(PlainArray::fixed_point(&[0.5, f64::NAN], 4), Err(Error::Number { index: 1, .. })));
    let text = fast().encrypt_numbers(&[2000.0], &format).unwrap_err().to_string();
    assert_eq!(text, "number 0 is beyond the bound of its format; use a format with a larger bound");
}
