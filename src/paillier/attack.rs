//! An attack that demonstrates how insecure weak contexts are. It computes the secret key from the public key if the
//! noise comes from a subgroup whose order has small prime factors, as in every lookup context of XTrace's SDK
//! (alpha_len 50).
//!
//! Noise is a power of w, which is g_n or h_n. Modulo p, w has a prime order r of alpha_len/2 bits; modulo q it has
//! another one. w^r − 1 is a multiple of p, and only by chance of q, so its greatest common divisor with n is p. The
//! second stage of Pollard's p − 1 method ("Theorems on factorization and primality testing", 1974) tries all r at
//! once, in Montgomery's form ("Speeding the Pollard and elliptic curve methods of factorization", 1987, section 4):
//!
//! ```text
//! V(k) = w^k + w^−k;   V(v·D) − V(u) = w^−vD·(w^(vD−u) − 1)·(w^(vD+u) − 1)
//! r = v·D ± u for one u < D/2 coprime to D: multiply V(v·D) − V(u) over all v and u, and find a common factor with n
//! ```
//!
//! That is about 2^(alpha_len/2)/10 products modulo n. Coron, Joux, Mandal, Naccache and Tibouchi ("Cryptanalysis of
//! the RSA subgroup assumption from TCC 2005", PKC 2011) evaluate the same product in about 2^(alpha_len/4) steps,
//! with fast polynomial arithmetic. That is why alpha_len has to be at least 448. For a demonstration the simple
//! method is enough.
//!
//! All numbers here are public until the attack succeeds.

use super::ciphertext::Ciphertext;
use super::parameters::Parameters;
use super::plaintext::Plaintext;
use super::public_context::PublicContext;
use super::public_key::{Elements, PublicKey, biguint, limbs};
use super::subgroup::divisor_bits;
use crate::bignum::batch::Rows;
use crate::bignum::limbs::less_than;
use crate::device::Device;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::paillier::kernels::residue_product::residue_product;
use crate::progress::Progress;
use num_bigint::BigUint;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// D = 2·3·5·7·11·13.
const GIANT_STEP: u64 = 30_030;
/// Giant steps between two checks for a common factor.
const GIANT_STEPS_AT_ONCE: u64 = 8;

/// A secret key that was computed from a public key. Debug does not show it. It is not wiped, since anyone can
/// compute it again.
pub struct RecoveredKey {
    public: Arc<PublicKey>,
    /// The exponent that removes the noise from every ciphertext: φ(n), or the order of the noise.
    exponent: BigUint,
}

impl std::fmt::Debug for RecoveredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecoveredKey").field("public_id", &self.public.id()).finish_non_exhaustive()
    }
}

impl RecoveredKey {
    /// The longest alpha_len, in bits, that [`RecoveredKey::attack_vartime`] supports. Every two more bits double its
    /// time. Longer ones below 448 are weak too.
    pub const LONGEST_ALPHA_LEN: usize = 64;

    /// Computes the secret key from the public key, in about a second for alpha_len 50. Returns `None` if the order
    /// of the noise does not have the length that the context states. `progress` counts [`RecoveredKey::steps`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] if there is no alpha_len, or one above [`RecoveredKey::LONGEST_ALPHA_LEN`];
    /// [`Error::Device`] if threads cannot be started; [`Error::Cancelled`].
    pub fn attack_vartime(
        public: &PublicContext,
        threads: Option<NonZeroUsize>,
        progress: &Progress,
    ) -> Result<Option<Self>, Error> {
        let steps = Self::steps(public).ok_or_else(|| Error::Unsupported {
            operation: "the attack",
            reason: format!("it needs a key with an alpha_len of at most {}", Self::LONGEST_ALPHA_LEN),
        })?;
        let attack = Attack::new(Arc::clone(public.key()), OpenDevice::open(Device::Cpu, threads)?)?;
        attack.run(steps, progress)
    }

    /// Returns the largest number of giant steps that [`RecoveredKey::attack_vartime`] takes; `None` for unsupported
    /// keys.
    pub fn steps(public: &PublicContext) -> Option<u64> {
        let alpha_len = public.parameters().alpha_len()?;
        let range = range(public.parameters());
        (alpha_len <= Self::LONGEST_ALPHA_LEN).then(|| range.end - range.start)
    }

