//! Lesson 4: a custom key provider, for keys in a key management service instead of a passphrase.
//!
//! `cargo run --release --example key_provider`

use hushvec::{Error, ExecutionContext, Format, HomomorphicClient, Key, KeyProvider, PassphraseKeyProvider, Scheme};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// Stands for a key management service, which returns keys by name to authorized callers.
#[derive(Default)]
struct Vault(Mutex<HashMap<Vec<u8>, [u8; 32]>>);

/// Gets a key from the vault by name. The context stores the name.
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
        let refused = || Error::KeyProvider("no such key in the vault".to_owned());
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
    // A real vault generates a random key.
    vault.0.lock().map_err(|_| "poisoned")?.insert(b"collection-7".to_vec(), [42; 32]);
    let provider = |name: &str| VaultKeyProvider { vault: Arc::clone(&vault), name: name.as_bytes().to_vec() };

    let ctx = ExecutionContext::builder()
        .scheme(Scheme::PaillierSubgroup)
        .embedding_length(8)
        .create(provider("collection-7"))?;
    let stored = ctx.serialize_exec_context()?;

    // The name is read from the stored context, so a provider with any name and access to the vault opens it.
    let again = ExecutionContext::from_serialized(&stored, &provider("any name"), None)?;
    assert_eq!(again, ctx);
    let c = again.encrypt_vec_one(&[1, 0, 1, 0, 1, 0, 1, 0])?;
    println!("opened {} with the vault's key; {c:?}", again.id()?);

    // A passphrase does not open it.
    let Err(error) =
        ExecutionContext::from_serialized(&stored, &PassphraseKeyProvider::new("correct horse battery staple")?, None)
    else {
        return Err("a passphrase opened it".into());
    };
    println!("with a passphrase: {error}");
    Ok(())
}
