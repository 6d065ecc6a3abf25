//! Operation of a server: a second server, timeouts, several organisations, weak keys, removal of dead vectors.

#![cfg(unix)]

use crate::context::{CONTEXT, Chance, context_document, context_id, distance, encrypt};
use crate::http::Reply;
use crate::process::Server;
use serde_json::{Value, json};
use std::io::{BufReader, Write};
use std::path::Path;

#[test]
fn two_servers_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Server::start(folder.path(), &[]);
    let log = Server::try_start(folder.path(), &[]).err().unwrap();
    assert!(log.contains("is in use by another server"), "{log}");
}

#[test]
fn an_address_in_use_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"), &[]);
    let failed = crate::program()
        .args(["--listen", server.address(), "--data"])
        .arg(folder.path().join("other"))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&failed.stderr);
    assert!(failed.status.code() == Some(1) && error.contains("cannot listen on 127.0.0.1"), "{error}");
}

#[test]
fn requests_that_do_not_arrive_time_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--timeout", "1"]);
    let mut half = server.connect().unwrap();
    let head = format!(
        "POST /v1/kbs HTTP/1.1\r\nhost: x\r\nx-xtrace-key: {}\r\nx-xtrace-org-id: default\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"na",
        server.key
    );
    half.write_all(head.as_bytes()).unwrap();
    let reply = Reply::read(&mut BufReader::new(half)).unwrap();
    assert_eq!(reply.status, 408);
    assert!(reply.json()["message"].as_str().unwrap().contains("did not arrive within 1 s"));
    server.ok("GET", "/ready", &Value::Null);
}

#[test]
fn organisations_are_isolated() {
    let folder = tempfile::tempdir().unwrap();
    let wires = encrypt(&CONTEXT.0, &Chance(1).vectors(40));
    let mut first = Server::start(folder.path(), &[]);
    let base = first.prepare();
    first.fill(&base, &wires, wires.len());
    first.stop();
    // Another organisation on the same folder gets its own admin key.
    let second = Server::start(folder.path(), &["--org", "acme"]);
    assert!(second.key.starts_with("hvk_") && second.key != first.key);
    let call_as = |headers: &[(&str, &str)], method: &str, path: &str, body: &Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        second.request(method, path, headers, body.as_bytes()).unwrap()
    };
    let theirs = Server::admin(&second.key, "acme");
    let call = |method: &str, path: &str, body: &Value| {
        let reply = call_as(&theirs, method, path, body);
        (reply.status, reply.json())
    };
    let get = |path: &str| call("GET", path, &Value::Null);
    let id = context_id();
    assert_eq!(get("/v1/kbs"), (200, json!([])));
    assert_eq!(get(&format!("/v1/kbs/{base}")).0, 404);
    assert_eq!(get("/v1/exec_context/acme"), (200, json!({ "contexts": [] })));
    assert_eq!(get(&format!("/v1/exec_context/acme/{id}")).0, 404);
    assert_eq!(get(&format!("/v1/chunk/acme?kb_id={base}&chunk_ids=1")).0, 404);
    let query = json!({ "kb_id": base, "context_id": id, "query": [wires[0]] });
    assert_eq!(call("POST", "/v1/compute_hamming/acme", &query).0, 404);
    // Other organisation names are refused, whether they exist or not.
    for name in ["default", "nobody"] {
        assert_eq!(call("POST", &format!("/v1/compute_hamming/{name}"), &query).0, 403);
        assert_eq!(call_as(&Server::admin(&second.key, name), "GET", "/v1/kbs", &Value::Null).status, 403);
    }
    // The other organisation's key gives access to its own data.
    let ours = Server::admin(&first.key, "default");
    assert_eq!(call_as(&ours, "POST", "/v1/compute_hamming/default", &query).status, 200);
    // Both organisations can store the same context.
    assert_eq!(call("POST", "/v1/exec_context/acme", &context_document()).0, 200);
    assert_eq!(get(&format!("/v1/exec_context/acme/{id}/kb")), (200, json!({ "kb_ids": [] })));
}

/// Returns a context with a weak key and one with a strong key, in XTrace's format.
fn weak_and_strong() -> [Value; 2] {
    use hushvec::{ExecutionContext, Format, PassphraseKeyProvider, Scheme};
    let lookup = ExecutionContext::builder()
        .scheme(Scheme::PaillierLookup)
        .embedding_length(16)
        .format(Format::XTrace)
        .create(PassphraseKeyProvider::xtrace("pass", None).unwrap())
        .unwrap();
    let strong = lookup.to_dict_enc().unwrap();
    let mut weak = strong.clone();
    let config = strong["config"].as_str().unwrap().replace("\"alpha_len\": 512", "\"alpha_len\": 50");
    weak["config"] = config.into();
    assert_ne!(weak, strong);
    [weak, strong]
}

#[test]
fn weak_keys_cause_a_warning_or_are_refused() {
    let [weak, strong] = weak_and_strong();
    let folder = tempfile::tempdir().unwrap();
    let store = |server: &Server, id: &str, document: &Value| {
        server.call("POST", "/v1/exec_context/default", &json!({ "context_id": id, "data": document }))
    };
    let mut server = Server::start(&folder.path().join("warns"), &[]);
    assert_eq!(store(&server, "strong", &strong).0, 200);
    assert_eq!(store(&server, "weak", &weak).0, 200);
    let log = server.stop().log;
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("alpha_len is 50")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("a context with a weak key"), "{log}");

    let server = Server::start(&folder.path().join("refuses"), &["--refuse-weak"]);
    assert_eq!(store(&server, "strong", &strong).0, 200);
    let (status, reply) = store(&server, "weak", &weak);
    assert_eq!(status, 422);
    assert!(reply["message"].as_str().unwrap().contains("weak key: alpha_len is 50"), "{reply}");
    assert_eq!(server.ok("GET", "/v1/exec_context/default", &Value::Null), json!({ "contexts": ["strong"] }));
}

fn segments(folder: &Path) -> Vec<u64> {
    let files = std::fs::read_dir(folder.join("segments")).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).collect()
}

/// Full files with more dead than live rows are removed, and their live rows are kept.
#[test]
fn deletions_reclaim_space() {
    const COUNT: usize = 80_000;
    let folder = tempfile::tempdir().unwrap();
    let bits = Chance(4).vectors(50);
    let wires = encrypt(&CONTEXT.0, &bits);
    let mut server = Server::start(folder.path(), &[]);
    let base = server.prepare();
    server.fill(&base, &wires, COUNT);
    assert_eq!(segments(folder.path()).len(), 2);
    // Every 40th chunk is kept.
    let gone: Vec<usize> = (1..=COUNT).filter(|id| id % 40 != 0).collect();
    for part in gone.chunks(3000) {
        let ids: String = part.iter().map(|id| format!("&chunk_ids={id}")).collect();
        let reply = server.ok("DELETE", &format!("/v1/chunk/default?kb_id={base}{ids}"), &Value::Null);
        assert_eq!(reply["deleted_count"], part.len());
    }
    let found = server.distances(&base, &wires[7]);
    assert!(found.keys().copied().eq((40..=COUNT as u64).step_by(40)));
    for (id, found) in &found {
        assert_eq!(*found, distance(&bits[7], &bits[usize::try_from(id - 1).unwrap() % 50]), "chunk {id}");
    }
    // The first file was full. Its live rows moved when it was half empty.
    let bytes: u64 = segments(folder.path()).iter().sum();
    assert!(bytes < 6 * COUNT as u64 * 512 / 10, "{bytes}");
    server.stop();
    assert_eq!(server.restarted().distances(&base, &wires[7]), found);
}
