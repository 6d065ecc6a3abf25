//! Lesson 5: moving from XTrace's SDK. Its contexts load unchanged, its ciphertexts are read in their wire encoding,
//! and nothing needs to be encrypted again, except under weak keys. The example also shows how to replace a weak key.
//!
//! `cargo run --release --example move_from_xtrace`

use hushvec::{
    Ciphertext, Ciphertexts, Device, Error, Evaluator, ExecutionContext, Format, HomomorphicClient,
    PassphraseKeyProvider, Scheme,
};

const PASSPHRASE: &str = "correct horse battery staple";

fn main() -> Result<(), Error> {
    let SdkData { stored, wire, bits } = sdk_data()?;

    // The id is that of the SDK. `load_from_disk` does the same for a file; both detect the format.
    let ctx = ExecutionContext::from_serialized(&stored, &PassphraseKeyProvider::new(PASSPHRASE)?, None)?;
    println!("loaded a {} context of {} dimensions: {}", ctx.scheme(), ctx.embed_len(), ctx.id()?);

    // The SDK sends ciphertexts as base64 of little-endian bytes.
    let key = ctx.public_key();
    let vectors = wire.iter().map(|text| Ciphertext::from_wire(key, text)).collect::<Result<Vec<_>, _>>()?;
    let vectors = Ciphertexts::from_ciphertexts(key, &vectors)?;

    // Search works as before, on a local machine.
    let evaluator = Evaluator::open(&ctx.public_context(), Device::Auto)?;
    let query = ctx.encrypt_vec_one(&bits[0])?;
    let distances = ctx.decode_hamming_client_batch(&evaluator.hamming_batch(&query, &vectors)?)?;
    println!("distances to the first vector: {distances:?}");
    assert_eq!(distances, [0, 4, 8]);

    // To replace a weak key, decrypt with the old context and encrypt with a new one.
    let strong = ExecutionContext::builder()
        .scheme(Scheme::PaillierSubgroup)
        .embedding_length(ctx.embed_len())
        .create(PassphraseKeyProvider::new(PASSPHRASE)?)?;
    // For an index file, `Index::rekey` and `hushvec rekey` do the same block by block.
    let vectors = strong.encrypt_vec_batch(&ctx.decrypt_vec_batch(&vectors)?)?;
    let query = strong.encrypt_vec_one(&bits[0])?;
    let evaluator = Evaluator::open(&strong.public_context(), Device::Auto)?;
    assert_eq!(strong.decode_hamming_client_batch(&evaluator.hamming_batch(&query, &vectors)?)?, [0, 4, 8]);
    println!("the same under a new {} key", strong.scheme());
    Ok(())
}

/// Data of the SDK.
struct SdkData {
    /// A context as the SDK stores it.
    stored: String,
    /// Ciphertexts as the SDK sends them.
    wire: Vec<String>,
    /// The bits of the encrypted vectors.
    bits: [Vec<u8>; 3],
}

/// Stands for the SDK.
fn sdk_data() -> Result<SdkData, Error> {
    let ctx = ExecutionContext::builder()
        .scheme(Scheme::Paillier)
        .embedding_length(8)
        .format(Format::XTrace)
        .create(PassphraseKeyProvider::xtrace(PASSPHRASE, None)?)?;
    let bits = [vec![0, 0, 0, 0, 1, 1, 1, 1], vec![0, 0, 1, 1, 0, 0, 1, 1], vec![1, 1, 1, 1, 0, 0, 0, 0]];
    let wire = bits.iter().map(|bits| ctx.encrypt_vec_one(bits)?.to_wire(ctx.public_key()));
    let wire = wire.collect::<Result<_, _>>()?;
    Ok(SdkData { stored: ctx.serialize_exec_context()?, wire, bits })
}
