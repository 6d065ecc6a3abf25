//! The commands with contexts of packed search.

use crate::workspace::{DIMENSIONS, Workspace, distance, vectors};
use predicates::str::contains;
use serde_json::Value;

/// A workspace with a context for each metric, their public contexts, `vectors.npy` with 5,000 float vectors and
/// `query.npy` with the first three.
fn setup() -> Workspace {
    let workspace = Workspace::new();
    for (name, metric) in [("bits", "hamming"), ("real", "inner_product")] {
        let context = format!("{name}.json");
        let new =
            ["context", "new", "-o", &context, "--scheme", "packed", "--metric", metric, "--embedding-length", "64"];
        workspace.ok(&new);
        workspace.ok(&["context", "public", &context, "-o", &format!("{name}-public.json")]);
    }
    workspace.floats("vectors.npy", &vectors(5000));
    workspace.floats("query.npy", &vectors(3));
    workspace
}

/// Checks the answers to the three queries over these rows, whose ids are `id(row)`.
fn check(answers: &Value, rows: &[Vec<f32>], id: impl Fn(usize) -> u64) {
    for (query, vector) in vectors(3).iter().enumerate() {
        let mut expected: Vec<(u64, u64)> =
            rows.iter().enumerate().map(|(row, other)| (distance(vector, other), id(row))).collect();
        expected.sort_unstable();
        let found = answers["results"][query]["neighbours"].as_array().unwrap();
        let found: Vec<(u64, u64)> = found
            .iter()
            .map(|neighbour| (neighbour["distance"].as_u64().unwrap(), neighbour["id"].as_u64().unwrap()))
            .collect();
        assert_eq!(found, expected[..found.len()], "query {query}");
        assert!(!found.is_empty());
    }
}

#[test]
fn distances_are_found_with_and_without_an_evaluator() {
    let workspace = setup();
    let report = workspace.json(&["encrypt", "bits.json", "vectors.npy", "-o", "i.hvx", "--json"]);
    assert_eq!((&report["encrypted"], &report["total"]), (&5000.into(), &5000.into()));
    assert!(report.get("cosine_error").is_none());
    check(&workspace.json(&["query", "bits.json", "i.hvx", "query.npy", "-k", "50", "--json"]), &vectors(5000), |i| {
        i as u64
    });
    workspace.ok(&["encrypt-query", "bits.json", "query.npy", "-o", "q.hvq"]);
    let report = workspace.json(&["aggregate", "bits-public.json", "i.hvx", "q.hvq", "-o", "r.hvr", "--json"]);
    assert_eq!((&report["queries"], &report["vectors"]), (&3.into(), &5000.into()));
    let decode = ["decode", "bits.json", "r.hvr", "--query", "q.hvq", "-k", "5000", "--json"];
    check(&workspace.json(&decode), &vectors(5000), |i| i as u64);
    workspace.ok(&["index", "verify", "bits-public.json", "i.hvx"]).stdout(contains("5000 vectors verified"));
    // Another query of the same key.
    workspace.ok(&["encrypt-query", "bits.json", "query.npy", "-o", "other.hvq"]);
    workspace.refused(&["decode", "bits.json", "r.hvr", "--query", "other.hvq"], 1, "another query");
    let refused = workspace.command(&["decode", "real.json", "r.hvr"]).assert().failure();
    refused.stderr(contains("belongs to the key"));
    workspace.refused(&["aggregate", "bits.json", "i.hvx", "q.hvq", "-o", "x.hvr"], 2, "is an owner's context");
    workspace.refused(&["aggregate", "real-public.json", "i.hvx", "q.hvq", "-o", "x.hvr"], 1, "belongs to the key");
}

