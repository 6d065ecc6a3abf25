//! Parquet and Arrow, of vectors and of ciphertexts.

use super::{lines, same};
use crate::desk::{Desk, among, nearest, vectors};
use crate::tables::{self, Column};
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn tables_of_every_kind() {
    let desk = Desk::furnished("paillier_subgroup");
    let rows = vectors(40);
    for column in Column::ALL {
        let name = format!("{column:?}.parquet");
        tables::parquet(&desk.path(&name), &tables::batches(column, &rows));
        same(&desk, &name, if column == Column::PackedLists { &["--packed"] } else { &[] });
    }
    let batches = tables::batches(Column::Floats, &rows);
    tables::arrow_file(&desk.path("v.arrow"), &batches);
    same(&desk, "v.arrow", &[]);
    tables::arrow_stream(&desk.path("v.arrows"), &batches);
    same(&desk, "v.arrows", &[]);
}

/// What pyarrow and polars wrote, and which ids it has.
#[test]
fn files_of_other_programs() {
    let desk = Desk::furnished("paillier_subgroup");
    let all: Vec<usize> = (0..12).collect();
    let encrypt = |name: &str, options: &[&str]| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        let index = format!("{name}.hvx");
        desk.ok(&[&["encrypt", "public.json", path.to_str().unwrap(), "-o", &index], options].concat());
        nearest(&desk, &index)
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
        desk.refused(&choose, 1, "several columns can be vectors: choose one with --column, of embedding (");
    }
}

#[test]
fn parquet_of_ciphertexts() {
    let desk = Desk::furnished("paillier_subgroup");
    let all: Vec<usize> = (0..40).collect();
    let records = lines(&vectors(40), |row, vector| json!({"id": format!("é{row}"), "vector": vector}));
    std::fs::write(desk.path("named.jsonl"), records).unwrap();
    desk.ok(&["encrypt", "ctx.json", "named.jsonl", "-o", "named.hvx"]);
    desk.ok(&["index", "export", "public.json", "named.hvx", "-o", "named.parquet"]);
    desk.ok(&["index", "import", "public.json", "named.parquet", "-o", "copy.hvx"]);
    assert_eq!(nearest(&desk, "copy.hvx"), among(&all, |row| format!("é{row}").into()));
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "plain.hvx"]);
    desk.ok(&["index", "delete", "plain.hvx", "3", "5"]);
    desk.ok(&["index", "export", "public.json", "plain.hvx", "-o", "plain", "--format", "parquet"]);
    desk.ok(&["index", "import", "public.json", "plain", "-o", "plain-copy.hvx"]);
    let left: Vec<usize> = (0..40).filter(|row| ![3, 5].contains(row)).collect();
    assert_eq!(nearest(&desk, "plain-copy.hvx"), among(&left, Value::from));

    let columns = tables::columns(&desk.path("named.parquet"));
    assert_eq!(columns, ["id: Utf8", "ciphertext: FixedSizeBinary(512)"]);
    desk.ok(&["context", "new", "-o", "other.json", "--scheme", "paillier_subgroup", "--embedding-length", "64"]);
    let import = |context: &str, file: &str, what: &str| {
        desk.refused(&["index", "import", context, file, "-o", "x.hvx"], 1, what);
        assert!(!desk.path("x.hvx").exists() && !desk.path("x.hvx.partial").exists());
    };
    import("other.json", "named.parquet", "its ciphertexts belong to another key");
    tables::parquet(&desk.path("v.parquet"), &tables::batches(Column::Floats, &vectors(2)));
    import("public.json", "v.parquet", "has no column \"ciphertext\"");
    tables::parquet(&desk.path("short.parquet"), &tables::ciphertexts(7));
    import("public.json", "short.parquet", "expected 512 bytes for this key");
    tables::parquet(&desk.path("zero.parquet"), &tables::ciphertexts(512));
    import("public.json", "zero.parquet", "zero.parquet: ");
}
