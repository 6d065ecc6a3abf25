//! TLS, with a test CA. Its certificate and the server's are valid until 2123.

use crate::http::{Reply, send};
use crate::process::Server;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name)
}

/// Sends a request over TLS. The client trusts the test CA or no CA.
fn get(server: &Server, path: &str, trusting: bool) -> io::Result<Reply> {
    let mut roots = RootCertStore::empty();
    if trusting {
        roots.add(CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, server.connect()?);
    send(&mut stream, "GET", path, &[], b"")?;
    Reply::read(&mut BufReader::new(stream))
}

#[test]
fn clients_verify_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (file("cert.pem"), file("key.pem"));
    let options = ["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let server = Server::start(folder.path(), &options);
    assert!(server.url.starts_with("https://"));
    assert_eq!(get(&server, "/ready", true).unwrap().json()["status"], "ready");
    let refused = get(&server, "/ready", false).err().unwrap().to_string();
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    // A plain-text client is refused, and others are still served.
    let mut plain = server.connect().unwrap();
    let sent = send(&mut plain, "GET", "/ready", &[], b"");
    assert!(
        sent.is_err()
            || Reply::read(&mut BufReader::new(plain)).is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock)
    );
    assert_eq!(get(&server, "/health", true).unwrap().status, 200);
}

#[test]
fn invalid_certificates_are_reported() {
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for content in [None, Some(""), Some(nonsense)] {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        if let Some(content) = content {
            std::fs::write(&certificate, content).unwrap();
        }
        std::fs::write(&key, "").unwrap();
        let options = ["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
        let log = Server::try_start(&folder.path().join("data"), &options).err().unwrap();
        let named = log.split_once("cannot use ").unwrap().1;
        assert!(named.contains("cert.pem") || named.contains("key.pem"), "{log}");
    }
}
