//! Parameters of packed search.

use super::noise::Noise;
use crate::error::Error;
use crate::ring::basis::Basis;
use crate::ring::modulus::low;
use crate::ring::primes::ntt_primes;
use crate::rlwe::ERROR_DEVIATION;
use std::sync::{Arc, OnceLock};

/// Coefficients of a polynomial: vectors of a block.
pub(crate) const DEGREE: usize = 4096;

/// Coefficients of a tile: one piece of the work on a block.
pub(crate) const TILE: usize = 16;

/// Bits of the primes of Q, and of R and P.
const PRIME_BITS: [u32; 2] = [29, 20];

/// The sum of the logarithms of all primes at degree 4,096 must not exceed this: the quantum column for 128 bits and
/// ternary secrets (Albrecht et al., Homomorphic encryption security standard, 2018).
const MOST_MODULUS_BITS: f64 = 101.0;

/// Deviations between a score and the next one: a score is wrong with probability 2^−64 at most.
const LEAST_HEADROOM: f64 = 9.5;

/// The error of an inner product from noise may be at most this part of the error from rounding components.
const NOISE_SHARE: f64 = 1.0 / 3.0;

/// The deviation of the rounding error of an inner product of unit vectors, times the length they are scaled to.
const ROUNDING_ERROR: f64 = 0.41;

/// Dimensions per coefficient that are tried.
const MOST_DIGITS: u32 = 4;

/// Bits per vector of a response that are tried.
const RESPONSE_BITS: [u32; 3] = [32, 36, 40];

/// What a score is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// The Hamming distance of binary vectors, exact.
    Hamming,
    /// The inner product of integer vectors, with a small error. Real vectors are normalised, scaled to `length` and
    /// rounded.
    InnerProduct {
        /// The length that vectors are scaled to: 64, 128 or 620, for about 4, 5 or 8 bits per component.
        length: u32,
    },
}

impl Metric {
    /// Returns the name used on the command line and in files: `hamming` or `inner_product`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hamming => "hamming",
            Self::InnerProduct { .. } => "inner_product",
        }
    }
}

/// The parameters of one metric and one number of dimensions. Clones are cheap.
#[derive(Clone)]
pub struct Parameters {
    shared: Arc<Shared>,
}

struct Shared {
    metric: Metric,
    dimensions: usize,
    noise: Noise,
    #[cfg_attr(not(feature = "owner"), allow(dead_code, reason = "for the owner"))]
    base: u64,
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parameters")
            .field("metric", &self.metric())
            .field("dimensions", &self.dimensions())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Parameters {
    fn eq(&self, other: &Self) -> bool {
        (self.metric(), self.dimensions()) == (other.metric(), other.dimensions())
    }
}

impl Eq for Parameters {}

impl Parameters {
    /// The minimum and the maximum number of dimensions.
    pub const DIMENSIONS: [usize; 2] = [64, 2048];

    /// Returns the parameters for Hamming distances of binary vectors.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a number of dimensions outside [`Parameters::DIMENSIONS`].
    pub fn hamming(dimensions: usize) -> Result<Self, Error> {
        Self::choose(Metric::Hamming, dimensions)
    }

    /// Returns the parameters for inner products of vectors scaled to a length: 64, 128 or 620, for about 4, 5 or 8
    /// bits per component.
    ///
    /// # Errors
    /// [`Error::Parameter`] for another length, or a number of dimensions outside [`Parameters::DIMENSIONS`].
    pub fn inner_product(dimensions: usize, length: u32) -> Result<Self, Error> {
        if ![64, 128, 620].contains(&length) {
            let limit = "vectors can be scaled to a length of 64, 128 or 620".to_owned();
            return Err(Error::Parameter { name: "length", actual: length as usize, limit });
        }
        Self::choose(Metric::InnerProduct { length }, dimensions)
    }

