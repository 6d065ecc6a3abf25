//! Metrics by their names, and the bits per component of inner products.

use crate::errors::{InputError, raise};
use hushvec::packed::{Metric, Parameters};
use pyo3::prelude::*;

/// Bits per component, and the length that vectors are scaled to.
const BITS: [(i64, u32); 3] = [(4, 64), (5, 128), (8, 620)];

/// The bits of a new context unless given. Hamming distances have no bits, so this value is accepted for them.
const DEFAULT_BITS: i64 = 4;

/// Returns the parameters of a new context.
pub fn parameters(metric: &str, dimensions: usize, bits: Option<i64>) -> PyResult<Parameters> {
    let parameters = match (metric, bits) {
        ("hamming", None | Some(DEFAULT_BITS)) => Parameters::hamming(dimensions),
        ("hamming", Some(bits)) => {
            return Err(InputError::new_err(format!(
                "bits is {bits}, but only inner products have bits; leave it out"
            )));
        }
        ("inner_product", bits) => {
            let bits = bits.unwrap_or(DEFAULT_BITS);
            let length = BITS.into_iter().find(|(of, _)| *of == bits).map(|(_, length)| length);
            let length = length.ok_or_else(|| InputError::new_err(format!("bits is {bits}, expected 4, 5 or 8")))?;
            Parameters::inner_product(dimensions, length)
        }
        _ => {
            let expected = "expected \"hamming\" or \"inner_product\"";
            return Err(InputError::new_err(format!("the metric is {metric:?}, {expected}")));
        }
    };
    parameters.map_err(raise)
}

/// Returns the bits per component; `None` for Hamming distances.
pub fn bits(metric: Metric) -> Option<i64> {
    match metric {
        Metric::Hamming => None,
        Metric::InnerProduct { length } => BITS.into_iter().find(|(_, of)| *of == length).map(|(bits, _)| bits),
    }
}

/// Describes parameters for `repr`.
pub fn described(parameters: &Parameters) -> String {
    let (metric, dimensions) = (parameters.metric(), parameters.dimensions());
    let bits = bits(metric).map_or_else(String::new, |bits| format!(", {bits} bits"));
    format!("{}{bits}, {dimensions} dimensions", metric.name())
}
