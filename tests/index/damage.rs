//! Damage that opening and verification detect.

use crate::keys::context;
use crate::pool::{Pool, create, pool, reopen, some};
use hushvec::{Device, Error, Evaluator, Ids, Index, Progress, Scheme};

#[test]
fn verification_finds_invalid_ciphertexts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let Pool { ctx, .. } = pool();
    let evaluator = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
    let mut writer = create(&path);
    writer.append(&some(0..3), None).unwrap();
    writer.append(&some(3..6), None).unwrap();
    writer.delete(&Ids::from(vec![1])).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let verify = |bytes: &[u8], deep| {
        std::fs::write(&path, bytes).unwrap();
        evaluator.verify(&Index::open(&path).unwrap(), deep, &Progress::new())
    };
    assert!(verify(&whole, false).is_ok() && verify(&whole, true).is_ok());
    // Row 1 of the second block is vector 3, not counting the deleted one. Its block gets a valid checksum.
    let (block, record) = (128 + 64 + 3 * 512, 128 + 64 + 3 * 512 + 64 + 512);
    let forged = |c0: &[u8], c1: &[u8]| {
        let mut bytes = whole.clone();
        bytes[record..record + 512].fill(0);
        bytes[record..record + c0.len()].copy_from_slice(c0);
        bytes[record + 256..record + 256 + c1.len()].copy_from_slice(c1);
        let payload = crc32fast::hash(&bytes[block + 64..block + 64 + 3 * 512]);
        bytes[block + 32..block + 36].copy_from_slice(&payload.to_le_bytes());
        let header = crc32fast::hash(&bytes[block..block + 60]);
        bytes[block + 60..block + 64].copy_from_slice(&header.to_le_bytes());
        bytes
    };
    let n = ctx.public_key().n().to_bytes_le();
    for (bytes, shallow) in [
        (forged(&[], &[]), Some("ciphertext 3: it is 0")),
        (forged(&n, &[]), Some("ciphertext 3: it is not below n²")),
        (forged(&[1], &n), Some("ciphertext 3: it is not below n²")),
        (forged(&[], &[1]), None),
    ] {
        match (verify(&bytes, false), shallow) {
            (Ok(()), None) => {}
            (Err(error), Some(what)) => assert!(error.to_string().contains(what), "{error}"),
            (result, _) => panic!("{result:?}"),
        }
        let error = verify(&bytes, true).unwrap_err().to_string();
        assert!(error.contains(shallow.unwrap_or("ciphertext 3: it shares a factor with n")), "{error}");
    }
    let other = Evaluator::open(&context(Scheme::Paillier).public_context(), Device::Cpu).unwrap();
    let error = other.verify(&Index::open(&path).unwrap(), false, &Progress::new()).unwrap_err();
    assert!(matches!(error.root(), Error::WrongKey { .. }));
}

/// A duplicate id in a file with valid checksums is found by verification, and when an append reads the ids.
#[test]
fn a_duplicate_id_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    create(&path).append(&some(0..2), None).unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&whole[..], &whole[128..]].concat()).unwrap();
    let evaluator = Evaluator::open(&pool().ctx.public_context(), Device::Cpu).unwrap();
    let error = evaluator.verify(&Index::open(&path).unwrap(), false, &Progress::new()).unwrap_err().to_string();
    assert!(error.contains("index: damaged: two vectors have the id 0"), "{error}");
    let error = reopen(&path).append(&some(2..3), Some(&Ids::from(vec![0]))).unwrap_err().to_string();
    assert!(error.contains("two vectors have the id 0"), "{error}");
}

/// A change of any bit in the headers of a file and its blocks is refused, or reported as an interrupted append if it
/// is in the last block.
#[test]
fn every_changed_bit_of_a_header_is_detected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let (mut ends, mut lengths) = (vec![128], vec![0]);
    let mut writer = create(&path);
    for step in 0..5 {
        match step {
            0 => writer.append(&some(0..3), None).unwrap(),
            1 => writer.append(&some(3..5), Some(&Ids::from(vec![9, 4]))).unwrap(),
            2 | 4 => drop(writer.delete(&Ids::from(vec![step])).unwrap()),
            _ => writer.append(&some(5..6), None).unwrap(),
        }
        ends.push(usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap());
        lengths.push(writer.len());
    }
    let whole = std::fs::read(&path).unwrap();
    // Truncated after each of its blocks, the index ends in records of each kind and in deletions.
    for blocks in 1..ends.len() {
        let whole = &whole[..ends[blocks]];
        let last = ends[blocks - 1];
        let headers = (0..128).chain(ends[..blocks].iter().flat_map(|start| *start..start + 64));
        for position in headers {
            for bit in 0..8 {
                let mut changed = whole.to_vec();
                changed[position] ^= 1 << bit;
                std::fs::write(&path, &changed).unwrap();
                let what = format!("bit {bit} of byte {position} with {blocks} blocks");
                match Index::open(&path) {
                    Err(error) => assert!(position < last, "{what}: {error}"),
                    Ok(index) => {
                        assert!(position >= last, "{what}: not refused");
                        let recovery = index.recovery().unwrap();
                        assert_eq!(
                            (recovery.kept, recovery.torn_bytes),
                            (lengths[blocks - 1], (whole.len() - last) as u64)
                        );
                        index.verify().unwrap();
                    }
                }
            }
        }
    }
    // The payload of deletions is verified when the index is opened.
    let payload = ends[2] + 64;
    let mut changed = whole.clone();
    changed[payload] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    assert!(Index::open(&path).unwrap_err().to_string().contains("damaged in the middle"));
}

/// Invalid deletions with valid checksums.
#[test]
fn invalid_deletions_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let mut writer = create(&path);
    writer.append(&some(0..3), None).unwrap();
    writer.delete(&Ids::from(vec![0, 2])).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let block = whole.len() - 128;
    let above = u64::MAX;
    for (records, says) in [
        ([2, 0], "are not in order"),
        ([1, 1], "are not in order"),
        ([0, 3], "delete vector 3, but only 3 vectors come before them"),
        ([0, above], "delete vector 18446744073709551615, but only 3 vectors"),
    ] {
        let mut bytes = whole.clone();
        for (i, record) in records.into_iter().enumerate() {
            bytes[block + 64 + 8 * i..block + 72 + 8 * i].copy_from_slice(&record.to_le_bytes());
        }
        let payload = crc32fast::hash(&bytes[block + 64..]);
        bytes[block + 32..block + 36].copy_from_slice(&payload.to_le_bytes());
        let header = crc32fast::hash(&bytes[block..block + 60]);
        bytes[block + 60..block + 64].copy_from_slice(&header.to_le_bytes());
        std::fs::write(&path, &bytes).unwrap();
        let error = Index::open(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("damaged: the deletions at byte {block} {says}")), "{records:?}: {error}");
    }
}
