//! Contexts for tests, created once per process. Their keys have the shortest length that is not weak.

#![allow(dead_code, reason = "each test uses a part")]

use hushvec::{Error, ExecutionContext, Format, Key, KeyProvider, PassphraseKeyProvider, Scheme};
use std::sync::{Arc, OnceLock};

/// The dimensions of these contexts.
pub const DIMENSIONS: usize = 96;

/// A provider whose key takes no time to derive, for tests that open thousands of contexts.
#[derive(Debug, Clone)]
pub struct FixedKeyProvider {
    pub wrapped: Vec<u8>,
}

impl Default for FixedKeyProvider {
    fn default() -> Self {
        Self { wrapped: b"for tests only".to_vec() }
    }
}

impl KeyProvider for FixedKeyProvider {
    fn provider_id(&self) -> &str {
        "fixed"
    }

    fn get_key(&self) -> Result<Key, Error> {
        let mut key = [7; 32];
        for (i, byte) in self.wrapped.iter().enumerate() {
            key[i % 32] ^= byte.wrapping_mul(31).wrapping_add(u8::try_from(i % 256).unwrap());
        }
        Ok(key.into())
    }

    fn wrap_key(&self) -> Vec<u8> {
        self.wrapped.clone()
    }

    fn from_wrapped(&self, _: Format, wrapped: &[u8]) -> Result<Arc<dyn KeyProvider>, Error> {
        Ok(Arc::new(Self { wrapped: wrapped.to_vec() }))
    }
}

/// Returns one context of each scheme.
pub fn contexts() -> impl Iterator<Item = &'static ExecutionContext> {
    static CONTEXTS: [OnceLock<ExecutionContext>; 3] = [const { OnceLock::new() }; 3];
    CONTEXTS.iter().zip(Scheme::ALL).map(|(context, scheme)| {
        context.get_or_init(|| {
            let builder = ExecutionContext::builder().scheme(scheme).embedding_length(DIMENSIONS);
            builder.create(FixedKeyProvider::default()).unwrap()
        })
    })
}

/// Returns the context of one scheme.
pub fn context(scheme: Scheme) -> &'static ExecutionContext {
    contexts().find(|context| context.scheme() == scheme).unwrap()
}

pub fn passphrase() -> PassphraseKeyProvider {
    PassphraseKeyProvider::new("correct horse battery staple").unwrap()
}
