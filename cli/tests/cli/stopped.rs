//! Pushes that do not come to their end: how far they got is said, and they go on from there.

use crate::desk::{Desk, PASSPHRASE, vectors};
use crate::hostile::Hostile;
use predicates::str::contains;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long whatever is waited for may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A context, and an index of 1,200 vectors, which are three requests.
fn furnished() -> Desk {
    let desk = Desk::new();
    desk.ok(&["context", "new", "-o", "ctx.json", "--scheme", "paillier_subgroup", "--embedding-length", "64"]);
    desk.floats("vectors.npy", &vectors(1200));
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    desk
}

#[test]
fn how_far_it_got_is_said() {
    let (desk, server) = (furnished(), Hostile::new());
    let push = |arguments: &[&str]| {
        let mut command = desk.command(&[&["push", "ctx.json", "index.hvx"], arguments].concat());
        command.args(["--server", &server.url, "--json"]).env("HUSHVEC_API_KEY", "hvk_x").assert()
    };
    let report = |arguments: &[&str]| -> Value {
        let report: Value = serde_json::from_slice(&push(arguments).success().get_output().stdout).unwrap();
        json!([report["stored"], report["skipped"]])
    };
    let counts = Arc::new(Mutex::new(Vec::new()));
    let its_counts = Arc::clone(&counts);
    server.insert_with(move |chunks| {
        let mut counts = its_counts.lock().unwrap();
        counts.push(chunks);
        let refusal = json!({ "code": "too_large", "message": "too many" });
        Some(if counts.len() == 1 { (200, json!({})) } else { (413, refusal) })
    });
    push(&["--create-kb", "notes"])
        .code(1)
        .stderr(contains("500 of 1200 vectors are stored; go on with --kb base --on-conflict skip"))
        .stderr(contains("500 chunks stored whose numbers the server does not tell"))
        .stderr(contains("413"));
    assert_eq!(*counts.lock().unwrap(), [500, 500]);
    server.insert_with(|_| None);
    assert_eq!(report(&["--kb", "base"]), json!([1200, 0]));
    // What is listed is not sent again.
    assert_eq!(report(&["--kb", "base", "--on-conflict", "skip"]), json!([0, 1200]));
}

#[test]
fn ctrl_c_ends_with_a_request_that_is_whole() {
    let (desk, server) = (furnished(), Hostile::new());
    let (second, is_second) = channel();
    let (noticed, is_noticed) = channel();
    let counts = Arc::new(Mutex::new(Vec::new()));
    let its_counts = Arc::clone(&counts);
    server.insert_with(move |chunks| {
        let mut counts = its_counts.lock().unwrap();
        counts.push(chunks);
        if counts.len() == 2 {
            second.send(()).unwrap();
            is_noticed.recv_timeout(PATIENCE).unwrap();
        }
        Some((200, json!({})))
    });
    let mut process = Command::new(assert_cmd::cargo::cargo_bin!("hushvec"))
        .args(["push", "ctx.json", "index.hvx", "--create-kb", "notes", "--server", &server.url])
        .current_dir(desk.path(""))
        .envs([("HUSHVEC_PASSPHRASE", PASSPHRASE), ("HUSHVEC_API_KEY", "hvk_x")])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    is_second.recv_timeout(PATIENCE).unwrap();
    let interrupt = Command::new("kill").args(["-s", "INT", &process.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let mut said = String::new();
    for line in BufReader::new(process.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains("stopping after this block") {
            noticed.send(()).unwrap();
        }
        said += &line;
    }
    assert_eq!(process.wait().unwrap().code(), Some(1), "{said}");
    assert_eq!(*counts.lock().unwrap(), [500, 500]);
    assert!(said.contains("1000 of 1200 vectors are stored; go on with --kb base --on-conflict skip"), "{said}");
}
