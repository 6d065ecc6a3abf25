//! Lesson 3: the same keys encrypt integers, which can be added to each other and multiplied by plain integers.
//!
//! `cargo run --release --example integers`

use hushvec::{Device, Error, Evaluator, ExecutionContext, PassphraseKeyProvider, Plaintext};

fn main() -> Result<(), Error> {
    let ctx = ExecutionContext::builder()
        .embedding_length(512)
        .create(PassphraseKeyProvider::new("correct horse battery staple")?)?;

    // The public key is enough to encrypt and to compute, here a weighted sum.
    let evaluator = Evaluator::open(&ctx.public_context(), Device::Auto)?;
    let (apples, pears) = (evaluator.encrypt(&Plaintext::from(3u64))?, evaluator.encrypt(&Plaintext::from(5u64))?);
    let cost = evaluator.add(
        &evaluator.mul_plain(&apples, &Plaintext::from(40u64))?,
        &evaluator.mul_plain(&pears, &Plaintext::from(25u64))?,
    )?;
    let cost = evaluator.add_plain(&cost, &Plaintext::from(7u64))?;

    // Only the owner can decrypt it. Results are modulo n, which has 2048 bits here.
    let total = ctx.decrypt(&cost)?;
    println!("3 apples at 40, 5 pears at 25 and a bag at 7: {}", total.to_biguint());
    assert_eq!(total.to_biguint(), (3 * 40 + 5 * 25 + 7u32).into());
    Ok(())
}
