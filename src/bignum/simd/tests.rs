//! Compares the arithmetic of every instruction set that this machine has with num-bigint, operation by operation.

use crate::bignum::batch::Rows;
use crate::bignum::factor::FixedFactor;
use crate::bignum::lanes::{Lanes, Pair, WINDOW_BITS};
use crate::bignum::modulus::Modulus;
use crate::bignum::window::{self, Exponent};
use crate::bignum::with_lanes::*;
use crate::device::cpu::Cpu;
use crate::device::isa::Isa;
use num_bigint::BigUint;
use proptest::prelude::*;

fn limbs(x: &BigUint, width: usize) -> Vec<u64> {
    let mut limbs = x.to_u64_digits();
    assert!(limbs.len() <= width);
    limbs.resize(width, 0);
    limbs
}

fn value(limbs: &[u64]) -> BigUint {
    BigUint::from_bytes_le(bytemuck::cast_slice(limbs))
}

/// Random bits with long runs of ones and zeros, which uniform numbers do not have.
fn number(bits: usize) -> impl Strategy<Value = BigUint> {
    prop::collection::vec(prop_oneof![3 => any::<u64>(), 1 => Just(0), 1 => Just(u64::MAX)], bits / 64)
        .prop_map(|limbs| value(&limbs))
}

/// An odd modulus of `bits` bits and two operands, including extreme values.
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

/// Converts between `BigUint` and lanes.
struct Fixture<'a, A> {
    a: &'a A,
    m: &'a BigUint,
}

impl<A: Lanes> Fixture<'_, A> {
    fn pair(&self, values: &[BigUint]) -> Pair<A::Number> {
        let width = self.a.width();
        let row = |x: &BigUint| [limbs(&(x % self.m), width), limbs(&(x / self.m), width)].concat();
        let rows: Vec<u64> = values.iter().flat_map(row).collect();
        self.a.load_pair(Rows::new(&rows, 2 * width))
    }

    fn number(&self, values: &[BigUint]) -> A::Number {
        let rows: Vec<u64> = values.iter().flat_map(|x| limbs(x, self.a.width())).collect();
        self.a.load(Rows::new(&rows, self.a.width()), 0)
    }

    /// Returns the value of a pair in Montgomery form, for each lane.
    fn values(&self, pair: &Pair<A::Number>) -> Vec<BigUint> {
        let width = self.a.width();
        let mut rows = vec![7; 2 * width * A::COUNT];
        self.a.store_pair(&self.a.from_mont(pair), &mut rows);
        let value = |row: &[u64]| {
            let (x0, x1) = (value(&row[..width]), value(&row[width..]));
            assert!(x0 < *self.m && x1 < *self.m, "not reduced");
            x0 + x1 * self.m
        };
        rows.chunks(2 * width).map(value).collect()
    }

    fn numbers(&self, x: &A::Number) -> Vec<BigUint> {
        let mut rows = vec![7; self.a.width() * A::COUNT];
        self.a.store(x, &mut rows, self.a.width(), 0);
        rows.chunks(self.a.width()).map(value).collect()
    }
}

