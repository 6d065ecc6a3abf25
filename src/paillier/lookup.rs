//! `paillier_lookup`: the scheme of XTrace's SDK, whose generator g has an order of a small number times n.
//!
//! ```text
//! g has order q1·p modulo p² and q2·q modulo q²; q1, q2 primes of alpha_len/2 bits;  g_n = g^n;  a = lcm(q1, q2)
//! Enc(m) = g^m·g_n^ρ, ρ of alpha_len + 64 bits
//! Dec(c) = L(c^a)·L(g^a)⁻¹ mod n, L(x) = (x − 1)/n
//! ```
//!
//! Modulo p², g = γ·(1 + s·p) with γ of order q1, so g^m = γ^m·(1 + s·m·p). A uniform power of g_n is a uniform power
//! of γ, so multiplying it by γ^m does not change its distribution: the owner can omit γ^m and needs no table of g.
//! Security depends on q1 and q2 staying unknown, and finding them takes about 2^(alpha_len/4) steps (Coron, Joux,
//! Mandal, Naccache and Tibouchi, PKC 2011).

use super::keys::{Keys, Primes, Share, crt_key, draw_primes, powers_of_both, residue_pair, secret};
use super::parameters::Parameters;
use super::public_key::{Elements, PublicKey, biguint};
use super::subgroup::divisor_bits;
use crate::bignum::limbs;
use crate::bignum::modulus::Modulus;
use crate::bignum::primes;
use crate::bignum::random::{self, RandomSource};
use crate::bignum::secrecy::declassify;
use crate::bignum::uint::{self, Secret};
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::paillier::kernels::fixed_base::FixedBase;
use crypto_bigint::BoxedUint;
use num_bigint::BigUint;
use std::sync::Arc;
use zeroize::Zeroizing;

/// An owner's key of the lookup scheme.
#[derive(Debug)]
pub struct PaillierLookup {
    pub(super) keys: Keys,
    pub(super) halves: [Half; 2],
}

/// The part of the key that belongs to one prime.
pub(super) struct Half {
    /// The order of γ modulo this prime: q1 or q2.
    pub(super) order: Zeroizing<Vec<u64>>,
    /// g_n modulo the prime's square.
    pub(super) g_n: FixedBase,
}

impl std::fmt::Debug for Half {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Half").finish_non_exhaustive()
    }
}

/// The primes, the secret orders and the public elements. `order_p` belongs to the larger prime.
pub(crate) struct Parts {
    pub(crate) primes: Primes,
    pub(crate) order_p: Secret,
    pub(crate) order_q: Secret,
    pub(crate) g: BigUint,
    pub(crate) g_n: BigUint,
}

impl PaillierLookup {
    pub(crate) fn generate(parameters: Parameters, source: &mut impl RandomSource) -> Result<Self, Error> {
        let bits = u32::try_from(parameters.key_len()).unwrap_or(u32::MAX);
        let (short, long) = divisor_bits(&parameters);
        loop {
            let (primes, (order_a, order_b)) = draw_primes(&parameters, source, |source| {
                let mut half = |length: usize| {
                    let order = primes::random_prime(u32::try_from(length).unwrap_or(u32::MAX), source)?;
                    let step = uint::product(&order, &BoxedUint::from(2u8));
                    let (p, _) = primes::random_prime_with_divisor(&step, bits, false, source)?;
                    Ok::<_, Error>((p, order))
                };
                let ((a, order_a), (b, order_b)) = (half(short)?, half(long)?);
                Ok((a, b, (order_a, order_b)))
            })?;
            let belongs = order_of(&order_a, &primes.p);
            let (order_p, order_q) = if belongs { (order_a, order_b) } else { (order_b, order_a) };
            let Some(g_p) = generator(&primes.p, &order_p, source)? else {
                continue;
            };
            let Some(g_q) = generator(&primes.q, &order_q, source)? else {
                continue;
            };
            let Some(g) = join_squares(&primes, &g_p, &g_q) else {
                continue;
            };
            let n = primes.n();
            let g = biguint(g.as_words());
            let g_n = g.modpow(&n, &(&n * &n));
            match Self::from_parts(parameters, Parts { primes, order_p, order_q, g, g_n }) {
                // The numbers do not make a valid key, which is unlikely: draw again.
                Err(Error::Context { .. }) => {}
                result => return result,
            }
        }
    }

