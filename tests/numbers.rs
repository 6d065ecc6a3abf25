//! Encrypted numbers: what comes out is what plain arithmetic gives, or there is an error that says why nothing does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "common/keys.rs"]
mod keys;
#[path = "common/numbers.rs"]
mod numbers;

use hushvec::{
    Device, EncryptedArray, Error, ExecutionContext, NumberEvaluator, NumberFormat, NumberProblem, PlainArray,
    PlainMatrix, Scheme,
};
use keys::{context, contexts};
use num_bigint::{BigInt, BigUint};
use numbers::SplitMix;
use std::sync::OnceLock;

fn fast() -> &'static ExecutionContext {
    context(Scheme::PaillierSubgroup)
}

fn evaluator(ctx: &ExecutionContext) -> NumberEvaluator {
    NumberEvaluator::open(&ctx.public_context(), Device::Cpu).unwrap()
}

fn of_fast() -> &'static NumberEvaluator {
    static EVALUATOR: OnceLock<NumberEvaluator> = OnceLock::new();
    EVALUATOR.get_or_init(|| evaluator(fast()))
}

fn exact(ctx: &ExecutionContext, numbers: &EncryptedArray) -> Vec<BigInt> {
    ctx.decrypt_exactly_vartime(numbers).unwrap().values().to_vec()
}

fn is_refused<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    match result {
        Err(Error::Magnitude { bits, limit, .. }) => bits >= limit,
        Ok(_) => false,
        Err(error) => panic!("{error}"),
    }
}

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

/// Encrypted numbers beside what they should be: integers, their exponent, and the bound on them.
struct Both {
    encrypted: EncryptedArray,
    plain: Vec<BigInt>,
    exponent: i32,
    bound: BigUint,
}

impl Both {
    fn check(&self, what: &str) {
        assert_eq!(self.encrypted.exponent(), self.exponent, "{what}");
        assert_eq!(*self.encrypted.bound(), self.bound, "{what}");
        assert_eq!(exact(fast(), &self.encrypted), self.plain, "{what}");
        assert!(self.plain.iter().all(|x| *x.magnitude() <= self.bound), "{what}");
    }

    /// The same at a lower exponent.
    fn lowered(&self, exponent: i32) -> (Vec<BigInt>, BigUint) {
        let more = self.exponent.abs_diff(exponent);
        (self.plain.iter().map(|x| x << more).collect(), &self.bound << more)
    }
}

fn weights(random: &mut SplitMix, count: usize) -> PlainArray {
    let bits = usize::try_from(random.next() % 700).unwrap() + 1;
    let weight = |random: &mut SplitMix| {
        let magnitude = BigInt::from(random.number(bits));
        if random.next().is_multiple_of(2) { -magnitude } else { magnitude }
    };
    let exponent = i32::try_from(random.next() % 60).unwrap() - 40;
    PlainArray::new((0..count).map(|_| weight(random)).collect(), exponent)
}

