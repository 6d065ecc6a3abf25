use super::*;
use crate::ring::primes::ntt_primes;

fn transforms(degree: usize) -> Vec<Ntt> {
    let primes = ntt_primes(30, degree, 1).into_iter().chain(ntt_primes(20, degree, 1));
    primes.map(|q| Ntt::new(Modulus::new(u32::try_from(q).unwrap()), degree)).collect()
}

/// Numbers below q: random ones, and all 0, q − 1 or in turn.
fn samples(q: u32, degree: usize) -> Vec<Vec<u32>> {
    let mut state = 1u64;
    let random = std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32 % q
    });
    let turns = (0..degree).map(|i| if i % 2 == 0 { q - 1 } else { 0 });
    let mut unit = vec![0; degree];
    unit[degree - 1] = 1;
    vec![random.take(degree).collect(), vec![q - 1; degree], vec![0; degree], turns.collect(), unit]
}

/// The product modulo X^N + 1, by its definition.
fn schoolbook(q: u32, x: &[u32], y: &[u32]) -> Vec<u32> {
    let mut product = vec![0i128; x.len()];
    for (i, a) in x.iter().enumerate() {
        for (j, b) in y.iter().enumerate() {
            let term = i128::from(*a) * i128::from(*b);
            product[(i + j) % x.len()] += if i + j < x.len() { term } else { -term };
        }
    }
    product.iter().map(|c| u32::try_from(c.rem_euclid(i128::from(q))).unwrap()).collect()
}

#[test]
fn products_of_values_are_negacyclic_products() {
    for degree in [32, 64, 256, 512] {
        for ntt in transforms(degree) {
            let m = ntt.modulus();
            let samples = samples(m.value(), degree);
            for (x, y) in samples.iter().flat_map(|x| samples.iter().map(move |y| (x, y))) {
                let expected = schoolbook(m.value(), x, y);
                for isa in Isa::all() {
                    let (mut a, mut b) = (x.clone(), y.clone());
                    ntt.forward(isa, &mut a);
                    ntt.forward(isa, &mut b);
                    let mut product: Vec<u32> = a.iter().zip(&b).map(|(a, b)| m.mul(*a, *b)).collect();
                    ntt.inverse(isa, &mut product);
                    assert_eq!(product, expected, "{ntt:?} with {}", isa.name());
                }
            }
        }
    }
}

#[test]
fn values_are_those_of_the_polynomial_at_odd_powers_of_the_root() {
    for degree in [32, 2048, 4096, 8192] {
        for ntt in transforms(degree) {
            let m = ntt.modulus();
            let q = u64::from(m.value());
            // Bit-reversed, the root itself is in the middle.
            let root = u64::from(ntt.forward[degree / 2].value);
            assert_eq!(primes::pow(root, degree as u64, q), q - 1);
            for x in samples(m.value(), degree) {
                let mut values = x.clone();
                ntt.forward(Isa::Portable, &mut values);
                for i in [0, 1, 2, degree / 2, degree - 1] {
                    let odd = 2 * (i.reverse_bits() >> (usize::BITS - degree.ilog2())) as u64 + 1;
                    let at = primes::pow(root, odd, q);
                    let value = x.iter().rev().fold(0, |sum, c| (primes::mul(sum, at, q) + u64::from(*c)) % q);
                    assert_eq!(u64::from(values[i]), value, "{ntt:?}, value {i}");
                }
            }
        }
    }
}

#[test]
fn instruction_sets_agree_and_accept_lazy_residues() {
    for degree in [32, 64, 2048, 4096, 8192] {
        for ntt in transforms(degree) {
            let q = ntt.modulus().value();
            for x in samples(q, degree) {
                let mut expected = x.clone();
                ntt.forward(Isa::Portable, &mut expected);
                assert!(expected.iter().all(|x| *x < q));
                for isa in Isa::all() {
                    for multiple in 0..4 {
                        let mut values: Vec<u32> = x.iter().map(|x| x + multiple * q).collect();
                        ntt.forward(isa, &mut values);
                        assert_eq!(values, expected, "{ntt:?} with {}", isa.name());
                        if multiple < 2 {
                            values.iter_mut().for_each(|x| *x += multiple * q);
                            ntt.inverse(isa, &mut values);
                            assert_eq!(values, x, "{ntt:?} with {}", isa.name());
                        }
                    }
                }
            }
        }
    }
}
