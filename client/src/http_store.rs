//! The connection to a server.

use crate::api_key::ApiKey;
use crate::error::Error;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The time limit for connecting.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// How long the server may pause while sending.
const IDLE_TIME: Duration = Duration::from_secs(60);

/// A server that stores contexts, encrypted vectors and sealed content for an organisation.
///
/// Certificates are verified by the operating system's rules. On Linux, `SSL_CERT_FILE` sets other trusted
/// certificates. Redirects are not followed, because they would send the key to another host.
#[derive(Clone)]
pub struct HttpStore {
    pub(crate) http: Client,
    pub(crate) host: String,
    pub(crate) organisation: String,
    pub(crate) api_key: ApiKey,
    pub(crate) admin_key: Option<ApiKey>,
    url: Url,
}

impl fmt::Debug for HttpStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http: _, host: _, organisation, api_key: _, admin_key: _, url } = self;
        f.debug_struct("HttpStore")
            .field("url", &url.as_str())
            .field("organisation", organisation)
            .finish_non_exhaustive()
    }
}

impl HttpStore {
    /// Creates a client of the server at `url`, such as `https://search.example.org`, with an API key of
    /// `organisation`. Does not connect.
    ///
    /// # Errors
    /// [`Error::Argument`] if the URL, the organisation or the key is invalid; [`Error::Connection`] if this machine
    /// has no certificates to verify the server with.
    pub fn new(url: &str, organisation: &str, api_key: &str) -> Result<Self, Error> {
        let url = address(url)?;
        let host = host(&url);
        if organisation.is_empty() || !organisation.bytes().all(|byte| byte.is_ascii_graphic()) {
            let reason = "it must consist of ASCII letters, digits and punctuation".to_owned();
            return Err(Error::Argument { what: "the organisation", reason });
        }
        let api_key = ApiKey::new("the API key", api_key)?;
        let http = client(&host, Vec::new())?;
        if url.scheme() == "http" && !is_loopback(&url) {
            tracing::warn!("the API key and queries travel unencrypted to {host}; use https");
        }
        Ok(Self { http, host, organisation: organisation.to_owned(), api_key, admin_key: None, url })
    }

    /// Also trusts the certificates in `pem`, for example of a private certificate authority.
    ///
    /// # Errors
    /// [`Error::Argument`] if it has no certificates.
    pub fn with_ca(mut self, pem: &[u8]) -> Result<Self, Error> {
        let unusable = |reason: String| Error::Argument { what: "the CA file", reason };
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates.map_err(|error| unusable(format!("it is not a PEM file: {error}")))?;
        if certificates.is_empty() {
            return Err(unusable("it contains no PEM certificate".to_owned()));
        }
        self.http = client(&self.host, certificates)?;
        Ok(self)
    }

    /// Sets the admin key, which is needed to create knowledge bases and API keys.
    ///
    /// # Errors
    /// [`Error::Argument`] if the key is invalid.
    pub fn with_admin_key(mut self, key: &str) -> Result<Self, Error> {
        self.admin_key = Some(ApiKey::new("the admin key", key)?);
        Ok(self)
    }

    /// Returns the server's host, with the port unless it is the default port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the URL of a path below `/v1` on the server.
    ///
    /// # Errors
    /// [`Error::Argument`] if a segment is empty, `.` or `..`.
    pub(crate) fn address(&self, path: &[&str]) -> Result<Url, Error> {
        if path.iter().any(|name| matches!(*name, "" | "." | "..")) {
            let reason = "it is empty, \".\" or \"..\"".to_owned();
            return Err(Error::Argument { what: "an id", reason });
        }
        let mut url = self.url.clone();
        url.path_segments_mut().map_err(|()| unusable("it has no path"))?.pop_if_empty().push("v1").extend(path);
        Ok(url)
    }

    /// Removes keys from a text that the server sent.
    pub(crate) fn redact(&self, text: &str) -> String {
        let text = self.api_key.redact(text);
        self.admin_key.as_ref().map_or_else(|| text.clone(), |key| key.redact(&text))
    }
}

fn unusable(reason: impl Into<String>) -> Error {
    Error::Argument { what: "the server's address", reason: reason.into() }
}

/// Parses the server's URL. Errors do not repeat the text, because it may contain a password.
fn address(text: &str) -> Result<Url, Error> {
    let url =
        Url::parse(text).map_err(|error| unusable(format!("{error}; give a URL like https://search.example.org")))?;
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    match url.scheme() {
        "http" | "https" if has_credentials => {
            Err(unusable("it contains a user or a password; give the key separately"))
        }
        "http" | "https" if url.query().is_some() || url.fragment().is_some() => {
            Err(unusable("it contains a ? or a #"))
        }
        "http" | "https" => Ok(url),
        _ => Err(unusable("it must begin with https:// or http://")),
    }
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn client(host: &str, certificates: Vec<CertificateDer<'static>>) -> Result<Client, Error> {
    let builder = Client::builder()
        .connect_timeout(CONNECT_TIME)
        .read_timeout(IDLE_TIME)
        .redirect(Policy::none())
        .tls_backend_preconfigured(tls(host, certificates)?)
        .user_agent(concat!("hushvec/", env!("CARGO_PKG_VERSION")));
    builder.build().map_err(|error| Error::connection(host, &error))
}

/// Creates the TLS configuration. It trusts the operating system's certificates and the given ones.
fn tls(host: &str, certificates: Vec<CertificateDer<'static>>) -> Result<ClientConfig, Error> {
    let failed = |error: rustls::Error| {
        let reason = format!("no certificates to verify the server with: {error}");
        Error::Connection { host: host.to_owned(), reason }
    };
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let config = config.with_safe_default_protocol_versions().map_err(failed)?;
    let verifier = Verifier::new_with_extra_roots(certificates, provider).map_err(failed)?;
    // Despite rustls's name for it, certificates are verified.
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/exec_context/default/a%2Fb"),
            ("https://example.org/", "https://example.org/v1/exec_context/default/a%2Fb"),
            ("https://example.org/search", "https://example.org/search/v1/exec_context/default/a%2Fb"),
        ] {
            let store = HttpStore::new(text, "default", "key").unwrap();
            assert_eq!(store.address(&["exec_context", "default", "a/b"]).unwrap().as_str(), expected);
            assert!(store.address(&["exec_context", ".."]).is_err());
        }
        for wrong in ["example.org", "ftp://example.org", "http://", "https://me:hunter2@example.org", "http://a?b"] {
            let error = HttpStore::new(wrong, "default", "key").unwrap_err().to_string();
            assert!(error.starts_with("the server's address cannot be used") && !error.contains("hunter2"), "{error}");
        }
        assert!(HttpStore::new("http://localhost", "", "key").is_err());
    }

    #[test]
    fn keys_are_not_printed() {
        let store = HttpStore::new("http://[::1]:1", "default", "secret1").unwrap().with_admin_key("secret2").unwrap();
        assert!(!format!("{store:?}").contains("secret"));
        assert_eq!(store.redact("secret1, secret2"), "…, …");
        assert!(
            HttpStore::new("http://[::1]:1", "default", "secret 1").is_err_and(|e| !e.to_string().contains("secret"))
        );
    }

    #[test]
    fn loopback_hosts_are_recognised() {
        for (text, expected) in [
            ("http://[::1]:1", true),
            ("http://127.1.2.3", true),
            ("http://localhost", true),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(text).unwrap()), expected, "{text}");
        }
    }
}
