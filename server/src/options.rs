//! Command-line options of the server.

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
/// The largest time and size that options accept: a week and 1 TiB.
const MOST_SECONDS: u64 = 7 * 24 * 3600;
const MOST_MIB: usize = 1 << 20;

/// Options of a server.
#[derive(clap::Args, Debug, Clone)]
pub struct Options {
    /// Folder for all data; created if missing
    #[arg(long, value_name = "DIR", env = "HUSHVEC_SERVER_DATA")]
    pub data: PathBuf,
    /// IP address and port to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", env = "HUSHVEC_SERVER_LISTEN", value_parser = address)]
    pub listen: SocketAddr,
    /// Organisation to create if it does not exist
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = organisation)]
    pub org: String,
    /// Replace the admin key of --org, print the new key and exit; stop the server first
    #[arg(long)]
    pub rotate_admin_key: bool,
    /// Device to compute on: auto, cpu, gpu, gpu:N or gpu:NAME
    #[arg(long, default_value_t, env = "HUSHVEC_SERVER_DEVICE")]
    pub device: Device,
    /// Number of compute threads [default: one per core]
    #[arg(long)]
    pub threads: Option<NonZeroUsize>,
    /// Certificate chain for HTTPS, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Refuse contexts with weak keys instead of logging a warning
    #[arg(long)]
    pub refuse_weak: bool,
    /// Maximum size of a request body, in MiB
    #[arg(long, value_name = "MIB", default_value_t = MAX_BODY, value_parser = mebibytes())]
    pub max_body: usize,
    /// Maximum number of chunks in a request
    #[arg(long, value_name = "N", default_value_t = MAX_CHUNKS, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub max_chunks: usize,
    /// Maximum size of a reply of chunks, in MiB; larger replies are refused
    #[arg(long, value_name = "MIB", default_value_t = MAX_REPLY, value_parser = mebibytes())]
    pub max_reply: usize,
    /// Maximum memory for all requests and replies together, in MiB; others wait
    #[arg(long, value_name = "MIB", default_value_t = MAX_MEMORY, value_parser = mebibytes())]
    pub max_memory: usize,
    /// Maximum number of concurrent searches; others wait
    #[arg(long, value_name = "N", default_value_t = MAX_SEARCHES, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=4096))]
    pub max_searches: usize,
    /// Maximum number of open connections; beyond it, a new one replaces one that waits for its client
    #[arg(long, value_name = "N", default_value_t = MAX_CONNECTIONS, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=65536))]
    pub max_connections: usize,
    /// Maximum number of open connections per client address; loopback is exempt
    #[arg(long, value_name = "N", default_value_t = MAX_CONNECTIONS_PER_ADDRESS, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=65536))]
    pub max_connections_per_address: usize,
    /// Storage quota of an organisation, in MiB; counts contents, metadata, contexts and 2 KiB per chunk
    #[arg(long, value_name = "MIB", default_value_t = MAX_ORG_STORAGE)]
    pub max_org_storage: u64,
    /// Maximum number of chunks of an organisation
    #[arg(long, value_name = "N", default_value_t = MAX_ORG_CHUNKS)]
    pub max_org_chunks: u64,
    /// Maximum number of contexts of an organisation
    #[arg(long, value_name = "N", default_value_t = MAX_CONTEXTS)]
    pub max_contexts: u64,
    /// Timeout in seconds for a request body to arrive, and for a request to get a permit
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT, value_parser = clap::value_parser!(u64).range(1..=MOST_SECONDS))]
    pub timeout: u64,
    /// Timeout in seconds for finding chunks by a filter
    #[arg(long, value_name = "SECONDS", default_value_t = QUERY_TIMEOUT, value_parser = clap::value_parser!(u64).range(1..=MOST_SECONDS))]
    pub query_timeout: u64,
    /// Seconds that running requests may take to finish after SIGTERM or Ctrl-C
    #[arg(long, value_name = "SECONDS", default_value_t = GRACE, value_parser = clap::value_parser!(u64).range(0..=MOST_SECONDS))]
    pub grace: u64,
}

impl Options {
    /// Returns the default options for a data folder.
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

    /// Returns the quota of each organisation.
    pub(crate) fn quota(&self) -> Quota {
        Quota {
            bytes: self.max_org_storage.saturating_mul(1 << 20),
            chunks: self.max_org_chunks,
            contexts: self.max_contexts,
        }
    }

    /// Returns the limits on requests.
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

/// Parses the address to listen on.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "not an IP address with a port, such as 127.0.0.1:8080 or [::]:8080".to_owned())
}

fn organisation(name: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) || name.starts_with('.') {
        return Err("use 1 to 64 letters, digits, '-', '_' or '.'; the first must not be '.'".to_owned());
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
    fn organisation_names_are_safe_in_paths_and_urls() {
        for name in ["a", "acme-2.eu_x"] {
            assert_eq!(organisation(name).unwrap(), name);
        }
        for name in ["", ".", "..", ".x", "a/b", "a b", "ä", &"a".repeat(65)] {
            assert!(organisation(name).is_err(), "{name}");
        }
    }
}