    /// Makes a key and checks every relation between its parts.
    pub(crate) fn from_parts(parameters: Parameters, parts: Parts) -> Result<Self, Error> {
        let Parts { primes, order_p, order_q, g, g_n } = parts;
        let (short, long) = divisor_bits(&parameters);
        let lengths = (order_p.bits() as usize, order_q.bits() as usize);
        let ordered = lengths == (short, long) || lengths == (long, short);
        if !ordered || ![&order_p, &order_q].into_iter().all(|order| primes::looks_prime_vartime(order)) {
            return Err(Error::context("alpha_len", "does not fit the secret orders"));
        }
        let n = primes.n();
        if g.modpow(&n, &(&n * &n)) != g_n {
            return Err(Error::context("g_n", "is not g^n"));
        }
        let width = parameters.key_len() / 16;
        let mut halves = Vec::with_capacity(2);
        let mut shares = Vec::with_capacity(2);
        for (p, order) in [(&primes.p, &order_p), (&primes.q, &order_q)] {
            let bits = order.bits() as usize;
            let message_scale = message_scale(&secret(&g, width), order, p)?;
            shares.push(Share { exponent: order.clone(), exponent_bits: bits, message_scale });
            let modulus = Arc::new(Modulus::new(&uint::to_limbs(p, p.bits_precision() as usize / 64))?);
            let row = residue_pair(&secret(&g_n, width), p).ok_or_else(|| wrong_order("g_n"))?;
            let g_n = FixedBase::new(modulus, &row, bits);
            halves.push(Half { order: uint::to_limbs(order, bits.div_ceil(64)), g_n });
        }
        let public = PublicKey::new(parameters, n, Elements::Lookup { g, g_n })?;
        let (Ok(halves), [share_p, share_q]) = (<[Half; 2]>::try_from(halves), shares.as_slice()) else {
            return Err(Error::context("the secret key", "is incomplete"));
        };
        Ok(Self { keys: Keys { public, crt: crt_key(&primes, share_p, share_q)? }, halves })
    }

    /// Returns q1 and q2, the order for the larger prime first.
    pub(crate) fn orders(&self) -> [&[u64]; 2] {
        [&self.halves[0].order, &self.halves[1].order]
    }

    /// Draws noise, uniform powers of g_n: `count` pairs modulo p² and `count` pairs modulo q².
    pub(crate) fn noise(
        &self,
        device: &OpenDevice,
        count: usize,
        source: &mut impl RandomSource,
    ) -> Result<[Zeroizing<Vec<u64>>; 2], Error> {
        let draw = |half: &Half, source: &mut _| {
            let mut exponents = Zeroizing::new(vec![0; count * half.order.len()]);
            random::fill_below(source, &half.order, &mut exponents).map(|()| exponents)
        };
        let [p, q] = &self.halves;
        let exponents_p = draw(p, source)?;
        // Independent exponents modulo q1 and q2 are a uniform exponent modulo q1·q2. Old contexts with tiny orders
        // may have q1 = q2: they need the same exponent for both.
        let equal = p.order.len() == q.order.len()
            && declassify(limbs::equal(&p.order, &q.order), "only tiny orders are equal");
        let exponents_q = if equal { exponents_p.clone() } else { draw(q, source)? };
        Ok(powers_of_both(device, [&p.g_n, &q.g_n], &[exponents_p, exponents_q], count))
    }
}

fn wrong_order(field: &'static str) -> Error {
    Error::context(field, "does not have the order given by the secret key")
}

fn order_of(order: &BoxedUint, p: &BoxedUint) -> bool {
    uint::remainder(&uint::difference(p, &uint::one()), order).is_some_and(|rest| rest.bits() == 0)
}

/// Computes s from g^order = 1 + order·s·p (mod p²). Fails unless g has order `order`·p modulo p².
fn message_scale(g: &BoxedUint, order: &BoxedUint, p: &BoxedUint) -> Result<Secret, Error> {
    let fail = || wrong_order("g");
    let power = uint::power(g, order, &uint::product(p, p)).ok_or_else(fail)?;
    let (logarithm, rest) = uint::quotient(&power, p).ok_or_else(fail)?;
    let own = uint::power(g, &uint::one(), p).ok_or_else(fail)?;
    if rest.bits() != 1 || logarithm.bits() == 0 || own.bits() == 1 {
        return Err(fail());
    }
    let inverse = uint::inverse(order, p).ok_or_else(fail)?;
    uint::remainder(&uint::product(&logarithm, &inverse), p).ok_or_else(fail)
}

/// Draws a random element of order `order`·p modulo p²: x·(1 + p) for an x of order `order` modulo p, as the SDK does.
fn generator(p: &BoxedUint, order: &BoxedUint, source: &mut impl RandomSource) -> Result<Option<Secret>, Error> {
    let mut y = Zeroizing::new(vec![0; p.as_words().len()]);
    random::fill_below(source, p.as_words(), &mut y)?;
    Ok(uint::quotient(&uint::difference(p, &uint::one()), order).and_then(|(exponent, _)| {
        let x = uint::power(&uint::from_limbs(&y), &exponent, p)?;
        let lifted = uint::product(&x, &uint::sum(p, &uint::one()));
        let lifted = uint::remainder(&lifted, &uint::product(p, p))?;
        (x.bits() > 1).then_some(lifted)
    }))
}

/// Computes the number below n² that is a modulo p² and b modulo q².
fn join_squares(primes: &Primes, a: &BoxedUint, b: &BoxedUint) -> Option<Secret> {
    let (pp, qq) = (uint::product(&primes.p, &primes.p), uint::product(&primes.q, &primes.q));
    let a_mod_q = uint::remainder(a, &qq)?;
    let difference = uint::remainder(&uint::difference(&uint::sum(b, &qq), &a_mod_q), &qq)?;
    let t = uint::remainder(&uint::product(&difference, &*uint::inverse(&pp, &qq)?), &qq)?;
    Some(uint::sum(&uint::product(&pp, &t), a))
}