fn check<A: Lanes>(a: &A, m: &BigUint, x: &BigUint, y: &BigUint) {
    let (fixture, square) = (Fixture { a, m }, &(m * m));
    // Different values in every lane; the first has the case itself.
    let lanes = |x: &BigUint, step: u32| -> Vec<BigUint> {
        (0u32..).take(A::COUNT).map(|i| (x * (i * step + 1) + i) % square).collect()
    };
    let (xs, ys) = (lanes(x, 1), lanes(y, 3));
    let each = |f: &dyn Fn(&BigUint, &BigUint) -> BigUint| -> Vec<BigUint> {
        xs.iter().zip(&ys).map(|(x, y)| f(x, y)).collect()
    };

    let (a0, b) = (a.to_mont(&fixture.pair(&xs)), a.to_mont(&fixture.pair(&ys)));
    assert_eq!(fixture.values(&a0), xs);
    assert!(fixture.values(a.one()).iter().all(|one| *one == BigUint::from(1u32)));
    assert_eq!(fixture.values(&a.mul(&a0, &b)), each(&|x, y| x * y % square));
    assert_eq!(fixture.values(&a.square(&a0)), each(&|x, _| x * x % square));
    assert_eq!(fixture.values(&a.plus_pair(&a0, &b)), each(&|x, y| (x + y) % square));
    // Sums of results up to the bounds of operands: x0 below 4m, x1 below 16m.
    let large = a.plus_pair(&a.plus_pair(&a0, &a0), &a0);
    assert_eq!(fixture.values(&a.mul(&large, &a.plus_pair(&b, &b))), each(&|x, y| x * y * 6u32 % square));
    assert_eq!(fixture.values(&a.square(&large)), each(&|x, _| x * x * 9u32 % square));
    // Results of a chain stay within the bounds.
    let (mut chain, mut expected) = (a0, xs.clone());
    for _ in 0..20 {
        a.square_assign(&mut chain);
        a.mul_assign(&mut chain, &b);
        expected.iter_mut().zip(&ys).for_each(|(e, y)| *e = &*e * &*e * y % square);
    }
    assert_eq!(fixture.values(&chain), expected);

    let (low_x, low_y) = (each(&|x, _| x % m), each(&|_, y| y % m));
    let (x, y) = (fixture.number(&low_x), fixture.number(&low_y));
    let product = a.reduce_once(&a.mont_mul(&a.mont_mul(&x, &a.r2().x0), &y));
    assert_eq!(fixture.numbers(&product), each(&|x, y| x * y % m));
    #[cfg(feature = "owner")]
    {
        assert_eq!(fixture.numbers(&a.sub(&x, &y)), each(&|x, y| (x % m + (m - y % m)) % m));
        assert_eq!(fixture.numbers(&a.add(&x, &y)), each(&|x, y| (x + y) % m));
        let width = a.width();
        let mut rows = vec![7; (2 * width + 3) * A::COUNT];
        a.store_product(&x, &y, &y, &mut rows, 2 * width + 3, 1);
        let sums: Vec<BigUint> = rows.chunks(2 * width + 3).map(|row| value(&row[1..=2 * width])).collect();
        assert_eq!(sums, each(&|x, y| (x % m) * (y % m) + y % m));
        assert!(rows.chunks(2 * width + 3).all(|row| row[0] == 7 && row[2 * width + 1..] == [7, 7]));
        let ones: u32 = (0..).zip(&low_x).map(|(lane, x)| u32::from(*x == BigUint::from(1u32)) << lane).sum();
        assert_eq!(a.is_one(&x), ones);
        assert_eq!(a.is_one(&a.broadcast(&[1])), (1 << A::COUNT) - 1);
    }
}

/// Multiplies numbers by y, as pairs and as integers: x, and numbers whose products are just above or below multiples
/// of m and m², for which quotients are hardest to estimate.
fn scaled<A: FixedFactor>(a: &A, modulus: &Modulus, m: &BigUint, x: &BigUint, y: &BigUint) {
    let (fixture, square, width) = (Fixture { a, m }, m * m, a.width());
    let small = [0u32, 1, 2].map(BigUint::from);
    let near = small.iter().flat_map(|c| [c.clone(), m + c, (m - 1u32) * m + c, &square - 1u32 - c, (m >> 1) * m + c]);
    let xs = match y.modinv(&square) {
        Some(inverse) => near.map(|c| c * &inverse % &square).chain([x.clone()]).collect(),
        None => vec![x.clone()],
    };
    let row = [limbs(&(y % m), width), limbs(&(y / m), width)].concat();
    // The precomputation for few multiplications, and for many.
    let factors = [0, usize::MAX].map(|count| a.factor_vartime(modulus, &row, count));
    for (factor, xs) in factors.iter().flat_map(|factor| xs.chunks(A::COUNT).map(move |xs| (factor, xs))) {
        let expected: Vec<BigUint> = xs.iter().map(|x| x * y % &square).collect();
        let mut pair = fixture.pair(xs);
        let mut rows = vec![7; 2 * width * xs.len()];
        a.store_scaled(&pair, factor, &mut rows);
        assert_eq!(rows.chunks(2 * width).map(value).collect::<Vec<_>>(), expected);
        a.scale(&mut pair, factor);
        a.store_pair(&pair, &mut rows);
        for (row, expected) in rows.chunks(2 * width).zip(&expected) {
            assert_eq!((value(&row[..width]), value(&row[width..])), (expected % m, expected / m));
        }
    }
}

