//! A context of short vectors, and a ciphertext under it.

use hushvec::{BitMatrix, ExecutionContext, HomomorphicClient, PassphraseKeyProvider, Scheme};
use std::sync::LazyLock;

/// The context, and a ciphertext in the SDK's encoding.
pub static CONTEXT: LazyLock<(ExecutionContext, String)> = LazyLock::new(|| {
    let context = ExecutionContext::builder()
        .scheme(Scheme::PaillierSubgroup)
        .embedding_length(16)
        .create(PassphraseKeyProvider::new("pass").unwrap())
        .unwrap();
    let encrypted = context.encrypt_vec_batch(&BitMatrix::from_rows(16, [[1u8; 16]]).unwrap()).unwrap();
    let wire = encrypted.get(0).unwrap().to_wire(context.public_key()).unwrap();
    (context, wire)
});
