//! Owner, evaluator, owner: the walk through all roles, on each device, and what one role refuses of another.

use crate::desk::{Desk, expected, vectors};
use predicates::str::contains;
use serde_json::Value;
use std::io::Write;

#[test]
fn the_walk_through_all_roles() {
    for scheme in ["paillier", "paillier_subgroup", "paillier_lookup"] {
        let desk = Desk::furnished(scheme);
        let stored = vectors(40);
        let queries = [stored[7].clone(), vectors(50)[49].clone()];
        desk.floats("queries.npy", &queries);
        desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]).stderr(contains("encrypted 40 vectors"));
        desk.ok(&["encrypt-query", "ctx.json", "queries.npy", "-o", "query.hvq"]).stderr(contains("2 queries"));
        desk.command(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"])
            .env_remove("HUSHVEC_PASSPHRASE")
            .assert()
            .success();
        let want = expected(&stored, &queries, 5, |i| i);
        assert_eq!(desk.json(&["decode", "ctx.json", "response.hvr", "-k", "5", "--json"]), want, "{scheme}");
        assert_eq!(desk.json(&["query", "ctx.json", "index.hvx", "queries.npy", "-k", "5", "--json"]), want);
        desk.ok(&["decode", "ctx.json", "response.hvr", "-k", "1"])
            .stdout(contains("query 0"))
            .stdout(contains("7         0"));
        // A single query of shape (D,), and an owner without the secret key.
        let one: Vec<u8> = stored[3].iter().flat_map(|x| x.to_le_bytes()).collect();
        desk.npy("one.npy", "<f4", "(64,)", &one);
        desk.ok(&["encrypt", "public.json", "vectors.npy", "-o", "public.hvx"]);
        desk.ok(&["encrypt-query", "public.json", "one.npy", "-o", "one.hvq"]);
        desk.ok(&["aggregate", "public.json", "public.hvx", "one.hvq", "-o", "one.hvr"]);
        let want = expected(&stored, &stored[3..4], 40, |i| i);
        assert_eq!(desk.json(&["decode", "ctx.json", "one.hvr", "-k", "1000", "--json"]), want);
        // A response to another query.
        desk.ok(&["decode", "ctx.json", "one.hvr", "--query", "one.hvq", "-q"]).stderr("");
        desk.refused(
            &["decode", "ctx.json", "one.hvr", "--query", "query.hvq"],
            1,
            "one.hvr: a response to another query",
        );
        desk.ok(&["decode", "ctx.json", "one.hvr", "-q"]).stderr(contains("not compared with its query; give --query"));
    }
}

/// The whole walk on a GPU, the software one if need be: same neighbours, and the JSON says what was used.
#[test]
fn a_gpu_gives_the_same_answers() {
    let desk = Desk::furnished("paillier_subgroup");
    let devices: Value = desk.json(&["devices", "--json"]);
    let Some(gpu) = devices["gpus"].as_array().unwrap().first() else {
        assert!(std::env::var_os("HUSHVEC_REQUIRE_GPU").is_none_or(|value| value != "1"), "there is no GPU");
        // Not eprintln, which the test harness keeps to itself when a test passes.
        let mut stderr = std::io::stderr();
        return writeln!(stderr, "SKIPPED on a GPU: there is none").unwrap();
    };
    let on_gpu = |arguments: &[&str]| desk.command(arguments).args(["--device", "gpu"]).assert().success();
    on_gpu(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    on_gpu(&["encrypt-query", "ctx.json", "vectors.npy", "-o", "query.hvq"]);
    on_gpu(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"]);
    let output = on_gpu(&["decode", "ctx.json", "response.hvr", "-k", "3", "--json"]).get_output().stdout.clone();
    let on_gpu: Value = serde_json::from_slice(&output).unwrap();
    let on_cpu = desk.json(&["decode", "ctx.json", "response.hvr", "-k", "3", "--json", "--device", "cpu"]);
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
    let desk = Desk::furnished("paillier_subgroup");
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    desk.floats("query.npy", &vectors(1));
    desk.ok(&["encrypt-query", "ctx.json", "query.npy", "-o", "query.hvq"]);
    desk.ok(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"]);
    desk.refused(&["aggregate", "ctx.json", "index.hvx", "query.hvq", "-o", "r"], 2, "an owner's context");
    desk.refused(&["decode", "public.json", "response.hvr"], 2, "is a public context");
    desk.refused(&["decode", "ctx.json", "index.hvx"], 1, "an index, expected a response");
    desk.ok(&["context", "new", "-o", "other.json", "--embedding-length", "64"]);
    desk.ok(&["context", "public", "other.json", "-o", "other-public.json"]);
    let belongs = "belongs to the key";
    desk.refused(&["decode", "other.json", "response.hvr"], 1, belongs);
    desk.refused(&["aggregate", "other-public.json", "index.hvx", "query.hvq", "-o", "r"], 1, belongs);
    desk.refused(&["query", "other.json", "index.hvx", "query.npy"], 1, belongs);
    desk.refused(&["encrypt", "other.json", "vectors.npy", "-o", "index.hvx", "--append"], 1, belongs);
    assert!(!desk.path("r").exists());
}