    /// Chooses the most dimensions per coefficient, and for these the shortest response, that leave enough headroom.
    fn choose(metric: Metric, dimensions: usize) -> Result<Self, Error> {
        let [least, most] = Self::DIMENSIONS;
        if !(least..=most).contains(&dimensions) {
            let limit = format!("packed search needs from {least} to {most} dimensions");
            return Err(Error::Parameter { name: "dimensions", actual: dimensions, limit });
        }
        let (base, product) = match metric {
            // One more than the greatest distance. Products are ±½ around their mean.
            Metric::Hamming => (dimensions as u64 + 1, 0.5),
            Metric::InnerProduct { length } => {
                let most = u64::from(most_length(length, dimensions)).pow(2);
                // The product of two components of average size, in vectors of the greatest length.
                let component = most as f64 / dimensions as f64;
                // A ninth more than the range of scores: a wrong key shows in scores that are out of range.
                ((2 * most + 1) * 9 / 8, component)
            }
        };
        let [q0, q1, r, p] = [0, 1, 2, 3].map(|i| f64::from(basis().rings()[i].modulus().value()));
        let insufficient =
            |limit: &str| Error::Parameter { name: "dimensions", actual: dimensions, limit: limit.to_owned() };
        if !is_secure(&[q0, q1, r, p]) {
            return Err(insufficient("the primes are too large for 128 bits of security"));
        }
        let noise = |digits: u32, bits: [u32; 2]| Noise {
            degree: DEGREE as f64,
            primes: [q0, q1],
            divisor: r * p,
            base: base as f64,
            digits,
            polynomials: dimensions.div_ceil(digits as usize) as f64,
            error: ERROR_DEVIATION,
            product,
            bits,
        };
        let enough = |noise: &Noise| match metric {
            Metric::Hamming => noise.headroom() >= LEAST_HEADROOM,
            Metric::InnerProduct { length } => {
                let rounding = ROUNDING_ERROR * f64::from(length);
                noise.base * (noise.deviation() + noise.offset()) <= NOISE_SHARE * rounding
            }
        };
        let splits = |total: u32| (8..24).map(move |bits| [bits, total - bits]).filter(|bits| bits[1] <= 26);
        let candidates = (1..=MOST_DIGITS).rev().flat_map(|digits| {
            RESPONSE_BITS.into_iter().filter_map(move |total| {
                let all = splits(total).map(|bits| noise(digits, bits));
                all.max_by(|a, b| a.headroom().total_cmp(&b.headroom())).filter(enough)
            })
        });
        let noise = { candidates }.next();
        let noise = noise.ok_or_else(|| insufficient("no parameters leave enough headroom for the noise"))?;
        Ok(Self { shared: Arc::new(Shared { metric, dimensions, noise, base }) })
    }

    /// Returns the parameters that [`Parameters::numbers`] describes.
    ///
    /// # Errors
    /// [`Error::Parameter`] if no parameters have these numbers.
    pub(crate) fn from_numbers([degree, dimensions, length]: [u32; 3]) -> Result<Self, Error> {
        if degree as usize != DEGREE {
            let limit = format!("this build knows {DEGREE} only");
            return Err(Error::Parameter { name: "degree", actual: degree as usize, limit });
        }
        match length {
            0 => Self::hamming(dimensions as usize),
            length => Self::inner_product(dimensions as usize, length),
        }
    }

    /// Returns the numbers that identify the parameters in files: N, the dimensions, and the length that vectors are
    /// scaled to, 0 for Hamming distances.
    pub(crate) fn numbers(&self) -> [u32; 3] {
        let length = match self.metric() {
            Metric::Hamming => 0,
            Metric::InnerProduct { length } => length,
        };
        [low(DEGREE as u64), low(self.dimensions() as u64), length]
    }

    /// What a score is.
    pub fn metric(&self) -> Metric {
        self.shared.metric
    }

    /// Dimensions of a vector.
    pub fn dimensions(&self) -> usize {
        self.shared.dimensions
    }

    /// The maximum number of vectors in a block.
    pub fn vectors_per_block(&self) -> usize {
        DEGREE
    }

    /// How many standard deviations of the noise fit between a score and the next one; at least 9.5 for Hamming
    /// distances. Inner products have an error instead: see [`Parameters::score_deviation`].
    pub fn headroom(&self) -> f64 {
        self.shared.noise.headroom()
    }

    /// The standard deviation of the error of an inner product from noise; 0 for Hamming distances, which are exact.
    pub fn score_deviation(&self) -> f64 {
        match self.metric() {
            Metric::Hamming => 0.0,
            Metric::InnerProduct { .. } => {
                let noise = &self.shared.noise;
                noise.base * (noise.deviation().powi(2) + noise.offset().powi(2) / 3.0).sqrt()
            }
        }
    }

