//! Lesson 4: a key provider of one's own, for keys that live in a vault instead of somebody's head.
//!
//! `cargo run --release --example key_provider`

use hushvec::{Error, ExecutionContext, Format, HomomorphicClient, Key, KeyProvider, PassphraseKeyProvider, Scheme};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// Stands for a key management service: it knows keys by name, and hands them out to whoever may have them.
#[derive(Default)]
struct Vault(Mutex<HashMap<Vec<u8>, [u8; 32]>>);

/// Takes the key of one name from the vault. What is stored in the context is the name.
struct VaultKeyProvider {
    vault: Arc<Vault>,
    name: Vec<u8>,
}

impl std::fmt::Debug for VaultKeyProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VaultKeyProvider").field("name", &String::from_utf8_lossy(&self.name)).finish_non_exhaustive()
    }
}

impl KeyProvider for VaultKeyProvider {
    fn provider_id(&self) -> &str {
        "example-vault"
    }

    fn get_key(&self) -> Result<Key, Error> {
        let refused = || Error::KeyProvider("the vault has no such key".to_owned());
        let keys = self.vault.0.lock().map_err(|_| refused())?;
        keys.get(&self.name).map(|key| Zeroizing::new(*key)).ok_or_else(refused)
    }

    fn wrap_key(&self) -> Vec<u8> {
        self.name.clone()
    }

    fn from_wrapped(&self, _format: Format, wrapped: &[u8]) -> Result<Arc<dyn KeyProvider>, Error> {
        Ok(Arc::new(Self { vault: Arc::clone(&self.vault), name: wrapped.to_vec() }))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let vault = Arc::new(Vault::default());
    // A real one draws it at random.
    vault.0.lock().map_err(|_| "poisoned")?.insert(b"collection-7".to_vec(), [42; 32]);
    let provider = |name: &str| VaultKeyProvider { vault: Arc::clone(&vault), name: name.as_bytes().to_vec() };

    let ctx = ExecutionContext::builder()
        .scheme(Scheme::PaillierSubgroup)
        .embedding_length(8)
        .create(provider("collection-7"))?;
    let stored = ctx.serialize_exec_context()?;

    // The name comes from what is stored: a provider with any name, and access to the vault, opens it.
    let again = ExecutionContext::from_serialized(&stored, &provider("whatever"), None)?;
    assert_eq!(again, ctx);
    let c = again.encrypt_vec_one(&[1, 0, 1, 0, 1, 0, 1, 0])?;
    println!("opened {} with the vault's key; {c:?}", again.id()?);

    // A passphrase does not.
    let Err(refusal) =
        ExecutionContext::from_serialized(&stored, &PassphraseKeyProvider::new("correct horse battery staple")?, None)
    else {
        return Err("a passphrase opened it".into());
    };
    println!("a passphrase: {refusal}");
    Ok(())
}
