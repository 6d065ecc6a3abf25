//! `hushvec encrypt`: errors for bad input, and the rows that are kept.

use crate::workspace::{DIMENSIONS, Workspace, expected, vectors};

#[test]
fn bad_vectors_are_named_and_rows_before_them_kept() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let mut rows = vectors(5);
    rows[3][9] = f32::NAN;
    workspace.floats("nan.npy", &rows);
    let encrypt =
        |file: &str| ["encrypt".to_owned(), "ctx.json".into(), file.into(), "-o".into(), format!("{file}.hvx")];
    let refused = |file: &str, what: &str| {
        let arguments = encrypt(file);
        workspace.refused(&arguments.each_ref().map(String::as_str), 1, what);
        workspace.path(&arguments[4])
    };
    // The three rows before the bad one are kept. After the input is fixed, --resume continues.
    let index = refused("nan.npy", "nan.npy: row 3, column 9 is not a number");
    assert_eq!(workspace.json(&["index", "info", "nan.npy.hvx", "--json", "--verify"])["vectors"], 3);
    rows[3][9] = 1.0;
    workspace.floats("nan.npy", &rows);
    let resumed = workspace.json(&["encrypt", "ctx.json", "nan.npy", "-o", "nan.npy.hvx", "--resume", "--json"]);
    assert_eq!((&resumed["encrypted"], &resumed["skipped"], &resumed["total"]), (&2.into(), &3.into(), &5.into()));
    workspace.floats("query.npy", &rows[..1]);
    let answers = workspace.json(&["query", "ctx.json", index.to_str().unwrap(), "query.npy", "-k", "9", "--json"]);
    assert_eq!(answers, expected(&rows, &rows[..1], 9, |i| i));

    let mut integers = vec![0i64; 3 * DIMENSIONS];
    integers[2 * DIMENSIONS + 5] = -7;
    let bytes: Vec<u8> = integers.iter().flat_map(|x| x.to_le_bytes()).collect();
    workspace.npy("int.npy", "<i8", "(3, 64)", &bytes);
    refused("int.npy", "row 2, column 5 is -7, expected 0 or 1");
    workspace.npy("cut.npy", "<i8", "(3, 64)", &bytes[..1000]);
    refused("cut.npy", "ends in row 1, but its header says 3 rows");
    workspace.npy("wide.npy", "|u1", "(3, 65)", &[0; 195]);
    let nothing = refused("wide.npy", "has 65 dimensions per vector, the context needs 64");
    assert!(!nothing.exists());
    workspace.npy("packed.npy", "|u1", "(3, 8)", &[0x5a; 24]);
    refused("packed.npy", "give --packed for packed bits");
    workspace.npy("complex.npy", "<c8", "(3, 64)", &[0; 3 * 64 * 8]);
    refused("complex.npy", "expected booleans, integers or floats");
    workspace.npy("cube.npy", "|u1", "(1, 3, 64)", &[0; 192]);
    refused("cube.npy", "has the shape [1, 3, 64]");
    std::fs::write(workspace.path("text.npy"), "hello").unwrap();
    refused("text.npy", "not a readable .npy file");
    refused("missing.npy", "cannot open missing.npy");
    workspace.ok(&["encrypt", "ctx.json", "packed.npy", "--packed", "-o", "packed.hvx"]);
    let first_bad = {
        let mut bytes = bytes.clone();
        bytes[0] = 9;
        bytes
    };
    workspace.npy("first.npy", "<i8", "(3, 64)", &first_bad);
    let nothing = refused("first.npy", "row 0, column 0 is 9");
    assert!(!nothing.exists(), "an empty index was left behind");
}
