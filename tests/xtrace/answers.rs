//! Computations under imported keys give the SDK's recorded results.

use crate::recorded::{NAMES, context_text, load, number, str_of, vectors};
use hushvec::{Ciphertext, Device, Evaluator, Format, HomomorphicClient, Plaintext};
use num_bigint::BigUint;
use serde_json::Value;

#[test]
fn recorded_results_are_reproduced() {
    for name in NAMES {
        let (ctx, recorded) = (load(name), vectors(name));
        let key = ctx.public_key();
        assert_eq!(ctx.format(), Format::XTrace);
        assert_eq!(ctx.id().unwrap(), str_of(&recorded, "context_id"), "{name}");
        let plain = ctx.to_dict_plain().unwrap();
        assert_eq!(str_of(&plain, "sk"), str_of(&recorded, "sk_plaintext"));
        let stored: Value = serde_json::from_str(&context_text(name)).unwrap();
        for field in ["pk", "type", "config"] {
            assert_eq!(plain[field], stored[field], "{name}: {field}");
        }
        assert_eq!(key.n().bits(), recorded["n_bits"].as_u64().unwrap());

        let evaluator = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
        let recorded_vectors = recorded["vectors"].as_array().unwrap();
        for vector in recorded_vectors {
            let (dec, wire) =
                (vector["ciphertext_dec"][0].as_str().unwrap(), vector["wire_b64_le"][0].as_str().unwrap());
            let c = Ciphertext::from_biguint(key, &number(dec)).unwrap();
            assert_eq!(Ciphertext::from_wire(key, wire).unwrap(), c);
            assert_eq!(c.to_wire(key).unwrap(), wire);
            let hex = vector["plaintext_hex"][0].as_str().unwrap().trim_start_matches("0x");
            let expected = BigUint::parse_bytes(hex.as_bytes(), 16).unwrap();
            assert_eq!(ctx.decrypt(&c).unwrap().to_biguint(), expected);
            // Our own encryption of the same bits has the same plaintext.
            let bits: Vec<u8> = str_of(vector, "bits").bytes().map(|b| b - b'0').collect();
            let own = ctx.encrypt_vec_one(&bits).unwrap();
            assert_eq!(ctx.decrypt(&own).unwrap().to_biguint(), expected);
        }
        let of = |name: &str| {
            let vector = recorded_vectors.iter().find(|v| v["name"] == name).unwrap();
            Ciphertext::from_biguint(key, &number(vector["ciphertext_dec"][0].as_str().unwrap())).unwrap()
        };
        for pair in recorded["pairs"].as_array().unwrap() {
            let sum = evaluator.add(&of(str_of(pair, "x")), &of(str_of(pair, "y"))).unwrap();
            assert_eq!(sum.to_biguint(key).unwrap(), number(pair["product_dec"][0].as_str().unwrap()));
            let le: String = sum.to_le_bytes(key).unwrap().iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(le, pair["product_le_hex"][0].as_str().unwrap());
            let distance = pair["distance"].as_u64().unwrap();
            assert_eq!(u64::from(ctx.decode_hamming_client_one(&sum).unwrap()), distance);
        }
        let payload = &recorded["aes_payload"];
        let content = ctx.decrypt_content(str_of(payload, "blob_b64")).unwrap();
        assert_eq!(*content, str_of(payload, "plaintext").as_bytes());
        assert_eq!(*ctx.decrypt_content(&ctx.encrypt_content(b"more").unwrap()).unwrap(), b"more");
    }
}

#[test]
fn integers_work_under_imported_keys() {
    for name in NAMES {
        let ctx = load(name);
        let (a, b) = (Plaintext::from(40u64), Plaintext::from(2u64));
        let sum = ctx.add(&ctx.encrypt(&a).unwrap(), &ctx.encrypt(&b).unwrap()).unwrap();
        let sum = ctx.mul_plain(&ctx.add_plain(&sum, &b).unwrap(), &b).unwrap();
        assert_eq!(u64::try_from(&ctx.decrypt(&sum).unwrap()).unwrap(), 88);
    }
}