#[test]
fn cosines_have_the_stated_error() {
    let workspace = setup();
    let report = workspace.json(&["encrypt", "real.json", "vectors.npy", "-o", "i.hvx", "--json"]);
    let error = report["cosine_error"].as_f64().unwrap();
    assert!((0.006..0.007).contains(&error), "{error}");
    let query = ["query", "real.json", "i.hvx", "query.npy", "-k", "5000", "--json"];
    let answers = workspace.json(&query);
    assert_eq!(answers["cosine_error"].as_f64().unwrap(), error);
    let rows = vectors(5000);
    for (query, vector) in vectors(3).iter().enumerate() {
        let neighbours = answers["results"][query]["neighbours"].as_array().unwrap();
        assert_eq!(neighbours[0]["id"], query);
        for neighbour in neighbours {
            let row = usize::try_from(neighbour["id"].as_u64().unwrap()).unwrap();
            // All components are ±½, so a cosine follows from a distance, and rounding adds no error.
            let cosine = 1.0 - 2.0 * distance(vector, &rows[row]) as f64 / DIMENSIONS as f64;
            assert!((neighbour["cosine"].as_f64().unwrap() - cosine).abs() < 0.005, "{neighbour}, expected {cosine}");
            assert!(neighbour.get("distance").is_none());
        }
    }
    workspace.ok(&query[..6]).stdout(contains("cosine")).stderr(contains("standard error of 0.006"));
    // Bits are no real vectors.
    workspace.npy("bits.npy", "|u1", "(2, 64)", &[0; 128]);
    workspace.refused(&["encrypt", "real.json", "bits.npy", "-o", "x.hvx"], 1, "expected floating-point numbers");
    workspace.refused(&["encrypt", "real.json", "vectors.npy", "-o", "x.hvx", "--project"], 2, "--project is for bits");
    workspace.floats("short.npy", &[vec![0.5; 60]]);
    let short = workspace.command(&["encrypt", "real.json", "short.npy", "-o", "x.hvx"]).assert().failure();
    short.stderr(contains("60 dimensions per vector, the context needs 64\n"));
    assert!(!workspace.path("x.hvx").exists());
}

#[test]
fn an_index_grows_shrinks_and_is_compacted() {
    let workspace = setup();
    let rows = vectors(5000);
    workspace.floats("first.npy", &rows[..100]);
    workspace.floats("rest.npy", &rows[100..]);
    workspace.ok(&["encrypt", "bits.json", "first.npy", "-o", "i.hvx"]);
    assert_eq!(workspace.json(&["index", "info", "i.hvx", "--json"])["tail"], 100);
    workspace.ok(&["encrypt", "bits.json", "rest.npy", "-o", "i.hvx", "--append"]);
    let info = workspace.json(&["index", "info", "i.hvx", "--json", "--verify"]);
    assert_eq!((&info["vectors"], &info["tail"], &info["metric"]), (&5000.into(), &904.into(), &"hamming".into()));
    let report = workspace.json(&["index", "delete", "i.hvx", "0", "4999", "50", "--json"]);
    assert_eq!((&report["deleted"], &report["left"]), (&3.into(), &4997.into()));
    workspace.refused(&["index", "delete", "i.hvx", "0"], 1, "no vector has the id 0");
    let left: Vec<usize> = (0..5000).filter(|row| ![0, 50, 4999].contains(row)).collect();
    let kept: Vec<Vec<f32>> = left.iter().map(|row| rows[*row].clone()).collect();
    let query = ["query", "bits.json", "i.hvx", "query.npy", "-k", "4997", "--json"];
    check(&workspace.json(&query), &kept, |row| left[row] as u64);
    workspace.refused(&["index", "compact", "i.hvx"], 2, "give --context");
    workspace.refused(&["index", "compact", "i.hvx", "--context", "bits-public.json"], 2, "is a public context");
    workspace.refused(&["index", "compact", "i.hvx", "--context", "real.json"], 1, "belongs to the key");
    let report = workspace.json(&["index", "compact", "i.hvx", "--context", "bits.json", "--json"]);
    assert_eq!((&report["vectors"], &report["removed"]), (&4997.into(), &3.into()));
    check(&workspace.json(&query), &kept, |row| left[row] as u64);
}

