//! Tests the client against servers that fail, lie or disconnect.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use hushvec::{ExecutionContext, HomomorphicClient, PassphraseKeyProvider, RemoteStore, Scheme};
use hushvec_client::{Error, Expected, HttpStore, NewChunk, Pushed, RowsProblem, Search};
use serde_json::json;
use std::sync::{Arc, LazyLock, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const KEY: &str = "hvk_very-secret";

/// Starts a server that answers each connection with the next of these byte strings and closes it. Also returns the
/// requests.
async fn server(answers: Vec<Vec<u8>>) -> (HttpStore, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !is_whole(&request) {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the client disconnected");
            }
            seen.lock().unwrap().push(String::from_utf8(request).unwrap());
            let _ = stream.write_all(&answer).await;
        }
    });
    (HttpStore::new(&url, "default", KEY).unwrap().with_admin_key(KEY).unwrap(), heads)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn answer(status: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn json_answer(status: &str, body: &str) -> Vec<u8> {
    answer(status, "application/json", body.as_bytes())
}

fn chunk() -> NewChunk {
    NewChunk::new(&[1, 2, 3, 0, 0]).with_content("sealed".to_owned()).with_name("seven".to_owned())
}

#[tokio::test]
async fn transient_errors_are_retried() {
    let busy = json_answer("503 Service Unavailable", r#"{"code": "busy", "message": "too many searches"}"#);
    let done = json_answer("200 OK", r#"{"chunk_ids": [7]}"#);
    let (store, heads) = server(vec![busy, Vec::new(), done]).await;
    assert_eq!(store.insert("base", "context", &[chunk()]).await.unwrap(), [7]);
    let heads = heads.lock().unwrap();
    assert_eq!(heads.len(), 3);
    assert!(
        heads[2].starts_with("POST /v1/chunk/default HTTP/1.1\r\n")
            && heads[2].contains(&format!("x-api-key: {KEY}\r\n"))
    );
    let body = heads[2].split_once("\r\n\r\n").unwrap().1;
    let expected = json!({
        "kb_id": "base",
        "context_id": "context",
        "chunks": [{ "chunk_content": "sealed", "index": ["AQID"], "name": "seven" }],
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap(), expected);
}

#[tokio::test]
async fn permanent_errors_are_not_retried() {
    for status in ["404 Not Found", "507 Insufficient Storage"] {
        let refusal = json_answer(status, &format!("{{\"message\": \"no, {KEY}!\\u001b[31m\"}}"));
        let (store, heads) = server(vec![refusal; 3]).await;
        let error = store.insert("base", "context", &[chunk()]).await.unwrap_err();
        assert_eq!(heads.lock().unwrap().len(), if status.starts_with('5') { 3 } else { 1 });
        let expected = format!("{}: {status}: no, …![31m", store.host());
        assert_eq!((error.to_string(), error.status()), (expected.clone(), status[..3].parse().ok()));
        assert_eq!(hushvec::Error::from(error).to_string(), format!("remote store: {expected}"));
    }
    let (store, heads) = server(vec![json_answer("500 Internal Server Error", "")]).await;
    assert_eq!(store.create_knowledge_base("twice", "").await.unwrap_err().status(), Some(500));
    assert_eq!(heads.lock().unwrap().len(), 1, "a retry might have created two");
    let too_many = vec![chunk(); 501];
    assert!(matches!(store.insert("base", "context", &too_many).await, Err(Error::Argument { .. })));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (elsewhere, asked) = server(vec![json_answer("200 OK", r#"{"contexts": []}"#)]).await;
    let location = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
        elsewhere.host()
    );
    let (store, _) = server(vec![location.into_bytes()]).await;
    assert_eq!(store.contexts().await.unwrap_err().status(), Some(307));
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn answers_have_size_limits() {
    let long = json_answer("200 OK", &" ".repeat((1 << 20) + 1));
    let (store, _) = server(vec![long]).await;
    let error = store.insert("base", "context", &[chunk()]).await.unwrap_err();
    assert!(error.to_string().ends_with("the answer is longer than 1048576 bytes"), "{error}");
    let (store, _) =
        server(vec![json_answer("200 OK", "[1, 2]"), json_answer("200 OK", r#"{"chunk_ids": [1, 2]}"#)]).await;
    assert!(matches!(store.contexts().await, Err(Error::Reply { .. })));
    let error = store.insert("base", "context", &[chunk()]).await.unwrap_err();
    assert!(error.to_string().ends_with("the server returned 2 ids for 1 stored chunks"), "{error}");
}

#[tokio::test]
async fn unreachable_servers_are_reported() {
    let store = HttpStore::new("http://127.0.0.1:1", "default", KEY).unwrap();
    let error = store.get_serialized_exec_context("x").await.unwrap_err().to_string();
    assert!(error.starts_with("remote store: 127.0.0.1:1: cannot connect: "), "{error}");
}

/// A context of the fastest scheme.
static CONTEXT: LazyLock<ExecutionContext> = LazyLock::new(|| {
    let builder = ExecutionContext::builder().scheme(Scheme::PaillierSubgroup).embedding_length(64);
    builder.create(PassphraseKeyProvider::new("x").unwrap()).unwrap()
});

async fn searched(answer: Vec<u8>) -> Result<Vec<u64>, Error> {
    let filter = json!({ "tag1": "a" });
    searched_for(answer, Expected::Anything, Some(&filter)).await
}

async fn searched_for(
    answer: Vec<u8>,
    expected: Expected<'_>,
    filter: Option<&serde_json::Value>,
) -> Result<Vec<u64>, Error> {
    let (store, heads) = server(vec![answer]).await;
    let query = CONTEXT.encrypt_vec_one(&[1; 64]).unwrap();
    let search = Search {
        knowledge_base: "base",
        context_id: "context",
        query: &query,
        key: CONTEXT.public_key(),
        filter,
        range: Some((1, 9)),
        expected,
    };
    let mut distances = store.search(&search).await?;
    assert!(heads.lock().unwrap()[0].contains("accept: application/x-msgpack\r\n"));
    let filter = filter.map_or("", |_| r#""meta_filter":"{\"tag1\":\"a\"}","#);
    assert!(heads.lock().unwrap()[0].contains(&format!(r#"{filter}"range":[1,9]"#)));
    let mut ids = Vec::new();
    while let Some(block) = distances.next_block(1).await? {
        assert_eq!((block.chunk_ids.len(), block.integers.len()), (1, CONTEXT.parameters().ciphertext_bytes()));
        ids.extend(block.chunk_ids);
    }
    assert_eq!(ids.len() as u64, distances.len());
    Ok(ids)
}

#[tokio::test]
async fn distances_are_whole_or_an_error() {
    const PACKED: &str = "application/x-msgpack";
    let rows = [0x92, 0x92, 0x91, 0xc4, 1, 7, 4, 0x92, 0x91, 0xc4, 0, 5];
    assert_eq!(searched(answer("200 OK", PACKED, &rows)).await.unwrap(), [4, 5]);
    assert_eq!(searched(answer("200 OK", PACKED, &[0x90])).await.unwrap(), [0; 0]);
    let cut = searched(answer("200 OK", PACKED, &rows[..9])).await.unwrap_err().to_string();
    assert!(cut.ends_with("the distances ended before they were complete"), "{cut}");
    let mut torn = answer("200 OK", PACKED, &rows);
    torn.truncate(torn.len() - 3);
    assert!(matches!(searched(torn).await, Err(Error::Connection { .. })));
    let longer = searched(answer("200 OK", PACKED, &[&rows[..], &[0]].concat())).await.unwrap_err().to_string();
    assert!(longer.ends_with("there are bytes after the last row"), "{longer}");
    let json = searched(json_answer("200 OK", "[]")).await.unwrap_err().to_string();
    assert!(
        json.ends_with(r#"the distances have the content type "application/json", expected application/x-msgpack"#),
        "{json}"
    );
}

/// Returns an answer with a row for each of these chunks.
fn rows_of(chunks: &[u8]) -> Vec<u8> {
    let rows = chunks.iter().flat_map(|chunk| [0x92, 0x91, 0xc4, 1, 7, *chunk]);
    let body: Vec<u8> = [0x90 | u8::try_from(chunks.len()).unwrap()].into_iter().chain(rows).collect();
    answer("200 OK", "application/x-msgpack", &body)
}

#[tokio::test]
async fn rows_must_match_the_pushed_chunks() {
    let filter = json!({ "tag1": "a" });
    // Chunk 12 is outside the requested range.
    let pushed = Pushed::new([2, 3, 5, 12].into_iter().map(|chunk| (chunk, None)).collect()).unwrap();
    let (all, any) = (Expected::Pushed(&pushed), Expected::Anything);
    assert_eq!(searched_for(rows_of(&[5, 2, 3]), all, None).await.unwrap(), [5, 2, 3]);
    assert_eq!(searched_for(rows_of(&[5]), all, Some(&filter)).await.unwrap(), [5]);
    assert_eq!(searched_for(rows_of(&[7, 8]), any, None).await.unwrap(), [7, 8]);
    for (rows, expected, problem) in [
        (&[5, 3][..], all, RowsProblem::Missing { count: 1, first: 2 }),
        (&[], all, RowsProblem::Missing { count: 3, first: 2 }),
        (&[5, 4, 3], all, RowsProblem::Unexpected { count: 1, first: 4 }),
        (&[5, 3, 12], all, RowsProblem::Unexpected { count: 1, first: 12 }),
        (&[5, 3, 5], all, RowsProblem::Repeated { count: 1, first: 5 }),
        (&[5, 3, 2, 4], all, RowsProblem::TooMany { listed: 3, actual: 4 }),
        (&[7, 7, 7], any, RowsProblem::Repeated { count: 2, first: 7 }),
        (&[7, 77], any, RowsProblem::Unexpected { count: 1, first: 77 }),
    ] {
        let Err(Error::Rows { problem: actual, .. }) = searched_for(rows_of(rows), expected, None).await else {
            panic!("{rows:?}")
        };
        assert_eq!(actual, problem);
    }
    let added = searched_for(rows_of(&[4]), all, Some(&filter)).await;
    assert!(matches!(added, Err(Error::Rows { problem: RowsProblem::Unexpected { .. }, .. })));
}

#[tokio::test]
async fn only_requested_chunks_are_accepted() {
    let chunks = |ids: &str| json_answer("200 OK", &format!("[{ids}]"));
    for (ids, good) in [
        (r#"{"chunk_id": 2}, {"chunk_id": 1}"#, true),
        (r#"{"chunk_id": 2}"#, true),
        (r#"{"chunk_id": 2}, {"chunk_id": 3}"#, false),
        (r#"{"chunk_id": 2}, {"chunk_id": 2}"#, false),
    ] {
        let (store, _) = server(vec![chunks(ids)]).await;
        let found = store.chunks("base", &[1, 2], &["chunk_id"]).await;
        assert_eq!(found.is_ok(), good, "{ids}: {found:?}");
    }
}

#[tokio::test]
async fn paging_through_names_ends() {
    let page =
        |rows: &str, more: bool| json_answer("200 OK", &format!(r#"{{"results": [{rows}], "has_more": {more}}}"#));
    let one = page(r#"{"chunk_id": 4, "name": "four"}"#, true);
    let (store, heads) = server(vec![one.clone(), page(r#"{"chunk_id": 9}"#, false)]).await;
    assert_eq!(store.names("base", "context").await.unwrap(), [(4, Some("four".to_owned())), (9, None)]);
    assert!(heads.lock().unwrap()[1].contains(r#""offset":1"#));
    let (store, _) = server(vec![one.clone(), one]).await;
    let error = store.names("base", "context").await.unwrap_err().to_string();
    assert!(error.ends_with("the chunks are not sorted by chunk_id"), "{error}");
}
