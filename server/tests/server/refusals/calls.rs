//! Requests that are invalid before their fields are checked, or that name missing things.

use super::{CHUNK, CONTEXTS, Case, Filled, HAMMING, case};
use serde_json::{Value, json};

pub fn cases(f: &Filled) -> Vec<Case> {
    let nothing = Value::Null;
    let query = || f.query(json!({}));
    let insertion = || f.insertion(&[f.chunk(json!({}))]);
    let (long_key, many_ids) = ("a".repeat(43), format!("{CHUNK}?kb_id=x{}", "&chunk_ids=7".repeat(501)));
    let large = f.insertion(&[f.chunk(json!({ "chunk_content": "c".repeat(1 << 20) }))]);
    let patch = f.about(json!({ "chunk_patches": [{ "chunk_id": 987_654 }] }));
    vec![
        case("half a body", "POST", CHUNK, Value::Null, 400, "EOF").bytes(br#"{"kb_id": "x""#),
        case("no JSON", "POST", "/v1/kbs", Value::Null, 400, "expected").bytes(b"name=base"),
        case("half a character", "POST", "/v1/kbs", Value::Null, 400, "unicode").bytes(b"{\"name\": \"\xff\"}"),
        case("a path that is no text", "GET", "/v1/kbs/%FF", Value::Null, 400, "UTF-8"),
        case("a file that is no text", "GET", "/%FF", Value::Null, 400, "UTF-8"),
        case("no key", "POST", HAMMING, query(), 401, "x-api-key").without("x-api-key"),
        case("no admin key", "GET", "/v1/keys", Value::Null, 401, "x-xtrace-key").without("x-xtrace-key"),
        case("no organisation", "GET", "/v1/kbs", Value::Null, 401, "x-xtrace-org-id").without("x-xtrace-org-id"),
        case("a wrong key", "POST", HAMMING, query(), 401, "unknown or revoked").header("x-api-key", &long_key),
        case("a wrong admin key", "GET", "/v1/kbs", Value::Null, 401, "unknown or revoked")
            .header("x-xtrace-key", &format!("hvk_{long_key}")),
        case("no key for the metrics", "GET", "/metrics", Value::Null, 401, "x-xtrace-key").without("x-xtrace-key"),
        case("another organisation", "POST", "/v1/compute_hamming/acme", query(), 403, "acme"),
        case("another organisation's administration", "GET", "/v1/kbs", Value::Null, 403, "acme")
            .header("x-xtrace-org-id", "acme"),
        case("an unknown path", "GET", "/v1/nothing", Value::Null, 404, "/v1/nothing"),
        case("an unknown file", "GET", "/nothing", nothing, 404, "/nothing"),
        case(
            "an unknown knowledge base",
            "POST",
            CHUNK,
            f.with(insertion(), json!({ "kb_id": "nowhere" })),
            404,
            "nowhere",
        ),
        case("an unknown context", "POST", HAMMING, f.query(json!({ "context_id": "nobody" })), 404, "nobody"),
        case("an unknown API key", "GET", "/v1/keys/abc/permissions", Value::Null, 404, "API key"),
        case("an unknown chunk", "PATCH", CHUNK, patch, 404, "987654"),
        case("a wrong method", "PUT", HAMMING, query(), 405, "method"),
        case("a method of one's own", "FROB", "/v1/kbs", Value::Null, 405, "method"),
        case("a large body", "POST", CHUNK, large, 413, "larger than"),
        case("many chunks", "POST", CHUNK, f.insertion(&vec![f.chunk(json!({})); 501]), 413, "501 chunks; the maximum"),
        case("many ids", "GET", &many_ids, Value::Null, 413, "the maximum is 500"),
        case("no JSON, and says so", "POST", CHUNK, insertion(), 415, "application/json")
            .header("content-type", "text/plain"),
        case(
            "an id twice",
            "GET",
            &format!("{CHUNK}?kb_id=x&chunk_ids=7&chunk_ids=8&chunk_ids=7"),
            Value::Null,
            422,
            "duplicate id 7",
        ),
        case("no number", "GET", &format!("{CHUNK}?kb_id=x&chunk_ids=1,2"), Value::Null, 422, "chunk_ids"),
        case("no knowledge base", "GET", &format!("{CHUNK}?chunk_ids=1"), Value::Null, 422, "kb_id"),
        case(
            "an unknown permission",
            "PUT",
            "/v1/keys/x/permissions/y",
            json!({ "permission": 2 }),
            422,
            "1 (read), 3 (write) or 7 (delete)",
        ),
        case("a knowledge base without a name", "POST", "/v1/kbs", json!({ "name": " " }), 422, "name"),
        case("no context", "POST", CONTEXTS, json!({ "context_id": "x", "data": { "pk": 7 } }), 422, "context"),
    ]
}
