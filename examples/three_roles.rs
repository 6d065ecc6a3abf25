//! Lesson 1: owner, evaluator and owner again, with nothing on disk.
//!
//! `cargo run --release --example three_roles`

use hushvec::{
    BitMatrix, Device, Error, Evaluator, ExecutionContext, HomomorphicClient, PassphraseKeyProvider, Scheme,
};

fn main() -> Result<(), Error> {
    // Three documents, whose embeddings have been cut down to eight signs.
    let mut vectors = BitMatrix::new(8);
    vectors.push_floats(&[0.3, -1.2, 0.8, 0.1, -0.4, -0.9, 0.2, 0.7])?;
    vectors.push_floats(&[-0.3, 1.2, -0.8, -0.2, 0.4, 0.9, -0.2, -0.7])?;
    vectors.push_bits(&[1, 0, 1, 1, 0, 0, 0, 1])?;

    // The owner makes keys. paillier_subgroup is the fast scheme; the default, paillier, needs the fewest assumptions.
    let provider = PassphraseKeyProvider::new("correct horse battery staple")?;
    let ctx = ExecutionContext::builder().scheme(Scheme::PaillierSubgroup).embedding_length(8).create(provider)?;
    let index = ctx.encrypt_vec_batch(&vectors)?;
    let query = ctx.encrypt_vec_one(&[1, 0, 1, 1, 0, 0, 1, 1])?;

    // The evaluator gets the public context, the index and the query, and could be another company's machine.
    let public = ctx.public_context();
    let evaluator = Evaluator::open(&public, Device::Auto)?;
    let response = evaluator.hamming_batch(&query, &index)?;

    // The owner reads what only the owner can read.
    let distances = ctx.decode_hamming_client_batch(&response)?;
    println!("distances: {distances:?}");
    assert_eq!(distances, [0, 8, 1]);
    Ok(())
}
