//! Where the AES key of a context comes from.

use super::format::Format;
use crate::error::Error;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A 256-bit key.
pub type Key = Zeroizing<[u8; 32]>;

/// Supplies the key that a context's secret part is sealed with, and what has to be stored to find it again.
pub trait KeyProvider: fmt::Debug + Send + Sync {
    /// A short name of the kind of provider, stored with the context.
    fn provider_id(&self) -> &str;

    /// The key.
    ///
    /// # Errors
    /// If it cannot be derived or fetched.
    fn get_key(&self) -> Result<Key, Error>;

    /// What to store beside the sealed context: enough to get the key again with the same credentials, and useless
    /// without them.
    fn wrap_key(&self) -> Vec<u8>;

    /// A provider with the same credentials for what another one's [`KeyProvider::wrap_key`] returned, in a context of
    /// that format.
    ///
    /// # Errors
    /// If `wrapped` is not of this kind, or asks for more work than is reasonable.
    #[expect(clippy::wrong_self_convention, reason = "the name is the SDK's, where the credentials are arguments")]
    fn from_wrapped(&self, format: Format, wrapped: &[u8]) -> Result<Arc<dyn KeyProvider>, Error>;
}
