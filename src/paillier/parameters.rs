//! Schemes and their sizes.

use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// A variant of the Paillier cryptosystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Scheme {
    /// Paillier (Eurocrypt 1999) with g = 1 + n and noise r^n.
    #[default]
    Paillier,
    /// XTrace's variant with a generator of small order and tables of its powers. Its security also depends on
    /// `alpha_len`.
    PaillierLookup,
    /// Ma, Han and Lei (ACSAC 2021): g = 1 + n and noise from a subgroup of small order. Its security also depends on
    /// `alpha_len`.
    PaillierSubgroup,
}

impl Scheme {
    /// All schemes.
    pub const ALL: [Self; 3] = [Self::Paillier, Self::PaillierLookup, Self::PaillierSubgroup];

    /// Returns the name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paillier => "paillier",
            Self::PaillierLookup => "paillier_lookup",
            Self::PaillierSubgroup => "paillier_subgroup",
        }
    }

    /// Returns whether the scheme has an `alpha_len`.
    pub fn has_alpha(self) -> bool {
        match self {
            Self::Paillier => false,
            Self::PaillierLookup | Self::PaillierSubgroup => true,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scheme {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "packed" {
            let reason = "packed search has contexts of its own (PackedContext)".to_owned();
            return Err(Error::Unsupported { operation: "a Paillier context of the scheme packed", reason });
        }
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.name() == text)
            .ok_or_else(|| Error::UnknownScheme { name: text.to_owned() })
    }
}

/// A scheme with its sizes. The sizes are within the limits, but may be weak, because old files have weak ones: see
/// [`Parameters::weakness`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Parameters {
    scheme: Scheme,
    embedding_length: usize,
    key_len: usize,
    alpha_len: usize,
}

impl Parameters {
    /// The supported lengths of a prime, in bits. 512 is for reading old files and for tests.
    pub const KEY_LENGTHS: [usize; 6] = [512, 1024, 1536, 2048, 3072, 4096];
    /// The default length of each prime, in bits.
    pub const DEFAULT_KEY_LEN: usize = 1024;
    /// The default `alpha_len`: 128-bit security.
    pub const DEFAULT_ALPHA_LEN: usize = 512;
    /// The smallest `alpha_len` that is not weak: 112-bit security.
    pub const LEAST_ALPHA_LEN: usize = 448;

