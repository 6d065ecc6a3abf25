//! Fuzzes indexes, queries and responses of packed search, and contexts, which begin with `{`.
//!
//! Records are too long for a fuzzer, so inputs have none: they are inserted after the ids of a block, or a part for each
//! query after the header of a block of parts. Then checksums are corrected. The bits of the first byte turn off
//! correcting (1) and inserting (2), and let the owner work on the file (4).
#![no_main]

use hushvec::packed::Vectors;
use hushvec::{
    BitMatrix, PackedContext, PackedEvaluator, PackedIndex, PackedIndexWriter, PackedPublicContext, PackedQuery,
    PackedResponse, Progress,
};
use hushvec_fuzz::packed_file::{Block, EVALUATION_KEY, blocks, context};
use hushvec_fuzz::{FixedKeyProvider, file_with};
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;

/// The owner, its evaluator and query, and the records to insert.
struct Owner {
    context: PackedContext,
    public: String,
    evaluator: PackedEvaluator,
    query: PackedQuery,
    records: [Vec<u8>; 3],
    shared: Vec<u8>,
}

static OWNER: LazyLock<Owner> = LazyLock::new(|| owner().expect("the files can be written"));

/// Returns a path of this process.
fn path(name: &str) -> PathBuf {
    let mut path = file_with(&[]);
    path.as_mut_os_string().push(name);
    path
}

fn owner() -> Result<Owner, hushvec::Error> {
    let context = context();
    let (index, query, response) = (path("-index"), path("-query"), path("-response"));
    [&index, &query, &response].into_iter().for_each(|path| drop(std::fs::remove_file(path)));
    let vectors = BitMatrix::from_rows(
        64,
        (0..4096usize).map(|i| (0..64).map(|j| u8::from(i * j % 7 == 1)).collect::<Vec<_>>()),
    )?;
    PackedIndexWriter::create(&index, &context)?.append(&Vectors::Bits(&vectors), None)?;
    let public = context.public_context()?;
    let evaluator = PackedEvaluator::with_threads(&public, hushvec::Device::Cpu, std::num::NonZeroUsize::new(1))?;
    let one = context.encrypt_queries(&Vectors::Bits(&vectors.slice(7..8)))?;
    one.save(&query)?;
    evaluator.aggregate(&one, &PackedIndex::open(&index)?, &response, &Progress::new())?;
    let content = |path: &PathBuf, magic: &[u8; 4]| {
        let bytes = std::fs::read(path).expect("it was written");
        let found = blocks(&bytes, true).into_iter().find(|block| &block.magic(&bytes) == magic);
        bytes[found.expect("it has this block").content].to_vec()
    };
    let records = [&index, &query, &response].map(|path| content(path, b"BLK1"));
    let (shared, text) = (content(&response, b"SHR1"), public.to_json()?);
    [&index, &query, &response].into_iter().for_each(|path| drop(std::fs::remove_file(path)));
    Ok(Owner { context, public: text, evaluator, query: one, records, shared })
}

/// Returns a file with records inserted.
fn with_records(input: &[u8], owner: &Owner) -> Vec<u8> {
    let Some((header, _)) = input.split_at_checked(128) else { return input.to_vec() };
    let mut file = header.to_vec();
    let kind = usize::from(header[12]).wrapping_sub(1);
    for Block { range, .. } in blocks(input, false) {
        let block = &input[range];
        file.extend_from_slice(block);
        let records = match block.get(..4) {
            Some(b"BLK1") => owner.records.get(kind).unwrap_or(&owner.shared),
            Some(b"SHR1") => &owner.shared,
            _ => continue,
        };
        let count = block.get(4).map_or(0, |count| usize::from(*count));
        let copies = if kind == 1 || block.starts_with(b"SHR1") { count.min(3) } else { 1 + count % 2 };
        (0..copies).for_each(|_| file.extend_from_slice(records));
        file.resize(file.len().next_multiple_of(64), 0);
    }
    file
}

fn seal(bytes: &mut [u8]) {
    if let Some((rest, checksum)) = bytes.split_last_chunk_mut() {
        *checksum = crc32fast::hash(rest).to_le_bytes();
    }
}

/// Corrects all checksums.
fn seal_all(file: &mut [u8]) {
    for Block { range, .. } in blocks(file, false) {
        if let Some((header, payload)) = file[range].split_at_mut_checked(64) {
            header[32..36].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
            seal(header);
        }
    }
    if let Some(header) = file.get_mut(..128) {
        seal(header);
    }
}

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"{") {
        return contexts(bytes);
    }
    let Some((flags, bytes)) = bytes.split_first() else { return };
    let owner = &*OWNER;
    let mut file = if flags & 2 == 0 { with_records(bytes, owner) } else { bytes.to_vec() };
    if flags & 1 == 0 {
        seal_all(&mut file);
    }
    let path = file_with(&file);
    if let Ok(index) = PackedIndex::open(&path) {
        use_index(&index, &path, owner, flags & 4 != 0);
    }
    if let Ok(query) = PackedQuery::load(&path) {
        assert!(query.vectors() > 0 && query.vectors() <= owner.context.most_queries());
    }
    if let Ok(response) = PackedResponse::open(&path) {
        assert!(response.len() <= 4096 * file.len() as u64 / 16_384);
        let _ = response.check_query(&owner.query);
        let _ = response.nearest(&owner.context, 3, &Progress::new());
    }
});

fn use_index(index: &PackedIndex, path: &std::path::Path, owner: &Owner, is_owner: bool) {
    let len = index.len();
    let mut ids = 0;
    let each = index.for_each_id(|_| {
        ids += 1;
        Ok(())
    });
    assert!(each.is_err() || ids == len);
    let _ = index.tail();
    // What an evaluator verified, it can answer, and the owner can read the response.
    if owner.evaluator.verify(index, &Progress::new()).is_ok() {
        let to = path.with_extension("response");
        owner.evaluator.aggregate(&owner.query, index, &to, &Progress::new()).expect("it was verified");
        let response = PackedResponse::open(&to).expect("it was just written");
        response.check_query(&owner.query).expect("it answers the query");
        let _ = response.nearest(&owner.context, 3, &Progress::new());
    }
    if is_owner && index.public_id() == owner.context.public_id() {
        let _ = index.last_appended(&owner.context);
        let recovery = index.recovery();
        if let Ok((mut writer, cut)) = PackedIndexWriter::append_to(path, &owner.context) {
            assert_eq!((writer.len(), cut), (len, recovery));
            let more = BitMatrix::from_rows(64, [[1; 64]]).expect("it has 64 bits");
            let appended = writer.append(&Vectors::Bits(&more), None).is_ok();
            assert_eq!(writer.len(), len + u64::from(appended));
        }
        let _ = PackedIndex::compact(path, &owner.context, &Progress::new());
    }
}

/// Reads contexts. The evaluation key, which is too long, is inserted.
fn contexts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(context) = PackedContext::from_serialized(text, &FixedKeyProvider(Vec::new()), None) {
        assert_eq!(context.public_id(), OWNER.context.public_id());
    }
    let key =
        OWNER.public.lines().find_map(|line| line.trim().strip_prefix("\"evaluation_key\": \"")?.strip_suffix("\","));
    let text = text.replacen(EVALUATION_KEY, key.unwrap_or_default(), 1);
    if text.len() < 4 << 20
        && let Ok(public) = PackedPublicContext::from_json(&text)
    {
        assert_eq!(public.public_id(), OWNER.context.public_id());
    }
}
