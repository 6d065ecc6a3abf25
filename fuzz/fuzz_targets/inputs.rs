//! Files of vectors, as the command line reads them. The first byte says what the name ends in and how bits are written.
#![no_main]

use hushvec_cli::input::{Format, IdSource, Input};
use libfuzzer_sys::fuzz_target;

const DIMENSIONS: usize = 8;
const EXTENSIONS: [&str; 4] = ["", "fbin", "u8bin", "i8bin"];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let path = hushvec_fuzz::file_with(bytes);
    let named = path.with_extension(EXTENSIONS[usize::from(first % 4)]);
    std::fs::rename(&path, &named).expect("a file can be renamed");
    let packed = first & 4 > 0;
    let column = (first & 8 > 0).then(|| "embedding".to_owned());
    let ids = if first & 16 > 0 { IdSource::RowNumbers } else { IdSource::IfAny };
    let opened = Input::open(std::slice::from_ref(&named), DIMENSIONS, &Format { packed, column }, ids);
    if let Ok(mut input) = opened {
        let mut rows = 0;
        while let Ok(block) = input.read_block(64) {
            if block.vectors.is_empty() {
                // What was counted in advance is what there is.
                assert_eq!(input.rows(), Some(rows));
                break;
            }
            assert!(block.ids.is_none_or(|ids| ids.len() == block.vectors.len()));
            rows += block.vectors.len() as u64;
            assert!(rows <= 1 << 20, "more rows than bytes");
        }
    }
    std::fs::remove_file(&named).expect("a file can be removed");
});
