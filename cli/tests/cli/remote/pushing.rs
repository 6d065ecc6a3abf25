//! The data that a push stores, and pushes that are refused.

use super::{Client, KINDS, Notes, ids, records};
use crate::process::Server;
use crate::workspace::{PASSPHRASE, vectors};
use hushvec::{ExecutionContext, PassphraseKeyProvider};
use predicates::str::contains;
use serde_json::{Value, json};

/// Returns the numbers of stored, replaced and skipped vectors.
fn counts(report: &Value) -> [u64; 3] {
    ["stored", "replaced", "skipped"].map(|name| report[name].as_u64().unwrap())
}

#[test]
fn contexts_are_stored_as_they_are() {
    for kind in KINDS {
        let notes = Notes::new(kind);
        let id = notes.context_id();
        let stored = notes.server.ok("GET", &format!("/v1/exec_context/default/{id}"), &Value::Null);
        let provider = PassphraseKeyProvider::new(PASSPHRASE).unwrap();
        let there = ExecutionContext::loader().expect_id(id).from_dict(stored, &provider).unwrap();
        assert_eq!(there, ExecutionContext::load_from_disk(&notes.workspace.path("ctx.json"), &provider).unwrap());
    }
}

#[test]
fn a_public_context_pushes_to_a_stored_context() {
    let notes = Notes::new(KINDS[0]);
    let push = |arguments: &[&str]| {
        let arguments = [&["push", "public.json", "index.hvx"], arguments].concat();
        notes.client().without_passphrase(&arguments).assert()
    };
    push(&["--kb", "notes"]).code(2).stderr(contains("--context-id"));
    for sealed in [["--chunks", "chunks.jsonl"], ["--rerank-with", "reals.npy"]] {
        let arguments = [&["--kb", "notes"], &sealed[..]].concat();
        push(&arguments).code(2).stderr(contains("need the owner's context, to seal content and embeddings"));
    }
    push(&["--kb", "notes", "--context-id", "elsewhere"]).code(1).stderr(contains("there is no context elsewhere"));

    let more = push(&["--create-kb", "more", "--context-id", notes.context_id(), "--json"]).success();
    let report = serde_json::from_slice(&more.get_output().stdout).unwrap();
    assert_eq!((counts(&report), &report["total"]), ([39, 0, 0], &json!(39)));
    // The list is next to the public context, which pushed.
    let search = ["ctx.json", "query.npy", "--kb", "more", "-k", "50", "--content"];
    notes.client().refused(&[&["search"], &search[..]].concat(), 1, "--relist");
    let found = notes.client().found(&[&search[..], &["--list", "public.json.pushed"]].concat());
    let mut listed = ids(&found[0]);
    listed.sort_unstable();
    assert_eq!(listed, (0..40).filter(|id| *id != 3).collect::<Vec<_>>());
    assert!(found[0].iter().all(|one| one["content"] == ""), "{found:?}");
}

#[test]
fn the_passphrase_is_asked_for_only_if_needed() {
    for kind in KINDS {
        let notes = Notes::new(kind);
        let ask = |arguments: &[&str]| notes.client().without_passphrase(arguments).assert();
        let push = ["push", "ctx.json", "index.hvx", "--kb", notes.kb(), "--on-conflict", "skip"];
        if kind.0 == "xtrace" {
            // The id is computed from the secret key.
            ask(&push).code(2).stderr(contains("HUSHVEC_PASSPHRASE"));
            ask(&[&push[..], &["--context-id", notes.context_id()]].concat())
                .success()
                .stderr(contains("stored 0 new"));
        } else {
            ask(&push).success().stderr(contains("stored 0 new"));
        }
        notes.client().refused(&[&push[..], &["--context-id", "another"]].concat(), 2, "leave --context-id out");
        let nowhere = "there is no knowledge base \"nowhere\"; this key has access to notes";
        ask(&["push", "ctx.json", "index.hvx", "--kb", "nowhere"]).code(1).stderr(contains(nowhere));
        ask(&["search", "ctx.json", "query.npy", "--kb", "nowhere"]).code(1).stderr(contains(nowhere));
    }
}