    /// The standard deviation of the error of a cosine, from rounding components and from noise; `None` for Hamming
    /// distances. It can be more for vectors whose components have few different values.
    pub fn cosine_error(&self) -> Option<f64> {
        match self.metric() {
            Metric::Hamming => None,
            Metric::InnerProduct { length } => {
                let length = f64::from(length);
                Some((ROUNDING_ERROR * length).hypot(self.score_deviation()) / (length * length))
            }
        }
    }

    /// The cosine that an inner product stands for, within \[-1, 1\]; `None` for Hamming distances.
    pub fn cosine(&self, score: i32) -> Option<f64> {
        match self.metric() {
            Metric::Hamming => None,
            Metric::InnerProduct { length } => Some((f64::from(score) / f64::from(length).powi(2)).clamp(-1.0, 1.0)),
        }
    }

    /// The formula of the noise.
    #[cfg(test)]
    pub(crate) fn noise(&self) -> &Noise {
        &self.shared.noise
    }

    /// The base B: scores are digits in it.
    #[cfg(feature = "owner")]
    pub(crate) fn base(&self) -> u64 {
        self.shared.base
    }

    /// Dimensions per coefficient, k.
    pub(crate) fn digits(&self) -> usize {
        self.shared.noise.digits as usize
    }

    /// The powers B^0, …, B^(k−1).
    #[cfg(feature = "owner")]
    pub(crate) fn powers(&self) -> Vec<u128> {
        let power = |power: &u128| Some(power * u128::from(self.base()));
        std::iter::successors(Some(1), power).take(self.digits()).collect()
    }

    /// Polynomials of a block, g.
    pub(crate) fn polynomials(&self) -> usize {
        self.dimensions().div_ceil(self.digits())
    }

    /// Levels of the expansion of a query.
    pub(crate) fn levels(&self) -> u32 {
        self.polynomials().next_power_of_two().ilog2()
    }

    /// The coefficient of the query that holds polynomial i. In bit-reversed order the unused coefficients belong to
    /// whole subtrees of the expansion, which are then left out.
    pub(crate) fn leaf(&self, i: usize) -> usize {
        i.reverse_bits() >> (usize::BITS - self.levels())
    }

    /// Bits of d0 and of d1 in a response.
    pub(crate) fn response_bits(&self) -> [u32; 2] {
        self.shared.noise.bits
    }

    /// 32-bit words of a block.
    pub(crate) fn block_words(&self) -> usize {
        2 * self.polynomials() * DEGREE
    }

    /// t = B^k.
    #[cfg(feature = "owner")]
    pub(crate) fn plaintext_modulus(&self) -> u128 {
        u128::from(self.base()).pow(self.shared.noise.digits)
    }

    /// The largest absolute value of an inner product, with room for its error.
    #[cfg(feature = "owner")]
    pub(crate) fn most_score(&self) -> i32 {
        let length = self.most_length().unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, reason = "deviations are below 100")]
        let error = (LEAST_HEADROOM * self.score_deviation()).ceil() as i32;
        (length * length).cast_signed() + error
    }

    /// The greatest length of a vector for inner products.
    pub(crate) fn most_length(&self) -> Option<u32> {
        match self.metric() {
            Metric::Hamming => None,
            Metric::InnerProduct { length } => Some(most_length(length, self.dimensions())),
        }
    }
}

/// Returns whether a modulus with these prime factors is within the bound of the standard.
fn is_secure(primes: &[f64]) -> bool {
    primes.iter().map(|prime| prime.log2()).sum::<f64>() <= MOST_MODULUS_BITS
}

/// Returns the greatest length of a vector that was scaled to a length and rounded: by ½ in each dimension.
fn most_length(length: u32, dimensions: usize) -> u32 {
    length + u32::try_from(dimensions.div_ceil(4)).unwrap_or_default().isqrt() + 1
}

/// Returns the primes q0, q1, R and P with their transforms: Q = q0·q1 is the modulus of the index and of responses,
/// R is divided away after the expansion of a query, P is for key switching.
pub(crate) fn basis() -> &'static Basis {
    static BASIS: OnceLock<Basis> = OnceLock::new();
    BASIS.get_or_init(|| {
        let [large, small] = PRIME_BITS.map(|bits| ntt_primes(bits, DEGREE, 2));
        let primes: Vec<u32> = large.iter().chain(small.iter().rev()).map(|q| (q & 0xffff_ffff) as u32).collect();
        Basis::new(&primes, DEGREE)
    })
}

#[cfg(test)]
mod tests;
