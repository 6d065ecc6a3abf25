//! What cannot be read, and what is kept of it.

use super::{bin, text};
use crate::desk::{DIMENSIONS, Desk, vectors};
use crate::tables::{self, Column};

/// Each of these is refused before there is an index.
#[test]
fn unusable_inputs_are_named() {
    let desk = Desk::furnished("paillier_subgroup");
    let refused = |name: &str, bytes: &[u8], options: &[&str], what: &str| {
        std::fs::write(desk.path(name), bytes).unwrap();
        desk.refused(&[&["encrypt", "public.json", name, "-o", "x.hvx"], options].concat(), 1, what);
        assert!(!desk.path("x.hvx").exists(), "{what}");
    };
    let row = text(&[1; DIMENSIONS]);
    let good = format!("{{\"bits\": \"{row}\"}}\n");
    let record = |rest: &str| format!("{{{rest}}}\n").into_bytes();
    refused("a.jsonl", b"{\"bits\": \n", &[], "a.jsonl: line 1 is no JSON object (EOF while parsing a value)");
    refused("a.jsonl", b"[1, 0]\n", &[], "line 1 is no JSON object (invalid type: sequence");
    refused(
        "a.jsonl",
        &record("\"id\": 1, \"text\": \"x\""),
        &[],
        "line 1 has no \"vector\" or \"bits\", but id, text",
    );
    refused("a.jsonl", good.as_bytes(), &["--column", "v"], "line 1 has no \"v\", but bits");
    refused("a.jsonl", good.as_bytes(), &["--id-column", "key"], "line 1 has no \"key\"");
    refused("a.jsonl", &record(&format!("\"bits\": \"{row}0\"")), &[], "line 1: 65 dimensions, the context needs 64");
    refused(
        "a.jsonl",
        &record("\"bits\": \"01x\""),
        &[],
        "\"bits\" that cannot be used: character 2 is 'x', expected 0 or 1",
    );
    refused("a.jsonl", &record("\"bits\": \"abc\""), &["--packed"], "it has 3 hexadecimal digits, an odd number");
    let list = |item: &str| format!("[{}{item}]", "0,".repeat(DIMENSIONS - 1));
    refused("a.jsonl", &record(&format!("\"bits\": {}", list("2"))), &[], "line 1: component 63 is 2, expected 0 or 1");
    refused("a.jsonl", &record(&format!("\"vector\": {}", list("null"))), &[], "cannot be used: invalid type: null");
    refused("a.jsonl", &record(&format!("\"vector\": {}", list("1e999"))), &[], "cannot be used: number out of range");
    refused("a.jsonl", &record("\"vector\": [], \"bits\": []"), &[], "has both \"vector\" and \"bits\"");
    let with_id = |id: &str| record(&format!("\"id\": {id}, \"bits\": \"{row}\""));
    refused("a.jsonl", &with_id("-1"), &[], "line 1 has the id -1, expected an integer from 0 or a string");
    refused("a.jsonl", &with_id("1.5"), &[], "line 1 has the id 1.5");
    refused("a.jsonl", &with_id("\"\""), &[], "line 1 has an id that cannot be used: it is empty");
    refused(
        "v.fbin",
        &bin(3, 64, &[0; 3 * 64 * 4 - 1]),
        &[],
        "has 775 bytes, but 3 rows of 64 columns, as its header says",
    );
    refused("v.fbin", &bin(3, 65, &[0; 3 * 65 * 4]), &[], "has 65 dimensions a vector, the context needs 64");
    refused("v.fbin", &[1, 2, 3], &[], "ends in its header of 8 bytes");
    refused("v.fbin", &bin(1, 8, &[0; 32]), &["--packed"], "only bytes can be --packed");
    refused("v.u8bin", &bin(1, 64, &[200; 64]), &[], "v.u8bin: row 0, column 0 is 200, expected 0 or 1");
    refused("v.u8bin", &bin(1, 8, &[200; 8]), &[], "is it --packed?");
    refused("v.fbin", &bin(1, 64, &[0; 256]), &["--column", "x"], "is an array, which has no column \"x\"");
    refused("v.parquet", b"PAR1 and no more", &[], "v.parquet: not a readable Parquet file");
    refused("v.arrow", b"ARROW1\0\0 and no more", &[], "v.arrow: not readable as Arrow (its end is missing)");
    refused(
        "v.arrows",
        b"\xff\xff\xff\xff\x10\0\0\0 and no more",
        &[],
        "v.arrows: not readable as Arrow (it ends in a message)",
    );
    refused("v.txt", b"1,0\n", &[], "v.txt: its first bytes are not those of .npy, Parquet, Arrow or JSON lines");
    refused("v.npy", b"", &[], "v.npy: not a readable .npy file");
    std::fs::create_dir(desk.path("folder")).unwrap();
    desk.refused(&["encrypt", "public.json", "folder", "-o", "x.hvx"], 1, "folder is a folder; give the files in it");

    let refused = |batches: &[arrow_array::RecordBatch], options: &[&str], what: &str| {
        tables::parquet(&desk.path("t.parquet"), batches);
        desk.refused(&[&["encrypt", "public.json", "t.parquet", "-o", "x.hvx"], options].concat(), 1, what);
        assert!(!desk.path("x.hvx").exists(), "{what}");
    };
    let mut rows = vectors(3);
    let floats = |rows: &[Vec<f32>]| tables::batches(Column::Floats, rows);
    refused(&floats(&rows), &["--column", "nothing"], "has no column \"nothing\", but embedding (");
    refused(&floats(&rows), &["--id-column", "embedding"], "expected integers or strings");
    refused(&tables::titles(3), &[], "no column can be vectors (lists of numbers or booleans, or binary), of title (");
    refused(&tables::with_null_vector(&rows), &[], "t.parquet: row 0 is null");
    refused(&tables::with_null_component(&rows), &[], "row 0 has a null as component 1");
    refused(&tables::with_id(&rows, -4), &[], "the id of row 0 is -4, expected an integer from 0");
    rows[0].pop();
    refused(&floats(&rows), &[], "row 0 has 63 dimensions");
    rows[0].push(f32::NAN);
    refused(&floats(&rows), &[], "row 0, column 63 is not a number");
}

