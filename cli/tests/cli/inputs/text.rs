//! CSV and JSON lines, and compressed files.

use super::{bits, lines, packed, same, text};
use crate::workspace::{DIMENSIONS, Workspace, among, expected, nearest, vectors};
use serde_json::{Value, json};

#[test]
fn comma_separated_values() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let rows = vectors(40);
    let write = |name: &str, text: &str| std::fs::write(workspace.path(name), text).unwrap();
    let fields = |row: &[f32], by: &str| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(by);
    let all = |record: &dyn Fn(usize, &[f32]) -> String, end: &str| -> String {
        rows.iter().enumerate().map(|(row, vector)| record(row, vector) + end).collect()
    };
    write("plain.csv", &all(&|_, row| fields(row, ","), "\n"));
    same(&workspace, "plain.csv", &[]);
    let names = (0..DIMENSIONS).map(|at| format!("d{at}")).collect::<Vec<_>>();
    write("named.tsv", &format!("{}\r\n{}", names.join("\t"), all(&|_, row| fields(row, "\t"), "\r\n")));
    same(&workspace, "named.tsv", &[]);
    // The id is the first field, or the column that the header names `id`.
    write("ids.csv", &all(&|row, vector| format!("{row},{}", fields(vector, ", ")), "\n"));
    same(&workspace, "ids.csv", &[]);
    write(
        "id.csv",
        &format!(
            "{},id\n{}",
            names.join(","),
            all(&|row, vector| format!("{},\"page {row}\"", fields(vector, ",")), "\n")
        ),
    );
    workspace.ok(&["encrypt", "ctx.json", "id.csv", "-o", "id.hvx"]);
    let every: Vec<usize> = (0..40).collect();
    assert_eq!(nearest(&workspace, "id.hvx"), among(&every, |row| format!("page {row}").into()));
    same(&workspace, "id.csv", &["--row-numbers"]);
    let refused = |text: &str, options: &[&str], what: &str| {
        write("bad.csv", text);
        // Lines before the bad line are encrypted.
        let _ = std::fs::remove_file(workspace.path("x.hvx"));
        workspace.refused(&[&["encrypt", "public.json", "bad.csv", "-o", "x.hvx"], options].concat(), 1, what);
    };
    let good = fields(&rows[0], ",");
    refused("", &[], "bad.csv: is empty");
    refused("1,0\n", &[], "bad.csv: line 1: 2 fields, the context needs 64 numbers");
    refused(&format!("{good}\n{good},7\n"), &[], "line 2: 65 fields");
    refused(&format!("{good}\nx{good}\n"), &[], "line 2: field 1 is \"x");
    refused(&format!("NaN{}\n", good.trim_start_matches(|digit| digit != ',')), &[], "not a number");
    refused(&good, &["--column", "v"], "whose vectors are all columns");
    refused(&good, &["--packed"], "leave --packed out");
    refused(&good, &["--id-column", "key"], "no header");
    refused(
        &format!("{}\n{good}\n", names.join(",")),
        &["--id-column", "key"],
        "has no column \"key\"; its columns are d0, d1",
    );
    refused(&format!("{good}\n{}", "1".repeat(17 << 20)), &[], "a record is longer than 16.0 MiB");
    refused(&format!("{good}\n\"{}", "1\n".repeat(9 << 20)), &[], "a record is longer than 16.0 MiB");
}

