//! Random sequences of operations.

use crate::numbers::SplitMix;
use crate::parties::{exact, fast, is_refused, of_fast};
use hushvec::{EncryptedArray, NumberFormat, PlainArray, PlainMatrix};
use num_bigint::{BigInt, BigUint};

/// Encrypted numbers with their expected integers, exponent and bound.
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

    /// Returns the expected integers and bound at a lower exponent.
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

/// Runs random operations until one is refused, which must be the first whose bound reaches n/3.
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
