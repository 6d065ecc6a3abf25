//! Invalid inputs, and the rows that are kept.

use super::{bin, text};
use crate::tables::{self, Column};
use crate::workspace::{DIMENSIONS, Workspace, vectors};

/// Each of these inputs is refused before the index is created.
#[test]
fn unusable_inputs_are_named() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let refused = |name: &str, bytes: &[u8], options: &[&str], what: &str| {
        std::fs::write(workspace.path(name), bytes).unwrap();
        workspace.refused(&[&["encrypt", "public.json", name, "-o", "x.hvx"], options].concat(), 1, what);
        assert!(!workspace.path("x.hvx").exists(), "{what}");
    };
    let row = text(&[1; DIMENSIONS]);
    let good = format!("{{\"bits\": \"{row}\"}}\n");
    let record = |rest: &str| format!("{{{rest}}}\n").into_bytes();
    refused("a.jsonl", b"{\"bits\": \n", &[], "a.jsonl: line 1 is not a JSON object (EOF while parsing a value)");
    refused("a.jsonl", b"[1, 0]\n", &[], "line 1 is not a JSON object (invalid type: sequence");
    refused(
        "a.jsonl",
        &record("\"id\": 1, \"text\": \"x\""),
        &[],
        "line 1 has no \"vector\" or \"bits\" (fields: id, text)",
    );
    refused("a.jsonl", good.as_bytes(), &["--column", "v"], "line 1 has no \"v\" (fields: bits)");
    refused("a.jsonl", good.as_bytes(), &["--id-column", "key"], "line 1 has no \"key\"");
    refused("a.jsonl", &record(&format!("\"bits\": \"{row}0\"")), &[], "line 1: 65 dimensions, the context needs 64");
    refused(
        "a.jsonl",
        &record("\"bits\": \"01x\""),
        &[],
        "has an invalid \"bits\": character 2 is 'x', expected 0 or 1",
    );
    refused("a.jsonl", &record("\"bits\": \"abc\""), &["--packed"], "it has 3 hexadecimal digits, an odd number");
    let list = |item: &str| format!("[{}{item}]", "0,".repeat(DIMENSIONS - 1));
    refused("a.jsonl", &record(&format!("\"bits\": {}", list("2"))), &[], "line 1: component 63 is 2, expected 0 or 1");
    refused(
        "a.jsonl",
        &record(&format!("\"vector\": {}", list("null"))),
        &[],
        "has an invalid \"vector\": invalid type: null",
    );
    refused(
        "a.jsonl",
        &record(&format!("\"vector\": {}", list("1e999"))),
        &[],
        "has an invalid \"vector\": number out of range",
    );
    refused("a.jsonl", &record("\"vector\": [], \"bits\": []"), &[], "has both \"vector\" and \"bits\"");
    let with_id = |id: &str| record(&format!("\"id\": {id}, \"bits\": \"{row}\""));
    refused("a.jsonl", &with_id("-1"), &[], "line 1 has the id -1, expected a non-negative integer or a string");
    refused("a.jsonl", &with_id("1.5"), &[], "line 1 has the id 1.5");
    refused("a.jsonl", &with_id("\"\""), &[], "line 1 has an invalid id: it is empty");
    refused(
        "v.fbin",
        &bin(3, 64, &[0; 3 * 64 * 4 - 1]),
        &[],
        "has 775 bytes, but its header says 3 rows of 64 columns, which are 776 bytes",
    );
    refused("v.fbin", &bin(3, 65, &[0; 3 * 65 * 4]), &[], "has 65 dimensions per vector, the context needs 64");
    refused("v.fbin", &[1, 2, 3], &[], "is shorter than its header of 8 bytes");
    refused("v.fbin", &bin(1, 8, &[0; 32]), &["--packed"], "--packed needs bytes: .u8bin");
    refused("v.u8bin", &bin(1, 64, &[200; 64]), &[], "v.u8bin: row 0, column 0 is 200, expected 0 or 1");
    refused("v.u8bin", &bin(1, 8, &[200; 8]), &[], "give --packed for packed bits");
    refused(
        "v.fbin",
        &bin(1, 64, &[0; 256]),
        &["--column", "x"],
        "is an array without columns, so there is no column \"x\"",
    );
    refused("v.parquet", b"PAR1 and no more", &[], "v.parquet: not a readable Parquet file");
    refused("v.arrow", b"ARROW1\0\0 and no more", &[], "v.arrow: not readable as Arrow (its footer is missing)");
    refused(
        "v.arrows",
        b"\xff\xff\xff\xff\x10\0\0\0 and no more",
        &[],
        "v.arrows: not readable as Arrow (a message is truncated)",
    );
    refused("v.txt", b"1,0\n", &[], "v.txt: its first bytes are not those of .npy, Parquet, Arrow or JSON lines");
    refused("v.npy", b"", &[], "v.npy: not a readable .npy file");
    std::fs::create_dir(workspace.path("folder")).unwrap();
    workspace.refused(
        &["encrypt", "public.json", "folder", "-o", "x.hvx"],
        1,
        "folder is a folder; give the files in it",
    );

    let refused = |batches: &[arrow_array::RecordBatch], options: &[&str], what: &str| {
        tables::parquet(&workspace.path("t.parquet"), batches);
        workspace.refused(&[&["encrypt", "public.json", "t.parquet", "-o", "x.hvx"], options].concat(), 1, what);
        assert!(!workspace.path("x.hvx").exists(), "{what}");
    };
    let mut rows = vectors(3);
    let floats = |rows: &[Vec<f32>]| tables::batches(Column::Floats, rows);
    refused(&floats(&rows), &["--column", "nothing"], "has no column \"nothing\"; its columns are embedding (");
    refused(&floats(&rows), &["--id-column", "embedding"], "expected integers or strings");
    refused(
        &tables::titles(3),
        &[],
        "no column can hold vectors (lists of numbers or booleans, or binary); its columns are title (",
    );
    refused(&tables::with_null_vector(&rows), &[], "t.parquet: row 0 is null");
    refused(&tables::with_null_component(&rows), &[], "row 0 has a null as component 1");
    refused(&tables::with_id(&rows, -4), &[], "the id of row 0 is -4, expected a non-negative integer");
    rows[0].pop();
    refused(&floats(&rows), &[], "row 0 has 63 dimensions");
    rows[0].push(f32::NAN);
    refused(&floats(&rows), &[], "row 0, column 63 is not a number");
}

