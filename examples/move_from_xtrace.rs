//! Lesson 5: moving from XTrace's SDK. Its contexts load as they are, its ciphertexts are read from the wire, and what it
//! encrypted need not be encrypted again. Weak keys are the exception, and this shows the way away from them.
//!
//! `cargo run --release --example move_from_xtrace`

use hushvec::{
    Ciphertext, Ciphertexts, Device, Error, Evaluator, ExecutionContext, Format, HomomorphicClient,
    PassphraseKeyProvider, Scheme,
};

const PASSPHRASE: &str = "correct horse battery staple";

fn main() -> Result<(), Error> {
    let FromSdk { stored, wire, bits } = from_the_sdk()?;

    // The id is the SDK's. `load_from_disk` reads a file, and tells the formats apart by itself.
    let ctx = ExecutionContext::from_serialized(&stored, &PassphraseKeyProvider::new(PASSPHRASE)?, None)?;
    println!("loaded a {} context of {} dimensions: {}", ctx.scheme(), ctx.embed_len(), ctx.id()?);

    // base64 of little-endian bytes is what the SDK sends.
    let key = ctx.public_key();
    let vectors = wire.iter().map(|text| Ciphertext::from_wire(key, text)).collect::<Result<Vec<_>, _>>()?;
    let vectors = Ciphertexts::from_ciphertexts(key, &vectors)?;

    // Search goes on, on one's own machine.
    let evaluator = Evaluator::open(&ctx.public_context(), Device::Auto)?;
    let query = ctx.encrypt_vec_one(&bits[0])?;
    let distances = ctx.decode_hamming_client_batch(&evaluator.hamming_batch(&query, &vectors)?)?;
    println!("distances to the first vector: {distances:?}");
    assert_eq!(distances, [0, 4, 8]);

    // A new key for what a weak one protected: decrypt with the old context, encrypt with the new one.
    let strong = ExecutionContext::builder()
        .scheme(Scheme::PaillierSubgroup)
        .embedding_length(ctx.embed_len())
        .create(PassphraseKeyProvider::new(PASSPHRASE)?)?;
    // For an index in a file `Index::rekey`, and `hushvec rekey`, do the same block by block.
    let vectors = strong.encrypt_vec_batch(&ctx.decrypt_vec_batch(&vectors)?)?;
    let query = strong.encrypt_vec_one(&bits[0])?;
    let evaluator = Evaluator::open(&strong.public_context(), Device::Auto)?;
    assert_eq!(strong.decode_hamming_client_batch(&evaluator.hamming_batch(&query, &vectors)?)?, [0, 4, 8]);
    println!("the same under a new {} key", strong.scheme());
    Ok(())
}

/// What the SDK left behind.
struct FromSdk {
    /// A context as it stores it.
    stored: String,
    /// Ciphertexts as it sends them.
    wire: Vec<String>,
    /// The bits in them.
    bits: [Vec<u8>; 3],
}

/// Stands for the SDK.
fn from_the_sdk() -> Result<FromSdk, Error> {
    let ctx = ExecutionContext::builder()
        .scheme(Scheme::Paillier)
        .embedding_length(8)
        .format(Format::XTrace)
        .create(PassphraseKeyProvider::xtrace(PASSPHRASE, None)?)?;
    let bits = [vec![0, 0, 0, 0, 1, 1, 1, 1], vec![0, 0, 1, 1, 0, 0, 1, 1], vec![1, 1, 1, 1, 0, 0, 0, 0]];
    let wire = bits.iter().map(|bits| ctx.encrypt_vec_one(bits)?.to_wire(ctx.public_key()));
    let wire = wire.collect::<Result<_, _>>()?;
    Ok(FromSdk { stored: ctx.serialize_exec_context()?, wire, bits })
}