#[test]
fn shards_are_resumed_and_merged() {
    let workspace = setup();
    for shard in ["0/2", "1/2"] {
        let output = format!("{}.hvx", &shard[..1]);
        workspace.ok(&["encrypt", "bits.json", "vectors.npy", "-o", &output, "--shard", shard]);
    }
    workspace.ok(&["index", "merge", "1.hvx", "0.hvx", "-o", "all.hvx"]);
    let query = ["query", "bits.json", "all.hvx", "query.npy", "-k", "99", "--json"];
    check(&workspace.json(&query), &vectors(5000), |row| row as u64);
    workspace.ok(&["encrypt", "real.json", "vectors.npy", "-o", "real.hvx"]);
    workspace.refused(&["index", "merge", "all.hvx", "real.hvx", "-o", "x.hvx"], 1, "belongs to the key");

    // An interrupted run: the last block is cut.
    workspace.ok(&["encrypt", "bits.json", "vectors.npy", "-o", "i.hvx"]);
    let bytes = std::fs::read(workspace.path("i.hvx")).unwrap();
    std::fs::write(workspace.path("i.hvx"), &bytes[..bytes.len() - 1000]).unwrap();
    let report = workspace.json(&["encrypt", "bits.json", "vectors.npy", "-o", "i.hvx", "--resume", "--json"]);
    assert_eq!((&report["encrypted"], &report["skipped"], &report["total"]), (&904.into(), &4096.into(), &5000.into()));
    check(&workspace.json(&["query", "bits.json", "i.hvx", "query.npy", "--json"]), &vectors(5000), |row| row as u64);
    let report = workspace.json(&["encrypt", "bits.json", "vectors.npy", "-o", "i.hvx", "--resume", "--json"]);
    assert_eq!((&report["encrypted"], &report["skipped"]), (&0.into(), &5000.into()));
    let mut other = vectors(5000);
    other[4999][7] *= -1.0;
    workspace.floats("other.npy", &other);
    let resume = ["encrypt", "bits.json", "other.npy", "-o", "i.hvx", "--resume"];
    workspace.refused(&resume, 2, "row 4999 of the input differs");
}

#[test]
fn indexes_move_to_packed_keys() {
    let workspace = setup();
    let paillier = ["context", "new", "-o", "old.json", "--scheme", "paillier_subgroup", "--embedding-length", "64"];
    workspace.ok(&paillier);
    workspace.floats("some.npy", &vectors(40));
    workspace.ok(&["encrypt", "old.json", "some.npy", "-o", "old.hvx"]);
    let rekey = |from: &'static str, to: &'static str, index: &'static str, output: &'static str| {
        let mut command = workspace.command(&["rekey", from, to, index, "-o", output]);
        command.env("HUSHVEC_NEW_PASSPHRASE", crate::workspace::PASSPHRASE);
        command
    };
    rekey("old.json", "bits.json", "old.hvx", "i.hvx").assert().success().stderr(contains("re-encrypted 40 vectors"));
    let query = ["query", "bits.json", "i.hvx", "query.npy", "-k", "40", "--json"];
    check(&workspace.json(&query), &vectors(40), |row| row as u64);
    let other =
        ["context", "new", "-o", "new.json", "--scheme", "packed", "--metric", "hamming", "--embedding-length", "64"];
    workspace.ok(&other);
    rekey("bits.json", "new.json", "i.hvx", "j.hvx").assert().success();
    let query = ["query", "new.json", "j.hvx", "query.npy", "-k", "40", "--json"];
    check(&workspace.json(&query), &vectors(40), |row| row as u64);
    for (from, to, index, what) in [
        ("old.json", "real.json", "old.hvx", "metric hamming"),
        ("bits.json", "real.json", "i.hvx", "different metrics"),
        ("bits.json", "bits.json", "i.hvx", "have the same key"),
        ("bits.json", "old.json", "i.hvx", "not back"),
        ("old.json", "bits.json", "i.hvx", "the index is one of packed search"),
        ("bits.json", "new.json", "old.hvx", "the index is one of Paillier"),
        ("new.json", "bits.json", "i.hvx", "belongs to the key"),
    ] {
        rekey(from, to, index, "x.hvx").assert().failure().stderr(contains(what));
        assert!(!workspace.path("x.hvx").exists(), "{what}");
    }
}

