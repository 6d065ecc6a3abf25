//! Vectors of packed search: bits or real numbers, depending on the metric.

use crate::failure::Failure;
use crate::input::{Block, Format, IdSource, Input};
use hushvec::packed::{Metric, Parameters, Vectors};
use std::path::PathBuf;

/// Opens files of vectors: bits for Hamming distances, real vectors for inner products.
pub fn open(paths: &[PathBuf], parameters: &Parameters, format: &Format, ids: IdSource) -> Result<Input, Failure> {
    match parameters.metric() {
        Metric::Hamming => Input::open(paths, parameters.dimensions(), format, ids),
        Metric::InnerProduct { .. } => {
            for (given, flag) in [(format.packed, "--packed"), (format.project, "--project")] {
                if given {
                    return Err(Failure::Usage(format!(
                        "{flag} is for bits, but the metric inner_product takes real vectors; leave it out"
                    )));
                }
            }
            Input::open_reals(paths, parameters.dimensions(), format.column.clone(), ids)
        }
    }
}

/// A block of vectors in the form that packed search takes.
pub struct Owned {
    block: Block,
    reals: Vec<f32>,
}

impl Owned {
    pub fn new(mut block: Block) -> Self {
        let reals = std::mem::take(&mut block.reals).concat();
        Self { block, reals }
    }

    pub fn rows(&self) -> usize {
        self.block.vectors.len()
    }

    pub fn vectors(&self, parameters: &Parameters) -> Vectors<'_> {
        match parameters.metric() {
            Metric::Hamming => Vectors::Bits(&self.block.vectors),
            Metric::InnerProduct { .. } => Vectors::Reals(&self.reals),
        }
    }
}
