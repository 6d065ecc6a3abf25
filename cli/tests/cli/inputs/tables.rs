//! Parquet and Arrow, of vectors and of ciphertexts.

use super::{lines, same};
use crate::tables::{self, Column};
use crate::workspace::{Workspace, among, nearest, vectors};
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn tables_of_every_kind() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let rows = vectors(40);
    for column in Column::ALL {
        let name = format!("{column:?}.parquet");
        tables::parquet(&workspace.path(&name), &tables::batches(column, &rows));
        same(&workspace, &name, if column == Column::PackedLists { &["--packed"] } else { &[] });
    }
    let batches = tables::batches(Column::Floats, &rows);
    tables::arrow_file(&workspace.path("v.arrow"), &batches);
    same(&workspace, "v.arrow", &[]);
    tables::arrow_stream(&workspace.path("v.arrows"), &batches);
    same(&workspace, "v.arrows", &[]);
}

/// Files written by pyarrow and polars, and their ids.
#[test]
fn files_of_other_programs() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let all: Vec<usize> = (0..12).collect();
    let encrypt = |name: &str, options: &[&str]| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        let index = format!("{name}.hvx");
        workspace.ok(&[&["encrypt", "public.json", path.to_str().unwrap(), "-o", &index], options].concat());
        nearest(&workspace, &index)
    };
    for name in ["pyarrow.parquet", "pyarrow.feather", "pyarrow.arrows"] {
        assert_eq!(encrypt(name, &[]), among(&all, |row| format!("page {row}").into()), "{name}");
    }
    assert_eq!(encrypt("binary.parquet", &[]), among(&all, Value::from));
    for name in ["polars.parquet", "polars.arrow"] {
        let options = ["--column", "embedding", "--id-column", "number"];
        assert_eq!(encrypt(name, &options), among(&all, |row| (100 + row).into()), "{name}");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        let choose = ["encrypt", "public.json", path.to_str().unwrap(), "-o", "x.hvx"];
        workspace.refused(&choose, 1, "several columns can hold vectors; choose one with --column: embedding (");
    }
}

#[test]
fn parquet_of_ciphertexts() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let all: Vec<usize> = (0..40).collect();
    let records = lines(&vectors(40), |row, vector| json!({"id": format!("é{row}"), "vector": vector}));
    std::fs::write(workspace.path("named.jsonl"), records).unwrap();
    workspace.ok(&["encrypt", "ctx.json", "named.jsonl", "-o", "named.hvx"]);
    workspace.ok(&["index", "export", "public.json", "named.hvx", "-o", "named.parquet"]);
    workspace.ok(&["index", "import", "public.json", "named.parquet", "-o", "copy.hvx"]);
    assert_eq!(nearest(&workspace, "copy.hvx"), among(&all, |row| format!("é{row}").into()));
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "plain.hvx"]);
    workspace.ok(&["index", "delete", "plain.hvx", "3", "5"]);
    workspace.ok(&["index", "export", "public.json", "plain.hvx", "-o", "plain", "--format", "parquet"]);
    workspace.ok(&["index", "import", "public.json", "plain", "-o", "plain-copy.hvx"]);
    let left: Vec<usize> = (0..40).filter(|row| ![3, 5].contains(row)).collect();
    assert_eq!(nearest(&workspace, "plain-copy.hvx"), among(&left, Value::from));

    let columns = tables::columns(&workspace.path("named.parquet"));
    assert_eq!(columns, ["id: Utf8", "ciphertext: FixedSizeBinary(512)"]);
    workspace.ok(&["context", "new", "-o", "other.json", "--scheme", "paillier_subgroup", "--embedding-length", "64"]);
    let import = |context: &str, file: &str, what: &str| {
        workspace.refused(&["index", "import", context, file, "-o", "x.hvx"], 1, what);
        assert!(!workspace.path("x.hvx").exists() && !workspace.path("x.hvx.partial").exists());
    };
    import("other.json", "named.parquet", "its ciphertexts belong to another key");
    tables::parquet(&workspace.path("v.parquet"), &tables::batches(Column::Floats, &vectors(2)));
    import("public.json", "v.parquet", "has no column \"ciphertext\"");
    tables::parquet(&workspace.path("short.parquet"), &tables::ciphertexts(7));
    import("public.json", "short.parquet", "expected 512 bytes for this key");
    tables::parquet(&workspace.path("zero.parquet"), &tables::ciphertexts(512));
    import("public.json", "zero.parquet", "zero.parquet: ");
}
