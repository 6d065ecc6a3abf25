//! `--project`: more bits than an embedding has dimensions.

use super::lines;
use crate::tables::{self, Column};
use crate::workspace::{DIMENSIONS, Workspace, expected, vectors};
use hushvec::{BitMatrix, Projection};
use hushvec_cli::input::{Format, IdSource, Input};
use predicates::str::contains;
use serde_json::json;

/// Returns embeddings of 48 dimensions: multiples of 1/8, which all formats represent exactly.
fn embeddings(count: u8) -> Vec<Vec<f32>> {
    let component = |row: u8, at: u8| f32::from((row.wrapping_mul(37) ^ at.wrapping_mul(101)) % 64) / 8.0 - 4.0;
    (0..count).map(|row| (0..48).map(|at| component(row, at)).collect()).collect()
}

/// Returns the bits of the library's projection, as ones and minus ones.
fn projected(rows: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut bits = BitMatrix::new(DIMENSIONS);
    let projection = Projection::new(rows[0].len(), DIMENSIONS).unwrap();
    rows.iter().for_each(|row| projection.push(row, &mut bits).unwrap());
    (0..rows.len()).map(|row| bits.row(row).unwrap().iter().map(|bit| f32::from(*bit) * 2.0 - 1.0).collect()).collect()
}

#[test]
fn every_format_gives_the_bits_of_the_library() {
    let workspace = Workspace::new();
    let rows = embeddings(9);
    workspace.floats("v.npy", &rows);
    let eighths: Vec<u8> =
        rows.iter().flatten().map(|x| format!("{}", x * 8.0).parse::<i8>().unwrap().cast_unsigned()).collect();
    workspace.npy("int8.npy", "|i1", "(9, 48)", &eighths);
    let doubles: Vec<u8> = rows.iter().flatten().flat_map(|x| f64::from(*x).to_be_bytes()).collect();
    workspace.npy("double.npy", ">f8", "(9, 48)", &doubles);
    let floats: Vec<u8> = rows.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(workspace.path("v.fbin"), super::bin(9, 48, &floats)).unwrap();
    std::fs::write(workspace.path("v.i8bin"), super::bin(9, 48, &eighths)).unwrap();
    tables::parquet(&workspace.path("v.parquet"), &tables::batches(Column::Floats, &rows));
    tables::arrow_stream(&workspace.path("v.arrows"), &tables::batches(Column::Floats, &rows));
    std::fs::write(workspace.path("v.jsonl"), lines(&rows, |row, vector| json!({"id": row, "vector": vector})))
        .unwrap();
    let csv = |record: &dyn Fn(usize) -> String| -> String {
        let fields = |row: usize| rows[row].iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        (0..rows.len()).map(|row| format!("{}{}\n", record(row), fields(row))).collect()
    };
    std::fs::write(workspace.path("v.csv"), csv(&|_| String::new())).unwrap();
    let names = (0..48).map(|at| format!("v{at}")).collect::<Vec<_>>().join(",");
    std::fs::write(workspace.path("named.csv"), format!("id,{names}\n{}", csv(&|row| format!("{row},")))).unwrap();

    let mut want = BitMatrix::new(DIMENSIONS);
    let projection = Projection::new(48, DIMENSIONS).unwrap();
    rows.iter().for_each(|row| projection.push(row, &mut want).unwrap());
    let format = Format { project: true, ..Format::default() };
    for name in [
        "v.npy",
        "int8.npy",
        "double.npy",
        "v.fbin",
        "v.i8bin",
        "v.parquet",
        "v.arrows",
        "v.jsonl",
        "v.csv",
        "named.csv",
    ] {
        let mut input = Input::open(&[workspace.path(name)], DIMENSIONS, &format, IdSource::IfAny).unwrap();
        assert_eq!(input.rows(), Some(9), "{name}");
        let read = input.read_all().unwrap();
        assert!((0..9).all(|row| read.row(row) == want.row(row)) && read.len() == 9, "{name}");
    }
}

