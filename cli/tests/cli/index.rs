//! `hushvec index …`, `encrypt --append` and `--resume`.

use crate::workspace::{Workspace, expected, vectors};
use predicates::str::contains;

#[test]
fn indexes_grow_resume_and_stay_whole() {
    let workspace = Workspace::with_context("paillier_subgroup");
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    workspace.refused(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"], 2, "index.hvx exists");
    // Truncate the last block, as a crash would: only the missing rows are encrypted again.
    let whole = std::fs::read(workspace.path("index.hvx")).unwrap();
    workspace.floats("more.npy", &vectors(60)[40..]);
    workspace.ok(&["encrypt", "ctx.json", "more.npy", "-o", "index.hvx", "--append"]);
    let longer = std::fs::read(workspace.path("index.hvx")).unwrap();
    std::fs::write(workspace.path("index.hvx"), &longer[..whole.len() + 500]).unwrap();
    workspace.ok(&["index", "info", "index.hvx"]).stdout(contains("500 bytes after the last whole block"));
    workspace.floats("all.npy", &vectors(60));
    let resumed = workspace.json(&["encrypt", "ctx.json", "all.npy", "-o", "index.hvx", "--resume", "--json"]);
    assert_eq!((&resumed["encrypted"], &resumed["skipped"], &resumed["total"]), (&20.into(), &40.into(), &60.into()));
    let again = std::fs::read(workspace.path("index.hvx")).unwrap();
    assert_eq!((again.len(), &again[..whole.len()]), (longer.len(), &whole[..]), "no row is encrypted twice");
    workspace.floats("query.npy", &vectors(45)[44..]);
    let want = expected(&vectors(60), &vectors(45)[44..], 60, |i| i);
    assert_eq!(workspace.json(&["query", "ctx.json", "index.hvx", "query.npy", "-k", "60", "--json"]), want);
    // A different input is refused.
    workspace.floats("short.npy", &vectors(5));
    workspace.refused(
        &["encrypt", "ctx.json", "short.npy", "-o", "index.hvx", "--resume"],
        2,
        "not the index of this input",
    );
    let mut other = vectors(61);
    other[59][0] = -other[59][0];
    workspace.floats("other.npy", &other);
    workspace.refused(&["encrypt", "ctx.json", "other.npy", "-o", "index.hvx", "--resume"], 2, "row 59 of the input");
}

#[test]
fn ids_and_raw_ciphertexts() {
    let workspace = Workspace::with_context("paillier");
    let ids: Vec<u64> = (0..40).map(|i| 1_000_000_007 * (i + 1)).collect();
    let bytes: Vec<u8> = ids.iter().flat_map(|x| x.to_le_bytes()).collect();
    workspace.npy("ids.npy", "<u8", "(40,)", &bytes);
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx", "--ids", "ids.npy"]);
    workspace.ok(&["index", "export", "public.json", "index.hvx", "-o", "raw.npy", "--ids", "ids2.npy"]);
    assert_eq!(std::fs::read(workspace.path("ids2.npy")).unwrap().split_off(128), bytes);
    let raw = std::fs::read(workspace.path("raw.npy")).unwrap();
    assert_eq!(raw.len(), 128 + 40 * 512);
    assert!(String::from_utf8_lossy(&raw[..128]).contains("'shape': (40, 512"));
    workspace.ok(&["index", "import", "public.json", "raw.npy", "-o", "copy.hvx", "--ids", "ids2.npy"]);
    workspace.floats("query.npy", &vectors(1));
    let want = expected(&vectors(40), &vectors(1), 7, |i| ids[usize::try_from(i).unwrap()]);
    for index in ["index.hvx", "copy.hvx"] {
        assert_eq!(workspace.json(&["query", "ctx.json", index, "query.npy", "-k", "7", "--json"]), want);
    }
    // An invalid ciphertext is named, and no partial index is left.
    let mut bad = raw[128..].to_vec();
    bad[33 * 512..34 * 512].fill(0);
    workspace.npy("bad.npy", "|u1", "(40, 512)", &bad);
    workspace.refused(
        &["index", "import", "public.json", "bad.npy", "-o", "bad.hvx"],
        1,
        "bad.npy: ciphertext 33: it is 0",
    );
    assert!(!workspace.path("bad.hvx").exists());
    workspace.npy("narrow.npy", "|u1", "(40, 256)", &bad[..40 * 256]);
    workspace.refused(&["index", "import", "public.json", "narrow.npy", "-o", "bad.hvx"], 1, "expected (N, 512)");
    workspace.npy("few.npy", "<u8", "(39,)", &bytes[8..]);
    workspace.refused(
        &["encrypt", "ctx.json", "vectors.npy", "-o", "x.hvx", "--ids", "few.npy"],
        2,
        "has 39 ids for 40 vectors",
    );
}
