//! Serialized arrays, complete and changed.

use crate::keys::context;
use crate::parties::{fast, of_fast};
use hushvec::{Error, NumberFormat, NumberProblem, Scheme};

#[test]
fn arrays_travel_as_bytes_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers.hvn");
    let (ctx, evaluator) = (fast(), of_fast());
    let key = ctx.public_key();
    for count in [0usize, 1, 5] {
        let values: Vec<f64> = (0..count).map(|i| i as f64 / 8.0 - 0.25).collect();
        let array = ctx.encrypt_numbers(&values, &NumberFormat::fixed_point(3, 9)).unwrap();
        array.save(&path, key).unwrap();
        assert_eq!(evaluator.load_numbers(&path).unwrap(), array);
        let read = ctx.numbers_from_bytes(&array.to_bytes(key).unwrap()).unwrap();
        assert_eq!(ctx.decrypt_numbers(&read).unwrap(), values);
    }
    let other = context(Scheme::Paillier);
    assert!(matches!(
        other.load_numbers(&path).map_err(|error| matches!(error.root(), Error::WrongKey { .. })),
        Err(true)
    ));
    let text = evaluator.load_numbers(&folder.path().join("none")).unwrap_err().to_string();
    assert!(text.starts_with("cannot open ") && text.contains("none"), "{text}");
}

#[test]
fn changed_arrays_are_refused() {
    let (ctx, evaluator) = (fast(), of_fast());
    let array = ctx.encrypt_numbers(&[3, -4], &NumberFormat::integers(8)).unwrap();
    let bytes = array.to_bytes(ctx.public_key()).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(evaluator.numbers_from_bytes(&changed).is_err(), "byte {at}");
        assert!(evaluator.numbers_from_bytes(&bytes[..at]).is_err(), "cut at {at}");
    }
    assert!(evaluator.numbers_from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());

    // An attacker can state any bound with a valid checksum, but numbers beyond the bound are not decrypted.
    let forged = |change: &dyn Fn(&mut [u8])| {
        let mut forged = bytes.clone();
        let end = forged.len() - 4;
        change(&mut forged[128..end]);
        let checksum = crc32fast::hash(&forged[128..end]).to_le_bytes();
        forged[end..].copy_from_slice(&checksum);
        evaluator.numbers_from_bytes(&forged)
    };
    let smaller = forged(&|body| body[..2].copy_from_slice(&[3, 0])).unwrap();
    assert_eq!(*smaller.bound(), 3u32.into());
    let refused = ctx.decrypt_integers(&smaller);
    assert!(matches!(refused, Err(Error::Number { index: 1, problem: NumberProblem::BeyondBound })), "{refused:?}");
    assert!(matches!(forged(&|body| body[..256].fill(0xff)), Err(Error::Magnitude { .. })));
    assert!(matches!(forged(&|body| body[256..768].fill(0)), Err(Error::Ciphertext { record: 0, .. })));
    assert!(matches!(forged(&|body| body[1024..1280].fill(0xff)), Err(Error::Ciphertext { record: 1, .. })));
}