#[test]
fn commands_project_what_they_read() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let rows = embeddings(30);
    workspace.floats("vectors.npy", &rows);
    workspace.floats("query.npy", &rows[..2]);
    let answers = expected(&projected(&rows), &projected(&rows[..2]), 12, |i| i);
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx", "--project"]);
    let query = ["query", "ctx.json", "index.hvx", "query.npy", "-k", "12", "--json"];
    assert_eq!(workspace.json(&[&query[..], &["--project"]].concat()), answers);
    workspace.ok(&["encrypt-query", "ctx.json", "query.npy", "-o", "query.hvq", "--project"]);
    workspace.ok(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"]);
    assert_eq!(workspace.json(&["decode", "ctx.json", "response.hvr", "-k", "12", "--json"]), answers);
    workspace.refused(&query, 1, "has 48 dimensions per vector, the context needs 64; give --project to turn");

    // --resume, several files, --dry-run and standard input also work.
    workspace.floats("more.npy", &embeddings(33)[30..]);
    let resume = ["encrypt", "ctx.json", "vectors.npy", "more.npy", "-o", "index.hvx", "--resume"];
    let report = workspace.json(&[&resume[..], &["--project", "--json"]].concat());
    assert_eq!((&report["encrypted"], &report["skipped"]), (&json!(3), &json!(30)));
    let plan = ["encrypt", "public.json", "vectors.npy", "-o", "x.hvx", "--project", "--dry-run", "--json"];
    assert_eq!(workspace.json(&plan)["vectors"], 30);
    let records = lines(&rows, |_, vector| json!({"vector": vector}));
    let piped = ["encrypt", "public.json", "-", "-o", "piped.hvx", "--project"];
    workspace.command(&piped).write_stdin(records).assert().success().stderr(contains("encrypted 30"));
    assert_eq!(workspace.json(&["index", "info", "piped.hvx", "--json"])["vectors"], 30);

    // Vectors with as many dimensions as bits are projected too.
    workspace.floats("wide.npy", &vectors(5));
    workspace.ok(&["encrypt", "ctx.json", "wide.npy", "-o", "wide.hvx", "--project"]);
    let wide = ["query", "ctx.json", "wide.hvx", "wide.npy", "-k", "5", "--json", "--project"];
    assert_eq!(workspace.json(&wide), expected(&projected(&vectors(5)), &projected(&vectors(5)), 5, |i| i));
}

