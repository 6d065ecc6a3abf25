//! The results of searches, and the data they fetch.

use super::{KINDS, Notes, WORDS, content, ids};
use predicates::str::{contains, is_match};
use serde_json::{Value, json};

#[test]
fn a_search_finds_the_same_as_a_local_query() {
    for kind in KINDS {
        let notes = Notes::new(kind);
        let at_home = notes.workspace.json(&["query", "ctx.json", "index.hvx", "query.npy", "--json", "-k", "50"]);
        let found = notes.client().found(&["ctx.json", "query.npy", "--kb", notes.kb(), "-k", "50"]);
        assert_eq!((found.len(), found[0].len()), (2, 39));
        for (there, here) in found.iter().zip(at_home["results"].as_array().unwrap()) {
            // The answer has no other fields, since fetching them would tell the server which chunks were found.
            let expected = here["neighbours"].as_array().unwrap().iter().map(|one| {
                let id = one["id"].as_u64().unwrap();
                // Chunks are numbered in the order of arrival. Vector 3 was not pushed.
                json!({ "id": id, "chunk": id + u64::from(id < 3), "distance": one["distance"] })
            });
            assert_eq!(*there, expected.collect::<Vec<_>>(), "{kind:?}");
        }
        let named = notes.client().found(&["ctx.json", "query.npy", "--kb", notes.kb(), "-k", "3", "--names"]);
        assert_eq!(ids(&named[0]), ids(&found[0][..3]));
        for one in &named[0] {
            assert_eq!(one["name"], one["id"].to_string());
            assert!(one.get("content").is_none(), "{one}");
        }
    }
}

#[test]
fn content_is_sealed_on_the_server_and_opened_by_the_owner() {
    for kind in KINDS {
        let notes = Notes::new(kind);
        let search = ["ctx.json", "query.npy", "--kb", notes.kb(), "-k", "3", "--content"];
        let found = notes.client().found(&search);
        assert_eq!(found[0].len(), 3);
        for (one, id) in found[0].iter().zip(ids(&found[0])) {
            let number = usize::try_from(id).unwrap();
            assert_eq!(
                (&one["name"], &one["content"], &one["meta_data"]),
                (&json!(id.to_string()), &json!(content(number)), &json!({ "tag1": WORDS[number % 5] }))
            );
        }
        let path = format!("/v1/chunk/default?chunk_ids=1&kb_id={}", notes.kb());
        let stored = notes.server.ok("GET", &path, &Value::Null);
        let sealed = stored[0]["chunk_content"].as_str().unwrap();
        assert!(!sealed.is_empty() && !sealed.contains("note"), "{stored}");
        let table = notes.client().command(&[&["search"], &search[..]].concat()).assert().success();
        let row = r"rank +chunk +distance +id\n +1 +7 +\d+ +7\n +note 7 über cat\n";
        table.stdout(is_match(row).unwrap());
    }
}

#[test]
fn filters_and_ranges() {
    let notes = Notes::new(KINDS[0]);
    let search = |more: &[&str]| notes.client().found(&[&["ctx.json", "query.npy", "--kb", "notes"], more].concat());
    let mut found = ids(&search(&["--filter", r#"{"tag1": {"$in": ["ant", "bee"]}}"#, "-k", "99"])[0]);
    found.sort_unstable();
    assert_eq!(found, (0..40).filter(|id| id % 5 < 2 && *id != 3).collect::<Vec<_>>());
    let found = search(&["--range", "1-5", "--filter", r#"{"tag1": "ant"}"#]);
    let mut chunks: Vec<_> = found[1].iter().map(|one| one["chunk"].as_u64().unwrap()).collect();
    chunks.sort_unstable();
    assert_eq!(chunks, [1, 5]);
    assert!(search(&["--filter", r#"{"tag1": "fox"}"#])[0].is_empty());
    for (option, value, code, what) in [
        ("--filter", r#"{"tag1": {"$nope": 1}}"#, 1, "$nope"),
        ("--filter", "{", 2, "--filter"),
        ("--range", "5-1", 2, "--range"),
    ] {
        notes.client().refused(&["search", "ctx.json", "query.npy", "--kb", "notes", option, value], code, what);
    }
}

#[test]
fn a_wrong_key_is_not_taken_for_an_empty_knowledge_base() {
    let notes = Notes::new(KINDS[0]);
    let new = ["context", "new", "-o", "other.json", "--scheme", "paillier_subgroup", "--embedding-length", "64"];
    notes.workspace.ok(&new);
    let found = format!("; it has {}", notes.context_id());
    notes.client().refused(&["search", "other.json", "query.npy", "--kb", "notes"], 1, &found);
    let wrong = "index.hvx: an index belongs to the key";
    notes.client().refused(&["push", "other.json", "index.hvx", "--kb", "notes"], 1, wrong);
}

#[test]
fn keys_come_from_files() {
    let notes = Notes::new(KINDS[0]);
    std::fs::write(notes.workspace.path("key.txt"), format!("{}\n", notes.server.key)).unwrap();
    let search = ["search", "ctx.json", "query.npy", "--kb", "notes", "--api-key-file"];
    let search = |file: &str| {
        let mut command = notes.client().command(&[&search[..], &[file]].concat());
        command.env("HUSHVEC_API_KEY", "hvk_wrong").assert()
    };
    search("key.txt").success();
    // An empty file is an error; the environment variable is not used instead.
    search("/dev/null").code(2).stderr(contains("the server needs an API key"));
}
