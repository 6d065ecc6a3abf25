//! Management of API keys and their permissions. All calls need the admin key.

use crate::error::Error;
use crate::exchange::{Retry, with_json};
use crate::http_store::HttpStore;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// The maximum size of a reply, in bytes.
const MOST: usize = 16 << 20;

const PATH: &str = "keys";

/// The permission of an API key for a knowledge base. Each permission includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// Search, and read chunks.
    Read,
    /// Store and change chunks.
    Write,
    /// Delete chunks.
    Delete,
}

impl Permission {
    /// All permissions, the lowest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Delete];

    fn number(self) -> u64 {
        match self {
            Self::Read => 1,
            Self::Write => 3,
            Self::Delete => 7,
        }
    }

    /// Returns its name in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|permission| permission.name() == text);
        found.ok_or_else(|| "a permission must be read, write or delete".to_owned())
    }
}

/// Information about an API key. The key itself is shown only once, when it is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyRecord {
    /// The hash that names it in requests.
    pub hash: String,
    /// Its first characters.
    #[serde(default, alias = "firstN")]
    pub first_characters: String,
    /// Its name, for people.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// `active` or `revoked`.
    pub status: String,
    /// When it was created.
    #[serde(default, alias = "createdAt")]
    pub created_at: Option<String>,
}

impl KeyRecord {
    /// Returns whether the key has not been revoked.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == "active"
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    api_key: KeyRecord,
    secret_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Granted {
    knowledge_base_id: String,
    permission: u64,
}

impl HttpStore {
    /// Returns all API keys, including revoked ones.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn keys(&self) -> Result<Vec<KeyRecord>, Error> {
        self.json(self.admin_request(Method::GET, &[PATH])?, Retry::Twice, MOST).await
    }

    /// Finds an API key by its hash, or by its name if it is unique among active keys.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Name`] if there is no such key, or several have that name.
    pub async fn find_key(&self, hash_or_name: &str) -> Result<KeyRecord, Error> {
        let mut all = self.keys().await?;
        if let Some(place) = all.iter().position(|key| key.hash == hash_or_name) {
            return Ok(all.swap_remove(place));
        }
        let mut named: Vec<KeyRecord> =
            all.into_iter().filter(|key| key.is_active() && key.name == hash_or_name).collect();
        let refused = |reason| Err(Error::Name { host: self.host().to_owned(), reason });
        match (named.pop(), named.len()) {
            (Some(key), 0) => Ok(key),
            (Some(_), others) => {
                refused(format!("{} active API keys are named {hash_or_name:?}; give the hash of one", others + 1))
            }
            (None, _) => refused(format!(
                "there is no API key with the hash or the name {hash_or_name:?} (revoked keys are found by hash only)"
            )),
        }
    }

    /// Creates an API key without permissions. Returns its record and the key itself, which cannot be recovered if
    /// lost.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_key(&self, name: &str, description: &str) -> Result<(KeyRecord, Zeroizing<String>), Error> {
        let request = self.admin_request(Method::POST, &[PATH])?;
        let request = with_json(request, &json!({ "name": name, "description": description }))?;
        let Created { api_key, secret_key } = self.json(request, Retry::Never, MOST).await?;
        Ok((api_key, Zeroizing::new(secret_key)))
    }

    /// Revokes an API key by its hash. This cannot be undone.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn revoke_key(&self, hash: &str) -> Result<(), Error> {
        let request = self.admin_request(Method::PATCH, &[PATH, hash, "status", "revoke"])?;
        let _: Value = self.json(request, Retry::Never, MOST).await?;
        Ok(())
    }

    /// Returns the permissions of an API key, by knowledge base.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Reply`] if a permission is unknown.
    pub async fn permissions(&self, hash: &str) -> Result<Vec<(String, Permission)>, Error> {
        let request = self.admin_request(Method::GET, &[PATH, hash, "permissions"])?;
        let granted: Vec<Granted> = self.json(request, Retry::Twice, MOST).await?;
        let known = granted.into_iter().map(|Granted { knowledge_base_id, permission }| {
            let found = Permission::ALL.into_iter().find(|known| known.number() == permission);
            let unknown = || Error::reply(self.host(), format!("a key has the unknown permission {permission}"));
            Ok((knowledge_base_id, found.ok_or_else(unknown)?))
        });
        known.collect()
    }

    /// Sets an API key's permission for a knowledge base, replacing the previous one.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn grant(&self, hash: &str, knowledge_base: &str, permission: Permission) -> Result<(), Error> {
        let request = self.admin_request(Method::PUT, &[PATH, hash, "permissions", knowledge_base])?;
        let request = with_json(request, &json!({ "permission": permission.number() }))?;
        let _: Value = self.json(request, Retry::Never, MOST).await?;
        Ok(())
    }

    /// Removes an API key's permission for a knowledge base.
    ///
    /// # Errors
    /// [`Error`]; not found if the key has no permission for it.
    pub async fn withdraw(&self, hash: &str, knowledge_base: &str) -> Result<(), Error> {
        let request = self.admin_request(Method::DELETE, &[PATH, hash, "permissions", knowledge_base])?;
        let _: Value = self.json(request, Retry::Never, MOST).await?;
        Ok(())
    }

    /// Gives this client's API key write permission for a knowledge base. Returns `false` if that is not needed,
    /// because it is the admin key, or not possible, because the server does not know the key.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn grant_own_key(&self, knowledge_base: &str) -> Result<bool, Error> {
        if self.admin_key.as_ref().is_none_or(|admin| admin.hash() == self.api_key.hash()) {
            return Ok(false);
        }
        let hash = self.api_key.hash();
        if !self.keys().await?.iter().any(|key| key.hash == hash) {
            return Ok(false);
        }
        self.grant(&hash, knowledge_base, Permission::Write).await?;
        Ok(true)
    }
}
