//! Several files as one input, and standard input.

use super::lines;
use crate::tables::{self, Column};
use crate::workspace::{Workspace, among, nearest, vectors};
use predicates::str::contains;
use serde_json::{Value, json};

#[test]
fn several_files_are_one_input() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let rows = vectors(40);
    workspace.floats("part-1.npy", &rows[..10]);
    tables::parquet(&workspace.path("part-2.parquet"), &tables::batches(Column::Floats, &rows[10..25]));
    std::fs::write(workspace.path("part-3.jsonl"), lines(&rows[25..], |_, row| json!({"vector": row}))).unwrap();
    let all: Vec<usize> = (0..40).collect();
    let files = ["part-1.npy", "part-2.parquet", "part-3.jsonl"];
    workspace.ok(&[&["encrypt", "ctx.json", "-o", "named.hvx"], &files[..]].concat());
    assert_eq!(nearest(&workspace, "named.hvx"), among(&all, Value::from));
    workspace.ok(&["encrypt", "ctx.json", "part-*", "-o", "pattern.hvx"]);
    assert_eq!(nearest(&workspace, "pattern.hvx"), among(&all, Value::from));
    workspace.refused(&["encrypt", "ctx.json", "prat-*.npy", "-o", "x.hvx"], 1, "no file matches prat-*.npy");
    for shard in 0..3 {
        let output = format!("s{shard}.hvx");
        workspace.ok(&["encrypt", "public.json", "part-*", "-o", &output, "--shard", &format!("{shard}/3")]);
    }
    workspace.ok(&["index", "merge", "s0.hvx", "s1.hvx", "s2.hvx", "-o", "merged.hvx"]);
    assert_eq!(nearest(&workspace, "merged.hvx"), among(&all, Value::from));

    // The rows before a bad row are kept, in the same file too.
    let broken = lines(&rows[25..], |row, vector| json!({"vector": if row == 7 { &vector[1..] } else { vector }}));
    std::fs::write(workspace.path("part-3.jsonl"), broken).unwrap();
    let encrypt = ["encrypt", "ctx.json", "part-*", "-o", "r.hvx", "--resume"];
    workspace.refused(&encrypt, 1, "part-3.jsonl: line 8 has 63 dimensions, the context needs 64");
    assert_eq!(workspace.json(&["index", "info", "r.hvx", "--json"])["vectors"], 32);
    std::fs::write(workspace.path("part-3.jsonl"), lines(&rows[25..], |_, row| json!({"vector": row}))).unwrap();
    let resumed = workspace.json(&[&encrypt[..], &["--json"]].concat());
    assert_eq!((&resumed["skipped"], &resumed["encrypted"]), (&json!(32), &json!(8)));
    assert_eq!(nearest(&workspace, "r.hvx"), among(&all, Value::from));

    workspace.floats("part-4.npy", &[vec![1.0; 63]]);
    workspace.refused(&["encrypt", "ctx.json", "part-*", "-o", "x.hvx"], 1, "part-4.npy: has 63 dimensions per vector");
    assert!(!workspace.path("x.hvx").exists());
}

#[test]
fn standard_input() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let rows = vectors(40);
    let all: Vec<usize> = (0..40).collect();
    let records = lines(&rows, |row, vector| json!({"id": row + 1, "vector": vector}));
    let feed = |arguments: &[&str], bytes: &[u8]| workspace.command(arguments).write_stdin(bytes).assert();
    feed(&["encrypt", "ctx.json", "-", "-o", "j.hvx"], records.as_bytes()).success().stderr(contains("encrypted 40"));
    assert_eq!(nearest(&workspace, "j.hvx"), among(&all, |row| (row + 1).into()));
    tables::arrow_stream(&workspace.path("v.arrows"), &tables::batches(Column::Floats, &rows));
    let stream = std::fs::read(workspace.path("v.arrows")).unwrap();
    feed(&["encrypt", "ctx.json", "-", "-o", "a.hvx"], &stream).success();
    assert_eq!(nearest(&workspace, "a.hvx"), among(&all, Value::from));
    let array = std::fs::read(workspace.path("vectors.npy")).unwrap();
    feed(&["encrypt", "ctx.json", "-", "-o", "n.hvx"], &array).success();
    assert_eq!(nearest(&workspace, "n.hvx"), among(&all, Value::from));

    // Truncate the input within a record, then resume.
    let resume = ["encrypt", "ctx.json", "-", "-o", "r.hvx", "--resume"];
    feed(&resume, &records.as_bytes()[..records.len() / 2]).code(1).stderr(contains("standard input: line 2"));
    feed(&resume, records.as_bytes()).success().stderr(contains("r.hvx has 40"));
    assert_eq!(nearest(&workspace, "r.hvx"), among(&all, |row| (row + 1).into()));
    feed(&resume, &records.as_bytes()[..records.find('\n').unwrap() + 1])
        .code(2)
        .stderr(contains("it has 40 vectors, the input has 1"));

    let refused = |arguments: &[&str], bytes: &[u8], code: i32, what: &str| {
        feed(arguments, bytes).code(code).stderr(contains(what));
    };
    let shard = ["encrypt", "public.json", "-", "-o", "x.hvx", "--shard", "0/2"];
    refused(&shard, records.as_bytes(), 2, "--shard needs uncompressed input files");
    refused(&["encrypt", "public.json", "-", "vectors.npy", "-o", "x.hvx"], b"", 2, "cannot be combined with files");
    refused(&["encrypt", "public.json", "-", "-o", "x.hvx"], b"", 1, "standard input: is empty");
    refused(&["encrypt", "public.json", "-", "-o", "x.hvx"], b"a,b\n1,2\n", 1, "its first bytes are not those of .npy");
    tables::parquet(&workspace.path("v.parquet"), &tables::batches(Column::Floats, &rows));
    let table = std::fs::read(workspace.path("v.parquet")).unwrap();
    refused(&["encrypt", "public.json", "-", "-o", "x.hvx"], &table, 1, "must be read from an uncompressed file");
    tables::arrow_file(&workspace.path("v.arrow"), &tables::batches(Column::Floats, &rows));
    let table = std::fs::read(workspace.path("v.arrow")).unwrap();
    refused(&["encrypt", "public.json", "-", "-o", "x.hvx"], &table, 1, "an Arrow stream can be piped");
    assert!(!workspace.path("x.hvx").exists());
}
