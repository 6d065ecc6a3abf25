//! Bodies with an invalid field.

use super::{BY_META, CHUNK, CONTEXTS, Case, Filled, HAMMING, META, case};
use crate::context::{CONTEXT, context_document};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use num_bigint::BigUint;
use serde_json::{Value, json};

/// Encodes an integer like a ciphertext.
fn number(value: &BigUint) -> Value {
    BASE64_STANDARD.encode(value.to_bytes_le()).into()
}

pub fn cases(f: &Filled) -> Vec<Case> {
    let document = CONTEXT.0.to_dict_enc().unwrap();
    let n = BigUint::parse_bytes(document["public_key"]["n"].as_str().unwrap().as_bytes(), 16).unwrap();
    let chunk = |fields: Value| f.chunk(fields);
    let indexed = |index: Value| chunk(json!({ "index": [index] }));
    let good = || chunk(json!({}));
    let insert = |name, chunks: &[Value], part| case(name, "POST", CHUNK, f.insertion(chunks), 422, part);
    let search = |name, fields: Value, part| case(name, "POST", HAMMING, f.query(fields), 422, part);
    let delete =
        |name, filter: Value, part| case(name, "DELETE", BY_META, f.about(json!({ "meta_filter": filter })), 422, part);
    let context = |name, field: &str, value: Value, part| {
        let mut document = context_document();
        document["context_id"] = "another".into();
        document["data"][field] = value;
        case(name, "POST", CONTEXTS, document, 422, part)
    };
    let patches = json!({ "chunk_patches": [{ "chunk_id": 1, "name": "x" }, { "chunk_id": 2, "index": ["?"] }] });
    let unbound = json!({ "kb_id": f.base, "chunks": [] });
    let long = number(&(BigUint::from(1u8) << 5000));
    let nothing = json!([{ "$or": [{ "tag1": "x" }, {}] }]);
    let many = json!({ "meta_filter": vec![json!({}); 2000] });
    let unknown_tag = f.about(json!({ "meta_filter": { "tag6": "x" } }));
    vec![
        case("a missing field", "POST", CHUNK, unbound, 422, "context_id"),
        insert("an unknown field", &[chunk(json!({ "vector": [1] }))], "vector"),
        insert("a wrong type", &[chunk(json!({ "chunk_content": 7 }))], "chunk_content"),
        insert(
            "no base64",
            &[good(), indexed(json!("?"))],
            "ciphertext of chunk 1 of the request is invalid: it is not base64",
        ),
        search("no base64 in a query", json!({ "query": ["?"] }), "not base64"),
        insert("0", &[good(), indexed(json!("AAAA"))], "ciphertext of chunk 1 of the request is invalid: it is 0"),
        search("0 in a query", json!({ "query": ["AAAA"] }), "it is 0"),
        insert("no ciphertext of this key", &[indexed(number(&(&n * &n)))], "not below"),
        search("no ciphertext of this key in a query", json!({ "query": [number(&(&n * &n + 1u8))] }), "not below"),
        search("a multiple of n", json!({ "query": [number(&(&n * 3u8))] }), "shares a factor with n"),
        insert("a longer key's", &[indexed(long.clone())], "has 626 bytes; the maximum is 512"),
        search("a longer key's in a query", json!({ "query": [long] }), "626 bytes; the maximum is 512"),
        insert(
            "two ciphertexts",
            &[chunk(json!({ "index": [f.wire, f.wire] }))],
            "chunk 0 of the request is invalid: there must be one, not 2",
        ),
        search("two queries", json!({ "query": [f.wire, f.wire] }), "query has 2 ciphertexts"),
        search("no query", json!({ "query": [] }), "query has 0 ciphertexts"),
        search("a range backwards", json!({ "range": [5, 2] }), "[first, last]"),
        search("half a range", json!({ "range": [5] }), "range"),
        search("an unknown operator", json!({ "meta_filter": { "tag1": { "$like": "x" } } }), "$like"),
        case("an unknown tag", "POST", META, unknown_tag, 422, "tag6"),
        search("a filter that is no JSON", json!({ "meta_filter": "tag1=x" }), "not JSON"),
        delete("a filter of everything", json!({}), "every chunk"),
        delete("much ado about everything", nothing, "every chunk"),
        case("an index that is no base64 in a patch", "PATCH", CHUNK, f.about(patches), 422, "chunk 1 of the request"),
        search("a filter of nothing, many times", many, "more than 512"),
        insert(
            "a wrong tag",
            &[good(), chunk(json!({ "meta_data": { "tag1": 7 } }))],
            "is invalid: chunks[1].meta_data.tag1: invalid type: integer `7`, expected a string",
        ),
        insert(
            "an unknown field of metadata",
            &[chunk(json!({ "meta_data": { "title": "x" } }))],
            "chunks[0].meta_data: unknown field \"title\"; metadata has tag1 to tag5 and facets",
        ),
        insert(
            "no list of facets",
            &[chunk(json!({ "meta_data": { "facets": "x" } }))],
            "chunks[0].meta_data.facets: ",
        ),
        insert(
            "a long facet",
            &[chunk(json!({ "meta_data": { "facets": ["a", "x".repeat(1025)] } }))],
            "chunks[0].meta_data.facets: facets[1] has 1025 bytes",
        ),
        case(
            "a wrong tag in a patch",
            "PATCH",
            CHUNK,
            f.about(json!({ "chunk_patches": [{ "chunk_id": 1 }, { "chunk_id": 2, "tag2": [] }] })),
            422,
            "chunk_patches[1].tag2: invalid type: sequence, expected a string",
        ),
        search("a filter of too much", json!({ "meta_filter": vec!["a"; 5000] }), "meta_filter[4095]: more than 4096"),
        search(
            "a filter of too much, as text",
            json!({ "meta_filter": json!(vec!["a"; 5000]).to_string() }),
            "meta_filter is invalid: more than 4096",
        ),
        context("an unknown field of a context", "extra", json!(1), "unknown field"),
        insert(
            "a long tag",
            &[chunk(json!({ "meta_data": { "tag1": "x".repeat(1025) } }))],
            "chunks[0].meta_data: tag1 has 1025 bytes; the maximum is 1024 bytes",
        ),
        context("a secret key in plain text", "sk", json!({ "phi": 7 }), "plain text: it was sent, but NOT stored"),
        context(
            "a secret key in plain text, as text",
            "sk",
            json!(r#"{"phi": 7}"#),
            "plain text: it was sent, but NOT stored",
        ),
    ]
}
