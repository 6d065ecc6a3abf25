//! A server to talk to, and the keys that it knows the caller by. They come from files or the environment, never from an
//! argument.

use crate::failure::Failure;
use crate::passphrase::secret;
use clap::Args;
use hushvec_client::HttpStore;
use std::fs::File;
use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

const API_KEY: &str = "HUSHVEC_API_KEY";
const ADMIN_KEY: &str = "HUSHVEC_ADMIN_KEY";
/// The most bytes of a file of certificates.
const MOST_CERTIFICATES: u64 = 4 << 20;

/// Which server, and who asks it.
#[derive(Args, Clone, Debug)]
pub struct Server {
    /// The server, such as https://search.example.org
    #[arg(long, value_name = "URL")]
    server: String,
    /// The organisation
    #[arg(long, value_name = "NAME", default_value = "default")]
    org: String,
    /// Read the API key from the first line of this file instead of `HUSHVEC_API_KEY`
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Trust the certificates in this PEM file too, such as that of an authority of your own
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// A server, and a thread's worth of runtime to wait for it.
pub struct Remote {
    store: HttpStore,
    runtime: Runtime,
}

impl Server {
    /// Gets ready to talk to it.
    pub fn open(&self) -> Result<Remote, Failure> {
        let key = api_key(self.api_key_file.as_deref())?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Other(format!("cannot wait for servers: {error}")))?;
        let mut store = HttpStore::new(&self.server, &self.org, &key)?;
        if let Some(path) = &self.ca_file {
            let mut pem = Vec::new();
            let file = File::open(path).map_err(Failure::io("open", path))?;
            file.take(MOST_CERTIFICATES).read_to_end(&mut pem).map_err(Failure::io("read", path))?;
            store = store.with_ca(&pem)?;
        }
        Ok(Remote { store, runtime })
    }

    /// The same with the admin key, which is the API key if no other is given.
    pub fn open_as_admin(&self, admin_key_file: Option<&Path>) -> Result<Remote, Failure> {
        let key = match secret(ADMIN_KEY, admin_key_file)? {
            Some(key) => key,
            None => api_key(self.api_key_file.as_deref())?,
        };
        let Remote { store, runtime } = self.open()?;
        Ok(Remote { store: store.with_admin_key(&key)?, runtime })
    }
}

fn api_key(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let missing = || Failure::Usage(format!("the server wants an API key: set {API_KEY} or give --api-key-file"));
    secret(API_KEY, file)?.ok_or_else(missing)
}

impl Remote {
    /// The server.
    pub fn store(&self) -> &HttpStore {
        &self.store
    }

    /// Waits for what the server was asked for.
    pub fn wait<T>(&self, answer: impl Future<Output = Result<T, hushvec_client::Error>>) -> Result<T, Failure> {
        Ok(self.runtime.block_on(answer)?)
    }
}
