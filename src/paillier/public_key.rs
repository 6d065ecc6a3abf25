//! Public keys, which evaluators use.

use super::parameters::{Parameters, Scheme};
use crate::bignum::modulus::Modulus;
use crate::bignum::window::Exponent;
use crate::error::Error;
use crate::paillier::kernels::fixed_base::FixedBase;
use num_bigint::BigUint;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// The SHA-256 that identifies a public key and its configuration. Indexes, queries and responses contain it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicId(pub(crate) [u8; 32]);

impl PublicId {
    /// Returns the 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses 64 lower-case hexadecimal digits.
    #[cfg(feature = "owner")]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut id = Self([0; 32]);
        for (byte, digits) in id.0.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicId({self})")
    }
}

/// The numbers of a public key besides n: the scheme's elements modulo n².
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Elements {
    /// g is 1 + n.
    Paillier,
    /// g, and g_n = g^n.
    Lookup { g: BigUint, g_n: BigUint },
    /// h_n = h^n.
    Subgroup { h_n: BigUint },
}

/// How noise is drawn with the public key alone.
#[derive(Debug)]
pub(crate) enum PublicNoise {
    /// r^n, for r uniform below n.
    PowerOfN(Exponent),
    /// g_n^ρ. Messages are powers of g.
    Lookup { g: FixedBase, g_n: FixedBase },
    /// h_n^ρ.
    Subgroup { h_n: FixedBase },
}

/// Bits of a noise exponent beyond `alpha_len`. The order of the noise is below 2^(alpha_len + 1) and unknown without
/// the secret key, so exponents cannot be drawn below the order. With these extra bits they are uniform modulo the
/// order up to a statistical distance of 2^−65.
const EXTRA_NOISE_BITS: usize = 64;

/// A public key with its configuration. It can encrypt and evaluate, but not decrypt.
#[derive(Debug)]
pub struct PublicKey {
    parameters: Parameters,
    n: BigUint,
    elements: Elements,
    id: PublicId,
    modulus: Arc<Modulus>,
    noise: PublicNoise,
}

impl PublicKey {
    pub(crate) fn new(parameters: Parameters, n: BigUint, elements: Elements) -> Result<Arc<Self>, Error> {
        let bits = 2 * parameters.key_len() as u64;
        // The product of two numbers of key_len bits has 2·key_len bits or one less.
        if !(n.bits() == bits || n.bits() == bits - 1) || !n.bit(0) {
            return Err(public_error("n", format!("must be odd and have {bits} or {} bits", bits - 1)));
        }
        let width = parameters.key_len() / 32;
        let modulus = Arc::new(Modulus::new(&limbs(&n, width))?);
        let pair = |name, x: &BigUint| {
            let (c1, c0) = (x / &n, x % &n);
            if c1 >= n || (c1 == BigUint::ZERO && c0 <= BigUint::from(1u32)) || c0.modinv(&n).is_none() {
                return Err(public_error(name, "must be above 1, below n² and coprime to n"));
            }
            let mut row = limbs(&c0, width);
            row.extend(limbs(&c1, width));
            Ok(row)
        };
        let base = |row: Vec<u64>, bits| FixedBase::new(Arc::clone(&modulus), &row, bits);
        let noise_bits = parameters.alpha_len().unwrap_or(0) + EXTRA_NOISE_BITS;
        let noise = match (&elements, parameters.scheme()) {
            (Elements::Paillier, Scheme::Paillier) => {
                PublicNoise::PowerOfN(Exponent::new(modulus.limbs(), 2 * parameters.key_len()))
            }
            (Elements::Lookup { g, g_n }, Scheme::PaillierLookup) => PublicNoise::Lookup {
                g: base(pair("g", g)?, 2 * parameters.key_len()),
                g_n: base(pair("g_n", g_n)?, noise_bits),
            },
            (Elements::Subgroup { h_n }, Scheme::PaillierSubgroup) => {
                PublicNoise::Subgroup { h_n: base(pair("h_n", h_n)?, noise_bits) }
            }
            _ => return Err(public_error("public key", "belongs to another scheme")),
        };
        let id = public_id(&parameters, &n, &elements);
        Ok(Arc::new(Self { parameters, n, elements, id, modulus, noise }))
    }

    /// Returns the scheme and its sizes.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns the modulus n.
    pub fn n(&self) -> &BigUint {
        &self.n
    }

    /// Returns the SHA-256 of the canonical public key and configuration. The device is not part of it.
    pub fn id(&self) -> PublicId {
        self.id
    }

    pub(crate) fn elements(&self) -> &Elements {
        &self.elements
    }

    pub(crate) fn modulus(&self) -> &Modulus {
        &self.modulus
    }

    pub(crate) fn noise(&self) -> &PublicNoise {
        &self.noise
    }

    /// Returns the number of limbs of a number below n. A ciphertext has twice as many.
    pub(crate) fn width(&self) -> usize {
        self.modulus.width()
    }

    /// Checks that data belong to this key. `what` names the data, `actual` is the id of their key.
    ///
    /// # Errors
    /// [`Error::WrongKey`] if `actual` is the id of another key.
    pub(crate) fn check_id(&self, what: &'static str, actual: PublicId) -> Result<(), Error> {
        if actual == self.id {
            return Ok(());
        }
        Err(Error::WrongKey { what, expected: self.id.to_string(), actual: actual.to_string() })
    }
}

fn public_error(field: &'static str, reason: impl Into<String>) -> Error {
    Error::Context { field, reason: reason.into() }
}

/// Returns the limbs of a public number, padded with zeros.
pub(crate) fn limbs(x: &BigUint, width: usize) -> Vec<u64> {
    let mut limbs = x.to_u64_digits();
    limbs.resize(width, 0);
    limbs
}

/// Returns the number with these limbs.
pub(crate) fn biguint(limbs: &[u64]) -> BigUint {
    BigUint::from_bytes_le(bytemuck::cast_slice(limbs))
}

/// Computes the SHA-256 of all fields that distinguish keys. For given sizes each field has a fixed length.
fn public_id(parameters: &Parameters, n: &BigUint, elements: &Elements) -> PublicId {
    let mut hash = Sha256::new();
    hash.update(b"hushvec public key 1\0");
    hash.update(parameters.scheme().name());
    hash.update([0]);
    for size in [parameters.embedding_length(), parameters.key_len(), parameters.alpha_len().unwrap_or(0)] {
        hash.update((size as u64).to_le_bytes());
    }
    let mut number = |x: &BigUint, bytes: usize| {
        let mut le = x.to_bytes_le();
        le.resize(bytes, 0);
        hash.update(le);
    };
    number(n, parameters.key_len() / 4);
    let squared = parameters.ciphertext_bytes();
    match elements {
        Elements::Paillier => {}
        Elements::Lookup { g, g_n } => {
            number(g, squared);
            number(g_n, squared);
        }
        Elements::Subgroup { h_n } => number(h_n, squared),
    }
    PublicId(hash.finalize().into())
}
