//! `hushvec search` against a server that wants to read what is stored: what it returns must change nothing that it sees.

use crate::desk::{DIMENSIONS, Desk, PASSPHRASE, vectors};
use crate::hostile::{Hostile, Row, fetched};
use hushvec::{ExecutionContext, PassphraseKeyProvider, Plaintext};
use serde_json::Value;
use std::sync::Arc;

/// The chunk that the server wants to read.
const TARGET: usize = 5;
const SEARCH: [&str; 9] = ["search", "ctx.json", "query.npy", "--kb", "base", "-k", "20", "--json", "--server"];

/// A context with as many pushed vectors as there are bits to read.
struct Scene {
    desk: Desk,
    server: Hostile,
    owner: Arc<ExecutionContext>,
}

impl Scene {
    fn new(format: &str, scheme: &str) -> Self {
        let (desk, server) = (Desk::new(), Hostile::new());
        desk.ok(&[
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
        desk.floats("vectors.npy", &vectors(DIMENSIONS));
        desk.floats("query.npy", &vectors(2));
        desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
        let records = (0..DIMENSIONS).map(|i| format!("{{\"id\": {i}, \"content\": \"note {i}\"}}\n"));
        std::fs::write(desk.path("chunks.jsonl"), records.collect::<String>()).unwrap();
        let provider = PassphraseKeyProvider::new(PASSPHRASE).unwrap();
        let owner = ExecutionContext::load_from_disk(&desk.path("ctx.json"), &provider).unwrap();
        let scene = Self { desk, server, owner: Arc::new(owner) };
        scene.ok(&[
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
        scene.server.take_requests();
        scene
    }

    fn command(&self, arguments: &[&str], more: &[&str]) -> assert_cmd::assert::Assert {
        let mut command = self.desk.command(arguments);
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

    /// The requests behind the first search.
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
    let scene = Scene::new("native", "paillier_subgroup");
    scene.tamper();
    let found = scene.ok(&SEARCH);
    assert_eq!(scene.after_search(), SEARCHES, "a request after the answers tells bits of what is stored");
    // Ids come from the list, and nothing else is there.
    let neighbours = found["results"][0]["neighbours"].as_array().unwrap();
    for one in neighbours {
        assert_eq!(one["chunk"].as_u64().unwrap(), one["id"].as_u64().unwrap() + 1);
        assert!(one.get("name").is_none() && one.get("meta_data").is_none() && one.get("content").is_none());
    }

    // The attack is real: who asks for contents tells which bits are 1. Digit j is bit 63 − j.
    let target = &vectors(DIMENSIONS)[TARGET - 1];
    scene.command(&SEARCH, &["--content"]).success();
    let requests = scene.after_search();
    assert_eq!((&requests[..2], requests.len()), (&SEARCHES.map(str::to_owned)[..], 3));
    let bits = fetched(&requests[2]);
    assert_eq!(bits.len(), 20);
    assert!(bits.iter().all(|chunk| target[DIMENSIONS - chunk] > 0.0), "{bits:?}");
    scene.command(&SEARCH, &["--names"]).success();
    assert_eq!(fetched(&scene.after_search()[2]), bits);
}

#[test]
fn the_server_does_not_see_what_decodes() {
    let scene = Scene::new("native", "paillier_subgroup");
    let owner = Arc::clone(&scene.owner);
    scene.server.answer_with(move |state| {
        let mut rows = state.rows(&owner, &(1..=64).collect::<Vec<_>>());
        let (key, v) = (owner.public_key(), state.vector(owner.public_key(), TARGET));
        // 4^64, above the last digit of a vector.
        let above = Plaintext::from_le_bytes(&[&[0; 16][..], &[1]].concat());
        rows[3].ciphertext = owner.add_plain(&v, &above).unwrap().to_le_bytes(key).unwrap();
        rows
    });
    // The first answer fails. The second query is sent all the same, and then it is over.
    assert_eq!(scene.refused(&["--content"], "cannot be decoded"), SEARCHES);
}

#[test]
fn rows_that_were_never_pushed_are_refused() {
    let scene = Scene::new("native", "paillier_subgroup");
    let answer = |chunks: Vec<u64>| {
        let owner = Arc::clone(&scene.owner);
        scene.server.answer_with(move |state| state.rows(&owner, &chunks));
    };
    let all = || (1..=64u64).collect::<Vec<_>>();
    let first = &SEARCHES[..1];
    answer(all());
    let found = scene.ok(&SEARCH);
    assert_eq!(found["results"].as_array().unwrap().len(), 2);
    scene.server.take_requests();

    for (changed, what) in [
        ([&all()[..63], &[65]].concat(), "1 rows of chunks that were not asked for or never pushed from here"),
        ([&all()[..63], &[1]].concat(), "the answer repeats chunks"),
        (all()[1..63].to_vec(), "the answer lacks 2 of the chunks that were pushed from here, the first is chunk 1"),
        ([&all()[..], &[65]].concat(), "the answer has 65 rows, but only 64 chunks"),
        (Vec::new(), "the answer lacks 64 of the chunks"),
    ] {
        answer(changed);
        assert_eq!(scene.refused(&["--content"], what), first, "{what}");
    }
    // A filter may leave chunks out, and may not add any.
    let filter = ["--filter", r#"{"tag1": "a"}"#];
    answer(vec![7, 9]);
    scene.command(&SEARCH, &filter).success();
    scene.server.take_requests();
    answer(vec![7, 99]);
    assert_eq!(scene.refused(&filter, "never pushed from here"), first);
    // Without the list anything goes, but not twice.
    answer(vec![7, 99]);
    scene.command(&SEARCH, &["--unlisted"]).success().stderr(predicates::str::contains("are not noticed"));
    assert_eq!(scene.after_search(), SEARCHES);
    answer(vec![7, 99, 7]);
    assert_eq!(scene.refused(&["--unlisted"], "the answer repeats chunks"), first);

    // No list, no search, until one is made from what the server has.
    std::fs::remove_file(scene.desk.path("ctx.json.pushed")).unwrap();
    scene.command(&SEARCH, &[]).code(1).stderr(predicates::str::contains("--relist"));
    assert!(!scene.server.take_requests().iter().any(|line| line.contains("compute_hamming")));
    let relist = ["push", "ctx.json", "index.hvx", "--kb", "base", "--relist", "--json", "--server"];
    let report = scene.ok(&relist);
    assert_eq!((&report["listed"], &report["added"], &report["without_id"]), (&64.into(), &64.into(), &0.into()));
    scene.server.state().chunks.pop();
    assert_eq!(scene.ok(&relist)["removed"], 1);
    answer((1..=63).collect());
    assert!(scene.ok(&SEARCH)["results"][0]["neighbours"][0]["id"].is_u64());
}

#[test]
fn contents_stay_with_their_chunks() {
    let scene = Scene::new("native", "paillier_subgroup");
    let owner = Arc::clone(&scene.owner);
    scene.server.answer_with(move |state| state.rows(&owner, &(1..=64).collect::<Vec<_>>()));
    let output = scene.command(&SEARCH, &["--content"]).success().get_output().stdout.clone();
    let found: Value = serde_json::from_slice(&output).unwrap();
    for one in found["results"][0]["neighbours"].as_array().unwrap() {
        assert_eq!(one["content"], format!("note {}", one["id"]));
    }
    {
        let mut state = scene.server.state();
        let contents: Vec<Value> = state.chunks.iter().map(|chunk| chunk["chunk_content"].clone()).collect();
        for (i, chunk) in state.chunks.iter_mut().enumerate() {
            chunk["chunk_content"] = contents[(i + 1) % DIMENSIONS].clone();
            // Renaming the chunks does not help: the list knows better.
            chunk["name"] = ((i + 1) % DIMENSIONS).to_string().into();
        }
    }
    scene.server.take_requests();
    scene.refused(&["--content"], "was not sealed for this chunk");
}

#[test]
fn a_secret_key_sent_as_content_is_not_shown() {
    let scene = Scene::new("xtrace", "paillier");
    let owner = Arc::clone(&scene.owner);
    scene.server.answer_with(move |state| state.rows(&owner, &(1..=64).collect::<Vec<_>>()));
    {
        let mut state = scene.server.state();
        let sealed = state.context["sk"].clone();
        assert!(sealed.is_string());
        for chunk in &mut state.chunks {
            chunk["chunk_content"] = sealed.clone();
        }
    }
    let output = scene.command(&SEARCH, &["--content"]).code(1).get_output().clone();
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(told.contains("reads as a secret key"), "{told}");
    let plain = scene.owner.to_dict_plain().unwrap();
    let secret = plain["sk"].as_str().unwrap().split(|c: char| !c.is_ascii_digit()).filter(|part| part.len() > 20);
    assert!(secret.clone().count() == 2 && secret.clone().all(|number| !told.contains(number)));
}