    /// Decrypts an integer: L(c^e)·L(g^e)⁻¹ mod n with L(x) = (x − 1)/n.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Context`] if the public key is invalid.
    pub fn decrypt_vartime(&self, ciphertext: &Ciphertext) -> Result<Plaintext, Error> {
        let n = self.public.n();
        let square = n * n;
        let logarithm = |x: &BigUint| (x.modpow(&self.exponent, &square) - 1u32) / n;
        let g = match self.public.elements() {
            Elements::Lookup { g, .. } => g.clone(),
            Elements::Paillier | Elements::Subgroup { .. } => n + 1u32,
        };
        let inverse = logarithm(&g).modinv(n).ok_or_else(|| Error::context("g", "cannot encrypt anything"))?;
        Ok(Plaintext::from(&(logarithm(&ciphertext.to_biguint(&self.public)?) * inverse % n)))
    }
}

/// Returns the range of giant steps v whose intervals, from v·D − D/2 to v·D + D/2, cover all numbers of the orders'
/// length.
fn range(parameters: &Parameters) -> std::ops::Range<u64> {
    let (short, long) = divisor_bits(parameters);
    let (least, most) = (1u64 << (short.clamp(1, 32) - 1), 1u64 << long.min(32));
    least / GIANT_STEP..most / GIANT_STEP + 2
}

/// The state that stays the same during the attack.
struct Attack {
    public: Arc<PublicKey>,
    device: OpenDevice,
    /// w modulo n: of odd order modulo each prime.
    base: BigUint,
    /// Every u below D/2 that is coprime to D.
    residues: Vec<u64>,
    /// V(u) for each u, in rows of n's width.
    baby_steps: Vec<u64>,
}

/// The result of a check for a common factor with n.
enum Found {
    Nothing,
    Factor(BigUint),
    /// The common factor is n, that is, both primes.
    Both,
}

impl Attack {
    fn new(public: Arc<PublicKey>, device: OpenDevice) -> Result<Self, Error> {
        let noise = match public.elements() {
            Elements::Lookup { g_n, .. } => g_n,
            Elements::Subgroup { h_n } => h_n,
            Elements::Paillier => return Err(Error::context("the public key", "has no noise of small order")),
        };
        // Squared because the order of h_n may be twice an odd number.
        let base = noise * noise % public.n();
        let mut attack = Self { public, device, base, residues: Vec::new(), baby_steps: Vec::new() };
        let first = [BigUint::from(2u32) % attack.n(), attack.lucas(1)?];
        let width = attack.public.width();
        let (mut residues, mut baby_steps) = (Vec::new(), Vec::new());
        for (u, value) in (0..GIANT_STEP / 2).zip(attack.sequence(first.clone(), &first[1])) {
            if gcd(u, GIANT_STEP) == 1 {
                residues.push(u);
                baby_steps.extend(limbs(&value, width));
            }
        }
        (attack.residues, attack.baby_steps) = (residues, baby_steps);
        Ok(attack)
    }

    fn n(&self) -> &BigUint {
        self.public.n()
    }

    /// Computes V(k) = w^k + w^−k.
    fn lucas(&self, k: u64) -> Result<BigUint, Error> {
        let power = self.base.modpow(&k.into(), self.n());
        let inverse = power.modinv(self.n()).ok_or_else(|| Error::context("the public key", "is not coprime to n"))?;
        Ok((power + inverse) % self.n())
    }

    /// Generates V(a), V(a + s), V(a + 2s), … from the first two values and V(s): V(k + s) = V(s)·V(k) − V(k − s).
    fn sequence<'a>(&'a self, first: [BigUint; 2], step: &'a BigUint) -> impl Iterator<Item = BigUint> + 'a {
        let n = self.n();
        let [mut current, mut next] = first;
        std::iter::repeat_with(move || {
            let after = (step * &next + (n - &current)) % n;
            std::mem::replace(&mut current, std::mem::replace(&mut next, after))
        })
    }

    fn run(&self, steps: u64, progress: &Progress) -> Result<Option<RecoveredKey>, Error> {
        let start = range(self.public.parameters()).start;
        let first = [self.lucas(start * GIANT_STEP)?, self.lucas((start + 1) * GIANT_STEP)?];
        let step = self.lucas(GIANT_STEP)?;
        let mut giants = self.sequence(first, &step);
        let mut done = 0;
        while done < steps {
            progress.check()?;
            let count = GIANT_STEPS_AT_ONCE.min(steps - done);
            let batch: Vec<Vec<u64>> = giants
                .by_ref()
                .take(usize::try_from(count).unwrap_or(0))
                .map(|v| limbs(&v, self.public.width()))
                .collect();
            if let Some(exponent) = self.search(start + done, &batch)? {
                return Ok(Some(RecoveredKey { public: Arc::clone(&self.public), exponent }));
            }
            done += count;
            progress.add(count);
        }
        Ok(None)
    }