/// Random operations one after the other until one is refused, which has to be the first whose bound reaches n/3.
#[test]
fn programs_give_what_plain_arithmetic_gives() {
    let programs = if std::env::var_os("HUSHVEC_LONG_TESTS").is_some() { 2000 } else { 40 };
    let mut random = SplitMix(21);
    let limit = fast().public_key().n() / 3u32;
    let (mut refused, mut done) = (0, 0);
    for program in 0..programs {
        let fresh = |random: &mut SplitMix| {
            let values: [i64; 3] = [0; 3].map(|_| random.next().cast_signed() >> (32 + random.next() % 32));
            let exponent = i32::try_from(random.next() % 30).unwrap() - 20;
            let format = NumberFormat::new(exponent, BigUint::from(1u32) << (31 + exponent.unsigned_abs()));
            let encrypted = of_fast().encrypt_numbers(&values, &format).unwrap();
            let plain = exact(fast(), &encrypted);
            Both { encrypted, plain, exponent, bound: format.bound().clone() }
        };
        let mut state = fresh(&mut random);
        for step in 0..30 {
            let kind = random.next() % 8;
            let what = format!("program {program}, step {step}, operation {kind}");
            let (outcome, plain, exponent, bound);
            match kind {
                0 | 1 => {
                    let other = fresh(&mut random);
                    exponent = state.exponent.min(other.exponent);
                    let ((a, a_bound), (b, b_bound)) = (state.lowered(exponent), other.lowered(exponent));
                    bound = a_bound + b_bound;
                    if kind == 0 {
                        outcome = of_fast().add(&state.encrypted, &other.encrypted);
                        plain = a.iter().zip(&b).map(|(a, b)| a + b).collect();
                    } else {
                        outcome = of_fast().sub(&state.encrypted, &other.encrypted);
                        plain = a.iter().zip(&b).map(|(a, b)| a - b).collect();
                    }
                }
                2 => {
                    outcome = of_fast().neg(&state.encrypted);
                    (plain, exponent, bound) =
                        (state.plain.iter().map(|x| -x).collect(), state.exponent, state.bound.clone());
                }
                3 | 4 => {
                    let count = if kind == 3 { 3 } else { 1 };
                    let other = weights(&mut random, count);
                    let largest = other.values().iter().map(BigInt::magnitude).max().unwrap().clone();
                    if random.next().is_multiple_of(2) {
                        exponent = state.exponent + other.exponent();
                        bound = &state.bound * largest;
                        plain = state.plain.iter().zip(other.values().iter().cycle()).map(|(a, b)| a * b).collect();
                        outcome = of_fast().mul_plain(&state.encrypted, &other);
                    } else {
                        exponent = state.exponent.min(other.exponent());
                        let more = other.exponent().abs_diff(exponent);
                        let (a, a_bound) = state.lowered(exponent);
                        bound = a_bound + (largest << more);
                        plain = a.iter().zip(other.values().iter().cycle()).map(|(a, b)| a + (b << more)).collect();
                        outcome = of_fast().add_plain(&state.encrypted, &other);
                    }
                }
                5 => {
                    let matrix = PlainMatrix::new(3, weights(&mut random, 9)).unwrap();
                    let rows: Vec<&[BigInt]> = matrix.values().values().chunks(3).collect();
                    exponent = state.exponent + matrix.values().exponent();
                    bound = &state.bound
                        * rows.iter().map(|row| row.iter().map(BigInt::magnitude).sum::<BigUint>()).max().unwrap();
                    plain = rows.iter().map(|row| row.iter().zip(&state.plain).map(|(w, x)| w * x).sum()).collect();
                    outcome = of_fast().matmul(&matrix, &state.encrypted);
                }
                6 => {
                    let sum = of_fast().sum(&state.encrypted);
                    exponent = state.exponent;
                    bound = &state.bound * 3u32;
                    plain = vec![state.plain.iter().sum(); 3];
                    outcome = sum.and_then(|sum| of_fast().array_of([&sum, &sum, &sum]));
                }
                _ => {
                    exponent = state.exponent - i32::try_from(random.next() % 40).unwrap();
                    outcome = of_fast().with_exponent(&state.encrypted, exponent);
                    (plain, bound) = state.lowered(exponent);
                }
            }
            if bound >= limit {
                assert!(is_refused(outcome), "{what}");
                refused += 1;
                break;
            }
            let encrypted = outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
            state = Both { encrypted, plain, exponent, bound };
            state.check(&what);
            done += 1;
        }
    }
    assert!(refused > programs / 4 && done > 3 * programs, "{refused} refused, {done} done");
}

#[test]
fn bounds_end_just_below_a_third_of_n() {
    let (ctx, evaluator) = (fast(), of_fast());
    let limit = ctx.public_key().n() / 3u32;
    let most = BigInt::from(&limit - 1u32);
    let integer = |x: &BigInt| PlainArray::integers([x.clone()]);
    let format = |bound: BigUint| NumberFormat::new(0, bound);
    assert!(ctx.encrypt_numbers(&[1], &format(&limit - 1u32)).is_ok());
    assert!(is_refused(ctx.encrypt_numbers(&[1], &format(limit.clone()))));
    assert!(is_refused(evaluator.encrypt_numbers(&[1], &format(limit.clone()))));

    let one = evaluator.encrypt_numbers(&[1], &format(1u32.into())).unwrap();
    let zero = evaluator.encrypt_numbers(&[0], &format(1u32.into())).unwrap();
    for sign in [1, -1] {
        let largest = evaluator.mul_plain(&one, &integer(&(&most * sign))).unwrap();
        assert_eq!(exact(ctx, &largest), [&most * sign]);
        assert!(is_refused(evaluator.mul_plain(&one, &integer(&((&most + 1) * sign)))));
        assert!(is_refused(evaluator.mul_plain(&largest, &integer(&2.into()))));
        assert!(is_refused(evaluator.add(&largest, &zero)));
        assert!(is_refused(evaluator.sub(&zero, &largest)));
        assert!(is_refused(evaluator.add_plain(&largest, &integer(&sign.into()))));
        assert!(is_refused(evaluator.with_exponent(&largest, -1)));
        assert!(is_refused(evaluator.with_exponent(&largest, i32::MIN)));
        let almost = evaluator.mul_plain(&one, &integer(&((&most - 1) * sign))).unwrap();
        assert_eq!(exact(ctx, &evaluator.add_plain(&almost, &integer(&sign.into())).unwrap()), [&most * sign]);
        assert_eq!(exact(ctx, &evaluator.add(&almost, &zero).unwrap()), [(&most - 1) * sign]);
        assert!(is_refused(evaluator.add_plain(&almost, &integer(&2.into()))));
        let both = evaluator.array_of(&[largest.get(0).unwrap(), zero.get(0).unwrap()]).unwrap();
        assert!(is_refused(evaluator.sum(&both)));
        assert_eq!(
            ctx.decrypt_numbers(&both).err().map(|error| error.to_string()).as_deref(),
            Some("number 0 is too large for the type that was asked for")
        );
    }
}

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
fn what_cannot_be_encrypted_is_named() {
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
    // Half a unit is rounded to the even neighbour, which is the bound itself.
    assert!(fast().encrypt_numbers(&[1024.0 + 2f64.powi(-11), -1024.0], &format).is_ok());
    assert!(matches!(PlainArray::fixed_point(&[0.5, f64::NAN], 4), Err(Error::Number { index: 1, .. })));
    let text = fast().encrypt_numbers(&[2000.0], &format).unwrap_err().to_string();
    assert_eq!(text, "number 0 is beyond the bound of its format");
}

