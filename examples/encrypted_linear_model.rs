//! Lesson 6: a linear model with 784 inputs and 10 outputs on an encrypted image. The evaluator has the weights, and
//! learns neither the image nor the scores.
//!
//! `cargo run --release --example encrypted_linear_model`

use hushvec::{
    Device, Error, ExecutionContext, NumberEvaluator, NumberFormat, PassphraseKeyProvider, PlainArray, PlainMatrix,
    Scheme,
};
use std::time::Instant;

const INPUTS: usize = 784;
const OUTPUTS: usize = 10;

/// Pseudorandom numbers, the same in every run.
fn bytes(seed: u32) -> impl Iterator<Item = u8> {
    let step = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(seed), step).skip(1).map(|state| state.to_be_bytes()[0])
}

fn main() -> Result<(), Error> {
    let provider = PassphraseKeyProvider::new("correct horse battery staple")?;
    let ctx = ExecutionContext::builder().scheme(Scheme::PaillierSubgroup).embedding_length(512).create(provider)?;

    // The owner has an image of 28 × 28 pixels. It is public that pixels have eight bits; their values are secret.
    let image: Vec<u8> = bytes(1).take(INPUTS).collect();
    let encrypted = ctx.encrypt_numbers(&image, &NumberFormat::integers(8))?;

    // The evaluator has a model: ten rows of signed weights, and ten offsets.
    let weights: Vec<i8> = bytes(2).take(INPUTS * OUTPUTS).map(u8::cast_signed).collect();
    let offsets: Vec<f64> = bytes(3).take(OUTPUTS).map(|byte| f64::from(byte) * 12.5).collect();
    let evaluator = NumberEvaluator::open(&ctx.public_context(), Device::Auto)?;
    let matrix = PlainMatrix::new(INPUTS, PlainArray::integers(weights.iter().copied()))?;
    let started = Instant::now();
    let products = evaluator.matmul(&matrix, &encrypted)?;
    let took = started.elapsed();
    let scores = evaluator.add_plain(&products, &PlainArray::fixed_point(&offsets, 1)?)?;
    // Fresh noise, so that the result reveals nothing about the weights except the scores.
    let scores = evaluator.rerandomize(&scores)?;
    println!("{INPUTS} × {OUTPUTS} weights in {took:.0?}, scores of at most {} bits", scores.bound().bits());

    // The owner reads the scores.
    let scores = ctx.decrypt_numbers(&scores)?;
    println!("scores: {scores:?}");
    let plain = weights.chunks(INPUTS).zip(&offsets).map(|(row, offset)| {
        let product: i32 = row.iter().zip(&image).map(|(weight, pixel)| i32::from(*weight) * i32::from(*pixel)).sum();
        f64::from(product) + offset
    });
    assert!(scores.into_iter().eq(plain), "encrypted and plain scores differ");
    Ok(())
}
