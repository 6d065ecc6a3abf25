//! `hushvec push`, `search`, `kb` and `key` against a server.

mod administration;
mod others;
mod pushing;
mod reranking;
mod searching;
mod tls;

use crate::process::Server;
use crate::workspace::{Workspace, vectors};
use assert_cmd::Command;
use predicates::str::contains;
use serde_json::{Value, json};

const WORDS: [&str; 5] = ["ant", "bee", "cat", "dog", "eel"];
/// Both formats of contexts, with a scheme for each.
const KINDS: [(&str, &str); 2] = [("native", "paillier_subgroup"), ("xtrace", "paillier")];

/// Runs commands in a workspace, against a server, with an API key.
#[derive(Clone, Copy)]
struct Client<'a> {
    workspace: &'a Workspace,
    url: &'a str,
    key: &'a str,
}

impl Client<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.workspace.command(arguments);
        command.args(["--server", self.url]).env("HUSHVEC_API_KEY", self.key).env_remove("HUSHVEC_ADMIN_KEY");
        command
    }

    /// Like `command`, without a passphrase and without a terminal to ask for one.
    fn without_passphrase(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env_remove("HUSHVEC_PASSPHRASE").write_stdin("");
        command
    }

    /// Returns the standard output.
    fn text(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).assert().success().get_output().stdout.clone();
        String::from_utf8(output).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Returns the neighbours of each query.
    fn found(&self, arguments: &[&str]) -> Vec<Vec<Value>> {
        let found = self.json(&[&["search"], arguments].concat());
        let results = found["results"].as_array().unwrap().iter();
        results.map(|result| result["neighbours"].as_array().unwrap().clone()).collect()
    }

    fn refused(&self, arguments: &[&str], code: i32, what: &str) {
        self.command(arguments).assert().code(code).stderr(contains(what));
    }
}

/// A workspace with a context, an index of 40 vectors without vector 3, and two queries; and a server with the vectors,
/// their content and their embeddings in the knowledge base `notes`.
struct Notes {
    workspace: Workspace,
    server: Server,
    pushed: Value,
}

impl Notes {
    fn new((format, scheme): (&str, &str)) -> Self {
        let workspace = Workspace::new();
        let new = ["context", "new", "-o", "ctx.json", "--embedding-length", "64"];
        workspace.ok(&[&new[..], &["--scheme", scheme, "--format", format]].concat());
        workspace.ok(&["context", "public", "ctx.json", "-o", "public.json"]);
        workspace.floats("vectors.npy", &vectors(40));
        workspace.floats("reals.npy", &reals());
        workspace.floats("query.npy", &queries());
        workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
        workspace.ok(&["index", "delete", "index.hvx", "3"]);
        std::fs::write(workspace.path("chunks.jsonl"), records().join("\n\n")).unwrap();
        let server = Server::start(&workspace.path("data"), &[]);
        let push = ["push", "ctx.json", "index.hvx", "--create-kb", "notes", "--chunks", "chunks.jsonl"];
        let client = Client { workspace: &workspace, url: &server.url, key: &server.key };
        let pushed = client.json(&[&push[..], &["--rerank-with", "reals.npy"]].concat());
        assert_eq!((&pushed["stored"], &pushed["skipped"], &pushed["total"]), (&json!(39), &json!(0), &json!(39)));
        Self { workspace, server, pushed }
    }

    fn client(&self) -> Client<'_> {
        Client { workspace: &self.workspace, url: &self.server.url, key: &self.server.key }
    }

    fn context_id(&self) -> &str {
        self.pushed["context_id"].as_str().unwrap()
    }

    fn kb(&self) -> &str {
        self.pushed["kb_id"].as_str().unwrap()
    }
}

/// Returns a generator of pseudorandom numbers from 0 to 1.
fn chance(mut state: u64) -> impl FnMut() -> f32 {
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f32::from(u16::try_from(state >> 48).unwrap()) / 65536.0
    }
}

/// Returns real vectors whose signs are `vectors(40)`. Their magnitudes rank vectors at the same Hamming distance.
fn reals() -> Vec<Vec<f32>> {
    let mut chance = chance(5);
    let mut real = |component: f32| component.signum() * (0.1 + 0.9 * chance());
    vectors(40).into_iter().map(|row| row.into_iter().map(&mut real).collect()).collect()
}

/// Returns vectors 7 and 20 with some bits flipped.
fn queries() -> Vec<Vec<f32>> {
    let all = vectors(40);
    let changed = |(at, component): (usize, &f32)| if at % 9 == 0 { -component } else { *component };
    [7, 20].map(|row: usize| all[row].iter().enumerate().map(changed).collect()).to_vec()
}

/// Returns content and metadata in the reverse order of the index, with one record that is not in it.
fn records() -> Vec<String> {
    let record = |number: usize| {
        let (content, word) = (content(number), WORDS[number % 5]);
        json!({ "id": number, "vector": [0.5], "content": content, "meta_data": { "tag1": word } }).to_string()
    };
    (0..40).rev().map(record).collect()
}

fn content(number: usize) -> String {
    format!("note {number}\nüber {}", WORDS[number % 5])
}

/// Returns the ids of neighbours.
fn ids(found: &[Value]) -> Vec<u64> {
    found.iter().map(|one| one["id"].as_u64().unwrap()).collect()
}
