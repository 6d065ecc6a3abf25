//! `encrypt --shard` and `index merge`.

use crate::desk::{Desk, among, nearest};
use predicates::str::contains;
use serde_json::{Value, json};

#[test]
fn shards_make_the_whole() {
    let desk = Desk::furnished("paillier_subgroup");
    let encrypt = |shard: &str, output: &str, more: &[&str]| {
        let arguments = [&["encrypt", "public.json", "vectors.npy", "-o", output, "--shard", shard], more].concat();
        desk.command(&arguments).env_remove("HUSHVEC_PASSPHRASE").assert()
    };
    for number in 0..3 {
        let (shard, output) = (format!("{number}/3"), format!("s{number}.hvx"));
        encrypt(&shard, &output, &["--resume"]).success();
        assert!(!desk.path(&format!("{output}.partial")).exists());
        assert_eq!(desk.json(&["index", "info", &output, "--json"])["shard"], *shard);
        // A scheduler may start it again.
        let before = std::fs::read(desk.path(&output)).unwrap();
        encrypt(&shard, &output, &["--resume"]).success().stderr(contains("encrypted 0 vectors"));
        assert_eq!(std::fs::read(desk.path(&output)).unwrap(), before);
        encrypt(&shard, &output, &[]).code(2).stderr(contains("exists; give --resume"));
    }
    desk.refused(&["index", "merge", "s0.hvx", "s2.hvx", "-o", "m.hvx"], 1, "shard 1/3 is missing (1 of 3 are)");
    encrypt("1/3", "s0.hvx", &["--resume"])
        .code(2)
        .stderr(contains("s0.hvx is shard 0/3, and shard 1/3 was asked for"));
    encrypt("3/3", "x.hvx", &[]).code(2).stderr(contains("counted from 0, the last is 2/3"));
    encrypt("1", "x.hvx", &[]).code(2).stderr(contains("is no shard such as 0/16"));
    let merged = desk.json(&["index", "merge", "s2.hvx", "s0.hvx", "s1.hvx", "-o", "m.hvx", "--json"]);
    assert_eq!(merged, json!({"indexes": 3, "vectors": 40}));
    let all: Vec<usize> = (0..40).collect();
    assert_eq!(nearest(&desk, "m.hvx"), among(&all, Value::from));
    desk.refused(&["index", "merge", "s0.hvx", "-o", "m.hvx"], 2, "m.hvx exists");
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx"]);
    desk.refused(&["index", "merge", "i.hvx", "m.hvx", "-o", "n.hvx"], 1, "m.hvx: the id 0 is also in i.hvx");
    assert!(!desk.path("n.hvx").exists());
}
