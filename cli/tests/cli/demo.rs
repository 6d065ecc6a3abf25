//! `hushvec demo`, `devices` and `bench`.

use crate::workspace::Workspace;
use predicates::str::contains;

#[test]
fn demo_devices_and_bench_run() {
    let workspace = Workspace::new();
    workspace
        .command(&["demo", "--scheme", "paillier_subgroup", "--queries", "2"])
        .env_remove("HUSHVEC_PASSPHRASE")
        .assert()
        .success()
        .stdout(contains("All 1838 distances equal the plaintext distances"))
        .stdout(contains(
            "recall@1 0.363, recall@10 0.749, mean reciprocal rank 0.491 (equal to the published figures)",
        ));
    assert_eq!(workspace.json(&["devices", "--json"])["auto"], "cpu");
    let report = workspace.json(&[
        "bench",
        "--json",
        "--seconds",
        "0.01",
        "--batch",
        "8",
        "--embedding-length",
        "64",
        "--threads",
        "1",
    ]);
    let points = report["results"].as_array().unwrap();
    let operations: Vec<&str> = points.iter().map(|point| point["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["encrypt", "aggregate", "decode"].repeat(3));
    for point in points {
        assert!(point["per_second"].as_f64().unwrap() > 0. && point["checked"] == true);
        assert_eq!((&point["batch"], &point["threads"], &point["key_len"]), (&8.into(), &1.into(), &1024.into()));
    }
    let mut plotted =
        vec!["bench", "--seconds", "0.01", "--batch", "1,20", "--embedding-length", "64", "--plot", "out.svg"];
    plotted.extend(["--scheme", "paillier_subgroup"]);
    workspace.ok(&plotted).stdout(contains("paillier_subgroup decode          20"));
    let plot = std::fs::read_to_string(workspace.path("out.svg")).unwrap();
    for text in ["<svg", "decode, paillier_subgroup", "vectors per second", " kernels)"] {
        assert!(plot.contains(text), "{text}");
    }
    workspace.refused(&["bench", "--device", "cpu,gpu:99"], 1, "device gpu:99");
    workspace.refused(&["bench", "--scheme", "rsa"], 2, "paillier, paillier_lookup, paillier_subgroup and packed");

    let packed = ["bench", "--scheme", "packed", "--seconds", "0.01", "--batch", "5000", "--embedding-length", "64"];
    let report = workspace.json(&[&packed[..], &["--json"]].concat());
    let points = report["results"].as_array().unwrap();
    let operations: Vec<&str> = points.iter().map(|point| point["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["encrypt", "expand", "scan", "decode"]);
    for point in points {
        assert!(point["per_second"].as_f64().unwrap() > 0. && point["checked"] == true);
        assert_eq!(
            (&point["scheme"], &point["batch"], &point["device"]),
            (&"packed".into(), &8192.into(), &"cpu".into())
        );
        assert!(point.get("key_len").is_none());
    }
}
