//! The input of `hushvec encrypt`: all formats, ids, several files, standard input.

mod arrays;
mod projection;
mod sequences;
mod tables;
mod text;
mod unusable;

use crate::workspace::{Workspace, among, nearest};
use hushvec_cli::input::{Format, IdSource, Input};
use serde_json::Value;
use std::path::Path;

/// Returns the bits of a vector: 1 where a component is above zero.
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

/// Returns JSON lines, one record for each row.
pub fn lines(rows: &[Vec<f32>], record: impl Fn(usize, &[f32]) -> Value) -> String {
    rows.iter().enumerate().map(|(row, vector)| format!("{}\n", record(row, vector))).collect()
}

/// Checks that the index of an input gives the same results as the index of `vectors.npy`.
fn same(workspace: &Workspace, name: &str, options: &[&str]) {
    let index = format!("{name}.hvx");
    workspace.ok(&[&["encrypt", "public.json", name, "-o", &index], options].concat());
    let all: Vec<usize> = (0..40).collect();
    assert_eq!(nearest(workspace, &index), among(&all, Value::from), "{name}");
}

/// Every file of the fuzzing corpus is read without an error.
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
        let column = (first & 8 > 0).then(|| "embedding".to_owned());
        let format = Format { packed: first & 4 > 0, column, project: false };
        let mut input = Input::open(&[path], 8, &format, IdSource::IfAny).unwrap();
        let read = input.read_all().unwrap().len();
        assert_eq!(input.rows(), Some(read as u64));
        (vectors, files) = (vectors + read, files + 1);
    }
    assert!(files >= 16 && vectors > 2 * files, "{vectors} vectors in {files} files");
}
