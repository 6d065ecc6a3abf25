//! A temporary folder, with helpers to run commands in it and to check their output.

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use predicates::str::contains;
use serde_json::Value;
use std::path::PathBuf;

pub const DIMENSIONS: usize = 64;
pub const PASSPHRASE: &str = "correct horse";

/// A temporary folder.
pub struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Creates a folder with `ctx.json`, `public.json` and `vectors.npy`, which has 40 float vectors.
    pub fn with_context(scheme: &str) -> Self {
        let workspace = Self::new();
        workspace.ok(&["context", "new", "-o", "ctx.json", "--scheme", scheme, "--embedding-length", "64"]);
        workspace.ok(&["context", "public", "ctx.json", "-o", "public.json"]);
        workspace.floats("vectors.npy", &vectors(40));
        workspace
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("hushvec"));
        command.current_dir(self.folder.path()).env("HUSHVEC_PASSPHRASE", PASSPHRASE).args(arguments);
        command
    }

    pub fn ok(&self, arguments: &[&str]) -> Assert {
        self.command(arguments).assert().success()
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.ok(arguments).get_output().stdout.clone();
        serde_json::from_slice(&output).unwrap()
    }

    pub fn refused(&self, arguments: &[&str], code: i32, what: &str) {
        self.command(arguments).assert().code(code).stderr(contains("error: ")).stderr(contains(what));
    }

    pub fn npy(&self, name: &str, descr: &str, shape: &str, data: &[u8]) {
        let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        let bytes = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat();
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub fn floats(&self, name: &str, rows: &[Vec<f32>]) {
        let data: Vec<u8> = rows.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
        self.npy(name, "<f4", &format!("({}, {})", rows.len(), rows.first().map_or(DIMENSIONS, Vec::len)), &data);
    }
}

pub fn vectors(count: usize) -> Vec<Vec<f32>> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if state >> 63 == 1 { 0.5 } else { -0.5 }
    };
    (0..count).map(|_| (0..DIMENSIONS).map(|_| next()).collect()).collect()
}

pub fn distance(a: &[f32], b: &[f32]) -> u64 {
    a.iter().zip(b).filter(|(a, b)| (**a > 0.) != (**b > 0.)).count() as u64
}

/// Returns the expected output of `decode --json` and `query --json`.
pub fn expected(stored: &[Vec<f32>], queries: &[Vec<f32>], k: usize, id: impl Fn(u64) -> u64) -> Value {
    let results = queries.iter().enumerate().map(|(query, vector)| {
        let mut all: Vec<(u64, u64)> = (0..).zip(stored).map(|(i, other)| (distance(vector, other), id(i))).collect();
        all.sort_unstable();
        let neighbours: Vec<Value> =
            all.iter().take(k).map(|(distance, id)| serde_json::json!({"id": id, "distance": distance})).collect();
        serde_json::json!({"query": query, "neighbours": neighbours})
    });
    let device = serde_json::json!({"asked": "auto", "used": "cpu", "software": false, "batches_on_cpu": 0});
    serde_json::json!({"results": results.collect::<Vec<_>>(), "device": device})
}

/// Returns the neighbours of vector 0 among `rows`, with the ids `id(row)`.
pub fn among(rows: &[usize], id: impl Fn(usize) -> Value) -> Value {
    let all = vectors(40);
    let mut found: Vec<(u64, usize)> = rows.iter().map(|row| (distance(&all[0], &all[*row]), *row)).collect();
    found.sort_by_key(|(distance, row)| (*distance, id(*row).as_u64(), id(*row).as_str().map(str::to_owned)));
    found.into_iter().map(|(distance, row)| serde_json::json!({"id": id(row), "distance": distance})).collect()
}

/// Returns the neighbours of vector 0 by `query --json`, after a check that `aggregate` and `decode` find the same.
pub fn nearest(workspace: &Workspace, index: &str) -> Value {
    workspace.floats("query.npy", &vectors(1));
    let queried = workspace.json(&["query", "ctx.json", index, "query.npy", "-k", "100", "--json"]);
    workspace.ok(&["encrypt-query", "ctx.json", "query.npy", "-o", "query.hvq", "--force"]);
    workspace.ok(&["aggregate", "public.json", index, "query.hvq", "-o", "response.hvr", "--force"]);
    assert_eq!(
        queried,
        workspace.json(&["decode", "ctx.json", "response.hvr", "--query", "query.hvq", "-k", "100", "--json"])
    );
    queried["results"][0]["neighbours"].clone()
}

/// Returns the path of a file in tests/data/xtrace, written by XTrace's SDK with the passphrase `test`.
pub fn sdk_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/xtrace").join(name)
}