/// A bad row does not affect the rows before it.
#[test]
fn rows_before_a_bad_row_are_kept() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let row = text(&[1; DIMENSIONS]);
    let kept = |name: &str, records: &[String], what: &str, vectors: u64| {
        std::fs::write(workspace.path(name), records.concat()).unwrap();
        let index = format!("{name}.hvx");
        workspace.refused(&["encrypt", "public.json", name, "-o", &index], 1, what);
        assert_eq!(workspace.json(&["index", "info", &index, "--json"])["vectors"], vectors, "{what}");
    };
    let with = |id: &str| format!("{{\"id\": {id}, \"bits\": \"{row}\"}}\n");
    let without = format!("{{\"bits\": \"{row}\"}}\n");
    kept("a", &[with("1"), with("2"), without.clone()], "a: line 3 has no id, but the vectors before it have ids", 2);
    kept("b", &[without.clone(), with("2")], "b: line 2 has an id, but the vectors before it have none", 1);
    kept("c", &[with("1"), with("\"x\"")], "c: line 2 has an invalid id", 1);
    kept("d", &[without, "{\n".to_owned()], "d: line 2 is not a JSON object", 1);
    // A block is written completely or not at all, after a check of its ids.
    std::fs::write(workspace.path("e"), [with("1"), with("1")].concat()).unwrap();
    workspace.refused(&["encrypt", "public.json", "e", "-o", "e.hvx"], 1, "duplicate id 1 (row 1)");
    // Rows are counted from the start of the input, not of the block.
    let many: String = (0..2100).map(|row| with(&(row % 2090).to_string())).collect();
    std::fs::write(workspace.path("f"), many).unwrap();
    workspace.refused(&["encrypt", "ctx.json", "f", "-o", "f.hvx"], 1, "duplicate id 0 (row 2090)");
    assert_eq!(workspace.json(&["index", "info", "f.hvx", "--json"])["vectors"], 2048);
}
