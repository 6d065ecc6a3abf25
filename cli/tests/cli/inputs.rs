//! What `hushvec encrypt` reads: every format, ids, several files, standard input.

use crate::desk::{DIMENSIONS, Desk, among, expected, nearest, vectors};
use crate::tables::{self, Column};
use hushvec_cli::input::{Format, IdSource, Input};
use predicates::str::contains;
use serde_json::{Value, json};
use std::path::Path;

/// 1 where a component is above zero.
fn bits(row: &[f32]) -> Vec<u8> {
    row.iter().map(|x| u8::from(*x > 0.)).collect()
}

fn packed(row: &[f32]) -> Vec<u8> {
    bits(row).chunks(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit)).collect()
}

fn bin(rows: u32, columns: u32, elements: &[u8]) -> Vec<u8> {
    [&rows.to_le_bytes(), &columns.to_le_bytes(), elements].concat()
}

fn text(bits: &[u8]) -> String {
    bits.iter().map(|bit| char::from(b'0' + bit)).collect()
}

/// Lines of what `record` makes of each row.
fn lines(rows: &[Vec<f32>], record: impl Fn(usize, &[f32]) -> Value) -> String {
    rows.iter().enumerate().map(|(row, vector)| format!("{}\n", record(row, vector))).collect()
}

/// What `encrypt` makes of the input finds the same as it does of `vectors.npy`.
fn same(desk: &Desk, name: &str, options: &[&str]) {
    let index = format!("{name}.hvx");
    desk.ok(&[&["encrypt", "public.json", name, "-o", &index], options].concat());
    let all: Vec<usize> = (0..40).collect();
    assert_eq!(nearest(desk, &index), among(&all, Value::from), "{name}");
}

#[test]
fn arrays() {
    let desk = Desk::furnished("paillier_subgroup");
    let rows = vectors(40);
    let write = |name: &str, bytes: &[u8]| std::fs::write(desk.path(name), bytes).unwrap();
    let floats: Vec<u8> = rows.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
    write("v.fbin", &bin(40, 64, &floats));
    same(&desk, "v.fbin", &[]);
    let signed: Vec<u8> = rows.iter().flatten().map(|x| if *x > 0. { 17 } else { 0x83 }).collect();
    write("v.i8bin", &bin(40, 64, &signed));
    same(&desk, "v.i8bin", &[]);
    write("v.u8bin", &bin(40, 64, &rows.iter().flat_map(|row| bits(row)).collect::<Vec<_>>()));
    same(&desk, "v.u8bin", &[]);
    let bytes: Vec<u8> = rows.iter().flat_map(|row| packed(row)).collect();
    write("p.u8bin", &bin(40, 8, &bytes));
    same(&desk, "p.u8bin", &["--packed"]);
    desk.npy("p.npy", "|u1", "(40, 8)", &bytes);
    same(&desk, "p.npy", &["--packed"]);
    let big: Vec<u8> = rows.iter().flatten().flat_map(|x| f64::from(*x).to_be_bytes()).collect();
    desk.npy("big.npy", ">f8", "(40, 64)", &big);
    same(&desk, "big.npy", &[]);
    let half: Vec<u8> = rows.iter().flatten().flat_map(|x| if *x > 0. { [0, 0x38] } else { [0, 0xb8] }).collect();
    desk.npy("half.npy", "<f2", "(40, 64)", &half);
    same(&desk, "half.npy", &[]);
    // Signs, in whatever integers; and `binary` and `ubinary` embeddings of sentence-transformers.
    let signs: Vec<u8> = rows.iter().flatten().map(|x| if *x > 0. { 1 } else { 0xff }).collect();
    desk.npy("signs.npy", "|i1", "(40, 64)", &signs);
    same(&desk, "signs.npy", &[]);
    desk.npy("int8.npy", "|i1", "(40, 64)", &signed);
    same(&desk, "int8.npy", &[]);
    let wide: Vec<u8> = rows.iter().flatten().flat_map(|x| (if *x > 0. { 1i32 } else { -1 }).to_le_bytes()).collect();
    desk.npy("wide.npy", "<i4", "(40, 64)", &wide);
    same(&desk, "wide.npy", &[]);
    desk.npy("binary.npy", "|i1", "(40, 8)", &bytes.iter().map(|byte| byte ^ 0x80).collect::<Vec<_>>());
    same(&desk, "binary.npy", &["--packed"]);
    // Column by column, which is how pandas' to_numpy() often returns them.
    let columns: Vec<u8> =
        (0..DIMENSIONS).flat_map(|at| rows.iter().flat_map(move |row| row[at].to_le_bytes())).collect();
    desk.npy("fortran.npy", "<f4", "(40, 64)", &columns);
    let fortran = std::fs::read(desk.path("fortran.npy")).unwrap();
    let at = fortran.windows(5).position(|text| text == b"False").unwrap();
    let fortran = [&fortran[..at], b"True ", &fortran[at + 5..]].concat();
    write("fortran.npy", &fortran);
    same(&desk, "fortran.npy", &[]);
    desk.ok(&["encrypt", "public.json", "fortran.npy", "-o", "shard.hvx", "--shard", "1/2"]);
    assert_eq!(nearest(&desk, "shard.hvx"), among(&(20..40).collect::<Vec<_>>(), Value::from));
    write("short.npy", &fortran[..fortran.len() - 1]);
    desk.refused(
        &["encrypt", "public.json", "short.npy", "-o", "x.hvx"],
        1,
        "short.npy: is shorter than its header says",
    );
    desk.command(&["encrypt", "public.json", "-", "-o", "x.hvx"])
        .write_stdin(fortran)
        .assert()
        .code(1)
        .stderr(contains("standard input: is in Fortran order, and so has to be in a file"));
}

