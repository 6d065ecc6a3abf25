use super::*;
use crate::arith::window::{self, Exponent};
use num_bigint::BigUint;
use proptest::prelude::*;

fn big(digits: &[u64]) -> BigUint {
    digits.iter().rev().fold(BigUint::ZERO, |sum, d| (sum << 58u32) + d)
}

fn digits<const L: usize>(x: &BigUint) -> [u64; L] {
    digits::from_limbs(&x.to_u64_digits())
}

fn limbs(x: &BigUint, width: usize) -> Vec<u64> {
    let mut limbs = x.to_u64_digits();
    limbs.resize(width, 0);
    limbs
}

/// Random bits with runs of ones and zeros, which random numbers do not have.
fn number(bits: usize) -> impl Strategy<Value = BigUint> {
    prop::collection::vec(prop_oneof![3 => any::<u64>(), 1 => Just(0), 1 => Just(u64::MAX)], bits / 64)
        .prop_map(|limbs| limbs.iter().rev().fold(BigUint::ZERO, |x, limb| (x << 64u32) + limb))
}

/// An odd modulus of a size, and numbers to compute with, among them the extremes.
fn case(bits: usize) -> impl Strategy<Value = (BigUint, BigUint, BigUint)> {
    (number(bits), number(2 * bits), number(2 * bits), 0..8).prop_map(move |(mut m, x, y, kind)| {
        m.set_bit(0, true);
        m.set_bit(bits as u64 - 1 - u64::from(kind == 7), true);
        let square = &m * &m;
        let edge = |z: BigUint, which| match which {
            0 => BigUint::ZERO,
            1 => BigUint::from(1u32),
            2 => &square - 1u32,
            3 => m.clone(),
            4 => &m - 1u32,
            _ => z % &square,
        };
        (m.clone(), edge(x, kind), edge(y, kind / 2 + 2))
    })
}

fn check<const L: usize>((m, x, y): &(BigUint, BigUint, BigUint)) {
    let square = m * m;
    let modulus = PairModulus::<L>::new(&limbs(m, L / 9 * 8));
    let plain = |x: &BigUint| Pair { x0: digits::<L>(&(x % m)), x1: digits::<L>(&(x / m)) };
    let value = |p: &Pair<[u64; L]>| {
        let p = modulus.leave(p);
        let (x0, x1) = (big(&p.x0), big(&p.x1));
        assert!(&x0 < m && &x1 < m, "not reduced");
        x0 + x1 * m
    };
    let (a, b) = (modulus.enter(&plain(x)), modulus.enter(&plain(y)));
    assert_eq!(value(&a), *x);
    assert_eq!(value(modulus.one()), BigUint::from(1u32));
    assert_eq!(value(&modulus.mul(&a, &b)), x * y % &square);
    assert_eq!(value(&modulus.square(&a)), x * x % &square);
    assert_eq!(value(&modulus.plus_pair(&a, &b)), (x + y) % &square);
    // Operands as large as the bounds allow: 3m < x0 < 4m and 14m < x1 < 16m are reached by repeated addition.
    let big_a = modulus.plus_pair(&modulus.plus_pair(&a, &a), &a);
    assert_eq!(value(&modulus.mul(&big_a, &modulus.plus_pair(&b, &b))), x * y * 6u32 % &square);
    // A chain never leaves the bounds.
    let (mut chain, mut expected) = (a, x.clone());
    for _ in 0..20 {
        chain = modulus.mul(&modulus.square(&chain), &b);
        expected = &expected * &expected * y % &square;
    }
    assert_eq!(value(&chain), expected);
    let product = modulus.mont_mul(&modulus.mont_mul(&digits(&(x % m)), &modulus.r2().x0), &digits(&(y % m)));
    assert_eq!(big(&modulus.reduce_once(&product)), x * y % m);
    assert_eq!(big(&modulus.sub(&digits(&(x % m)), &digits(&(y % m)))), (x + (m - y % m)) % m);
    assert_eq!(big(&modulus.add(&digits(&(x % m)), &digits(&(y % m)))), (x + y) % m);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn pairs_512(case in case(512)) { check::<9>(&case); }
    #[test]
    fn pairs_1024(case in case(1024)) { check::<18>(&case); }
    #[test]
    fn pairs_1536(case in case(1536)) { check::<27>(&case); }
    #[test]
    fn pairs_2048(case in case(2048)) { check::<36>(&case); }
    #[test]
    fn pairs_3072(case in case(3072)) { check::<54>(&case); }
    #[test]
    fn pairs_4096(case in case(4096)) { check::<72>(&case); }
    #[test]
    fn pairs_6144(case in case(6144)) { check::<108>(&case); }
    #[test]
    fn pairs_8192(case in case(8192)) { check::<144>(&case); }

    #[test]
    fn powers((m, x, _) in case(512), exponent in prop::collection::vec(any::<u64>(), 0..8), cut in 0usize..64) {
        let modulus = PairModulus::<9>::new(&limbs(&m, 8));
        let square = &m * &m;
        let bits = (exponent.len() * 64).saturating_sub(cut);
        let base = modulus.enter(&Pair { x0: digits(&(&x % &m)), x1: digits(&(&x / &m)) });
        let power = modulus.leave(&window::pow(&modulus, &base, &Exponent::new(&exponent, bits)));
        let e = exponent.iter().rev().fold(BigUint::ZERO, |e, limb| (e << 64u32) + limb)
            % (BigUint::from(1u32) << bits);
        prop_assert_eq!(big(&power.x0) + big(&power.x1) * &m, x.modpow(&e, &square));
    }
}

#[test]
fn small_moduli_at_a_large_size() {
    for m in [3u32, 5, 255, 65_537] {
        check::<9>(&(m.into(), (m * 2 / 3).into(), (m - 1).into()));
    }
}
