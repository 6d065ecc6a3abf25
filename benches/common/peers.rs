//! The libraries that kernels are compared with: the same operations in GMP, num-bigint and crypto-bigint, on one
//! thread. The answers of each are checked against num-bigint first.

#![allow(dead_code, reason = "each bench uses a part")]

use crate::gmp::Gmp;
use crate::reference::{biguint, limbs};
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use num_bigint::BigUint;
use std::hint::black_box;

/// An operation in another library.
pub struct Peer<'a> {
    /// The name of the library in bench ids.
    pub name: &'static str,
    /// Operations per call.
    pub operations: usize,
    pub call: Box<dyn FnMut() + 'a>,
}

fn peer<'a, T>(name: &'static str, operations: usize, mut call: impl FnMut() -> T + 'a) -> Peer<'a> {
    Peer { name, operations, call: Box::new(move || drop(black_box(call()))) }
}

/// base^exponent modulo an odd number. Of these libraries only crypto-bigint is constant-time, as hushvec is.
pub fn powers<'a>(gmps: &'a [Gmp], base: &BigUint, exponent: &BigUint, modulus: &BigUint) -> Vec<Peer<'a>> {
    let expected = base.modpow(exponent, modulus);
    let mut peers = gmp_powers(gmps, base, exponent, modulus);
    let (base, exponent, modulus) = (base.clone(), exponent.clone(), modulus.clone());
    let (params, power) = (montgomery(&modulus), uint(&exponent));
    let form = BoxedMontyForm::new(uint_as(&base, &modulus), &params);
    assert_eq!(form.pow(&power).retrieve(), uint_as(&expected, &modulus));
    peers.push(peer("crypto-bigint", 1, move || form.pow(&power)));
    peers.push(peer("num-bigint", 1, move || base.modpow(&exponent, &modulus)));
    peers
}

/// base^exponent modulo an odd number in GMP only, the fastest of these libraries.
pub fn gmp_powers<'a>(gmps: &'a [Gmp], base: &BigUint, exponent: &BigUint, modulus: &BigUint) -> Vec<Peer<'a>> {
    let expected = base.modpow(exponent, modulus);
    let [base, exponent, modulus] = [base, exponent, modulus].map(BigUint::to_u64_digits);
    let powm = |gmp: &'a Gmp| {
        let mut powm = gmp.powm(&base, &exponent, &modulus);
        assert_eq!(biguint(&powm()), expected);
        peer(gmp.name, 1, powm)
    };
    gmps.iter().map(powm).collect()
}

/// a·b modulo an odd number, for each b. In crypto-bigint the operands are already in Montgomery form.
pub fn products<'a>(gmps: &'a [Gmp], a: &BigUint, bs: &[BigUint], modulus: &BigUint) -> Vec<Peer<'a>> {
    let (count, last) = (bs.len(), a * bs.last().unwrap() % modulus);
    let digits: Vec<Vec<u64>> = bs.iter().map(BigUint::to_u64_digits).collect();
    let mulmod = |gmp: &'a Gmp| {
        let mut mulmod = gmp.mulmod(&a.to_u64_digits(), &digits, &modulus.to_u64_digits());
        assert_eq!(biguint(&mulmod()), last);
        peer(gmp.name, count, mulmod)
    };
    let mut peers: Vec<Peer<'a>> = gmps.iter().map(mulmod).collect();
    let params = montgomery(modulus);
    let form = |x: &BigUint| BoxedMontyForm::new(uint_as(x, modulus), &params);
    let (query, stored) = (form(a), bs.iter().map(form).collect::<Vec<_>>());
    assert_eq!((&query * stored.last().unwrap()).retrieve(), uint_as(&last, modulus));
    peers.push(peer("crypto-bigint", count, move || {
        for b in &stored {
            black_box(&query * b);
        }
    }));
    let (a, bs, modulus) = (a.clone(), bs.to_vec(), modulus.clone());
    peers.push(peer("num-bigint", count, move || {
        for b in &bs {
            black_box(b * &a % &modulus);
        }
    }));
    peers
}

fn montgomery(modulus: &BigUint) -> BoxedMontyParams {
    BoxedMontyParams::new_vartime(Odd::new(uint(modulus)).unwrap())
}

fn uint(x: &BigUint) -> BoxedUint {
    BoxedUint::from_words(x.to_u64_digits())
}

/// Returns x with the width of `wide`.
fn uint_as(x: &BigUint, wide: &BigUint) -> BoxedUint {
    BoxedUint::from_words(limbs(x, wide.to_u64_digits().len()))
}
