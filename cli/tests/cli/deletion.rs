//! `index delete`, `compact` and `verify`.

use crate::desk::{Desk, among, nearest};
use predicates::str::contains;
use serde_json::{Value, json};

#[test]
fn vectors_are_deleted_and_the_file_compacted() {
    let desk = Desk::furnished("paillier_subgroup");
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx"]);
    desk.ok(&["index", "delete", "i.hvx", "3", "0", "39"]).stderr(contains("deleted 3 vectors; i.hvx has 37"));
    desk.refused(&["index", "delete", "i.hvx", "5", "3"], 1, "i.hvx: no vector has the id 3");
    desk.refused(&["index", "delete", "i.hvx", "five"], 1, "id 0 cannot be used: \"five\" is no integer");
    desk.refused(&["index", "delete", "i.hvx"], 2, "<ID>");
    std::fs::write(desk.path("ids.txt"), "5\n3\n").unwrap();
    let deleted = desk.json(&["index", "delete", "i.hvx", "--ids", "ids.txt", "--ignore-missing", "--json"]);
    assert_eq!(deleted, json!({"deleted": 1, "left": 36}));
    let rows: Vec<usize> = (0..40).filter(|row| ![0, 3, 5, 39].contains(row)).collect();
    assert_eq!(nearest(&desk, "i.hvx"), among(&rows, Value::from));
    let info = desk.json(&["index", "info", "i.hvx", "--json"]);
    assert_eq!((&info["vectors"], &info["deleted"], &info["ids"]), (&36.into(), &4.into(), &"integers".into()));
    desk.ok(&["index", "info", "i.hvx"]).stdout(contains("4, in the file until `hushvec index compact`"));
    desk.ok(&["index", "export", "public.json", "i.hvx", "-o", "raw.npy", "--ids", "left.txt"]);
    let left: String = rows.iter().map(|row| format!("{row}\n")).collect();
    assert_eq!(std::fs::read_to_string(desk.path("left.txt")).unwrap(), left);
    desk.ok(&["index", "compact", "i.hvx"]).stderr(contains("took 4 deleted vectors out of i.hvx: 36 vectors left"));
    assert_eq!(nearest(&desk, "i.hvx"), among(&rows, Value::from));
    desk.ok(&["index", "verify", "public.json", "i.hvx", "--deep"]).stdout(contains("36 vectors verified"));
    // Compacted, it is not what an unfinished job left behind; but vectors can be added, under new numbers.
    desk.refused(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx", "--resume"], 2, "or was compacted");
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx", "--append"]).stderr(contains("i.hvx has 76"));
    let last = nearest(&desk, "i.hvx").as_array().unwrap().iter().filter_map(|n| n["id"].as_u64()).max();
    assert_eq!(last, Some(79));
}

#[test]
fn a_finished_job_stays_finished_when_vectors_are_deleted() {
    let desk = Desk::furnished("paillier_subgroup");
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx"]);
    desk.ok(&["index", "delete", "i.hvx", "39", "7"]);
    let again = desk.json(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx", "--resume", "--json"]);
    assert_eq!((&again["encrypted"], &again["skipped"], &again["total"]), (&0.into(), &40.into(), &38.into()));
}

#[test]
fn verification_says_what_is_wrong() {
    let desk = Desk::furnished("paillier_subgroup");
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx"]);
    for deep in [&[][..], &["--deep"]] {
        let verified = desk.json(&[&["index", "verify", "public.json", "i.hvx", "--json"], deep].concat());
        let want = json!({"vectors": 40, "deleted": 0, "torn_bytes": 0, "deep": !deep.is_empty(), "verified": true});
        assert_eq!(verified, want);
    }
    let whole = std::fs::read(desk.path("i.hvx")).unwrap();
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "i.hvx", "--append"]);
    let mut damaged = std::fs::read(desk.path("i.hvx")).unwrap();
    damaged[700] ^= 1;
    std::fs::write(desk.path("i.hvx"), &damaged).unwrap();
    desk.refused(
        &["index", "verify", "public.json", "i.hvx"],
        1,
        "i.hvx: block 0 is damaged: its checksum does not fit",
    );
    desk.refused(&["index", "compact", "i.hvx"], 1, "block 0 is damaged");
    desk.refused(&["index", "delete", "i.hvx", "1"], 1, "block 0 is damaged");
    assert_eq!(std::fs::read(desk.path("i.hvx")).unwrap(), damaged);
    // An append that was cut short is no damage: it is reported, and gone after the next change.
    std::fs::write(desk.path("i.hvx"), [&whole[..], b"rubbish"].concat()).unwrap();
    desk.ok(&["index", "verify", "public.json", "i.hvx"]).stderr(contains("unfinished block of 7 bytes"));
    desk.ok(&["index", "delete", "i.hvx", "1"]).stderr(contains("cut 7 bytes of an unfinished block off i.hvx"));
    let info = desk.json(&["index", "info", "i.hvx", "--json", "--verify"]);
    assert_eq!((&info["vectors"], &info["torn_bytes"], &info["verified"]), (&39.into(), &0.into(), &true.into()));
}