#[test]
fn vectors_that_cannot_be_projected_are_refused() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let rows = embeddings(3);
    let refused = |name: &str, bytes: &[u8], code: i32, options: &[&str], what: &str| {
        std::fs::write(workspace.path(name), bytes).unwrap();
        workspace.refused(&[&["encrypt", "public.json", name, "-o", "x.hvx"], options].concat(), code, what);
        assert!(!workspace.path("x.hvx").exists(), "{what}");
    };
    let project = &["--project"][..];
    let bits = "has bits or integers, but --project takes floating-point numbers or int8; leave --project out";
    refused("v.u8bin", &super::bin(2, 64, &[1; 128]), 1, project, &format!("v.u8bin: row 0 {bits}"));
    refused("v.jsonl", b"{\"bits\": \"0110\"}\n", 1, project, &format!("v.jsonl: line 1 {bits}"));
    refused("v.jsonl", b"{\"vector\": [0, 1, 1, 0]}\n", 1, project, &format!("line 1 {bits}"));
    refused("v.csv", b"0,1,-1\n", 1, project, &format!("line 1: {bits}"));
    tables::parquet(&workspace.path("t.parquet"), &tables::batches(Column::FixedBinary, &vectors(2)));
    workspace.refused(&["encrypt", "public.json", "t.parquet", "-o", "x.hvx", "--project"], 1, bits);
    refused("v.u8bin", &super::bin(2, 8, &[1; 16]), 2, &["--project", "--packed"], "leave one of them out");
    // Ids that could be mistaken for a dimension.
    refused("v.csv", b"7,0.5,-0.25\n8,0.5,1.5\n", 1, project, "the first field, 7, looks like an id");
    refused("v.csv", b"a,0.5\n", 1, project, "field 1 is \"a\", expected a number");
    // All vectors must have the dimension of the first one.
    let record = |row: &[f32]| format!("{}\n", json!({"vector": row}));
    let uneven = [record(&rows[0]), record(&rows[1][..47])].concat();
    std::fs::write(workspace.path("uneven.jsonl"), uneven).unwrap();
    let kept = ["encrypt", "public.json", "uneven.jsonl", "-o", "kept.hvx", "--project"];
    workspace.refused(&kept, 1, "uneven.jsonl: line 2 has 47 dimensions, the rows before have 48");
    assert_eq!(workspace.json(&["index", "info", "kept.hvx", "--json"])["vectors"], 1);
    workspace.floats("a.npy", &rows);
    workspace.floats("b.npy", &[vec![1.0; 50]]);
    let two = ["encrypt", "public.json", "a.npy", "b.npy", "-o", "x.hvx", "--project"];
    workspace.refused(&two, 1, "b.npy: row 0 has 50 dimensions, the rows before have 48");
    std::fs::write(workspace.path("uneven.csv"), "x,y\n0.5,0.25\n0.5,0.25,1\n").unwrap();
    let kept = ["encrypt", "public.json", "uneven.csv", "-o", "fields.hvx", "--project"];
    workspace.refused(&kept, 1, "line 3: 3 fields, the lines before have 2 numbers");
}

#[test]
fn too_few_dimensions_suggest_project() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let rows = embeddings(3);
    let hint = "the context needs 64; give --project to turn each vector into 64 bits";
    tables::parquet(&workspace.path("t.parquet"), &tables::batches(Column::Floats, &rows));
    std::fs::write(workspace.path("v.jsonl"), lines(&rows, |_, vector| json!({"vector": vector}))).unwrap();
    workspace.floats("v.npy", &rows);
    for name in ["t.parquet", "v.jsonl", "v.npy"] {
        workspace.refused(&["encrypt", "public.json", name, "-o", "x.hvx"], 1, hint);
    }
    std::fs::write(workspace.path("v.csv"), "0.5,0.25\n").unwrap();
    let csv = ["encrypt", "public.json", "v.csv", "-o", "x.hvx"];
    workspace.refused(
        &csv,
        1,
        "2 fields, the context needs 64 numbers; give --project to turn each vector into 64 bits",
    );
    // No hint for bits, or for more dimensions than the context has.
    workspace.npy("bits.npy", "|u1", "(1, 48)", &[1; 48]);
    workspace.floats("more.npy", &[vec![0.5; 65]]);
    for name in ["bits.npy", "more.npy"] {
        let output = workspace.command(&["encrypt", "public.json", name, "-o", "x.hvx"]).assert().code(1);
        let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(stderr.contains("the context needs 64") && !stderr.contains("--project"), "{stderr}");
    }
}

/// NaN, infinite or too large for single precision: the error names the row and the component.
#[test]
fn infinite_components_are_refused() {
    let workspace = Workspace::with_context("paillier_subgroup");
    for (value, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (-1e300, "-inf")] {
        let row: Vec<u8> = [0.5, value, 0.25].iter().flat_map(|x: &f64| x.to_le_bytes()).collect();
        workspace.npy("v.npy", "<f8", "(1, 3)", &row);
        let what = format!("v.npy: row 0 has {shown} as component 1, expected a finite number");
        workspace.refused(&["encrypt", "public.json", "v.npy", "-o", "x.hvx", "--project"], 1, &what);
    }
    assert!(!workspace.path("x.hvx").exists());
}