    /// Checks the sizes of a scheme.
    ///
    /// `embedding_length` is the number of dimensions of a vector. `key_len` is the length of *each prime* in bits,
    /// half the length of n. `alpha_len` is the length of the noise exponent in bits, for the schemes that have one.
    ///
    /// # Errors
    /// [`Error::Parameter`], naming the parameter and its limit.
    pub fn new(
        scheme: Scheme,
        embedding_length: usize,
        key_len: usize,
        alpha_len: Option<usize>,
    ) -> Result<Self, Error> {
        if !Self::KEY_LENGTHS.contains(&key_len) {
            return Err(Error::Parameter {
                name: "key_len",
                actual: key_len,
                limit: "must be 1024, 1536, 2048, 3072 or 4096 (the length of each prime)".to_owned(),
            });
        }
        if embedding_length == 0 || embedding_length >= key_len {
            return Err(Error::Parameter {
                name: "embedding_length",
                actual: embedding_length,
                limit: format!("must be at least 1 and below key_len = {key_len}{}", key_len_hint(embedding_length)),
            });
        }
        let alpha_len = match (scheme.has_alpha(), alpha_len) {
            (false, None) => 0,
            (true, alpha_len) => alpha_len.unwrap_or(Self::DEFAULT_ALPHA_LEN),
            (false, Some(actual)) => {
                let limit = format!("the scheme {scheme} has no alpha_len");
                return Err(Error::Parameter { name: "alpha_len", actual, limit });
            }
        };
        // Below 16 the two prime orders cannot be distinguished; above key_len there is no room for the cofactors.
        if scheme.has_alpha() && (alpha_len < 16 || alpha_len > key_len) {
            return Err(Error::Parameter {
                name: "alpha_len",
                actual: alpha_len,
                limit: format!("must be at least {} and at most key_len = {key_len}", Self::LEAST_ALPHA_LEN),
            });
        }
        Ok(Self { scheme, embedding_length, key_len, alpha_len })
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the number of dimensions of a vector.
    pub fn embedding_length(&self) -> usize {
        self.embedding_length
    }

    /// Returns the length of each prime, in bits.
    pub fn key_len(&self) -> usize {
        self.key_len
    }

    /// Returns the length of the noise exponent in bits, for the schemes that have one.
    pub fn alpha_len(&self) -> Option<usize> {
        self.scheme.has_alpha().then_some(self.alpha_len)
    }

    /// Returns the size of a ciphertext in bytes.
    pub fn ciphertext_bytes(&self) -> usize {
        self.key_len / 2
    }

    /// Estimates the bits of security against the best known attacks: factoring n (NIST SP 800-57 part 1, table 2,
    /// interpolated by the cost of the number field sieve) and, for the schemes with small orders, the attack of
    /// Coron, Joux, Mandal, Naccache and Tibouchi (PKC 2011), which takes about 2^(alpha_len/4) steps.
    pub fn strength_bits(&self) -> usize {
        let factoring = self.factoring_bits();
        self.subgroup_bits().map_or(factoring, |subgroup| factoring.min(subgroup))
    }

    /// Estimates the bits of security of n against the number field sieve.
    pub fn factoring_bits(&self) -> usize {
        match self.key_len {
            4096 => 200,
            3072 => 176,
            2048 => 150,
            1536 => 128,
            1024 => 112,
            _ => 80,
        }
    }

    /// Estimates the bits of security of the order of the noise, alpha_len/4, for the schemes where that order is
    /// small.
    pub fn subgroup_bits(&self) -> Option<usize> {
        self.alpha_len().map(|alpha_len| alpha_len / 4)
    }

    /// Describes why such a key is weak and what an attacker can do; `None` if it has at least 112 bits of security.
    /// Weak keys are never made, and are loaded only on request.
    pub fn weakness(&self) -> Option<String> {
        let alpha = self.alpha_len().filter(|alpha_len| *alpha_len < Self::LEAST_ALPHA_LEN).map(|alpha_len| {
            format!(
                "alpha_len is {alpha_len}, so anyone with the public key can factor n in about 2^{} steps{} and read \
                 every vector and query; at least {} is needed",
                alpha_len / 4,
                if alpha_len <= 80 { " (seconds)" } else { "" },
                Self::LEAST_ALPHA_LEN,
            )
        });
        let factoring = (self.key_len < 1024).then(|| {
            format!(
                "n has {} bits, and numbers of 829 bits have been factored in public; at least 2048 (key_len 1024) are \
                 needed",
                2 * self.key_len
            )
        });
        alpha.or(factoring)
    }

    /// Refuses weak parameters, or logs a warning about them if `allow_weak`.
    ///
    /// # Errors
    /// [`Error::WeakKey`] for weak parameters unless `allow_weak`.
    pub fn check_strength(&self, allow_weak: bool) -> Result<(), Error> {
        match self.weakness() {
            Some(weakness) if !allow_weak => Err(Error::WeakKey { weakness }),
            Some(weakness) => {
                tracing::warn!("weak key: {weakness}");
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// Suggests a key_len for that many dimensions, as the end of an error message.
fn key_len_hint(embedding_length: usize) -> String {
    match Parameters::KEY_LENGTHS.into_iter().find(|key_len| *key_len > embedding_length) {
        _ if embedding_length == 0 => String::new(),
        Some(key_len) => format!("; {embedding_length} dimensions need at least key_len = {key_len}"),
        None => {
            let largest = Parameters::KEY_LENGTHS.iter().max().copied().unwrap_or(1);
            format!("; the largest key_len, {largest}, allows at most {} dimensions", largest - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        use Scheme::{Paillier, PaillierLookup, PaillierSubgroup};
        for (scheme, dimensions, key_len, alpha, name) in [
            (Paillier, 0, 1024, None, "embedding_length"),
            (Paillier, 1024, 1024, None, "embedding_length"),
            (Paillier, 512, 1000, None, "key_len"),
            (Paillier, 512, 8192, None, "key_len"),
            (Paillier, 512, 1024, Some(512), "alpha_len"),
            (PaillierLookup, 512, 1024, Some(2), "alpha_len"),
            (PaillierSubgroup, 512, 1024, Some(1025), "alpha_len"),
        ] {
            let error = Parameters::new(scheme, dimensions, key_len, alpha);
            assert!(matches!(error, Err(Error::Parameter { name: n, .. }) if n == name), "{name}");
        }
        assert_eq!(Parameters::new(PaillierSubgroup, 1023, 1024, None).unwrap().alpha_len(), Some(512));
    }

    #[test]
    fn weakness_and_strength() {
        let strength = |scheme, key_len, alpha| {
            let p = Parameters::new(scheme, 64, key_len, alpha).unwrap();
            (
                p.strength_bits(),
                p.weakness().is_some(),
                p.check_strength(false).is_err(),
                p.check_strength(true).is_err(),
            )
        };
        assert_eq!(strength(Scheme::Paillier, 1024, None), (112, false, false, false));
        assert_eq!(strength(Scheme::Paillier, 512, None), (80, true, true, false));
        assert_eq!(strength(Scheme::PaillierSubgroup, 1024, Some(448)), (112, false, false, false));
        assert_eq!(strength(Scheme::PaillierSubgroup, 1536, None), (128, false, false, false));
        assert_eq!(strength(Scheme::PaillierLookup, 1024, Some(447)), (111, true, true, false));
        assert_eq!(strength(Scheme::PaillierLookup, 1024, Some(50)), (12, true, true, false));
    }
}
