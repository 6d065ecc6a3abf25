//! A server to talk to, and the keys for it. They come from files or the environment, never from an
//! argument.

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

/// The key for what only the organisation's administrator may do.
#[derive(Args, Clone, Debug)]
pub struct Admin {
    /// Read the admin key from the first line of this file instead of `HUSHVEC_ADMIN_KEY` [default: the API key]
    #[arg(long, value_name = "FILE")]
    admin_key_file: Option<PathBuf>,
}

/// A server, and a thread's worth of runtime to wait for it.
pub struct Remote {
    store: HttpStore,
    runtime: Runtime,
}

impl Server {
    /// Gets ready to talk to it.
    pub fn open(&self) -> Result<Remote, Failure> {
        let missing = || Failure::Usage(format!("the server wants an API key: set {API_KEY} or give --api-key-file"));
        self.open_with(&self.api_key()?.ok_or_else(missing)?)
    }

    fn open_with(&self, key: &str) -> Result<Remote, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Other(format!("cannot wait for servers: {error}")))?;
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

    /// The same with the admin key, which is the API key if no other is given; or the API key with the admin key, if that is the
    /// only one.
    pub fn open_as_admin(&self, admin: &Admin) -> Result<Remote, Failure> {
        let key = self.api_key()?;
        let admin_key = admin.key()?;
        let Some(api_key) = key.as_ref().or(admin_key.as_ref()) else {
            return Err(Failure::Usage(format!("this takes the admin key: set {ADMIN_KEY} or give --admin-key-file")));
        };
        let Remote { store, runtime } = self.open_with(api_key)?;
        Ok(Remote { store: store.with_admin_key(admin_key.as_ref().unwrap_or(api_key))?, runtime })
    }

    /// Gets ready to read, with the admin key if there is one, or else with the API key.
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

/// A key, if it is given. An empty one is not.
fn key(variable: &str, file: Option<&Path>) -> Result<Option<Zeroizing<String>>, Failure> {
    Ok(secret(variable, file)?.filter(|key| !key.is_empty()))
}

impl Remote {
    /// The server.
    pub fn store(&self) -> &HttpStore {
        &self.store
    }

    /// The id of a knowledge base, given its id or its name. The server is asked unless the list of pushed chunks has the id.
    pub fn knowledge_base_id(&self, id_or_name: &str, list: &PushedFile) -> Result<String, Failure> {
        if list.knows(id_or_name)? {
            return Ok(id_or_name.to_owned());
        }
        self.wait(self.store.knowledge_base_id(id_or_name))
    }

    /// Makes a knowledge base, whose name no other may have, and lets the API key store in it.
    pub fn create_knowledge_base(&self, name: &str, description: &str) -> Result<KnowledgeBase, Failure> {
        let there = self.wait(self.store.knowledge_bases())?;
        if let Some(base) = there.iter().find(|base| base.name == name) {
            let (host, id) = (self.store.host(), output::printable(&base.id));
            return Err(Failure::Usage(format!(
                "{host}: there is a knowledge base called {name} already ({id}); use it with --kb, or choose another name"
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

    /// Waits for what the server was asked for.
    pub fn wait<T>(&self, answer: impl Future<Output = Result<T, hushvec_client::Error>>) -> Result<T, Failure> {
        Ok(self.runtime.block_on(answer)?)
    }
}