#[test]
fn operands_have_to_fit() {
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
    // Nothing at all is fine, and its sum is 0.
    let none = three.slice(0..0);
    assert!(none.is_empty() && evaluator.neg(&none).unwrap().is_empty());
    assert_eq!(ctx.decrypt_integer(&evaluator.sum(&none).unwrap()).unwrap(), 0);
    assert_eq!(ctx.decrypt_integer(&evaluator.dot(&none, &PlainArray::integers([0; 0])).unwrap()).unwrap(), 0);
}

#[test]
fn arrays_travel_as_bytes_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers.hvn");
    let (ctx, evaluator) = (fast(), of_fast());
    let key = ctx.public_key();
    for count in [0usize, 1, 5] {
        let values: Vec<f64> = (0..count).map(|i| i as f64 / 8.0 - 0.25).collect();
        let array = ctx.encrypt_numbers(&values, &NumberFormat::fixed_point(3, 9)).unwrap();
        array.save(&path, key).unwrap();
        assert_eq!(evaluator.load_numbers(&path).unwrap(), array);
        let read = ctx.numbers_from_bytes(&array.to_bytes(key).unwrap()).unwrap();
        assert_eq!(ctx.decrypt_numbers(&read).unwrap(), values);
    }
    let other = context(Scheme::Paillier);
    assert!(matches!(
        other.load_numbers(&path).map_err(|error| matches!(error.root(), Error::WrongKey { .. })),
        Err(true)
    ));
    let text = evaluator.load_numbers(&folder.path().join("none")).unwrap_err().to_string();
    assert!(text.starts_with("cannot open ") && text.contains("none"), "{text}");
}

#[test]
fn changed_arrays_are_refused() {
    let (ctx, evaluator) = (fast(), of_fast());
    let array = ctx.encrypt_numbers(&[3, -4], &NumberFormat::integers(8)).unwrap();
    let bytes = array.to_bytes(ctx.public_key()).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(evaluator.numbers_from_bytes(&changed).is_err(), "byte {at}");
        assert!(evaluator.numbers_from_bytes(&bytes[..at]).is_err(), "cut at {at}");
    }
    assert!(evaluator.numbers_from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());

    // Somebody who can make checksums can say anything of the bound, but numbers beyond it are not believed.
    let forged = |change: &dyn Fn(&mut [u8])| {
        let mut forged = bytes.clone();
        let end = forged.len() - 4;
        change(&mut forged[128..end]);
        let checksum = crc32fast::hash(&forged[128..end]).to_le_bytes();
        forged[end..].copy_from_slice(&checksum);
        evaluator.numbers_from_bytes(&forged)
    };
    let smaller = forged(&|body| body[..2].copy_from_slice(&[3, 0])).unwrap();
    assert_eq!(*smaller.bound(), 3u32.into());
    let refused = ctx.decrypt_integers(&smaller);
    assert!(matches!(refused, Err(Error::Number { index: 1, problem: NumberProblem::BeyondBound })), "{refused:?}");
    assert!(matches!(forged(&|body| body[..256].fill(0xff)), Err(Error::Magnitude { .. })));
    assert!(matches!(forged(&|body| body[256..768].fill(0)), Err(Error::Ciphertext { record: 0, .. })));
    assert!(matches!(forged(&|body| body[1024..1280].fill(0xff)), Err(Error::Ciphertext { record: 1, .. })));
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