    /// Searches for an order in the intervals of these giant steps, the first of which is number `first`.
    fn search(&self, first: u64, giants: &[Vec<u64>]) -> Result<Option<BigUint>, Error> {
        let mut rows = Vec::with_capacity(giants.len() * self.baby_steps.len());
        for giant in giants {
            self.push_differences(giant, &mut rows);
        }
        self.narrow(first, 0, &rows)
    }

    /// Searches the rows, the first of which is number `at`. If p divides one row and q another, searches each half
    /// separately.
    fn narrow(&self, first: u64, at: usize, rows: &[u64]) -> Result<Option<BigUint>, Error> {
        let width = self.public.width();
        match self.common_factor(rows) {
            Found::Nothing => Ok(None),
            Found::Factor(factor) => Ok(Some(self.totient(&factor))),
            Found::Both if rows.len() == width => {
                let (v, u) = (first + (at / self.residues.len()) as u64, at % self.residues.len());
                self.separate(v * GIANT_STEP, self.residues.get(u).copied().unwrap_or(0))
            }
            Found::Both => {
                let half = rows.len() / width / 2;
                let (left, right) = rows.split_at(half * width);
                match self.narrow(first, at, left)? {
                    None => self.narrow(first, at + half, right),
                    found => Ok(found),
                }
            }
        }
    }

    /// Separates p and q if both divide the same row: each of them divides w^(k−u) − 1 or w^(k+u) − 1.
    fn separate(&self, k: u64, u: u64) -> Result<Option<BigUint>, Error> {
        for order in [k.abs_diff(u), k + u] {
            let power = self.base.modpow(&order.into(), self.n());
            let difference = (power + self.n() - 1u32) % self.n();
            match self.common_factor(&limbs(&difference, self.public.width())) {
                Found::Nothing => {}
                Found::Factor(factor) => return Ok(Some(self.totient(&factor))),
                // The order is the same modulo both primes, and is enough to decrypt. It is doubled because w is a
                // square.
                Found::Both => return Ok(Some(BigUint::from(2 * order))),
            }
        }
        Ok(None)
    }

    /// Appends V(v·D) − V(u) mod n for every u.
    fn push_differences(&self, giant: &[u64], rows: &mut Vec<u64>) {
        let n = self.public.modulus().limbs();
        for baby in self.baby_steps.chunks_exact(n.len()) {
            let add_n = if less_than(giant, baby) { u64::MAX } else { 0 };
            let (mut borrow, mut carry) = (false, false);
            rows.extend(giant.iter().zip(baby).zip(n).map(|((x, y), n)| {
                let (difference, first) = x.overflowing_sub(*y);
                let (difference, second) = difference.overflowing_sub(u64::from(borrow));
                borrow = first | second;
                let (sum, first) = difference.overflowing_add(n & add_n);
                let (sum, second) = sum.overflowing_add(u64::from(carry));
                carry = first | second;
                sum
            }));
        }
    }

    /// Checks for a common factor of n and the product of all rows.
    fn common_factor(&self, rows: &[u64]) -> Found {
        let rows = Rows::new(rows, self.public.width());
        let product = biguint(&residue_product(&self.device, self.public.modulus(), rows));
        let factor = big_gcd(product, self.n().clone());
        if factor == *self.n() {
            Found::Both
        } else if factor.bits() > 1 {
            Found::Factor(factor)
        } else {
            Found::Nothing
        }
    }

    /// Computes φ(n) from one prime.
    fn totient(&self, prime: &BigUint) -> BigUint {
        (prime - 1u32) * (self.n() / prime - 1u32)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Computes the greatest common divisor with Euclid's algorithm; gcd(0, b) = b.
fn big_gcd(mut a: BigUint, mut b: BigUint) -> BigUint {
    while a != BigUint::ZERO {
        (a, b) = (&b % &a, a);
    }
    b
}

#[cfg(test)]
mod tests;
