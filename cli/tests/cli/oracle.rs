//! `hushvec search` against a malicious server: the requests that the server sees must not depend on its answers.

use crate::fake_server::{FakeServer, Row, fetched};
use crate::workspace::{DIMENSIONS, PASSPHRASE, Workspace, vectors};
use hushvec::{ExecutionContext, PassphraseKeyProvider, Plaintext};
use serde_json::Value;
use std::sync::Arc;

/// The chunk that the server tries to decrypt.
const TARGET: usize = 5;
const SEARCH: [&str; 9] = ["search", "ctx.json", "query.npy", "--kb", "base", "-k", "20", "--json", "--server"];

/// A workspace and a malicious server with as many pushed vectors as a vector has bits.
struct Fixture {
    workspace: Workspace,
    server: FakeServer,
    owner: Arc<ExecutionContext>,
}

impl Fixture {
    fn new(format: &str, scheme: &str) -> Self {
        let (workspace, server) = (Workspace::new(), FakeServer::new());
        workspace.ok(&[
            "context",
            "new",
            "-o",
            "ctx.json",
            "--scheme",
            scheme,
            "--embedding-length",
            "64",
            "--format",
            format,
        ]);
        workspace.floats("vectors.npy", &vectors(DIMENSIONS));
        workspace.floats("query.npy", &vectors(2));
        workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
        let records = (0..DIMENSIONS).map(|i| format!("{{\"id\": {i}, \"content\": \"note {i}\"}}\n"));
        std::fs::write(workspace.path("chunks.jsonl"), records.collect::<String>()).unwrap();
        let provider = PassphraseKeyProvider::new(PASSPHRASE).unwrap();
        let owner = ExecutionContext::load_from_disk(&workspace.path("ctx.json"), &provider).unwrap();
        let fixture = Self { workspace, server, owner: Arc::new(owner) };
        fixture.ok(&[
            "push",
            "ctx.json",
            "index.hvx",
            "--create-kb",
            "notes",
            "--chunks",
            "chunks.jsonl",
            "--json",
            "--server",
        ]);
        fixture.server.take_requests();
        fixture
    }

    fn command(&self, arguments: &[&str], more: &[&str]) -> assert_cmd::assert::Assert {
        let mut command = self.workspace.command(arguments);
        command.arg(&self.server.url).args(more).env("HUSHVEC_API_KEY", "hvk_x").assert()
    }

    fn ok(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments, &[]).success().get_output().stdout.clone();
        serde_json::from_slice(&output).unwrap()
    }

    /// Answers with Enc(v)·(1 + 4^j·n) for chunk j + 1: the distance is one more than v has ones if bit j is 0, and one
    /// less if it is 1.
    fn tamper(&self) {
        let owner = Arc::clone(&self.owner);
        self.server.answer_with(move |state| {
            let (key, v) = (owner.public_key(), state.vector(owner.public_key(), TARGET));
            let row = |j: usize| {
                let mut power = vec![0; j / 4 + 1];
                power[j / 4] = 1 << (2 * (j % 4));
                let changed = owner.add_plain(&v, &Plaintext::from_le_bytes(&power)).unwrap();
                Row { chunk: j as u64 + 1, ciphertext: changed.to_le_bytes(key).unwrap() }
            };
            (0..DIMENSIONS).map(row).collect()
        });
    }

    /// Returns the requests from the first search on.
    fn after_search(&self) -> Vec<String> {
        let requests = self.server.take_requests();
        let first = requests.iter().position(|line| line.contains("compute_hamming")).unwrap();
        requests[first..].to_vec()
    }

    fn refused(&self, more: &[&str], what: &str) -> Vec<String> {
        self.command(&SEARCH, more).code(1).stderr(predicates::str::contains(what));
        self.after_search()
    }
}

const SEARCHES: [&str; 2] = ["POST /v1/compute_hamming/default"; 2];

#[test]
fn a_search_tells_the_server_nothing() {
    let fixture = Fixture::new("native", "paillier_subgroup");
    fixture.tamper();
    let found = fixture.ok(&SEARCH);
    assert_eq!(fixture.after_search(), SEARCHES, "a request after the answers reveals bits of stored vectors");
    // Ids come from the list, and there are no other fields.
    let neighbours = found["results"][0]["neighbours"].as_array().unwrap();
    for one in neighbours {
        assert_eq!(one["chunk"].as_u64().unwrap(), one["id"].as_u64().unwrap() + 1);
        assert!(one.get("name").is_none() && one.get("meta_data").is_none() && one.get("content").is_none());
    }

    // The attack works with --content: the fetched chunks reveal which bits are 1. Digit j is bit 63 − j.
    let target = &vectors(DIMENSIONS)[TARGET - 1];
    fixture.command(&SEARCH, &["--content"]).success();
    let requests = fixture.after_search();
    assert_eq!((&requests[..2], requests.len()), (&SEARCHES.map(str::to_owned)[..], 3));
    let bits = fetched(&requests[2]);
    assert_eq!(bits.len(), 20);
    assert!(bits.iter().all(|chunk| target[DIMENSIONS - chunk] > 0.0), "{bits:?}");
    fixture.command(&SEARCH, &["--names"]).success();
    assert_eq!(fetched(&fixture.after_search()[2]), bits);
}

