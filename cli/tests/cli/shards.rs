//! `encrypt --shard` and `index merge`.

use crate::workspace::{Workspace, among, nearest};
use predicates::str::contains;
use serde_json::{Value, json};

#[test]
fn shards_merge_into_the_whole_index() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let encrypt = |shard: &str, output: &str, more: &[&str]| {
        let arguments = [&["encrypt", "public.json", "vectors.npy", "-o", output, "--shard", shard], more].concat();
        workspace.command(&arguments).env_remove("HUSHVEC_PASSPHRASE").assert()
    };
    for number in 0..3 {
        let (shard, output) = (format!("{number}/3"), format!("s{number}.hvx"));
        encrypt(&shard, &output, &["--resume"]).success();
        assert!(!workspace.path(&format!("{output}.partial")).exists());
        assert_eq!(workspace.json(&["index", "info", &output, "--json"])["shard"], *shard);
        // A scheduler may run the job again.
        let before = std::fs::read(workspace.path(&output)).unwrap();
        encrypt(&shard, &output, &["--resume"]).success().stderr(contains("encrypted 0 vectors"));
        assert_eq!(std::fs::read(workspace.path(&output)).unwrap(), before);
        encrypt(&shard, &output, &[]).code(2).stderr(contains("exists; give --resume"));
    }
    workspace.refused(&["index", "merge", "s0.hvx", "s2.hvx", "-o", "m.hvx"], 1, "shard 1/3 is missing (1 of 3 are)");
    encrypt("1/3", "s0.hvx", &["--resume"]).code(2).stderr(contains("s0.hvx is shard 0/3, not shard 1/3"));
    encrypt("3/3", "x.hvx", &[]).code(2).stderr(contains("counted from 0, so the last is 2/3"));
    encrypt("1", "x.hvx", &[]).code(2).stderr(contains("is not a shard; give number/count, such as 0/16"));
    let merged = workspace.json(&["index", "merge", "s2.hvx", "s0.hvx", "s1.hvx", "-o", "m.hvx", "--json"]);
    assert_eq!(merged, json!({"indexes": 3, "vectors": 40}));
    let all: Vec<usize> = (0..40).collect();
    assert_eq!(nearest(&workspace, "m.hvx"), among(&all, Value::from));
    workspace.refused(&["index", "merge", "s0.hvx", "-o", "m.hvx"], 2, "m.hvx exists");
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx"]);
    workspace.refused(
        &["index", "merge", "i.hvx", "m.hvx", "-o", "n.hvx"],
        1,
        "m.hvx: duplicate id 0: it is also in i.hvx",
    );
    assert!(!workspace.path("n.hvx").exists());
}
