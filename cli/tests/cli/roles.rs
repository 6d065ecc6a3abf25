//! Owner, evaluator, owner: all roles on the CPU and on a GPU, and files that a role refuses.

use crate::workspace::{Workspace, expected, vectors};
use predicates::str::contains;
use serde_json::Value;
use std::io::Write;

#[test]
fn all_roles_work_together() {
    for scheme in ["paillier", "paillier_subgroup", "paillier_lookup"] {
        let workspace = Workspace::with_context(scheme);
        let stored = vectors(40);
        let queries = [stored[7].clone(), vectors(50)[49].clone()];
        workspace.floats("queries.npy", &queries);
        workspace
            .ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"])
            .stderr(contains("encrypted 40 vectors"));
        workspace.ok(&["encrypt-query", "ctx.json", "queries.npy", "-o", "query.hvq"]).stderr(contains("2 queries"));
        workspace
            .command(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"])
            .env_remove("HUSHVEC_PASSPHRASE")
            .assert()
            .success();
        let want = expected(&stored, &queries, 5, |i| i);
        assert_eq!(workspace.json(&["decode", "ctx.json", "response.hvr", "-k", "5", "--json"]), want, "{scheme}");
        assert_eq!(workspace.json(&["query", "ctx.json", "index.hvx", "queries.npy", "-k", "5", "--json"]), want);
        workspace
            .ok(&["decode", "ctx.json", "response.hvr", "-k", "1"])
            .stdout(contains("query 0"))
            .stdout(contains("7         0"));
        // A single query of shape (D,), and encryption with the public context.
        let one: Vec<u8> = stored[3].iter().flat_map(|x| x.to_le_bytes()).collect();
        workspace.npy("one.npy", "<f4", "(64,)", &one);
        workspace.ok(&["encrypt", "public.json", "vectors.npy", "-o", "public.hvx"]);
        workspace.ok(&["encrypt-query", "public.json", "one.npy", "-o", "one.hvq"]);
        workspace.ok(&["aggregate", "public.json", "public.hvx", "one.hvq", "-o", "one.hvr"]);
        let want = expected(&stored, &stored[3..4], 40, |i| i);
        assert_eq!(workspace.json(&["decode", "ctx.json", "one.hvr", "-k", "1000", "--json"]), want);
        // A response to a different query.
        workspace.ok(&["decode", "ctx.json", "one.hvr", "--query", "one.hvq", "-q"]).stderr("");
        workspace.refused(
            &["decode", "ctx.json", "one.hvr", "--query", "query.hvq"],
            1,
            "one.hvr: a response to another query",
        );
        workspace
            .ok(&["decode", "ctx.json", "one.hvr", "-q"])
            .stderr(contains("not checked against its query; give --query"));
    }
}

/// All roles on a GPU, possibly emulated: the results are the same, and the JSON names the device.
#[test]
fn a_gpu_gives_the_same_answers() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let devices: Value = workspace.json(&["devices", "--json"]);
    let Some(gpu) = devices["gpus"].as_array().unwrap().first() else {
        assert!(std::env::var_os("HUSHVEC_REQUIRE_GPU").is_none_or(|value| value != "1"), "there is no GPU");
        // Not `eprintln!`, which the test harness captures.
        let mut stderr = std::io::stderr();
        return writeln!(stderr, "SKIPPED on a GPU: no GPU found").unwrap();
    };
    let on_gpu = |arguments: &[&str]| workspace.command(arguments).args(["--device", "gpu"]).assert().success();
    on_gpu(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    on_gpu(&["encrypt-query", "ctx.json", "vectors.npy", "-o", "query.hvq"]);
    on_gpu(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"]);
    let output = on_gpu(&["decode", "ctx.json", "response.hvr", "-k", "3", "--json"]).get_output().stdout.clone();
    let on_gpu: Value = serde_json::from_slice(&output).unwrap();
    let on_cpu = workspace.json(&["decode", "ctx.json", "response.hvr", "-k", "3", "--json", "--device", "cpu"]);
    assert_eq!(on_gpu["results"], on_cpu["results"]);
    for (row, result) in on_gpu["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!((&result["neighbours"][0]["id"], &result["neighbours"][0]["distance"]), (&row.into(), &0.into()));
    }
    assert_eq!(on_gpu["device"]["used"], gpu["name"]);
    assert_eq!(on_gpu["device"]["software"], gpu["software"]);
    assert_eq!((&on_gpu["device"]["asked"], &on_gpu["device"]["batches_on_cpu"]), (&"gpu".into(), &0.into()));
}

#[test]
fn roles_and_keys_are_kept_apart() {
    let workspace = Workspace::with_context("paillier_subgroup");
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    workspace.floats("query.npy", &vectors(1));
    workspace.ok(&["encrypt-query", "ctx.json", "query.npy", "-o", "query.hvq"]);
    workspace.ok(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"]);
    workspace.refused(&["aggregate", "ctx.json", "index.hvx", "query.hvq", "-o", "r"], 2, "an owner's context");
    workspace.refused(&["decode", "public.json", "response.hvr"], 2, "is a public context");
    workspace.refused(&["decode", "ctx.json", "index.hvx"], 1, "an index, expected a response");
    workspace.ok(&["context", "new", "-o", "other.json", "--embedding-length", "64"]);
    workspace.ok(&["context", "public", "other.json", "-o", "other-public.json"]);
    let belongs = "belongs to the key";
    workspace.refused(&["decode", "other.json", "response.hvr"], 1, belongs);
    workspace.refused(&["aggregate", "other-public.json", "index.hvx", "query.hvq", "-o", "r"], 1, belongs);
    workspace.refused(&["query", "other.json", "index.hvx", "query.npy"], 1, belongs);
    workspace.refused(&["encrypt", "other.json", "vectors.npy", "-o", "index.hvx", "--append"], 1, belongs);
    assert!(!workspace.path("r").exists());
}
