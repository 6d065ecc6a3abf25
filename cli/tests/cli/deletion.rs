//! `index delete`, `compact` and `verify`.

use crate::workspace::{Workspace, among, nearest};
use predicates::str::contains;
use serde_json::{Value, json};

#[test]
fn vectors_are_deleted_and_the_file_compacted() {
    let workspace = Workspace::with_context("paillier_subgroup");
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx"]);
    workspace.ok(&["index", "delete", "i.hvx", "3", "0", "39"]).stderr(contains("deleted 3 vectors; i.hvx has 37"));
    workspace.refused(&["index", "delete", "i.hvx", "5", "3"], 1, "i.hvx: no vector has the id 3");
    workspace.refused(&["index", "delete", "i.hvx", "five"], 1, "invalid id at position 0: \"five\" is not an integer");
    workspace.refused(&["index", "delete", "i.hvx"], 2, "<ID>");
    std::fs::write(workspace.path("ids.txt"), "5\n3\n").unwrap();
    let deleted = workspace.json(&["index", "delete", "i.hvx", "--ids", "ids.txt", "--ignore-missing", "--json"]);
    assert_eq!(deleted, json!({"deleted": 1, "left": 36}));
    let rows: Vec<usize> = (0..40).filter(|row| ![0, 3, 5, 39].contains(row)).collect();
    assert_eq!(nearest(&workspace, "i.hvx"), among(&rows, Value::from));
    let info = workspace.json(&["index", "info", "i.hvx", "--json"]);
    assert_eq!((&info["vectors"], &info["deleted"], &info["ids"]), (&36.into(), &4.into(), &"integers".into()));
    workspace.ok(&["index", "info", "i.hvx"]).stdout(contains("4; `hushvec index compact` reclaims their space"));
    workspace.ok(&["index", "export", "public.json", "i.hvx", "-o", "raw.npy", "--ids", "left.txt"]);
    let left: String = rows.iter().map(|row| format!("{row}\n")).collect();
    assert_eq!(std::fs::read_to_string(workspace.path("left.txt")).unwrap(), left);
    workspace
        .ok(&["index", "compact", "i.hvx"])
        .stderr(contains("removed 4 deleted vectors from i.hvx: 36 vectors left"));
    assert_eq!(nearest(&workspace, "i.hvx"), among(&rows, Value::from));
    workspace.ok(&["index", "verify", "public.json", "i.hvx", "--deep"]).stdout(contains("36 vectors verified"));
    // A compacted index cannot be resumed, but vectors can be appended. They get new ids.
    workspace.refused(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx", "--resume"], 2, "or was compacted");
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx", "--append"]).stderr(contains("i.hvx has 76"));
    let last = nearest(&workspace, "i.hvx").as_array().unwrap().iter().filter_map(|n| n["id"].as_u64()).max();
    assert_eq!(last, Some(79));
}

#[test]
fn a_finished_job_stays_finished_when_vectors_are_deleted() {
    let workspace = Workspace::with_context("paillier_subgroup");
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx"]);
    workspace.ok(&["index", "delete", "i.hvx", "39", "7"]);
    let again = workspace.json(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx", "--resume", "--json"]);
    assert_eq!((&again["encrypted"], &again["skipped"], &again["total"]), (&0.into(), &40.into(), &38.into()));
}

#[test]
fn verification_says_what_is_wrong() {
    let workspace = Workspace::with_context("paillier_subgroup");
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx"]);
    for deep in [&[][..], &["--deep"]] {
        let verified = workspace.json(&[&["index", "verify", "public.json", "i.hvx", "--json"], deep].concat());
        let want = json!({"vectors": 40, "deleted": 0, "torn_bytes": 0, "deep": !deep.is_empty(), "verified": true});
        assert_eq!(verified, want);
    }
    let whole = std::fs::read(workspace.path("i.hvx")).unwrap();
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx", "--append"]);
    let mut damaged = std::fs::read(workspace.path("i.hvx")).unwrap();
    damaged[700] ^= 1;
    std::fs::write(workspace.path("i.hvx"), &damaged).unwrap();
    workspace.refused(
        &["index", "verify", "public.json", "i.hvx"],
        1,
        "i.hvx: block 0 is damaged: its checksum does not match",
    );
    workspace.refused(&["index", "compact", "i.hvx"], 1, "block 0 is damaged");
    workspace.refused(&["index", "delete", "i.hvx", "1"], 1, "block 0 is damaged");
    assert_eq!(std::fs::read(workspace.path("i.hvx")).unwrap(), damaged);
    // An unfinished append is not damage: it is reported, and removed by the next change.
    std::fs::write(workspace.path("i.hvx"), [&whole[..], b"rubbish"].concat()).unwrap();
    workspace.ok(&["index", "verify", "public.json", "i.hvx"]).stderr(contains("unfinished block of 7 bytes"));
    workspace.ok(&["index", "delete", "i.hvx", "1"]).stderr(contains("removed an unfinished block of 7 bytes"));
    let info = workspace.json(&["index", "info", "i.hvx", "--json", "--verify"]);
    assert_eq!((&info["vectors"], &info["torn_bytes"], &info["verified"]), (&39.into(), &0.into(), &true.into()));
}
