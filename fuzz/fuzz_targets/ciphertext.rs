//! Fuzzes ciphertexts in their wire encoding and as integers.
#![no_main]

use hushvec::{Ciphertext, Evaluator, PublicContext};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static EVALUATOR: LazyLock<(PublicContext, Evaluator)> = LazyLock::new(|| {
    let public = hushvec_fuzz::context().public_context();
    let evaluator = Evaluator::with_threads(&public, hushvec::Device::Cpu, std::num::NonZeroUsize::new(1));
    (public, evaluator.expect("the CPU opens"))
});

fuzz_target!(|bytes: &[u8]| {
    let (public, evaluator) = &*EVALUATOR;
    let key = public.key();
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(ciphertext) = Ciphertext::from_wire(key, text)
    {
        let wire = ciphertext.to_wire(key).expect("it belongs to this key");
        assert_eq!(Ciphertext::from_wire(key, &wire).ok(), Some(ciphertext));
    }
    if let Ok(ciphertext) = Ciphertext::from_le_bytes(key, bytes) {
        assert!(ciphertext.to_biguint(key).expect("it belongs to this key") < key.n() * key.n());
    }
    if let Ok(ciphertexts) = evaluator.import(bytes) {
        assert_eq!(ciphertexts.len() * key.parameters().ciphertext_bytes(), bytes.len());
    }
});