#[test]
fn contexts_are_described_audited_and_compared() {
    let workspace = setup();
    let shown = workspace.json(&["context", "show", "real.json", "--verify", "--json"]);
    assert_eq!((&shown["scheme"], &shown["bits"], &shown["verified"]), (&"packed".into(), &4.into(), &true.into()));
    assert_eq!(workspace.json(&["context", "show", "bits-public.json", "--json"])["format"], "public");
    let audit = workspace.json(&["context", "audit", "bits.json", "--json"]);
    assert_eq!((&audit["verdict"], &audit["strength_bits"]), (&"note".into(), &128.into()));
    workspace.ok(&["context", "audit", "real-public.json"]).stdout(contains("ring learning with errors"));
    workspace.ok(&["context", "compare", "bits.json", "bits-public.json"]).stdout(contains("the same key"));
    workspace.command(&["context", "compare", "bits.json", "real.json"]).assert().code(1).stdout(contains("metric"));
    let mut change = workspace.command(&["context", "passphrase", "bits.json"]);
    change.env("HUSHVEC_NEW_PASSPHRASE", "new horse").assert().success();
    workspace.refused(&["context", "show", "bits.json", "--verify"], 1, "wrong passphrase");
    let id = shown["public_id"].as_str().unwrap();
    workspace.ok(&["context", "public", "real.json", "-o", "again.json", "--expect-id", id]);
    let same =
        [workspace.path("real-public.json"), workspace.path("again.json")].map(|path| std::fs::read(path).unwrap());
    assert!(same[0] == same[1]);
    let other = "0".repeat(64);
    workspace.refused(&["context", "show", "real.json", "--expect-id", &other], 1, "expected");
}

#[test]
fn unsuitable_arguments_are_refused() {
    let workspace = setup();
    let new = ["context", "new", "-o", "x.json", "--scheme", "packed"];
    for (more, what) in [
        (&["--key-len", "2048"][..], "--key-len and --alpha-len are for Paillier"),
        (&["--format", "xtrace"], "XTrace's SDK does not support packed search"),
        (&["--bits", "6"], "4, 5 or 8"),
        (&["--metric", "hamming", "--bits", "4"], "--bits is for"),
        (&["--secrets-on-cpu"], "always on the CPU"),
    ] {
        workspace.refused(&[&new[..], more].concat(), 2, what);
    }
    for dimensions in ["63", "2049"] {
        workspace.refused(&[&new[..], &["--embedding-length", dimensions]].concat(), 2, "from 64 to 2048 dimensions");
    }
    workspace.refused(&["context", "new", "-o", "x.json", "--metric", "hamming"], 2, "for --scheme packed");
    workspace.refused(
        &["context", "export", "bits.json", "-o", "x.json", "--format", "xtrace"],
        2,
        "native format only",
    );
    workspace.refused(&["encrypt", "bits-public.json", "vectors.npy", "-o", "x.hvx"], 2, "is a public context");
    workspace.ok(&["encrypt", "bits.json", "query.npy", "-o", "i.hvx"]);
    workspace.refused(&["index", "export", "bits.json", "i.hvx", "-o", "x.npy"], 1, "has the scheme packed");
    workspace.refused(&["index", "verify", "bits-public.json", "i.hvx", "--deep"], 2, "--deep is for");
    workspace.floats("many.npy", &vectors(65));
    workspace.refused(&["encrypt-query", "bits.json", "many.npy", "-o", "x.hvq"], 2, "at most 64");
    let plan = workspace.json(&["encrypt", "real.json", "vectors.npy", "-o", "x.hvx", "--dry-run", "--json"]);
    assert_eq!((&plan["vectors"], &plan["scheme"]), (&5000.into(), &"packed".into()));
    assert!(!workspace.path("x.hvx").exists() && !workspace.path("x.json").exists());
}