/// The table has the expected length, and each lane gets its entry.
fn windows<A: Lanes>(a: &A, m: &BigUint) {
    let (width, entries) = (a.width(), 1u32 << WINDOW_BITS);
    let numbers: Vec<BigUint> = (0..entries).map(|i| (m - 1u32) * m * (i + 1) / entries + i).collect();
    let row = |x: &BigUint| [limbs(&(x % m), width), limbs(&(x / m), width)].concat();
    let rows: Vec<u64> = numbers.iter().flat_map(row).collect();
    let mut lines = Vec::new();
    a.append_window(&mut lines, Rows::new(&rows, 2 * width));
    assert_eq!(lines.len(), A::LINES_A_WINDOW);
    for first in 0..u64::from(entries) {
        let indices: Vec<u64> = (0..).map(|lane| (first + 11 * lane) % u64::from(entries)).take(A::COUNT).collect();
        let mut z = *a.one();
        a.look_up(&lines, &indices, &mut z);
        let mut found = vec![7; 2 * width * A::COUNT];
        a.store_pair(&z, &mut found);
        let expected = indices.iter().flat_map(|i| row(&numbers[usize::try_from(*i).unwrap()]));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}

#[test]
fn look_up_finds_every_entry_of_a_window() {
    for bits in Modulus::SIZES {
        let m = (BigUint::from(1u32) << bits) - 12_345u32;
        let modulus = Modulus::new(&limbs(&m, bits / 64)).unwrap();
        for isa in Isa::all() {
            let cpu = Cpu::open(std::num::NonZeroUsize::new(1)).unwrap().at(isa);
            with_lanes!(cpu, &modulus, a => windows(a, &m));
        }
    }
}

fn powers<A: Lanes>(a: &A, m: &BigUint, x: &BigUint, exponent: &Exponent) {
    let (fixture, square) = (Fixture { a, m }, m * m);
    let power = window::pow(a, &a.to_mont(&fixture.pair(&[x.clone(), m - 1u32])), exponent);
    let e = value(exponent.limbs()) % (BigUint::from(1u32) << exponent.bits());
    let values = fixture.values(&power);
    assert_eq!(values[0], x.modpow(&e, &square));
    assert!(values[1..].iter().all(|value| *value == (m - 1u32).modpow(&e, &square)));
}

/// Checks every instruction set.
fn check_all(bits: usize, (m, x, y): &(BigUint, BigUint, BigUint)) {
    let modulus = Modulus::new(&limbs(m, bits / 64)).unwrap();
    for isa in Isa::all() {
        let cpu = Cpu::open(std::num::NonZeroUsize::new(1)).unwrap().at(isa);
        with_lanes!(cpu, &modulus, a => {
            check(a, m, x, y);
            scaled(a, &modulus, m, x, y);
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn pairs_512(case in case(512)) { check_all(512, &case); }
    #[test]
    fn pairs_1024(case in case(1024)) { check_all(1024, &case); }
    #[test]
    fn pairs_1536(case in case(1536)) { check_all(1536, &case); }
    #[test]
    fn pairs_2048(case in case(2048)) { check_all(2048, &case); }
    #[test]
    fn pairs_3072(case in case(3072)) { check_all(3072, &case); }
    #[test]
    fn pairs_4096(case in case(4096)) { check_all(4096, &case); }
    #[test]
    fn pairs_6144(case in case(6144)) { check_all(6144, &case); }
    #[test]
    fn pairs_8192(case in case(8192)) { check_all(8192, &case); }

    #[test]
    fn powers_of_any_exponent(
        (m, x, _) in case(512),
        exponent in prop::collection::vec(any::<u64>(), 0..8),
        cut in 0usize..64,
    ) {
        let modulus = Modulus::new(&limbs(&m, 8)).unwrap();
        let exponent = Exponent::new(&exponent, (exponent.len() * 64).saturating_sub(cut));
        for isa in Isa::all() {
            let cpu = Cpu::open(std::num::NonZeroUsize::new(1)).unwrap().at(isa);
            with_lanes!(cpu, &modulus, a => powers(a, &m, &x, &exponent));
        }
    }
}

#[test]
fn small_moduli_at_a_large_size() {
    for m in [3u32, 5, 255, 65_537] {
        check_all(512, &(m.into(), (m * 2 / 3).into(), (m - 1).into()));
    }
}