#[test]
fn json_lines() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let rows = vectors(40);
    let write = |name: &str, text: &str| std::fs::write(workspace.path(name), text).unwrap();
    write("v.jsonl", &lines(&rows, |_, row| json!({"text": "a \"vector\"", "vector": row, "more": {"vector": [1]}})));
    same(&workspace, "v.jsonl", &[]);
    // Blank lines, a byte order mark and Windows line endings are accepted.
    write(
        "b.txt",
        &format!("\u{feff}\r\n{}\n \n", lines(&rows, |_, row| json!({"bits": bits(row)})).replace('\n', "\r\n")),
    );
    same(&workspace, "b.txt", &[]);
    write("s.ndjson", &lines(&rows, |_, row| json!({"bits": text(&bits(row))})));
    same(&workspace, "s.ndjson", &[]);
    write("t.json", &lines(&rows, |_, row| json!({"bits": row.iter().map(|x| *x > 0.).collect::<Vec<_>>()})));
    same(&workspace, "t.json", &[]);
    let hex = |row: &[f32]| packed(row).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    write("h.jsonl", &lines(&rows, |_, row| json!({"bits": hex(row)})));
    same(&workspace, "h.jsonl", &["--packed"]);
    write("e.jsonl", &lines(&rows, |row, vector| json!({"id": row * 2, "embedding": vector, "vector": 7, "n": row})));
    same(&workspace, "e.jsonl", &["--column", "embedding", "--row-numbers"]);

    let all: Vec<usize> = (0..40).collect();
    workspace.ok(&["encrypt", "ctx.json", "e.jsonl", "-o", "i.hvx", "--column", "embedding"]);
    assert_eq!(nearest(&workspace, "i.hvx"), among(&all, |row| (2 * row).into()));
    workspace.ok(&["encrypt", "ctx.json", "e.jsonl", "-o", "n.hvx", "--column", "embedding", "--id-column", "n"]);
    assert_eq!(nearest(&workspace, "n.hvx"), among(&all, Value::from));
    write("names.jsonl", &lines(&rows, |row, vector| json!({"id": format!("é {row}"), "vector": vector})));
    workspace.ok(&["encrypt", "ctx.json", "names.jsonl", "-o", "names.hvx"]);
    assert_eq!(nearest(&workspace, "names.hvx"), among(&all, |row| format!("é {row}").into()));

    // Queries may be JSON lines too.
    write("q.jsonl", &lines(&rows[..2], |_, row| json!({"id": "no matter", "bits": text(&bits(row))})));
    let answers = workspace.json(&["query", "ctx.json", "v.jsonl.hvx", "q.jsonl", "-k", "5", "--json"]);
    assert_eq!(answers, expected(&rows, &rows[..2], 5, |i| i));
    let asked = std::fs::read(workspace.path("q.jsonl")).unwrap();
    workspace.command(&["encrypt-query", "ctx.json", "-", "-o", "q.hvq"]).write_stdin(asked).assert().success();
    workspace.ok(&["aggregate", "public.json", "v.jsonl.hvx", "q.hvq", "-o", "r.hvr"]);
    assert_eq!(workspace.json(&["decode", "ctx.json", "r.hvr", "-k", "5", "--json"]), answers);
}

#[test]
fn compressed_files() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let rows = vectors(40);
    let text = lines(&rows, |_, row| json!({"vector": row}));
    std::fs::write(workspace.path("v.jsonl"), &text).unwrap();
    for (program, ending) in [("gzip", "gz"), ("zstd", "zst")] {
        for name in ["v.jsonl", "vectors.npy"] {
            let compressed = std::process::Command::new(program).arg("-ck").arg(workspace.path(name)).output();
            let Ok(compressed) = compressed else {
                use std::io::Write;
                writeln!(std::io::stderr(), "SKIPPED: files of {program}, which is not installed").unwrap();
                continue;
            };
            let name = format!("{name}.{ending}");
            std::fs::write(workspace.path(&name), &compressed.stdout).unwrap();
            same(&workspace, &name, &[]);
            let (index, all) = (format!("{name}.stdin"), (0..40).collect::<Vec<usize>>());
            let arguments = ["encrypt", "public.json", "-", "-o", &index];
            workspace.command(&arguments).write_stdin(compressed.stdout.clone()).assert().success();
            assert_eq!(nearest(&workspace, &index), among(&all, Value::from));
            std::fs::write(workspace.path(&name), &compressed.stdout[..compressed.stdout.len() - 9]).unwrap();
            workspace.refused(&["encrypt", "public.json", &name, "-o", &format!("{name}.cut.hvx")], 1, &name);
        }
    }
}
