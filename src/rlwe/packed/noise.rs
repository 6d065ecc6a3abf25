//! The noise of a score, as a function of the parameters.
//!
//! A score is a digit in base B of a phase modulo Q: the phase divided by Q is (score + ½)/B plus noise. The terms of the
//! noise are sub-Gaussian, whatever the data, because they are sums of secret random numbers:
//!
//! - t·e·f/Q: errors e of the index times errors f of the query,
//! - the lower digits, whose signs the secret mask makes random,
//! - the rounding error of d1, multiplied by the ternary secret,
//! - the rounding errors of A0 and A1, multiplied by both secrets.
//!
//! docs/packed.md derives them.

/// The deviation of a rounding error.
const ROUNDING: f64 = 0.288_675_134_594_812_9;

/// What determines the noise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noise {
    /// Coefficients of a polynomial.
    pub(crate) degree: f64,
    /// q0 and q1.
    pub(crate) primes: [f64; 2],
    /// R·P, by which the noise of key switching is divided.
    pub(crate) divisor: f64,
    /// The base B.
    pub(crate) base: f64,
    /// Dimensions per coefficient.
    pub(crate) digits: u32,
    /// Polynomials of a block.
    pub(crate) polynomials: f64,
    /// The deviation of errors of the index and of keys.
    pub(crate) error: f64,
    /// The deviation of the product of a vector's component and a query's.
    pub(crate) product: f64,
    /// Bits of d0 and of d1 in a response.
    pub(crate) bits: [u32; 2],
}

impl Noise {
    /// The square root of the number of coefficients of a secret that are not zero, two in three.
    fn secret(&self) -> f64 {
        (2.0 * self.degree / 3.0).sqrt()
    }

    /// The deviation of the errors f of an expanded query: rounding errors times the secret, and the noise of key
    /// switching. A key switch multiplies digits below q0 and q1 with errors; each level of the expansion doubles the
    /// variance of the levels before and adds its own.
    fn query(&self) -> f64 {
        let digits: f64 = self.primes.iter().map(|q| q * q / 3.0).sum();
        let switch = (digits * self.degree).sqrt() * self.error / self.divisor;
        let levels = self.polynomials.log2().ceil();
        ((self.secret() * ROUNDING).powi(2) + switch.powi(2) * levels.exp2()).sqrt()
    }

    /// The deviation of t·Σ e·f / Q.
    pub(crate) fn encryption(&self) -> f64 {
        let [q0, q1] = self.primes;
        let terms = (self.degree * self.polynomials).sqrt();
        self.base.powi(self.digits.cast_signed()) / (q0 * q1) * terms * self.error * self.query()
    }

    /// The deviation of the digits below the score. The digits depend on each other, so their deviations are added.
    pub(crate) fn lower_digits(&self) -> f64 {
        let digit = |step: u32| {
            let products = self.polynomials * f64::from(self.digits - step);
            self.product * products.sqrt() / self.base.powi(step.cast_signed() + 1)
        };
        (1..self.digits).map(digit).sum()
    }

    /// The deviation that rounding d1 causes.
    fn response(&self) -> f64 {
        self.secret() * ROUNDING / f64::from(self.bits[1]).exp2()
    }

    /// The deviation that rounding A0 and A1 modulo q0 causes.
    fn common(&self) -> f64 {
        self.secret().powi(2) * ROUNDING / self.primes[0]
    }

    /// The deviation of all terms together, as a fraction of 1.
    pub(crate) fn deviation(&self) -> f64 {
        let terms = [self.encryption(), self.lower_digits(), self.response(), self.common()];
        terms.iter().map(|x| x * x).sum::<f64>().sqrt()
    }

    /// The greatest error from rounding d0, as a fraction of 1, and from computing with fractions of 32 bits.
    pub(crate) fn offset(&self) -> f64 {
        0.5 / f64::from(self.bits[0]).exp2() + (-30f64).exp2()
    }

    /// How many deviations fit between a score and the next one: 9.5 mean one wrong score in 2^64.
    pub(crate) fn headroom(&self) -> f64 {
        (0.5 / self.base - self.offset()) / self.deviation()
    }
}