#[test]
fn the_server_does_not_learn_which_rows_decode() {
    let fixture = Fixture::new("native", "paillier_subgroup");
    let owner = Arc::clone(&fixture.owner);
    fixture.server.answer_with(move |state| {
        let mut rows = state.rows(&owner, &(1..=64).collect::<Vec<_>>());
        let (key, v) = (owner.public_key(), state.vector(owner.public_key(), TARGET));
        // 4^64, one digit above the last one of a vector.
        let above = Plaintext::from_le_bytes(&[&[0; 16][..], &[1]].concat());
        rows[3].ciphertext = owner.add_plain(&v, &above).unwrap().to_le_bytes(key).unwrap();
        rows
    });
    // The first answer cannot be decoded. The second query is still sent, and no further request.
    assert_eq!(fixture.refused(&["--content"], "cannot be decoded"), SEARCHES);
}

#[test]
fn rows_that_were_never_pushed_are_refused() {
    let fixture = Fixture::new("native", "paillier_subgroup");
    let answer = |chunks: Vec<u64>| {
        let owner = Arc::clone(&fixture.owner);
        fixture.server.answer_with(move |state| state.rows(&owner, &chunks));
    };
    let all = || (1..=64u64).collect::<Vec<_>>();
    let first = &SEARCHES[..1];
    answer(all());
    let found = fixture.ok(&SEARCH);
    assert_eq!(found["results"].as_array().unwrap().len(), 2);
    fixture.server.take_requests();

    for (changed, what) in [
        ([&all()[..63], &[65]].concat(), "1 rows of chunks that were not requested or never pushed from here"),
        ([&all()[..63], &[1]].concat(), "the answer has 1 duplicate rows"),
        (all()[1..63].to_vec(), "the answer lacks 2 of the chunks that were pushed from here; the first is chunk 1"),
        ([&all()[..], &[65]].concat(), "the answer has 65 rows, but only 64 chunks"),
        (Vec::new(), "the answer lacks 64 of the chunks"),
    ] {
        answer(changed);
        assert_eq!(fixture.refused(&["--content"], what), first, "{what}");
    }
    // With a filter, chunks may be missing, but not added.
    let filter = ["--filter", r#"{"tag1": "a"}"#];
    answer(vec![7, 9]);
    fixture.command(&SEARCH, &filter).success();
    fixture.server.take_requests();
    answer(vec![7, 99]);
    assert_eq!(fixture.refused(&filter, "never pushed from here"), first);
    // Without the list, any chunks are accepted, but no duplicates.
    answer(vec![7, 99]);
    fixture
        .command(&SEARCH, &["--unlisted"])
        .success()
        .stderr(predicates::str::contains("--unlisted: answers are not checked"));
    assert_eq!(fixture.after_search(), SEARCHES);
    answer(vec![7, 99, 7]);
    assert_eq!(fixture.refused(&["--unlisted"], "duplicate rows"), first);

    // Without a list, a search is refused until the list is created from the server.
    std::fs::remove_file(fixture.workspace.path("ctx.json.pushed")).unwrap();
    fixture.command(&SEARCH, &[]).code(1).stderr(predicates::str::contains("--relist"));
    assert!(!fixture.server.take_requests().iter().any(|line| line.contains("compute_hamming")));
    let relist = ["push", "ctx.json", "index.hvx", "--kb", "base", "--relist", "--json", "--server"];
    let report = fixture.ok(&relist);
    assert_eq!((&report["listed"], &report["added"], &report["without_id"]), (&64.into(), &64.into(), &0.into()));
    fixture.server.state().chunks.pop();
    assert_eq!(fixture.ok(&relist)["removed"], 1);
    answer((1..=63).collect());
    assert!(fixture.ok(&SEARCH)["results"][0]["neighbours"][0]["id"].is_u64());
}

#[test]
fn contents_stay_with_their_chunks() {
    let fixture = Fixture::new("native", "paillier_subgroup");
    let owner = Arc::clone(&fixture.owner);
    fixture.server.answer_with(move |state| state.rows(&owner, &(1..=64).collect::<Vec<_>>()));
    let output = fixture.command(&SEARCH, &["--content"]).success().get_output().stdout.clone();
    let found: Value = serde_json::from_slice(&output).unwrap();
    for one in found["results"][0]["neighbours"].as_array().unwrap() {
        assert_eq!(one["content"], format!("note {}", one["id"]));
    }
    {
        let mut state = fixture.server.state();
        let contents: Vec<Value> = state.chunks.iter().map(|chunk| chunk["chunk_content"].clone()).collect();
        for (i, chunk) in state.chunks.iter_mut().enumerate() {
            chunk["chunk_content"] = contents[(i + 1) % DIMENSIONS].clone();
            // Renaming the chunks does not help, since ids come from the list.
            chunk["name"] = ((i + 1) % DIMENSIONS).to_string().into();
        }
    }
    fixture.server.take_requests();
    fixture.refused(&["--content"], "was not sealed for this chunk");
}

#[test]
fn a_secret_key_sent_as_content_is_not_shown() {
    let fixture = Fixture::new("xtrace", "paillier");
    let owner = Arc::clone(&fixture.owner);
    fixture.server.answer_with(move |state| state.rows(&owner, &(1..=64).collect::<Vec<_>>()));
    {
        let mut state = fixture.server.state();
        let sealed = state.context["sk"].clone();
        assert!(sealed.is_string());
        for chunk in &mut state.chunks {
            chunk["chunk_content"] = sealed.clone();
        }
    }
    let output = fixture.command(&SEARCH, &["--content"]).code(1).get_output().clone();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(printed.contains("looks like a secret key"), "{printed}");
    let plain = fixture.owner.to_dict_plain().unwrap();
    let secret = plain["sk"].as_str().unwrap().split(|c: char| !c.is_ascii_digit()).filter(|part| part.len() > 20);
    assert!(secret.clone().count() == 2 && secret.clone().all(|number| !printed.contains(number)));
}
