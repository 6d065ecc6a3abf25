//! The connection to a server. Its keys come from files or environment variables, never from an argument.

use crate::failure::Failure;
use crate::output;
use crate::passphrase::secret;
use clap::Args;
use hushvec_client::{HttpStore, KnowledgeBase, PushedFile};
use std::fs::File;
use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

const API_KEY: &str = "HUSHVEC_API_KEY";
const ADMIN_KEY: &str = "HUSHVEC_ADMIN_KEY";
/// The maximum length of a file of certificates, in bytes.
const MOST_CERTIFICATES: u64 = 4 << 20;

/// The flags for the server and its API key.
#[derive(Args, Clone, Debug)]
pub struct Server {
    /// Address of the server, such as https://search.example.org
    #[arg(long, value_name = "URL")]
    server: String,
    /// Organisation on the server
    #[arg(long, value_name = "NAME", default_value = "default")]
    org: String,
    /// Read the API key from the first line of this file [default: `HUSHVEC_API_KEY`]
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Also trust the certificates in this PEM file, such as that of your own certificate authority
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// The flag for the admin key.
#[derive(Args, Clone, Debug)]
pub struct Admin {
    /// Read the admin key from the first line of this file [default: `HUSHVEC_ADMIN_KEY`, or the API key]
    #[arg(long, value_name = "FILE")]
    admin_key_file: Option<PathBuf>,
}

/// A server, and a single-threaded runtime for its requests.
pub struct Remote {
    store: HttpStore,
    runtime: Runtime,
}

impl Server {
    /// Prepares requests with the API key.
    pub fn open(&self) -> Result<Remote, Failure> {
        let missing = || Failure::Usage(format!("the server needs an API key: set {API_KEY} or give --api-key-file"));
        self.open_with(&self.api_key()?.ok_or_else(missing)?)
    }

    fn open_with(&self, key: &str) -> Result<Remote, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Other(format!("cannot start the network runtime: {error}")))?;
        let mut store = HttpStore::new(&self.server, &self.org, key)?;
        if let Some(path) = &self.ca_file {
            let mut pem = Vec::new();
            let file = File::open(path).map_err(Failure::io("open", path))?;
            file.take(MOST_CERTIFICATES).read_to_end(&mut pem).map_err(Failure::io("read", path))?;
            let in_file = |error| Failure::Usage(format!("{}: {error}", path.display()));
            store = store.with_ca(&pem).map_err(in_file)?;
        }
        Ok(Remote { store, runtime })
    }

    /// Prepares requests with the API key and the admin key. If only one of them is given, it is used as both.
    pub fn open_as_admin(&self, admin: &Admin) -> Result<Remote, Failure> {
        let key = self.api_key()?;
        let admin_key = admin.key()?;
        let Some(api_key) = key.as_ref().or(admin_key.as_ref()) else {
            return Err(Failure::Usage(format!(
                "this command needs the admin key: set {ADMIN_KEY} or give --admin-key-file"
            )));
        };
        let Remote { store, runtime } = self.open_with(api_key)?;
        Ok(Remote { store: store.with_admin_key(admin_key.as_ref().unwrap_or(api_key))?, runtime })
    }

    /// Prepares requests that only read, with the admin key if there is one, or else with the API key.
    pub fn open_to_read(&self, admin: &Admin) -> Result<Remote, Failure> {
        match admin.key()? {
            Some(_) => self.open_as_admin(admin),
            None => self.open(),
        }
    }

    fn api_key(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        key(API_KEY, self.api_key_file.as_deref())
    }
}

impl Admin {
    fn key(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        key(ADMIN_KEY, self.admin_key_file.as_deref())
    }
}

/// Reads a key. An empty key counts as not given.
fn key(variable: &str, file: Option<&Path>) -> Result<Option<Zeroizing<String>>, Failure> {
    Ok(secret(variable, file)?.filter(|key| !key.is_empty()))
}

impl Remote {
    /// Returns the server.
    pub fn store(&self) -> &HttpStore {
        &self.store
    }

    /// Returns the id of a knowledge base, given its id or name. Asks the server unless the list of pushed chunks has
    /// the id.
    pub fn knowledge_base_id(&self, id_or_name: &str, list: &PushedFile) -> Result<String, Failure> {
        if list.knows(id_or_name)? {
            return Ok(id_or_name.to_owned());
        }
        self.wait(self.store.knowledge_base_id(id_or_name))
    }

    /// Creates a knowledge base with a unique name, and lets the API key store in it.
    pub fn create_knowledge_base(&self, name: &str, description: &str) -> Result<KnowledgeBase, Failure> {
        let there = self.wait(self.store.knowledge_bases())?;
        if let Some(base) = there.iter().find(|base| base.name == name) {
            let (host, id) = (self.store.host(), output::printable(&base.id));
            return Err(Failure::Usage(format!(
                "{host}: the knowledge base {name} already exists ({id}); use it with --kb, or choose another name"
            )));
        }
        let made = self.wait(self.store.create_knowledge_base(name, description))?;
        match self.wait(self.store.grant_own_key(&made.id)) {
            Ok(true) => tracing::info!("the API key may store and search in {name}"),
            Ok(false) => {}
            Err(failure) => {
                self.wait(self.store.delete_knowledge_base(&made.id))?;
                return Err(failure);
            }
        }
        Ok(made)
    }

    /// Waits for a request to finish.
    pub fn wait<T>(&self, answer: impl Future<Output = Result<T, hushvec_client::Error>>) -> Result<T, Failure> {
        Ok(self.runtime.block_on(answer)?)
    }
}
