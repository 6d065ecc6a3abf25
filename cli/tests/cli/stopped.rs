//! Interrupted pushes report their progress, and can be continued.

use crate::fake_server::FakeServer;
use crate::workspace::{PASSPHRASE, Workspace, vectors};
use predicates::str::contains;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The timeout of each wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// A workspace with a context and an index of 1,200 vectors, which take three requests.
fn setup() -> Workspace {
    let workspace = Workspace::new();
    workspace.ok(&["context", "new", "-o", "ctx.json", "--scheme", "paillier_subgroup", "--embedding-length", "64"]);
    workspace.floats("vectors.npy", &vectors(1200));
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    workspace
}

#[test]
fn failed_pushes_report_their_progress() {
    let (workspace, server) = (setup(), FakeServer::new());
    let push = |arguments: &[&str]| {
        let mut command = workspace.command(&[&["push", "ctx.json", "index.hvx"], arguments].concat());
        command.args(["--server", &server.url, "--json"]).env("HUSHVEC_API_KEY", "hvk_x").assert()
    };
    let report = |arguments: &[&str]| -> Value {
        let report: Value = serde_json::from_slice(&push(arguments).success().get_output().stdout).unwrap();
        json!([report["stored"], report["skipped"]])
    };
    let counts = Arc::new(Mutex::new(Vec::new()));
    let shared_counts = Arc::clone(&counts);
    server.insert_with(move |chunks| {
        let mut counts = shared_counts.lock().unwrap();
        counts.push(chunks);
        let refusal = json!({ "code": "too_large", "message": "too many" });
        Some(if counts.len() == 1 { (200, json!({})) } else { (413, refusal) })
    });
    push(&["--create-kb", "notes"])
        .code(1)
        .stderr(contains("500 of 1200 vectors are stored; continue with --kb base --on-conflict skip"))
        .stderr(contains("the server returned no chunk number for 500 chunks"))
        .stderr(contains("413"));
    assert_eq!(*counts.lock().unwrap(), [500, 500]);
    server.insert_with(|_| None);
    assert_eq!(report(&["--kb", "base"]), json!([1200, 0]));
    // Listed chunks are not sent again.
    assert_eq!(report(&["--kb", "base", "--on-conflict", "skip"]), json!([0, 1200]));
}

#[test]
fn ctrl_c_stops_after_a_complete_request() {
    let (workspace, server) = (setup(), FakeServer::new());
    let (second, is_second) = channel();
    let (noticed, is_noticed) = channel();
    let counts = Arc::new(Mutex::new(Vec::new()));
    let shared_counts = Arc::clone(&counts);
    server.insert_with(move |chunks| {
        let mut counts = shared_counts.lock().unwrap();
        counts.push(chunks);
        if counts.len() == 2 {
            second.send(()).unwrap();
            is_noticed.recv_timeout(PATIENCE).unwrap();
        }
        Some((200, json!({})))
    });
    let mut process = Command::new(assert_cmd::cargo::cargo_bin!("hushvec"))
        .args(["push", "ctx.json", "index.hvx", "--create-kb", "notes", "--server", &server.url])
        .current_dir(workspace.path(""))
        .envs([("HUSHVEC_PASSPHRASE", PASSPHRASE), ("HUSHVEC_API_KEY", "hvk_x")])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    is_second.recv_timeout(PATIENCE).unwrap();
    let interrupt = Command::new("kill").args(["-s", "INT", &process.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let mut stderr = String::new();
    for line in BufReader::new(process.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains("stopping after this block") {
            noticed.send(()).unwrap();
        }
        stderr += &line;
    }
    assert_eq!(process.wait().unwrap().code(), Some(1), "{stderr}");
    assert_eq!(*counts.lock().unwrap(), [500, 500]);
    assert!(stderr.contains("1000 of 1200 vectors are stored; continue with --kb base --on-conflict skip"), "{stderr}");
}
