//! Key providers: the source of a context's AES key.

use super::format::Format;
use crate::error::Error;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A 256-bit key.
pub type Key = Zeroizing<[u8; 32]>;

/// Supplies the key that seals a context's secret part, and the data to store for recovering the key.
pub trait KeyProvider: fmt::Debug + Send + Sync {
    /// Returns a short name for the kind of provider, which is stored with the context.
    fn provider_id(&self) -> &str;

    /// Returns the key.
    ///
    /// # Errors
    /// If the key cannot be derived or fetched.
    fn get_key(&self) -> Result<Key, Error>;

    /// Returns the data to store beside the sealed context. It recovers the key together with the same credentials,
    /// and is useless without them.
    fn wrap_key(&self) -> Vec<u8>;

    /// Returns a provider with the same credentials for the key that `wrapped` describes. `wrapped` is what another
    /// provider's [`KeyProvider::wrap_key`] returned for a context of format `format`.
    ///
    /// # Errors
    /// If `wrapped` belongs to another kind of provider, or asks for too much work.
    #[expect(clippy::wrong_self_convention, reason = "the name is the SDK's, where the credentials are arguments")]
    fn from_wrapped(&self, format: Format, wrapped: &[u8]) -> Result<Arc<dyn KeyProvider>, Error>;
}
