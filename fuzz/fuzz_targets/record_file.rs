//! Fuzzes indexes, queries and responses. Checksums are corrected first, because otherwise the fuzzer would never get
//! past them; if the lowest bit of the first byte is 1, they are left as they are.
#![no_main]

use hushvec::hazmat::RecordSurvey;
use hushvec::{Evaluator, ExecutionContext, Index, IndexWriter, Progress, Response};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

static OWNER: LazyLock<(ExecutionContext, Evaluator)> = LazyLock::new(|| {
    let context = hushvec_fuzz::context();
    let one = std::num::NonZeroUsize::new(1);
    let evaluator = Evaluator::with_threads(&context.public_context(), hushvec::Device::Cpu, one);
    (context, evaluator.expect("the CPU opens"))
});

/// The sizes of the headers of a file and of a block. The latter is also the alignment of blocks.
const HEADERS: [usize; 2] = [128, 64];

fn seal(bytes: &mut [u8]) {
    if let Some((checksum, rest)) = bytes.split_last_chunk_mut().map(|(rest, checksum)| (checksum, rest)) {
        *checksum = crc32fast::hash(rest).to_le_bytes();
    }
}

/// Corrects all checksums. A block extends to the next one, or to the end.
fn seal_all(file: &mut [u8]) {
    let [file_header, block_header] = HEADERS;
    let Some((header, blocks)) = file.split_at_mut_checked(file_header) else { return };
    seal(header);
    let starts: Vec<usize> = (0..blocks.len())
        .step_by(block_header)
        .filter(|at| blocks[*at..].starts_with(b"BLK") || blocks[*at..].starts_with(b"DEL"))
        .collect();
    for (i, start) in starts.iter().enumerate() {
        let end = starts.get(i + 1).copied().unwrap_or(blocks.len());
        if let Some((header, payload)) = blocks[*start..end].split_at_mut_checked(block_header) {
            header[32..36].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
            seal(header);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((unsealed, bytes)) = bytes.split_first() else { return };
    let mut bytes = bytes.to_vec();
    if unsealed & 1 == 0 {
        seal_all(&mut bytes);
    }
    let path = hushvec_fuzz::file_with(&bytes);
    let (owner, evaluator) = &*OWNER;
    // The container alone, for any scheme and layout of records.
    for survey in [RecordSurvey::of_index, RecordSurvey::of_query, RecordSurvey::of_response] {
        if let Ok(survey) = survey(&path) {
            assert!(survey.records <= bytes.len() as u64 / 64 && survey.deleted <= survey.vectors);
            assert!(survey.blocks <= survey.records && survey.records <= survey.vectors);
        }
    }
    if let Ok(index) = Index::open(&path) {
        let (len, recovery) = (index.len(), index.recovery());
        assert!(index.bytes() <= bytes.len() as u64);
        let is_valid = index.verify().is_ok();
        for row in [0, 1, len.saturating_sub(1), len, u64::MAX] {
            let found = index.get(owner.public_key(), row);
            assert!(!is_valid || found.is_err() || (row < len) == found.is_ok_and(|found| found.is_some()));
        }
        let _ = index.export(owner.public_key(), evaluator, |_, _| Ok(()));
        let _ = evaluator.verify(&index, true, &Progress::new());
        drop(index);
        if let Ok((writer, cut)) = IndexWriter::append_to(&path, Arc::clone(owner.public_key())) {
            assert_eq!((writer.len(), cut), (len, recovery));
        }
    }
    let _ = evaluator.load_query(&path);
    if let Ok(response) = Response::open(&path) {
        assert!(response.len().saturating_mul(response.queries() as u64) <= bytes.len() as u64);
        let _ = response.nearest(owner, 3, &Progress::new());
    }
});
