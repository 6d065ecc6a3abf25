//! Reduced-precision embeddings, to rank the candidates of a search.

use crate::error::Error;
use half::f16;
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// The precision of an embedding's components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// One byte per component, in steps of 1/127 of the largest. Ranks like floats, except for near ties.
    #[default]
    Int8,
    /// Two bytes per component, with 11 significant bits.
    Float16,
}

impl Precision {
    /// All precisions.
    pub const ALL: [Self; 2] = [Self::Int8, Self::Float16];

    /// Returns its name: `int8` or `float16`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::Float16 => "float16",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|precision| precision.name() == text);
        found.ok_or_else(|| "the precision must be int8 or float16".to_owned())
    }
}

/// An embedding to rank the candidates of a search by. Stores its direction, not its length.
#[derive(Clone, PartialEq)]
pub struct Embedding {
    precision: Precision,
    components: Zeroizing<Vec<f32>>,
}

impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { precision, components } = self;
        f.debug_struct("Embedding")
            .field("precision", precision)
            .field("dimensions", &components.len())
            .finish_non_exhaustive()
    }
}

impl Embedding {
    /// Scales a real vector so that its largest component is 127 (int8) or 1 (float16) in magnitude, and rounds it.
    ///
    /// # Errors
    /// [`Error::NotANumber`] if a component is NaN or infinite; its row is 0.
    pub fn new(vector: &[f32], precision: Precision) -> Result<Self, Error> {
        if let Some(column) = vector.iter().position(|component| !component.is_finite()) {
            return Err(Error::NotANumber { row: 0, column });
        }
        let largest = vector.iter().fold(0.0f32, |largest, component| largest.max(component.abs()));
        let scaled = vector.iter().map(|component| if largest > 0.0 { component / largest } else { 0.0 });
        let components = match precision {
            Precision::Int8 => scaled.map(|component| (component * 127.0).round()).collect(),
            Precision::Float16 => scaled.map(|component| f16::from_f32(component).to_f32()).collect(),
        };
        Ok(Self { precision, components: Zeroizing::new(components) })
    }

    /// Returns how many components it has.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.components.len()
    }

    /// Returns the cosine of the angle between it and a query; 0 if either vector is zero.
    ///
    /// # Errors
    /// [`Error::Dimension`], with row 0, if their dimensions differ.
    pub fn cosine(&self, query: &[f32]) -> Result<f32, Error> {
        if query.len() != self.dimensions() {
            return Err(Error::Dimension { row: 0, expected: self.dimensions(), actual: query.len() });
        }
        let (mut dot, mut own, mut other) = (0.0f64, 0.0f64, 0.0f64);
        for (a, b) in self.components.iter().zip(query) {
            let (a, b) = (f64::from(*a), f64::from(*b));
            dot += a * b;
            own += a * a;
            other += b * b;
        }
        let lengths = (own * other).sqrt();
        #[allow(clippy::cast_possible_truncation, reason = "it is between -1 and 1")]
        Ok(if lengths > 0.0 { (dot / lengths) as f32 } else { 0.0 })
    }
}

/// The serialized form, which is encrypted.
#[cfg(feature = "owner")]
impl Precision {
    /// Returns the first byte, which identifies the precision.
    fn tag(self) -> u8 {
        match self {
            Self::Int8 => 1,
            Self::Float16 => 2,
        }
    }

    fn component_bytes(self) -> usize {
        match self {
            Self::Int8 => 1,
            Self::Float16 => 2,
        }
    }
}

/// The serialized form, which is encrypted.
#[cfg(feature = "owner")]
impl Embedding {
    /// Returns the tag of the precision, followed by the components in little-endian order.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(1 + self.dimensions() * self.precision.component_bytes()));
        bytes.push(self.precision.tag());
        for component in self.components.iter() {
            match self.precision {
                #[allow(clippy::cast_possible_truncation, reason = "they are integers from -127 to 127")]
                Precision::Int8 => bytes.extend_from_slice(&(*component as i8).to_le_bytes()),
                Precision::Float16 => bytes.extend_from_slice(&f16::from_f32(*component).to_le_bytes()),
            }
        }
        bytes
    }

    /// Reads the output of [`Embedding::to_bytes`]; `None` if the bytes are anything else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, bytes) = bytes.split_first()?;
        let precision = Precision::ALL.into_iter().find(|precision| precision.tag() == *tag)?;
        let components: Vec<f32> = match precision {
            Precision::Int8 => bytes.iter().map(|byte| f32::from(byte.cast_signed())).collect(),
            Precision::Float16 => {
                let (pairs, rest) = bytes.as_chunks::<2>();
                rest.is_empty().then(|| pairs.iter().map(|pair| f16::from_le_bytes(*pair).to_f32()).collect())?
            }
        };
        let is_usable = components.iter().all(|component| component.is_finite());
        is_usable.then(|| Self { precision, components: Zeroizing::new(components) })
    }
}

#[cfg(all(test, feature = "owner"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cosine(a: &[f32], b: &[f32]) -> f64 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    proptest! {
        #[test]
        fn cosines_agree_with_those_of_floats(a in proptest::collection::vec(-1.0f32..1.0, 64), b in proptest::collection::vec(-1.0f32..1.0, 64)) {
            for (precision, most) in [(Precision::Int8, 0.01), (Precision::Float16, 0.001)] {
                let embedding = Embedding::new(&a, precision).unwrap();
                let error = (f64::from(embedding.cosine(&b).unwrap()) - cosine(&a, &b)).abs();
                prop_assert!(error < most, "{precision}: {error}");
                prop_assert_eq!(Embedding::from_bytes(&embedding.to_bytes()), Some(embedding));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(0u8.., 0..40)) {
            if let Some(embedding) = Embedding::from_bytes(&bytes) {
                prop_assert_eq!(&**embedding.to_bytes(), &bytes[..]);
                prop_assert!(embedding.cosine(&vec![1.0; embedding.dimensions()]).unwrap().is_finite());
            }
        }
    }

    #[test]
    fn vectors_without_a_direction() {
        let zero = Embedding::new(&[0.0; 4], Precision::Int8).unwrap();
        assert_eq!(zero.cosine(&[1.0; 4]).unwrap(), 0.0);
        assert_eq!(Embedding::new(&[1.0; 4], Precision::Int8).unwrap().cosine(&[0.0; 4]).unwrap(), 0.0);
        assert!(matches!(zero.cosine(&[1.0; 3]), Err(Error::Dimension { expected: 4, actual: 3, .. })));
        for wrong in [f32::NAN, f32::INFINITY] {
            let refused = Embedding::new(&[0.0, wrong], Precision::Float16);
            assert!(matches!(refused, Err(Error::NotANumber { column: 1, .. })));
        }
        // The smallest and the largest floats have directions.
        for scale in [f32::MIN_POSITIVE, f32::MAX] {
            let embedding = Embedding::new(&[scale, 0.0], Precision::Int8).unwrap();
            assert!((embedding.cosine(&[1.0, 0.0]).unwrap() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn components_are_not_shown() {
        let shown = format!("{:?}", Embedding::new(&[0.25, 1.0], Precision::Float16).unwrap());
        assert_eq!(shown, "Embedding { precision: Float16, dimensions: 2, .. }");
    }
}
