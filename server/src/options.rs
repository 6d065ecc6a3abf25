//! What a server is started with.

use crate::http::Limits;
use crate::store::Quota;
use hushvec::Device;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

const MAX_BODY: usize = 64;
const MAX_CHUNKS: usize = 5000;
const MAX_REPLY: usize = 64;
const MAX_MEMORY: usize = 512;
const MAX_SEARCHES: usize = 64;
const MAX_CONNECTIONS: usize = 1024;
const MAX_CONNECTIONS_PER_ADDRESS: usize = 256;
const MAX_ORG_STORAGE: u64 = 64 << 10;
const MAX_ORG_CHUNKS: u64 = 10_000_000;
const MAX_CONTEXTS: u64 = 1000;
const TIMEOUT: u64 = 60;
const QUERY_TIMEOUT: u64 = 10;
const GRACE: u64 = 30;
/// The longest time and the largest size that options take: a week, and 1 TiB.
const MOST_SECONDS: u64 = 7 * 24 * 3600;
const MOST_MIB: usize = 1 << 20;

/// What a server is started with.
#[derive(clap::Args, Debug, Clone)]
pub struct Options {
    /// The folder for everything that is stored; made if it is not there
    #[arg(long, value_name = "DIR", env = "HUSHVEC_SERVER_DATA")]
    pub data: PathBuf,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", env = "HUSHVEC_SERVER_LISTEN", value_parser = address)]
    pub listen: SocketAddr,
    /// The organisation to make, unless it is there
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = organisation)]
    pub org: String,
    /// Replace the admin key of --org, print the new one and exit; no server may be running on the folder
    #[arg(long)]
    pub rotate_admin_key: bool,
    /// Where to compute: auto, cpu, gpu, gpu:N or gpu:NAME
    #[arg(long, default_value_t, env = "HUSHVEC_SERVER_DEVICE")]
    pub device: Device,
    /// How many threads compute [default: one a core]
    #[arg(long)]
    pub threads: Option<NonZeroUsize>,
    /// The certificate chain for HTTPS, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Store no contexts with weak keys, instead of warning
    #[arg(long)]
    pub refuse_weak: bool,
    /// The largest request, in MiB
    #[arg(long, value_name = "MIB", default_value_t = MAX_BODY, value_parser = mebibytes())]
    pub max_body: usize,
    /// The most chunks that a request can be about
    #[arg(long, value_name = "N", default_value_t = MAX_CHUNKS, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub max_chunks: usize,
    /// The largest reply of chunks, in MiB; one with more is refused
    #[arg(long, value_name = "MIB", default_value_t = MAX_REPLY, value_parser = mebibytes())]
    pub max_reply: usize,
    /// Memory for all requests and replies at a time, in MiB; more wait
    #[arg(long, value_name = "MIB", default_value_t = MAX_MEMORY, value_parser = mebibytes())]
    pub max_memory: usize,
    /// Searches at a time; more wait
    #[arg(long, value_name = "N", default_value_t = MAX_SEARCHES, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=4096))]
    pub max_searches: usize,
    /// Connections at a time; more replace some that wait for their clients
    #[arg(long, value_name = "N", default_value_t = MAX_CONNECTIONS, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=65536))]
    pub max_connections: usize,
    /// Connections of an address at a time, other than loopback
    #[arg(long, value_name = "N", default_value_t = MAX_CONNECTIONS_PER_ADDRESS, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=65536))]
    pub max_connections_per_address: usize,
    /// What an organisation may store, in MiB: contents, metadata and contexts, and 2 KiB for each chunk
    #[arg(long, value_name = "MIB", default_value_t = MAX_ORG_STORAGE)]
    pub max_org_storage: u64,
    /// Chunks that an organisation may have
    #[arg(long, value_name = "N", default_value_t = MAX_ORG_CHUNKS)]
    pub max_org_chunks: u64,
    /// Contexts that an organisation may have
    #[arg(long, value_name = "N", default_value_t = MAX_CONTEXTS)]
    pub max_contexts: u64,
    /// Seconds until a request that has not arrived, or found no turn, is given up
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT, value_parser = clap::value_parser!(u64).range(1..=MOST_SECONDS))]
    pub timeout: u64,
    /// Seconds that finding chunks by a filter may take
    #[arg(long, value_name = "SECONDS", default_value_t = QUERY_TIMEOUT, value_parser = clap::value_parser!(u64).range(1..=MOST_SECONDS))]
    pub query_timeout: u64,
    /// Seconds that requests may go on after the server was told to stop
    #[arg(long, value_name = "SECONDS", default_value_t = GRACE, value_parser = clap::value_parser!(u64).range(0..=MOST_SECONDS))]
    pub grace: u64,
}

impl Options {
    /// The defaults, for data in a folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            org: "default".to_owned(),
            rotate_admin_key: false,
            device: Device::Auto,
            threads: None,
            tls_cert: None,
            tls_key: None,
            refuse_weak: false,
            max_body: MAX_BODY,
            max_chunks: MAX_CHUNKS,
            max_reply: MAX_REPLY,
            max_memory: MAX_MEMORY,
            max_searches: MAX_SEARCHES,
            max_connections: MAX_CONNECTIONS,
            max_connections_per_address: MAX_CONNECTIONS_PER_ADDRESS,
            max_org_storage: MAX_ORG_STORAGE,
            max_org_chunks: MAX_ORG_CHUNKS,
            max_contexts: MAX_CONTEXTS,
            timeout: TIMEOUT,
            query_timeout: QUERY_TIMEOUT,
            grace: GRACE,
        }
    }

    /// What an organisation may store.
    pub(crate) fn quota(&self) -> Quota {
        Quota {
            bytes: self.max_org_storage.saturating_mul(1 << 20),
            chunks: self.max_org_chunks,
            contexts: self.max_contexts,
        }
    }

    /// The limits on requests.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            body: self.max_body.saturating_mul(1 << 20),
            chunks: self.max_chunks,
            reply: self.max_reply.saturating_mul(1 << 20),
            memory: self.max_memory.saturating_mul(1 << 20),
            searches: self.max_searches,
            requests: 4 * self.max_searches.max(16),
            body_time: Duration::from_secs(self.timeout),
            wait: Duration::from_secs(self.timeout),
        }
    }
}

fn mebibytes() -> clap::builder::RangedU64ValueParser<usize> {
    clap::builder::RangedU64ValueParser::new().range(1..=MOST_MIB as u64)
}

/// An address to listen on.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "give an IP address and a port, such as 127.0.0.1:8080 or [::]:8080".to_owned())
}

fn organisation(name: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) || name.starts_with('.') {
        return Err("use 1 to 64 letters, digits, - _ and ., the first not a .".to_owned());
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn defaults_are_those_of_the_command_line() {
        let parsed = Command::try_parse_from(["server", "--data", "folder"]).unwrap().options;
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Options::new("folder")));
    }

    #[test]
    fn names_of_organisations_are_those_of_folders_and_urls() {
        for name in ["a", "acme-2.eu_x"] {
            assert_eq!(organisation(name).unwrap(), name);
        }
        for name in ["", ".", "..", ".x", "a/b", "a b", "ä", &"a".repeat(65)] {
            assert!(organisation(name).is_err(), "{name}");
        }
    }
}