#[test]
fn comma_separated_values() {
    let desk = Desk::furnished("paillier_subgroup");
    let rows = vectors(40);
    let write = |name: &str, text: &str| std::fs::write(desk.path(name), text).unwrap();
    let fields = |row: &[f32], by: &str| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(by);
    let all = |record: &dyn Fn(usize, &[f32]) -> String, end: &str| -> String {
        rows.iter().enumerate().map(|(row, vector)| record(row, vector) + end).collect()
    };
    write("plain.csv", &all(&|_, row| fields(row, ","), "\n"));
    same(&desk, "plain.csv", &[]);
    let names = (0..DIMENSIONS).map(|at| format!("d{at}")).collect::<Vec<_>>();
    write("named.tsv", &format!("{}\r\n{}", names.join("\t"), all(&|_, row| fields(row, "\t"), "\r\n")));
    same(&desk, "named.tsv", &[]);
    // An id in front, or wherever a header says.
    write("ids.csv", &all(&|row, vector| format!("{row},{}", fields(vector, ", ")), "\n"));
    same(&desk, "ids.csv", &[]);
    write(
        "id.csv",
        &format!(
            "{},id\n{}",
            names.join(","),
            all(&|row, vector| format!("{},\"page {row}\"", fields(vector, ",")), "\n")
        ),
    );
    desk.ok(&["encrypt", "ctx.json", "id.csv", "-o", "id.hvx"]);
    let every: Vec<usize> = (0..40).collect();
    assert_eq!(nearest(&desk, "id.hvx"), among(&every, |row| format!("page {row}").into()));
    same(&desk, "id.csv", &["--row-numbers"]);
    let refused = |text: &str, options: &[&str], what: &str| {
        write("bad.csv", text);
        // What comes before the line in question is encrypted.
        let _ = std::fs::remove_file(desk.path("x.hvx"));
        desk.refused(&[&["encrypt", "public.json", "bad.csv", "-o", "x.hvx"], options].concat(), 1, what);
    };
    let good = fields(&rows[0], ",");
    refused("", &[], "bad.csv: is empty");
    refused("1,0\n", &[], "bad.csv: line 1: 2 fields, the context needs 64 numbers");
    refused(&format!("{good}\n{good},7\n"), &[], "line 2: 65 fields");
    refused(&format!("{good}\nx{good}\n"), &[], "line 2: field 1 is \"x");
    refused(&format!("NaN{}\n", good.trim_start_matches(|digit| digit != ',')), &[], "not a number");
    refused(&good, &["--column", "v"], "whose vectors are all columns");
    refused(&good, &["--packed"], "not --packed");
    refused(&good, &["--id-column", "key"], "no header");
    refused(&format!("{}\n{good}\n", names.join(",")), &["--id-column", "key"], "has no column \"key\", but d0, d1");
    refused(&format!("{good}\n{}", "1".repeat(17 << 20)), &[], "a record is longer than 16.0 MiB");
    refused(&format!("{good}\n\"{}", "1\n".repeat(9 << 20)), &[], "a record is longer than 16.0 MiB");
}

