//! Extreme counts in the headers of files and blocks.

use crate::{Files, HEADER, blocks, with_block, with_header};

/// The start of a block of one deletion.
const DELETIONS: [u8; 32] = {
    let mut start = [0; 32];
    start.split_at_mut(5).0.copy_from_slice(b"DEL1\x01");
    start
};

/// Returns the peak memory of this process, in KiB.
#[cfg(target_os = "linux")]
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn every_count_is_bounded() {
    let files = Files::new();
    let [index, query, response] = ["index", "query", "response"].map(|name| files.bytes(name));
    #[cfg(target_os = "linux")]
    let before = peak();
    let most = u32::MAX.to_le_bytes();
    for (name, bytes, at, new, says) in [
        ("response", &response, 60, &0u32.to_le_bytes()[..], "from 1 to 65536"),
        ("response", &response, 60, &65_537u32.to_le_bytes(), "from 1 to 65536"),
        ("response", &response, 60, &most, "from 1 to 65536"),
        ("response", &response, 60, &65_536u32.to_le_bytes(), "incomplete"),
        ("response", &response, 60, &1u32.to_le_bytes(), "query 1"),
        ("response", &response, 64, &u64::MAX.to_le_bytes(), "incomplete"),
        ("response", &response, 64, &(1u64 << 40).to_le_bytes(), "incomplete"),
        ("response", &response, 64, &5u64.to_le_bytes(), "incomplete"),
        ("response", &response, 64, &3u64.to_le_bytes(), "follow the last"),
        ("response", &response, 64, &0u64.to_le_bytes(), "follow the last"),
        ("response", &response, 72, &[1], "only an index"),
        ("query", &query, 60, &most, "only a response"),
        ("query", &query, 96, &[0; 16], "no query id"),
        ("query", &query, 64, &0u64.to_le_bytes(), "from 1 to 65536"),
        ("query", &query, 64, &u64::MAX.to_le_bytes(), "from 1 to 65536"),
        ("query", &query, 64, &65_536u64.to_le_bytes(), "incomplete"),
        ("query", &query, 80, &[1, 0, 0, 0, 2], "only an index"),
        ("index", &index, 60, &2u32.to_le_bytes(), "only a response"),
        ("index", &index, 64, &[1], "the header of an index has 0"),
        ("index", &index, 96, &[1], "a query id; an index has none"),
        // Fields that all files have.
        ("response", &response, 8, &0u32.to_le_bytes(), "versions 1 to 2"),
        ("response", &response, 8, &3u32.to_le_bytes(), "versions 1 to 2"),
        ("response", &response, 12, &9u32.to_le_bytes(), "a hushvec file of kind 9"),
        ("response", &response, 48, &most, "key_len 4294967295; expected one of [512"),
        ("response", &response, 52, &0u32.to_le_bytes(), "embedding_length 0; expected 1 to 1023"),
        ("response", &response, 56, &most, "records of 4294967295 bytes; the maximum is 134217728"),
        ("response", &response, 88, &0u32.to_le_bytes(), "scheme number 0"),
        ("response", &response, 88, &4u32.to_le_bytes(), "a response of packed search"),
        ("response", &response, 88, &5u32.to_le_bytes(), "scheme number 5"),
        ("response", &response, 92, &0u32.to_le_bytes(), "0 vectors in a record"),
        ("response", &response, 92, &2u32.to_le_bytes(), "2 vectors in a record"),
        ("response", &response, 56, &1024u32.to_le_bytes(), "1024 bytes and 1 vectors in a record; expected 512 bytes"),
        ("response", &response, 112, &[1], "third parameter 1; expected 0"),
        ("response", &response, 120, &[0, 0, 0, 1], "bytes that version 2"),
        ("response", &response, 8, &1u32.to_le_bytes(), "bytes that version 1"),
    ] {
        let text = files.refused(name, &with_header(bytes, at, new));
        assert!(text.contains(says), "byte {at} of the {name} as {new:?}: {text}");
    }
    for (name, bytes) in [("query", &query), ("response", &response)] {
        let last = blocks(bytes, 0).pop().unwrap();
        for (at, new, says) in [
            (4, &0u32.to_le_bytes()[..], "has 0 vectors"),
            (4, &1u32.to_le_bytes(), "not readable"),
            (4, &3u32.to_le_bytes(), "incomplete"),
            (4, &65_536u32.to_le_bytes(), "incomplete"),
            (4, &65_537u32.to_le_bytes(), "expected 1 to 65536"),
            (4, &most, "expected 1 to 65536"),
            (8, &u64::MAX.to_le_bytes(), "ids from 18446744073709551615 on"),
            (16, &2u32.to_le_bytes(), "query 2, expected query"),
            (16, &most, "expected query"),
            (20, &1u32.to_le_bytes(), "incomplete"),
            (20, &3u32.to_le_bytes(), "ids of unknown kind 3"),
            (20, &[2, 0, 0, 0, 255, 255, 255, 255], "4294967295 bytes of strings"),
            (20, &[2, 0, 0, 0, 0, 8, 0, 0], "incomplete"),
            (0, &DELETIONS, "it deletes vectors, which only blocks of an index do"),
        ] {
            let changed = with_block(bytes, &last, at, new);
            if name == "response" || at != 4 || new != 1u32.to_le_bytes() {
                let text = files.refused(name, &changed);
                let shorter = at == 4 && new == 1u32.to_le_bytes();
                assert!(shorter || text.contains(says), "byte {at} of a block of the {name} as {new:?}: {text}");
            }
        }
    }
    // A short file that announces many vectors is refused before anything is allocated: 137 GB in the worst case.
    let text = files.refused("response", &with_header(&response[..HEADER], 60, &most));
    assert!(text.contains("from 1 to 65536"), "{text}");
    #[cfg(target_os = "linux")]
    assert!(peak() - before < 256 << 10, "took {} KiB, including other tests", peak() - before);
}