#[test]
fn records_must_fit_the_index() {
    let notes = Notes::new(KINDS[0]);
    let records = records();
    let (few, twice) = (records[5..].to_vec(), [&records[..], &records[..1]].concat());
    let as_text = records.iter().map(|line| line.replace("\"id\":7,", "\"id\":\"7\",")).collect();
    let with = |line: &str| [&records[..], &[line.to_owned()]].concat();
    for (lines, what) in [
        (few, "has no record for the id 35 and 4 others of the index, which has 39 vectors"),
        (twice, "line 81 has the duplicate id 39"),
        (as_text, "has no record for the id 7 of the index, which has 39 vectors"),
        (with("{"), "line 81: EOF"),
        (with(r#"{"id": 99}"#), "line 81: missing field `content`"),
    ] {
        std::fs::write(notes.workspace.path("wrong.jsonl"), lines.join("\n\n")).unwrap();
        let push = ["push", "ctx.json", "index.hvx", "--kb", "notes", "--chunks", "wrong.jsonl"];
        notes.client().refused(&push, 1, what);
    }
}

#[test]
fn pushing_again_changes_nothing() {
    for kind in KINDS {
        let notes = Notes::new(kind);
        let push = |arguments: &[&str]| {
            let report = notes.client().json(&[&["push", "ctx.json"], arguments].concat());
            assert_eq!(report["kb_id"], notes.kb());
            counts(&report)
        };
        let search = ["ctx.json", "query.npy", "--kb", "notes", "-k", "50", "--content"];
        let found = notes.client().found(&search);
        let called = "the knowledge base notes already exists";
        notes.client().refused(&["push", "ctx.json", "index.hvx", "--create-kb", "notes"], 2, called);
        assert_eq!(push(&["index.hvx", "--kb", "notes", "--chunks", "chunks.jsonl"]), [0, 39, 0]);
        // A push without content keeps the stored content.
        assert_eq!(push(&["index.hvx", "--kb", "notes"]), [0, 39, 0]);
        assert_eq!(notes.client().found(&search), found);
        for list in ["ctx.json.pushed", "another.pushed"] {
            let skip = ["index.hvx", "--kb", notes.kb(), "--on-conflict", "skip", "--list", list];
            assert_eq!(push(&skip), [0, 0, 39]);
        }
        // The new list has the chunks that the server reported.
        assert_eq!(notes.client().found(&[&search[..], &["--list", "another.pushed"]].concat()), found);
        let error = ["push", "ctx.json", "index.hvx", "--kb", "notes", "--on-conflict", "error"];
        notes.client().refused(&error, 1, "the id 0 and 38 others are already stored; nothing was changed");
        // Only the new vector is stored.
        std::fs::copy(notes.workspace.path("index.hvx"), notes.workspace.path("larger.hvx")).unwrap();
        notes.workspace.floats("one.npy", &vectors(41)[40..]);
        notes.workspace.ok(&["encrypt", "ctx.json", "one.npy", "--append", "-o", "larger.hvx"]);
        assert_eq!(push(&["larger.hvx", "--kb", "notes", "--on-conflict", "skip"]), [1, 0, 39]);
        assert_eq!(notes.client().found(&search)[0].len(), 40);
    }
}

#[test]
fn a_push_that_stored_nothing_leaves_nothing() {
    let Notes { workspace, .. } = &Notes::new(KINDS[0]);
    let server = Server::start(&workspace.path("small"), &["--max-org-chunks", "30"]);
    let there = Client { workspace, url: &server.url, key: &server.key };
    let push = |list: &str, what: &str| {
        there.refused(&["push", "ctx.json", "index.hvx", "--create-kb", "notes", "--list", list], 1, what);
        assert_eq!(server.ok("GET", "/v1/kbs", &Value::Null), json!([]), "{what}");
        assert_eq!(server.ok("GET", "/v1/exec_context/default", &Value::Null)["contexts"], json!([]), "{what}");
    };
    push("elsewhere.pushed", "the maximum is 30 chunks");
    // The same holds for a push that fails before the first vector.
    push("ctx.json", "is not a list of pushed chunks");
}