#[test]
fn compressed_files() {
    let desk = Desk::furnished("paillier_subgroup");
    let rows = vectors(40);
    let text = lines(&rows, |_, row| json!({"vector": row}));
    std::fs::write(desk.path("v.jsonl"), &text).unwrap();
    for (program, ending) in [("gzip", "gz"), ("zstd", "zst")] {
        for name in ["v.jsonl", "vectors.npy"] {
            let compressed = std::process::Command::new(program).arg("-ck").arg(desk.path(name)).output();
            let Ok(compressed) = compressed else {
                use std::io::Write;
                writeln!(std::io::stderr(), "SKIPPED: files of {program}, which is not installed").unwrap();
                continue;
            };
            let name = format!("{name}.{ending}");
            std::fs::write(desk.path(&name), &compressed.stdout).unwrap();
            same(&desk, &name, &[]);
            let (index, all) = (format!("{name}.stdin"), (0..40).collect::<Vec<usize>>());
            let arguments = ["encrypt", "public.json", "-", "-o", &index];
            desk.command(&arguments).write_stdin(compressed.stdout.clone()).assert().success();
            assert_eq!(nearest(&desk, &index), among(&all, Value::from));
            std::fs::write(desk.path(&name), &compressed.stdout[..compressed.stdout.len() - 9]).unwrap();
            desk.refused(&["encrypt", "public.json", &name, "-o", &format!("{name}.cut.hvx")], 1, &name);
        }
    }
}

#[test]
fn json_lines() {
    let desk = Desk::furnished("paillier_subgroup");
    let rows = vectors(40);
    let write = |name: &str, text: &str| std::fs::write(desk.path(name), text).unwrap();
    write("v.jsonl", &lines(&rows, |_, row| json!({"text": "a \"vector\"", "vector": row, "more": {"vector": [1]}})));
    same(&desk, "v.jsonl", &[]);
    // Blank lines, a byte order mark and Windows' ends of lines do not matter.
    write(
        "b.txt",
        &format!("\u{feff}\r\n{}\n \n", lines(&rows, |_, row| json!({"bits": bits(row)})).replace('\n', "\r\n")),
    );
    same(&desk, "b.txt", &[]);
    write("s.ndjson", &lines(&rows, |_, row| json!({"bits": text(&bits(row))})));
    same(&desk, "s.ndjson", &[]);
    write("t.json", &lines(&rows, |_, row| json!({"bits": row.iter().map(|x| *x > 0.).collect::<Vec<_>>()})));
    same(&desk, "t.json", &[]);
    let hex = |row: &[f32]| packed(row).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    write("h.jsonl", &lines(&rows, |_, row| json!({"bits": hex(row)})));
    same(&desk, "h.jsonl", &["--packed"]);
    write("e.jsonl", &lines(&rows, |row, vector| json!({"id": row * 2, "embedding": vector, "vector": 7, "n": row})));
    same(&desk, "e.jsonl", &["--column", "embedding", "--row-numbers"]);

    let all: Vec<usize> = (0..40).collect();
    desk.ok(&["encrypt", "ctx.json", "e.jsonl", "-o", "i.hvx", "--column", "embedding"]);
    assert_eq!(nearest(&desk, "i.hvx"), among(&all, |row| (2 * row).into()));
    desk.ok(&["encrypt", "ctx.json", "e.jsonl", "-o", "n.hvx", "--column", "embedding", "--id-column", "n"]);
    assert_eq!(nearest(&desk, "n.hvx"), among(&all, Value::from));
    write("names.jsonl", &lines(&rows, |row, vector| json!({"id": format!("é {row}"), "vector": vector})));
    desk.ok(&["encrypt", "ctx.json", "names.jsonl", "-o", "names.hvx"]);
    assert_eq!(nearest(&desk, "names.hvx"), among(&all, |row| format!("é {row}").into()));

    // Queries may be written so too.
    write("q.jsonl", &lines(&rows[..2], |_, row| json!({"id": "no matter", "bits": text(&bits(row))})));
    let answers = desk.json(&["query", "ctx.json", "v.jsonl.hvx", "q.jsonl", "-k", "5", "--json"]);
    assert_eq!(answers, expected(&rows, &rows[..2], 5, |i| i));
    let asked = std::fs::read(desk.path("q.jsonl")).unwrap();
    desk.command(&["encrypt-query", "ctx.json", "-", "-o", "q.hvq"]).write_stdin(asked).assert().success();
    desk.ok(&["aggregate", "public.json", "v.jsonl.hvx", "q.hvq", "-o", "r.hvr"]);
    assert_eq!(desk.json(&["decode", "ctx.json", "r.hvr", "-k", "5", "--json"]), answers);
}

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
fn several_files_are_one_input() {
    let desk = Desk::furnished("paillier_subgroup");
    let rows = vectors(40);
    desk.floats("part-1.npy", &rows[..10]);
    tables::parquet(&desk.path("part-2.parquet"), &tables::batches(Column::Floats, &rows[10..25]));
    std::fs::write(desk.path("part-3.jsonl"), lines(&rows[25..], |_, row| json!({"vector": row}))).unwrap();
    let all: Vec<usize> = (0..40).collect();
    let files = ["part-1.npy", "part-2.parquet", "part-3.jsonl"];
    desk.ok(&[&["encrypt", "ctx.json", "-o", "named.hvx"], &files[..]].concat());
    assert_eq!(nearest(&desk, "named.hvx"), among(&all, Value::from));
    desk.ok(&["encrypt", "ctx.json", "part-*", "-o", "pattern.hvx"]);
    assert_eq!(nearest(&desk, "pattern.hvx"), among(&all, Value::from));
    desk.refused(&["encrypt", "ctx.json", "prat-*.npy", "-o", "x.hvx"], 1, "no file matches prat-*.npy");
    for shard in 0..3 {
        let output = format!("s{shard}.hvx");
        desk.ok(&["encrypt", "public.json", "part-*", "-o", &output, "--shard", &format!("{shard}/3")]);
    }
    desk.ok(&["index", "merge", "s0.hvx", "s1.hvx", "s2.hvx", "-o", "merged.hvx"]);
    assert_eq!(nearest(&desk, "merged.hvx"), among(&all, Value::from));

    // A bad row in the last file keeps what comes before, in that file too.
    let broken = lines(&rows[25..], |row, vector| json!({"vector": if row == 7 { &vector[1..] } else { vector }}));
    std::fs::write(desk.path("part-3.jsonl"), broken).unwrap();
    let encrypt = ["encrypt", "ctx.json", "part-*", "-o", "r.hvx", "--resume"];
    desk.refused(&encrypt, 1, "part-3.jsonl: line 8: 63 dimensions, the context needs 64");
    assert_eq!(desk.json(&["index", "info", "r.hvx", "--json"])["vectors"], 32);
    std::fs::write(desk.path("part-3.jsonl"), lines(&rows[25..], |_, row| json!({"vector": row}))).unwrap();
    let resumed = desk.json(&[&encrypt[..], &["--json"]].concat());
    assert_eq!((&resumed["skipped"], &resumed["encrypted"]), (&json!(32), &json!(8)));
    assert_eq!(nearest(&desk, "r.hvx"), among(&all, Value::from));

    desk.floats("part-4.npy", &[vec![1.0; 63]]);
    desk.refused(&["encrypt", "ctx.json", "part-*", "-o", "x.hvx"], 1, "part-4.npy: has 63 dimensions a vector");
    assert!(!desk.path("x.hvx").exists());
}

