//! `push --rerank-with` and `search --oversample`: candidates are ranked by the embeddings in the file.

use super::{Client, KINDS, Notes, chance, content, ids, queries, reals};
use crate::process::Server;
use crate::workspace::{Workspace, vectors};
use predicates::str::{contains, is_match};
use serde_json::{Value, json};

/// Returns embeddings of 48 dimensions at growing angles to the first one.
fn embeddings() -> Vec<Vec<f32>> {
    let component = |row: u8, at: u8| if at < row { -1.0 } else { 1.0 + f32::from(at) / 64.0 };
    (0..40).map(|row| (0..48).map(|at| component(row, at)).collect()).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn projected_vectors_are_ranked_by_their_floats() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let rows = embeddings();
    workspace.floats("vectors.npy", &rows);
    workspace.floats("query.npy", &rows[..1]);
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx", "--project"]);
    let server = Server::start(&workspace.path("data"), &[]);
    let there = Client { workspace: &workspace, url: &server.url, key: &server.key };
    let command = |arguments: &[&str]| there.command(arguments).assert();
    let push = ["push", "ctx.json", "index.hvx", "--create-kb", "notes", "--rerank-with", "vectors.npy"];
    let refused = command(&push).code(1);
    let stderr = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(stderr.contains("has 48 dimensions per vector, the context needs 64; give --project to turn"), "{stderr}");
    let pushed = command(&[&push[..], &["--project", "--rerank-as", "float16"]].concat()).success();
    let stderr = String::from_utf8_lossy(&pushed.get_output().stderr).into_owned();
    assert!(stderr.contains("stored 40 new vectors in notes at") && !stderr.contains("warning"), "{stderr}");

    let search =
        ["search", "ctx.json", "query.npy", "--kb", "notes", "-k", "5", "--oversample", "8", "--json", "--project"];
    let output = command(&search).success().get_output().stdout.clone();
    let found: Value = serde_json::from_slice(&output).unwrap();
    for (row, hit) in found["results"][0]["neighbours"].as_array().unwrap().iter().enumerate() {
        assert_eq!(hit["id"], row, "{found}");
        assert!((hit["cosine"].as_f64().unwrap() - cosine(&rows[0], &rows[row])).abs() < 1e-3, "{found}");
    }
    assert_eq!(found["results"][0]["neighbours"].as_array().unwrap().len(), 5);
}

/// Embeddings have as many dimensions as bits here, so only the bits reveal whether vectors were projected.
#[test]
fn a_missing_project_flag_is_detected() {
    let workspace = Workspace::with_context("paillier_subgroup");
    workspace.floats("vectors.npy", &vectors(40));
    let server = Server::start(&workspace.path("data"), &[]);
    let there = Client { workspace: &workspace, url: &server.url, key: &server.key };
    for (name, encrypted, pushed, what) in [
        ("same.hvx", &[][..], &[][..], None),
        ("both.hvx", &["--project"], &["--project"], None),
        (
            "first.hvx",
            &["--project"],
            &[],
            Some("if the vectors were encrypted with --project, push them the same way"),
        ),
        (
            "second.hvx",
            &[],
            &["--project"],
            Some("if the vectors were encrypted without --project, push them the same way"),
        ),
    ] {
        workspace.ok(&[&["encrypt", "ctx.json", "vectors.npy", "-o", name], encrypted].concat());
        let push = ["push", "ctx.json", name, "--create-kb", name, "--rerank-with", "vectors.npy"];
        let output = there.command(&[&push[..], pushed].concat()).assert().success();
        let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        match what {
            Some(what) => assert!(stderr.contains(what), "{name}: {stderr}"),
            None => assert!(!stderr.contains("warning"), "{name}: {stderr}"),
        }
    }
}

