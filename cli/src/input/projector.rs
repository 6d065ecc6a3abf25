//! Projects the vectors of files to the bits of the context.

use hushvec::{BitMatrix, Projection};

/// Projects vectors. All vectors must have the dimension of the first one.
pub struct Projector {
    bits: usize,
    projection: Option<Projection>,
}

impl Projector {
    /// Creates a projector to `bits` bits per vector.
    pub fn new(bits: usize) -> Self {
        Self { bits, projection: None }
    }

    /// Appends the bits of a vector to a matrix. The error says what is wrong with the vector.
    pub fn push(&mut self, real: &[f32], vectors: &mut BitMatrix) -> Result<(), String> {
        let projection = match self.projection.take() {
            Some(projection) => projection,
            None => Projection::new(real.len(), self.bits).map_err(|error| format!("cannot be projected: {error}"))?,
        };
        let projection = self.projection.insert(projection);
        if real.len() != projection.dimensions() {
            return Err(format!("has {} dimensions, the rows before have {}", real.len(), projection.dimensions()));
        }
        if let Some((column, value)) = real.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(format!("has {value} as component {column}, expected a finite number"));
        }
        projection.push(real, vectors).map_err(|error| format!("cannot be projected: {error}"))
    }
}

/// The reason why `--project` refuses a vector of bits.
pub const BITS: &str = "has bits or integers, but --project takes floating-point numbers or int8; leave --project out";

/// Returns a hint for real vectors with fewer dimensions than the context.
pub fn hint(bits: usize) -> String {
    format!("; give --project to turn each vector into {bits} bits")
}

/// Returns whether numbers in text are bits, or ones and minus ones. In text, they cannot be distinguished from real
/// numbers otherwise. A vector of zeros may be either, and counts as real.
pub fn are_bits<'a>(numbers: impl Iterator<Item = &'a str>) -> bool {
    let mut has_one = false;
    for number in numbers {
        match number {
            "1" => has_one = true,
            "0" | "-1" => {}
            _ => return false,
        }
    }
    has_one
}

#[cfg(test)]
mod tests {
    use super::are_bits;

    #[test]
    fn bits_are_distinguished_from_real_numbers() {
        for bits in [&["0", "1", "1"][..], &["-1", "1"], &["1"]] {
            assert!(are_bits(bits.iter().copied()), "{bits:?}");
        }
        for reals in [&["0", "0"][..], &["0.0", "1.0"], &["0", "1", "2"], &["1", "0.5"], &[]] {
            assert!(!are_bits(reals.iter().copied()), "{reals:?}");
        }
    }
}
