//! Lesson 1: the roles of owner and evaluator, in memory.
//!
//! `cargo run --release --example three_roles`

use hushvec::{
    BitMatrix, Device, Error, Evaluator, ExecutionContext, HomomorphicClient, PassphraseKeyProvider, Scheme,
};

fn main() -> Result<(), Error> {
    // Three documents, with embeddings reduced to eight signs.
    let mut vectors = BitMatrix::new(8);
    vectors.push_floats(&[0.3, -1.2, 0.8, 0.1, -0.4, -0.9, 0.2, 0.7])?;
    vectors.push_floats(&[-0.3, 1.2, -0.8, -0.2, 0.4, 0.9, -0.2, -0.7])?;
    vectors.push_bits(&[1, 0, 1, 1, 0, 0, 0, 1])?;

    // The owner generates keys. paillier_subgroup is the fast scheme; the default, paillier, needs the fewest
    // assumptions.
    let provider = PassphraseKeyProvider::new("correct horse battery staple")?;
    let ctx = ExecutionContext::builder().scheme(Scheme::PaillierSubgroup).embedding_length(8).create(provider)?;
    let index = ctx.encrypt_vec_batch(&vectors)?;
    let query = ctx.encrypt_vec_one(&[1, 0, 1, 1, 0, 0, 1, 1])?;

    // The evaluator, which can be another company's machine, gets the public context, the index and the query.
    let public = ctx.public_context();
    let evaluator = Evaluator::open(&public, Device::Auto)?;
    let response = evaluator.hamming_batch(&query, &index)?;

    // Only the owner can decode the response.
    let distances = ctx.decode_hamming_client_batch(&response)?;
    println!("distances: {distances:?}");
    assert_eq!(distances, [0, 8, 1]);
    Ok(())
}