/// What is wrong further down costs nothing before it.
#[test]
fn what_comes_before_a_bad_row_is_kept() {
    let desk = Desk::furnished("paillier_subgroup");
    let row = text(&[1; DIMENSIONS]);
    let kept = |name: &str, records: &[String], what: &str, vectors: u64| {
        std::fs::write(desk.path(name), records.concat()).unwrap();
        let index = format!("{name}.hvx");
        desk.refused(&["encrypt", "public.json", name, "-o", &index], 1, what);
        assert_eq!(desk.json(&["index", "info", &index, "--json"])["vectors"], vectors, "{what}");
    };
    let with = |id: &str| format!("{{\"id\": {id}, \"bits\": \"{row}\"}}\n");
    let without = format!("{{\"bits\": \"{row}\"}}\n");
    kept("a", &[with("1"), with("2"), without.clone()], "a: line 3 has no id, and those before have", 2);
    kept("b", &[without.clone(), with("2")], "b: line 2 has an id, and those before have none", 1);
    kept("c", &[with("1"), with("\"x\"")], "c: line 2 has an id that cannot be used", 1);
    kept("d", &[without, "{\n".to_owned()], "d: line 2 is no JSON object", 1);
    // A block is written whole or not at all: its ids are checked before.
    std::fs::write(desk.path("e"), [with("1"), with("1")].concat()).unwrap();
    desk.refused(&["encrypt", "public.json", "e", "-o", "e.hvx"], 1, "the id 1 (vector 1) is taken");
    // Vectors are counted from the start of the input, however many blocks there are before.
    let many: String = (0..2100).map(|row| with(&(row % 2090).to_string())).collect();
    std::fs::write(desk.path("f"), many).unwrap();
    desk.refused(&["encrypt", "ctx.json", "f", "-o", "f.hvx"], 1, "the id 0 (vector 2090) is taken");
    assert_eq!(desk.json(&["index", "info", "f.hvx", "--json"])["vectors"], 2048);
}
