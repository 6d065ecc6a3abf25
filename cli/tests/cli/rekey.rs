//! `hushvec rekey`.

use crate::workspace::{Workspace, expected, sdk_file, vectors};
use predicates::str::contains;

/// A workspace with `old.json`, a context of the SDK with alpha_len 50, its `index.hvx`, `new.json` and `query.npy`.
fn setup() -> Workspace {
    let workspace = Workspace::new();
    std::fs::copy(sdk_file("lookup_64_512.context.json"), workspace.path("old.json")).unwrap();
    workspace.floats("vectors.npy", &vectors(40));
    workspace.floats("query.npy", &vectors(3));
    workspace
        .command(&["encrypt", "old.json", "vectors.npy", "-o", "index.hvx", "--allow-weak"])
        .env("HUSHVEC_PASSPHRASE", "test")
        .assert()
        .success();
    let new = ["context", "new", "-o", "new.json", "--scheme", "paillier_subgroup", "--embedding-length", "64"];
    workspace.command(&new).env("HUSHVEC_PASSPHRASE", "another").assert().success();
    std::fs::write(workspace.path("old.txt"), "test\n").unwrap();
    std::fs::write(workspace.path("new.txt"), "another\n").unwrap();
    workspace
}

#[test]
fn an_index_moves_with_its_ids_and_distances() {
    let workspace = setup();
    let ids: Vec<u8> = (0..40u64).flat_map(|i| (1000 - i).to_le_bytes()).collect();
    workspace.npy("ids.npy", "<u8", "(40,)", &ids);
    workspace.ok(&["index", "export", "old.json", "index.hvx", "-o", "raw.npy", "--allow-weak"]);
    workspace.ok(&["index", "import", "old.json", "raw.npy", "--ids", "ids.npy", "-o", "named.hvx", "--allow-weak"]);
    let rekey = ["rekey", "old.json", "new.json", "named.hvx", "-o", "new.hvx", "--allow-weak"];
    // The two passphrases come from two variables or two files, and are not mixed up.
    workspace
        .command(&rekey)
        .env("HUSHVEC_PASSPHRASE", "test")
        .env("HUSHVEC_NEW_PASSPHRASE", "another")
        .assert()
        .success()
        .stderr(contains("re-encrypted 40 vectors"))
        .stderr(contains("named.hvx is still readable to anyone with its key"));
    std::fs::remove_file(workspace.path("new.hvx")).unwrap();
    let files = ["--passphrase-file", "old.txt", "--new-passphrase-file", "new.txt", "--json"];
    let report = workspace.json(&[&rekey[..], &files].concat());
    assert_eq!((&report["moved"], &report["skipped"], &report["total"]), (&40.into(), &0.into(), &40.into()));
    let query = ["query", "new.json", "new.hvx", "query.npy", "-k", "40", "--json", "--passphrase-file", "new.txt"];
    assert_eq!(workspace.json(&query), expected(&vectors(40), &vectors(3), 40, |i| 1000 - i));
    // A finished output is not changed.
    let report = workspace.json(&[&rekey[..], &files, &["--resume"]].concat());
    assert_eq!((&report["moved"], &report["skipped"], &report["total"]), (&0.into(), &40.into(), &40.into()));
}

#[test]
fn an_unfinished_rekey_is_resumed() {
    let workspace = setup();
    let rekey = |more: &[&str]| {
        let files = ["--passphrase-file", "old.txt", "--new-passphrase-file", "new.txt", "--allow-weak", "--json"];
        let rekey = ["rekey", "old.json", "new.json", "index.hvx", "-o", "new.hvx"];
        workspace.json(&[&rekey[..], &files, more].concat())
    };
    assert_eq!(rekey(&[])["moved"], 40);
    // Truncate the last block, as a crash would.
    let whole = std::fs::read(workspace.path("new.hvx")).unwrap();
    std::fs::write(workspace.path("new.hvx"), &whole[..whole.len() - 100]).unwrap();
    let report = rekey(&["--resume"]);
    assert_eq!((&report["moved"], &report["total"]), (&40.into(), &40.into()));
    let query = ["query", "new.json", "new.hvx", "query.npy", "-k", "5", "--json", "--passphrase-file", "new.txt"];
    assert_eq!(workspace.json(&query), expected(&vectors(40), &vectors(3), 5, |i| i));
}

#[test]
fn errors_are_found_before_the_passphrase_prompt() {
    let workspace = setup();
    workspace.ok(&["context", "new", "-o", "short.json", "--embedding-length", "63"]);
    let refused = |arguments: &[&str], code: i32, what: &str| {
        let arguments = [&["rekey"], arguments].concat();
        let mut command = workspace.command(&arguments);
        command.env_remove("HUSHVEC_PASSPHRASE").write_stdin("").assert().code(code).stderr(contains(what));
    };
    refused(&["old.json", "new.json", "index.hvx", "-o", "index.hvx", "--allow-weak"], 2, "index.hvx exists");
    refused(&["old.json", "new.json", "index.hvx", "-o", "x.hvx"], 1, "--allow-weak");
    refused(&["new.json", "old.json", "index.hvx", "-o", "x.hvx"], 2, "old.json: cannot move to a weak key");
    refused(&["new.json", "short.json", "index.hvx", "-o", "x.hvx"], 1, "belongs to the key");
    refused(&["old.json", "short.json", "index.hvx", "-o", "x.hvx", "--allow-weak"], 2, "with --embedding-length 64");
    refused(&["old.json", "missing.json", "index.hvx", "-o", "x.hvx", "--allow-weak"], 1, "cannot open missing.json");
    refused(&["old.json", "new.json", "index.hvx", "-o", "x.hvx", "--allow-weak"], 2, "set HUSHVEC_PASSPHRASE");
    let mut command = workspace.command(&["rekey", "old.json", "new.json", "index.hvx", "-o", "x.hvx", "--allow-weak"]);
    command
        .env("HUSHVEC_PASSPHRASE", "test")
        .write_stdin("")
        .assert()
        .code(2)
        .stderr(contains("HUSHVEC_NEW_PASSPHRASE"));
    assert!(!workspace.path("x.hvx").exists());
}
