//! Fuzzes what packed search reads: queries, headers of blocks, blocks and responses. The first byte selects one, and the
//! number of dimensions.
#![no_main]

use hushvec::packed::{Block, BlockHeader, Parameters, Query, Response};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static PARAMETERS: LazyLock<[Parameters; 2]> = LazyLock::new(|| {
    [Parameters::hamming(64), Parameters::inner_product(64, 620)].map(|parameters| parameters.expect("it has 64 dimensions"))
});

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let parameters = &PARAMETERS[usize::from(choice >> 4 & 1)];
    match choice & 3 {
        0 => {
            if let Ok(query) = Query::from_bytes(parameters, bytes) {
                let again = query.to_bytes();
                let read = Query::from_bytes(parameters, &again).expect("what was written is read");
                assert_eq!(read.to_bytes(), again);
            }
        }
        1 => {
            if let Ok(header) = BlockHeader::from_bytes(parameters, bytes) {
                assert!((1..=parameters.vectors_per_block()).contains(&header.rows()));
                assert_eq!(header.to_bytes(), bytes);
            }
        }
        2 => {
            if let Ok(block) = Block::from_bytes(parameters, bytes) {
                assert_eq!(block.to_bytes(), bytes);
            }
        }
        _ => {
            for blocks in [0, 1, bytes.len(), usize::MAX] {
                if let Ok(response) = Response::from_bytes(parameters, blocks, bytes) {
                    assert_eq!(response.blocks(), blocks);
                    assert_eq!(response.to_bytes(), bytes);
                }
            }
        }
    }
});
