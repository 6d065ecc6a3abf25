//! Fuzzes encrypted numbers. Checksums are corrected first.
#![no_main]

use hushvec::{Device, ExecutionContext, NumberEvaluator};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static OWNER: LazyLock<(ExecutionContext, NumberEvaluator)> = LazyLock::new(|| {
    let context = hushvec_fuzz::context();
    let one = std::num::NonZeroUsize::new(1);
    let evaluator = NumberEvaluator::with_threads(&context.public_context(), Device::Cpu, one);
    (context, evaluator.expect("the CPU opens"))
});

/// The size of the header with its checksum.
const HEADER: usize = 128;

fn seal(bytes: &mut [u8]) {
    if let Some((rest, checksum)) = bytes.split_last_chunk_mut() {
        *checksum = crc32fast::hash(rest).to_le_bytes();
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (owner, evaluator) = &*OWNER;
    let mut bytes = bytes.to_vec();
    if let Some((header, body)) = bytes.split_at_mut_checked(HEADER) {
        seal(header);
        seal(body);
    }
    if let Ok(numbers) = evaluator.numbers_from_bytes(&bytes) {
        let again = numbers.to_bytes(owner.public_key()).expect("they belong to this key");
        assert!(evaluator.numbers_from_bytes(&again).is_ok_and(|again| again == numbers));
        let _ = owner.decrypt_numbers(&numbers);
        let _ = evaluator.sum(&numbers);
    }
});
