//! A context, and vectors encrypted under it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hushvec::{BitMatrix, Ciphertext, Ciphertexts, ExecutionContext, HomomorphicClient, PassphraseKeyProvider, Scheme};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Bits of a vector.
pub const DIMENSIONS: usize = 96;

/// The context, and a ciphertext in the SDK's encoding.
pub static CONTEXT: LazyLock<(ExecutionContext, String)> = LazyLock::new(|| {
    let context = ExecutionContext::builder()
        .scheme(Scheme::PaillierSubgroup)
        .embedding_length(DIMENSIONS)
        .create(PassphraseKeyProvider::new("pass").unwrap())
        .unwrap();
    let wire = encrypt(&context, &[vec![1; DIMENSIONS]]).remove(0);
    (context, wire)
});

/// The id of the context.
pub fn context_id() -> String {
    CONTEXT.0.id().unwrap()
}

/// The body of a request that stores the context.
pub fn context_document() -> Value {
    json!({ "context_id": context_id(), "data": CONTEXT.0.to_dict_enc().unwrap() })
}

/// Encrypts vectors. Returns ciphertexts in the SDK's encoding.
pub fn encrypt(context: &ExecutionContext, vectors: &[Vec<u8>]) -> Vec<String> {
    let length = vectors.first().map_or(0, Vec::len);
    let encrypted = context.encrypt_vec_batch(&BitMatrix::from_rows(length, vectors).unwrap()).unwrap();
    encrypted.iter().map(|one| one.to_wire(context.public_key()).unwrap()).collect()
}

/// Decrypts distances.
pub fn decode(context: &ExecutionContext, ciphertexts: &[Vec<u8>]) -> Vec<u32> {
    let key = context.public_key();
    let read = |bytes: &Vec<u8>| Ciphertext::from_wire(key, &BASE64_STANDARD.encode(bytes)).unwrap();
    let all: Vec<Ciphertext> = ciphertexts.iter().map(read).collect();
    context.decode_hamming_client_batch(&Ciphertexts::from_ciphertexts(key, &all).unwrap()).unwrap()
}

/// A deterministic random number generator with a seed.
pub struct Chance(pub u64);

impl Chance {
    /// Returns a number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    /// Returns an index into something of this length.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }

    /// Returns random vectors.
    pub fn vectors(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| (0..DIMENSIONS).map(|_| u8::from(self.below(2) == 1)).collect()).collect()
    }
}

/// Returns the Hamming distance of two vectors.
pub fn distance(one: &[u8], other: &[u8]) -> u32 {
    one.iter().zip(other).map(|(one, other)| u32::from(one != other)).sum()
}
