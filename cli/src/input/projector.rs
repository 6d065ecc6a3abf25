//! More bits for vectors than they have dimensions, on their way out of files.

use hushvec::{BitMatrix, Projection};

/// Projects vectors of any dimension, which is that of the first one.
pub struct Projector {
    bits: usize,
    projection: Option<Projection>,
}

impl Projector {
    /// Makes so many bits of each vector.
    pub fn new(bits: usize) -> Self {
        Self { bits, projection: None }
    }

    /// Adds the bits of a vector to a matrix. An error says what is wrong with the vector.
    pub fn push(&mut self, real: &[f32], vectors: &mut BitMatrix) -> Result<(), String> {
        let projection = match self.projection.take() {
            Some(projection) => projection,
            None => Projection::new(real.len(), self.bits).map_err(|error| format!("cannot be projected: {error}"))?,
        };
        let projection = self.projection.insert(projection);
        if real.len() != projection.dimensions() {
            return Err(format!("has {} dimensions, those before have {}", real.len(), projection.dimensions()));
        }
        if let Some((column, value)) = real.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(format!("has {value} as component {column}, which cannot be projected"));
        }
        projection.push(real, vectors).map_err(|error| format!("cannot be projected: {error}"))
    }
}

/// Why a vector of bits is refused.
pub const BITS: &str = "has bits or integers, and --project takes floating-point numbers or int8; bits are encrypted as they are, without it";

/// What to add to the message that real vectors have fewer dimensions than the context.
pub fn hint(bits: usize) -> String {
    format!("; --project makes {bits} bits of them")
}

/// Whether numbers in a text are bits, or ones and minus ones, which a text does not tell from real numbers otherwise. A
/// vector of zeros may be either.
pub fn are_bits<'a>(numbers: impl Iterator<Item = &'a str>) -> bool {
    let mut some_one = false;
    for number in numbers {
        match number {
            "1" => some_one = true,
            "0" | "-1" => {}
            _ => return false,
        }
    }
    some_one
}

#[cfg(test)]
mod tests {
    use super::are_bits;

    #[test]
    fn bits_are_told_from_real_numbers() {
        for bits in [&["0", "1", "1"][..], &["-1", "1"], &["1"]] {
            assert!(are_bits(bits.iter().copied()), "{bits:?}");
        }
        for reals in [&["0", "0"][..], &["0.0", "1.0"], &["0", "1", "2"], &["1", "0.5"], &[]] {
            assert!(!are_bits(reals.iter().copied()), "{reals:?}");
        }
    }
}
