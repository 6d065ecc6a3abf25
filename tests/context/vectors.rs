//! Vectors through the three roles.

use crate::keys::{DIMENSIONS, contexts};
use hushvec::{BitMatrix, Device, Error, Evaluator, HomomorphicClient, PublicContext};

#[test]
fn the_three_roles() {
    for ctx in contexts() {
        let vectors =
            BitMatrix::from_rows(DIMENSIONS, (0..20u8).map(|i| [i & 1, i >> 1 & 1, i >> 2 & 1].repeat(32))).unwrap();
        let index = ctx.encrypt_vec_batch(&vectors).unwrap();
        let query = ctx.encrypt_vec_one(&[1, 0, 1].repeat(32)).unwrap();
        let public = PublicContext::from_json(&ctx.public_context().to_json().unwrap(), false).unwrap();
        let evaluator = Evaluator::open(&public, Device::Auto).unwrap();
        let response = evaluator.hamming_batch(&query, &index).unwrap();
        let distances = ctx.decode_hamming_client_batch(&response).unwrap();
        let expected: Vec<u32> = (0..20u32).map(|i| 32 * ((i & 7) ^ 5).count_ones()).collect();
        assert_eq!(distances, expected, "{}", ctx.scheme());
        assert_eq!(ctx.decode_hamming_client_one(&response.get(7).unwrap()).unwrap(), expected[7]);
        // The public context is enough to encrypt.
        let own = evaluator.encrypt_vec_batch(&vectors.slice(5..6)).unwrap().get(0).unwrap();
        let response = evaluator.hamming_batch(&own, &index).unwrap();
        assert_eq!(ctx.decode_hamming_client_batch(&response).unwrap(), expected);
    }
}

#[test]
fn invalid_vectors_are_refused() {
    for ctx in contexts() {
        assert!(matches!(ctx.encrypt_vec_one(&[0; 95]), Err(Error::Dimension { row: 0, expected: 96, actual: 95 })));
        assert!(matches!(ctx.encrypt_vec_one(&[2; 96]), Err(Error::NotBinary { row: 0, column: 0, .. })));
        let other = BitMatrix::from_rows(3, [[0, 1, 0]]).unwrap();
        assert!(matches!(ctx.encrypt_vec_batch(&other), Err(Error::Dimension { expected: 96, actual: 3, .. })));
        assert_eq!(ctx.encrypt_vec_batch(&BitMatrix::new(96)).unwrap().len(), 0);
    }
}
