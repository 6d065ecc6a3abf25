//! `hushvec encrypt --dry-run`.

use crate::inputs::lines;
use crate::workspace::{Workspace, nearest, vectors};
use predicates::str::contains;
use serde_json::{Value, json};

/// The estimated sizes are exact here. Nothing is written, and no passphrase is asked for.
#[test]
fn dry_runs() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let plan = |arguments: &[&str]| {
        let arguments = [&["encrypt"], arguments, &["-o", "i.hvx", "--dry-run", "--json"]].concat();
        let output = workspace.command(&arguments).env_remove("HUSHVEC_PASSPHRASE").assert().success();
        assert!(!workspace.path("i.hvx").exists());
        serde_json::from_slice::<Value>(&output.get_output().stdout).unwrap()
    };
    let forecast = plan(&["ctx.json", "vectors.npy"]);
    assert_eq!((&forecast["vectors"], &forecast["dimensions"]), (&json!(40), &json!(64)));
    assert!(forecast["encrypt"]["seconds"].as_f64().unwrap() > 0.0);
    assert!(forecast["decode"]["per_second"].as_f64().unwrap() > 0.0);
    let public = plan(&["public.json", "vectors.npy", "vectors.npy"]);
    assert_eq!((&public["vectors"], &public["decode"]), (&json!(80), &Value::Null));
    assert_eq!(plan(&["public.json", "vectors.npy", "--shard", "2/3"])["vectors"], 14);

    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "real.hvx"]);
    nearest(&workspace, "real.hvx");
    let size = |name: &str| json!(workspace.path(name).metadata().unwrap().len());
    assert_eq!(forecast["index_bytes"], size("real.hvx"));
    assert_eq!(forecast["query_bytes"], size("query.hvq"));
    assert_eq!(forecast["response_bytes"], size("response.hvr"));

    let records = lines(&vectors(3), |_, row| json!({"vector": row}));
    let piped = ["encrypt", "public.json", "-", "-o", "i.hvx", "--dry-run"];
    workspace.command(&piped).write_stdin(records).assert().success().stdout(contains("3 of 64 dimensions"));
    workspace.refused(&["encrypt", "ctx.json", "vectors.npy", "-o", "real.hvx", "--dry-run"], 2, "real.hvx exists");
}
