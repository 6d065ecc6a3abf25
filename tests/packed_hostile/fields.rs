//! Every field of every header, with other values and right checksums; and random changes.

use crate::blocks::{Block, HEADER, blocks, seal, seal_block, u32_at, with_block, with_header};
use crate::files::{Files, Outcome};
use crate::numbers::SplitMix;

/// Values to try in a field of four bytes.
fn values(old: u32) -> Vec<u32> {
    let all = [0, 1, 2, 3, old.wrapping_add(1), old.wrapping_sub(1), old ^ 0x40, 65_536, 65_537, 1 << 31, u32::MAX];
    all.into_iter().filter(|value| *value != old).collect()
}

/// Returns the peak memory of this process in KiB, or 0 where that is unknown.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

#[test]
fn every_field_of_a_file_header_is_checked() {
    let files = Files::new();
    let before = peak();
    for name in ["index", "query", "response"] {
        let bytes = files.bytes(name);
        for at in (0..HEADER - 4).step_by(4) {
            for value in values(u32_at(&bytes, at)) {
                let (outcome, text) = files.outcome(name, &with_header(&bytes, at, &value.to_le_bytes()));
                let harmless = match name {
                    // The next number and the shard say nothing about vectors.
                    "index" => (72..88).contains(&at),
                    // The id of the file, which its response repeats.
                    "query" => false,
                    _ => false,
                };
                let expected = if outcome == Outcome::Same && harmless { Outcome::Same } else { Outcome::Refused };
                assert_eq!(outcome, expected, "{name}: byte {at} of the header as {value}: {text}");
            }
        }
    }
    assert!(peak() - before < 128 << 10, "took {} KiB, including other tests", peak() - before);
}

/// Whether the format does not authenticate a field of a block, so that a forger can change what is found.
fn is_open(name: &str, block: &Block, at: usize) -> bool {
    match (&block.magic, at) {
        // The ids of records.
        (b"BLK1", 8..16) => true,
        // That a block replaces the rows before it.
        (b"BLK1", 28..32) => name == "index",
        // The number of deletions: fewer are possible where there is room for padding.
        (b"DEL1", 4..8) => true,
        // The number of vectors of a block that is partly filled.
        (b"BLK1", 4..8) => name != "query",
        _ => false,
    }
}

#[test]
fn every_field_of_a_block_header_is_checked() {
    let files = Files::new();
    let before = peak();
    for name in ["index", "query", "response"] {
        let bytes = files.bytes(name);
        for (number, block) in blocks(&bytes).iter().enumerate() {
            assert!(block.is_whole);
            for at in (0..60).step_by(4).filter(|at| *at != 32) {
                for value in values(u32_at(&bytes, block.range.start + at)) {
                    let (outcome, text) = files.outcome(name, &with_block(&bytes, block, at, &value.to_le_bytes()));
                    let what = format!("{name}: byte {at} of block {number} as {value}: {text}");
                    match outcome {
                        Outcome::Refused | Outcome::Same => {}
                        // A block that is longer than the rest of the file looks like an interrupted append.
                        Outcome::Torn => assert!(matches!(at, 4 | 20 | 24 | 28), "{what}"),
                        Outcome::Other => assert!(is_open(name, block, at), "{what}"),
                    }
                    // Rows are bound to their ids, and notes to their queries.
                    assert!(outcome == Outcome::Refused || &block.magic != b"SHR1", "{what}");
                    assert!(outcome != Outcome::Other || &block.magic != b"ROW1", "{what}");
                }
            }
        }
    }
    assert!(peak() - before < 128 << 10, "took {} KiB, including other tests", peak() - before);
}

/// Changes some bytes anywhere, mostly in headers, and corrects all checksums: no panic, and errors that name the file.
#[test]
fn random_changes_do_no_harm() {
    let files = Files::new();
    let rounds = if std::env::var_os("HUSHVEC_LONG_TESTS").is_some() { 20_000 } else { 200 };
    let mut random = SplitMix(3);
    let (mut refused, mut other) = (0, 0);
    for round in 0..rounds {
        let name = ["index", "query", "response", "response"][round % 4];
        let mut bytes = files.bytes(name);
        let parts = blocks(&bytes);
        for _ in 0..=random.next() % 3 {
            let below = |random: &mut SplitMix, most: usize| usize::try_from(random.next() % most as u64).unwrap();
            let block = &parts[below(&mut random, parts.len())];
            let at = match random.next() % 4 {
                0 => below(&mut random, HEADER),
                1 => block.range.start + below(&mut random, block.range.len()),
                _ => block.range.start + below(&mut random, 64),
            };
            bytes[at] = [0, 0xff, bytes[at] ^ 1, u8::try_from(random.next() & 0xff).unwrap()][below(&mut random, 4)];
        }
        if random.next().is_multiple_of(8) {
            let length = usize::try_from(random.next() % bytes.len() as u64).unwrap();
            bytes.truncate(length);
        }
        let length = bytes.len();
        for part in parts.iter().filter(|part| part.range.end <= length) {
            seal_block(&mut bytes[part.range.clone()]);
        }
        if bytes.len() >= HEADER {
            seal(&mut bytes[..HEADER]);
        }
        match files.outcome(name, &bytes).0 {
            Outcome::Refused => refused += 1,
            Outcome::Other => other += 1,
            Outcome::Torn | Outcome::Same => {}
        }
    }
    assert!(refused > rounds / 2, "{refused} of {rounds} refused, {other} changed what is found");
}