#[test]
fn candidates_are_ranked_by_cosine() {
    let notes = Notes::new(KINDS[0]);
    let (reals, mut chance) = (reals(), chance(6));
    let mut near = |row: usize| reals[row].iter().map(|x| x + chance() - 0.5).collect::<Vec<_>>();
    let queries_near = [near(7), near(20)];
    notes.workspace.floats("real.npy", &queries_near);
    let search = ["ctx.json", "real.npy", "--kb", "notes"];
    let found = notes.client().found(&[&search[..], &["-k", "5", "--oversample", "8"]].concat());
    for (query, found) in queries_near.iter().zip(&found) {
        let mut all: Vec<(f64, u64)> =
            (0..).zip(&reals).filter(|(id, _)| *id != 3).map(|(id, real)| (cosine(query, real), id)).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        assert_eq!(ids(found), all[..5].iter().map(|(_, id)| *id).collect::<Vec<_>>());
        for (one, (cosine, _)) in found.iter().zip(&all) {
            assert!((one["cosine"].as_f64().unwrap() - cosine).abs() < 0.01, "{one}: {cosine}");
            assert!(one.get("content").is_none() && one.get("name").is_none(), "{one}");
        }
    }
    // The best candidate with its content; also without a list, by the names on the server.
    for more in [&[][..], &["--unlisted"]] {
        let best = ["-k", "1", "--oversample", "3", "--content"];
        let found = notes.client().found(&[&search[..], &best, more].concat());
        assert_eq!([&found[0][0]["content"], &found[1][0]["content"]], [&content(7), &content(20)], "{more:?}");
    }
    let table = ["search", "ctx.json", "real.npy", "--kb", "notes", "-k", "2", "--oversample", "3"];
    let row = r"rank +chunk +distance +cosine +id\n +1 +7 +\d+ +0\.\d{4}  7\n";
    notes.client().command(&table).assert().success().stdout(is_match(row).unwrap());
    bits(&notes.workspace, "bits.npy", &queries());
    let search = ["search", "ctx.json", "bits.npy", "--kb", "notes", "--oversample", "3"];
    notes.client().refused(&search, 1, "has bits or integers");
}

/// Writes a file of the signs of vectors.
fn bits(workspace: &Workspace, name: &str, rows: &[Vec<f32>]) {
    let bits: Vec<u8> = rows.iter().flatten().map(|component| u8::from(*component > 0.0)).collect();
    workspace.npy(name, "|u1", &format!("({}, {})", rows.len(), rows[0].len()), &bits);
}

#[test]
fn embeddings_must_fit_the_index() {
    let notes = Notes::new(KINDS[0]);
    let (workspace, mut rows) = (&notes.workspace, reals());
    let push = |file, what| {
        let push = ["push", "ctx.json", "index.hvx", "--kb", "notes", "--rerank-with", file];
        notes.client().refused(&push, if file == "-" { 2 } else { 1 }, what);
    };
    workspace.floats("few.npy", &rows[..30]);
    push("few.npy", "has 30 rows, but none for the id 30 and 9 others of the index, which has 39 vectors");
    bits(workspace, "bits.npy", &rows);
    push("bits.npy", "row 0 has bits or integers, expected floating-point numbers or int8");
    workspace.floats("wide.npy", &rows.iter().map(|row| row.repeat(2)).collect::<Vec<_>>());
    push("wide.npy", "has 128 dimensions per vector");
    rows[4].fill(f32::NAN);
    workspace.floats("nan.npy", &rows);
    push("nan.npy", "row 4, column 0 is not a number");
    push("-", "cannot be standard input");
}

#[test]
fn embeddings_belong_to_vectors_by_their_ids() {
    let notes = Notes::new(KINDS[0]);
    let mut rows = reals();
    notes.workspace.floats("same.npy", &rows[9..10]);
    let lines = rows.iter().enumerate().map(|(id, row)| json!({ "id": id, "vector": row }).to_string());
    let lines: Vec<String> = lines.rev().collect();
    std::fs::write(notes.workspace.path("reals.jsonl"), lines.join("\n")).unwrap();
    rows.reverse();
    notes.workspace.floats("other.npy", &rows);
    let push = |file, more: &[&str]| {
        let push = ["push", "ctx.json", "index.hvx", "--kb", "notes", "--rerank-with", file];
        notes.client().command(&[&push[..], more].concat()).assert().success()
    };
    push("other.npy", &[]).stderr(contains("if its rows are in a different order"));
    let search = ["ctx.json", "same.npy", "--kb", "notes", "-k", "2", "--oversample", "20"];
    assert_ne!(ids(&notes.client().found(&search)[0])[0], 9);
    // float16 is more precise than int8.
    push("reals.jsonl", &["--rerank-as", "float16"]);
    let found = notes.client().found(&search).remove(0);
    assert!(found[0]["id"] == 9 && found[0]["cosine"].as_f64().unwrap() > 0.99999, "{found:?}");
}
