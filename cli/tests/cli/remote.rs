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
/// Contexts of both formats, and a scheme for each.
const KINDS: [(&str, &str); 2] = [("native", "paillier_subgroup"), ("xtrace", "paillier")];

/// A desk, and a server that is asked from there by a key.
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

    /// The same where nobody can be asked for a passphrase.
    fn without_passphrase(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env_remove("HUSHVEC_PASSPHRASE").write_stdin("");
        command
    }

    /// What it prints.
    fn text(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).assert().success().get_output().stdout.clone();
        String::from_utf8(output).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// What is found for each query.
    fn found(&self, arguments: &[&str]) -> Vec<Vec<Value>> {
        let found = self.json(&[&["search"], arguments].concat());
        let results = found["results"].as_array().unwrap().iter();
        results.map(|result| result["neighbours"].as_array().unwrap().clone()).collect()
    }

    fn refused(&self, arguments: &[&str], code: i32, what: &str) {
        self.command(arguments).assert().code(code).stderr(contains(what));
    }
}

/// A context, an index of 40 vectors without vector 3, two queries, and a knowledge base with its content and
/// embeddings.
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

/// Numbers from 0 to 1 that look random.
fn chance(mut state: u64) -> impl FnMut() -> f32 {
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f32::from(u16::try_from(state >> 48).unwrap()) / 65536.0
    }
}

/// Real vectors whose signs are the vectors. The rest decides between those that are equally near.
fn reals() -> Vec<Vec<f32>> {
    let mut chance = chance(5);
    let mut real = |component: f32| component.signum() * (0.1 + 0.9 * chance());
    vectors(40).into_iter().map(|row| row.into_iter().map(&mut real).collect()).collect()
}

/// Vectors 7 and 20, but for some bits.
fn queries() -> Vec<Vec<f32>> {
    let all = vectors(40);
    let changed = |(at, component): (usize, &f32)| if at % 9 == 0 { -component } else { *component };
    [7, 20].map(|row: usize| all[row].iter().enumerate().map(changed).collect()).to_vec()
}

/// What chunks have beside vectors, in another order than the index, and with one too many.
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

/// Ids of what was found.
fn ids(found: &[Value]) -> Vec<u64> {
    found.iter().map(|one| one["id"].as_u64().unwrap()).collect()
}
