//! HTTPS with a certificate of a test authority.

use super::{Client, KINDS, Notes};
use crate::process::Server;
use predicates::str::contains;
use serde_json::json;
use std::path::Path;

#[test]
fn certificates_must_be_trusted() {
    let Notes { workspace, .. } = &Notes::new(KINDS[0]);
    let file = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/tests/data/tls").join(name);
        path.to_str().unwrap().to_owned()
    };
    let (certificate, key, ca) = (file("cert.pem"), file("key.pem"), file("ca.pem"));
    let server = Server::start(&workspace.path("encrypted"), &["--tls-cert", &certificate, "--tls-key", &key]);
    let there = Client { workspace, url: &server.url, key: &server.key };
    let push = |name| ["push", "ctx.json", "index.hvx", "--create-kb", name];
    let search = |name| ["search", "ctx.json", "query.npy", "--kb", name, "-k", "5"];

    there.refused(&push("one"), 1, "certificate");
    there.refused(&[&push("one")[..], &["--ca-file", "ctx.json"]].concat(), 2, "no PEM certificate");
    assert_eq!(there.json(&[&push("one")[..], &["--ca-file", &ca]].concat())["stored"], json!(39));
    assert_eq!(there.found(&[&search("one")[1..], &["--ca-file", &ca]].concat())[0].len(), 5);
    // Trust the certificate through the operating system.
    let trusting = |arguments: &[&str]| there.command(arguments).env("SSL_CERT_FILE", &ca).assert().success();
    trusting(&push("two")).stderr(contains("stored 39 new vectors"));
    trusting(&search("two")).stdout(contains("rank"));
}