#[test]
fn standard_input() {
    let desk = Desk::furnished("paillier_subgroup");
    let rows = vectors(40);
    let all: Vec<usize> = (0..40).collect();
    let records = lines(&rows, |row, vector| json!({"id": row + 1, "vector": vector}));
    let feed = |arguments: &[&str], bytes: &[u8]| desk.command(arguments).write_stdin(bytes).assert();
    feed(&["encrypt", "ctx.json", "-", "-o", "j.hvx"], records.as_bytes()).success().stderr(contains("encrypted 40"));
    assert_eq!(nearest(&desk, "j.hvx"), among(&all, |row| (row + 1).into()));
    tables::arrow_stream(&desk.path("v.arrows"), &tables::batches(Column::Floats, &rows));
    let stream = std::fs::read(desk.path("v.arrows")).unwrap();
    feed(&["encrypt", "ctx.json", "-", "-o", "a.hvx"], &stream).success();
    assert_eq!(nearest(&desk, "a.hvx"), among(&all, Value::from));
    let array = std::fs::read(desk.path("vectors.npy")).unwrap();
    feed(&["encrypt", "ctx.json", "-", "-o", "n.hvx"], &array).success();
    assert_eq!(nearest(&desk, "n.hvx"), among(&all, Value::from));

    // Cut off in a record, and gone on with.
    let resume = ["encrypt", "ctx.json", "-", "-o", "r.hvx", "--resume"];
    feed(&resume, &records.as_bytes()[..records.len() / 2]).code(1).stderr(contains("standard input: line 2"));
    feed(&resume, records.as_bytes()).success().stderr(contains("r.hvx has 40"));
    assert_eq!(nearest(&desk, "r.hvx"), among(&all, |row| (row + 1).into()));
    feed(&resume, &records.as_bytes()[..records.find('\n').unwrap() + 1])
        .code(2)
        .stderr(contains("it has 40 vectors, the input has 1"));

    let refused = |arguments: &[&str], bytes: &[u8], code: i32, what: &str| {
        feed(arguments, bytes).code(code).stderr(contains(what));
    };
    let shard = ["encrypt", "public.json", "-", "-o", "x.hvx", "--shard", "0/2"];
    refused(&shard, records.as_bytes(), 2, "--shard is for vectors in files");
    refused(&["encrypt", "public.json", "-", "vectors.npy", "-o", "x.hvx"], b"", 2, "together with files");
    refused(&["encrypt", "public.json", "-", "-o", "x.hvx"], b"", 1, "standard input: is empty");
    refused(&["encrypt", "public.json", "-", "-o", "x.hvx"], b"a,b\n1,2\n", 1, "its first bytes are not those of .npy");
    tables::parquet(&desk.path("v.parquet"), &tables::batches(Column::Floats, &rows));
    let table = std::fs::read(desk.path("v.parquet")).unwrap();
    refused(&["encrypt", "public.json", "-", "-o", "x.hvx"], &table, 1, "it has to be in a file");
    tables::arrow_file(&desk.path("v.arrow"), &tables::batches(Column::Floats, &rows));
    let table = std::fs::read(desk.path("v.arrow")).unwrap();
    refused(&["encrypt", "public.json", "-", "-o", "x.hvx"], &table, 1, "it has to be in a file; a stream need not");
    assert!(!desk.path("x.hvx").exists());
}

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

