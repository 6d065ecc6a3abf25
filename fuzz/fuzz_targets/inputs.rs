//! Fuzzes the command line's reader of vector files, except Parquet. The first byte selects the file extension, the
//! encoding of bits, and whether vectors are projected.
#![no_main]

use hushvec_cli::input::{Format, IdSource, Input};
use libfuzzer_sys::fuzz_target;

const DIMENSIONS: usize = 8;
const EXTENSIONS: [&str; 8] = ["", "fbin", "u8bin", "i8bin", "csv", "tsv", "csv.gz", "npy.zst"];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    // The Parquet library reads Parquet. A page with a wrong header length can keep it busy for minutes.
    if bytes.starts_with(b"PAR1") {
        return;
    }
    let path = hushvec_fuzz::file_with(bytes);
    let named = path.with_extension(EXTENSIONS[usize::from(first & 3 | first >> 3 & 4)]);
    std::fs::rename(&path, &named).expect("the file can be renamed");
    let (packed, project) = (first & 4 > 0, first & 64 > 0);
    let column = (first & 8 > 0).then(|| "embedding".to_owned());
    let ids = if first & 16 > 0 { IdSource::RowNumbers } else { IdSource::IfAny };
    let opened = Input::open(std::slice::from_ref(&named), DIMENSIONS, &Format { packed, column, project }, ids);
    if let Ok(mut input) = opened {
        let mut rows = 0;
        // A few bytes can encode very many rows.
        while rows < 1 << 14 {
            let Ok(block) = input.read_block(64) else { break };
            if block.vectors.is_empty() {
                break;
            }
            assert!(block.ids.is_none_or(|ids| ids.len() == block.vectors.len()));
            rows += block.vectors.len();
        }
    }
    std::fs::remove_file(&named).expect("the file can be removed");
});
