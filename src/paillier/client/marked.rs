//! Keys whose secrets are marked for memcheck.

use super::{Client, Keys, Paillier, PaillierLookup, PaillierSubgroup};
use crate::bignum::modulus::Modulus;
use crate::bignum::secrecy::memcheck;
use crate::bignum::window::Exponent;
use crate::paillier::kernels::crt_key::{CrtKey, PrimeKey};
use crate::paillier::kernels::fixed_base::FixedBase;
use crate::paillier::{lookup, subgroup};
use std::sync::Arc;
use zeroize::Zeroizing;

impl Client {
    /// Returns the same key with its secrets marked.
    pub(crate) fn marked(&self) -> Self {
        match self {
            Self::Paillier(Paillier { keys }) => Self::Paillier(Paillier { keys: marked_keys(keys) }),
            Self::PaillierLookup(PaillierLookup { keys, halves }) => {
                let halves = halves
                    .each_ref()
                    .map(|lookup::Half { order, g_n }| lookup::Half { order: secret(order), g_n: secret_base(g_n) });
                Self::PaillierLookup(PaillierLookup { keys: marked_keys(keys), halves })
            }
            Self::PaillierSubgroup(PaillierSubgroup { keys, halves }) => {
                let halves = halves.each_ref().map(|subgroup::Half { alpha, h_n }| subgroup::Half {
                    alpha: secret(alpha),
                    h_n: secret_base(h_n),
                });
                Self::PaillierSubgroup(PaillierSubgroup { keys: marked_keys(keys), halves })
            }
        }
    }
}

fn secret(limbs: &[u64]) -> Zeroizing<Vec<u64>> {
    let mut limbs = Zeroizing::new(limbs.to_vec());
    memcheck::mark(&mut limbs);
    limbs
}

fn secret_modulus(modulus: &Modulus) -> Arc<Modulus> {
    Arc::new(Modulus::new(&secret(modulus.limbs())).unwrap())
}

fn secret_base(base: &FixedBase) -> FixedBase {
    FixedBase::new(secret_modulus(base.modulus()), &secret(base.base()), base.exponent_bits())
}

fn marked_keys(keys: &Keys) -> Keys {
    let prime = |key: &PrimeKey| PrimeKey {
        modulus: secret_modulus(&key.modulus),
        exponent: Exponent::new(&secret(key.exponent.limbs()), key.exponent.bits()),
        message_scale: secret(&key.message_scale),
        decode_scale: secret(&key.decode_scale),
        other_inverse: secret(&key.other_inverse),
    };
    Keys { public: Arc::clone(&keys.public), crt: CrtKey::new(prime(keys.crt.p()), prime(keys.crt.q())).unwrap() }
}