/// What fuzzing found worth keeping is read to its end, or refused.
#[test]
fn the_fuzzers_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/inputs");
    let folder = tempfile::tempdir().unwrap();
    let (mut vectors, mut files) = (0, 0);
    for entry in std::fs::read_dir(corpus).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let (first, bytes) = bytes.split_first().unwrap();
        let path = folder.path().join("input").with_extension(["", "fbin", "u8bin", "i8bin"][usize::from(first % 4)]);
        std::fs::write(&path, bytes).unwrap();
        let format = Format { packed: first & 4 > 0, column: (first & 8 > 0).then(|| "embedding".to_owned()) };
        let mut input = Input::open(&[path], 8, &format, IdSource::IfAny).unwrap();
        let read = input.read_all().unwrap().len();
        assert_eq!(input.rows(), Some(read as u64));
        (vectors, files) = (vectors + read, files + 1);
    }
    assert!(files >= 16 && vectors > 2 * files, "{vectors} vectors in {files} files");
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

/// The forecast of sizes is exact where blocks are whole, and nothing is written or asked for.
#[test]
fn dry_runs() {
    let desk = Desk::furnished("paillier_subgroup");
    let plan = |arguments: &[&str]| {
        let arguments = [&["encrypt"], arguments, &["-o", "i.hvx", "--dry-run", "--json"]].concat();
        let output = desk.command(&arguments).env_remove("HUSHVEC_PASSPHRASE").assert().success();
        assert!(!desk.path("i.hvx").exists());
        serde_json::from_slice::<Value>(&output.get_output().stdout).unwrap()
    };
    let forecast = plan(&["ctx.json", "vectors.npy"]);
    assert_eq!((&forecast["vectors"], &forecast["dimensions"]), (&json!(40), &json!(64)));
    assert!(forecast["encrypt"]["seconds"].as_f64().unwrap() > 0.0);
    assert!(forecast["decode"]["per_second"].as_f64().unwrap() > 0.0);
    let public = plan(&["public.json", "vectors.npy", "vectors.npy"]);
    assert_eq!((&public["vectors"], &public["decode"]), (&json!(80), &Value::Null));
    assert_eq!(plan(&["public.json", "vectors.npy", "--shard", "2/3"])["vectors"], 14);

    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "real.hvx"]);
    nearest(&desk, "real.hvx");
    let size = |name: &str| json!(desk.path(name).metadata().unwrap().len());
    assert_eq!(forecast["index_bytes"], size("real.hvx"));
    assert_eq!(forecast["query_bytes"], size("query.hvq"));
    assert_eq!(forecast["response_bytes"], size("response.hvr"));

    let records = lines(&vectors(3), |_, row| json!({"vector": row}));
    let piped = ["encrypt", "public.json", "-", "-o", "i.hvx", "--dry-run"];
    desk.command(&piped).write_stdin(records).assert().success().stdout(contains("3 of 64 dimensions"));
    desk.refused(&["encrypt", "ctx.json", "vectors.npy", "-o", "real.hvx", "--dry-run"], 2, "real.hvx exists");
}
