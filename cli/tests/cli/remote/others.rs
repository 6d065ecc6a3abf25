//! Chunks that other clients stored.

use super::{KINDS, Notes};
use serde_json::{Value, json};

#[test]
fn chunks_of_others_are_refused_until_they_are_listed() {
    let notes = Notes::new(KINDS[0]);
    let (kb, context_id, server) = (notes.kb(), notes.context_id(), &notes.server);
    let path = format!("/v1/chunk/default?chunk_ids=1&kb_id={kb}&projection=index");
    let index = server.ok("GET", &path, &Value::Null)[0]["index"].clone();
    let chunk = json!({ "chunk_content": "", "index": index, "meta_data": {} });
    let body = json!({ "kb_id": kb, "context_id": context_id, "chunks": [chunk] });
    server.ok("POST", "/v1/chunk/default", &body);

    let search = ["ctx.json", "query.npy", "--kb", kb, "-k", "50"];
    let refusal = "the answer has 40 rows, but only 39 chunks";
    notes.client().refused(&[&["search"], &search[..]].concat(), 1, refusal);
    let unlisted = notes.client().found(&[&search[..], &["--unlisted"]].concat());
    assert!(unlisted[0].len() == 40 && unlisted[0].iter().all(|one| one["id"].is_null()), "{unlisted:?}");
    let report = notes.client().json(&["push", "ctx.json", "index.hvx", "--kb", kb, "--relist"]);
    let expected = json!({
        "kb_id": kb, "context_id": context_id, "listed": 40, "added": 1, "removed": 0, "without_id": 1,
    });
    assert_eq!(report, expected);
    let found = notes.client().found(&search);
    assert_eq!(found[0].len(), 40);
    let without: Vec<&Value> = found[0].iter().filter(|one| one["id"].is_null()).map(|one| &one["chunk"]).collect();
    assert_eq!(without, [40]);
}
