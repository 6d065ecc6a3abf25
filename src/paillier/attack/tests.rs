//! Tests the attack on contexts made by the SDK, on orders in all positions, and on keys that resist it.

use super::*;
use crate::bignum::primes::random_prime_with_divisor;
use crate::bignum::random::OsRandom;
use crate::paillier::client::Client;
use crate::paillier::encrypt;
use crate::paillier::parameters::Scheme;
use crate::stored::info::ContextInfo;
use crypto_bigint::BoxedUint;
use serde_json::Value;

fn attack(public: &PublicContext) -> Result<Option<RecoveredKey>, Error> {
    RecoveredKey::attack_vartime(public, None, &Progress::new())
}

fn assert_decrypts(key: &RecoveredKey, public: &Arc<PublicKey>) {
    let device = OpenDevice::open(Device::Cpu, None).unwrap();
    for plaintext in [BigUint::ZERO, 1u32.into(), public.n() / 3u32, public.n() - 1u32] {
        let encrypted = encrypt::encrypt(public, &device, &(&plaintext).into()).unwrap();
        assert_eq!(key.decrypt_vartime(&encrypted).unwrap().to_biguint(), plaintext);
    }
}

/// Decrypts ciphertexts of contexts made by XTrace's SDK (tests/data/xtrace), with the public key only.
#[test]
fn breaks_contexts_of_the_sdk() {
    for name in ["lookup_64_512", "lookup_512_1024"] {
        let text = |kind: &str| {
            let path = format!("{}/tests/data/xtrace/{name}.{kind}.json", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(path).unwrap()
        };
        let public = ContextInfo::from_serialized(&text("context")).unwrap().public;
        assert_eq!(public.parameters().alpha_len(), Some(50));
        let key = attack(&public).unwrap().unwrap();
        let recorded: Value = serde_json::from_str(&text("vectors")).unwrap();
        for vector in recorded["vectors"].as_array().unwrap() {
            let wire = vector["wire_b64_le"][0].as_str().unwrap();
            let plaintext = key.decrypt_vartime(&Ciphertext::from_wire(public.key(), wire).unwrap()).unwrap();
            let expected = vector["plaintext_hex"][0].as_str().unwrap().trim_start_matches("0x");
            assert_eq!(plaintext.to_biguint(), BigUint::parse_bytes(expected.as_bytes(), 16).unwrap(), "{name}");
        }
        // The exponent is the totient that the SDK keeps secret. Debug does not show it.
        let secret = recorded["sk_plaintext"].as_str().unwrap();
        assert!(secret.contains(&format!("\"phi\": {},", key.exponent)));
        assert!(!format!("{key:?}").contains(&key.exponent.to_string()[..20]));
    }
}

/// Makes a public key of 1024 bits whose noise has these orders modulo p and q, prime or twice a prime.
fn public(scheme: Scheme, alpha_len: usize, orders: [u32; 2]) -> PublicContext {
    let (n, root) = std::iter::repeat_with(|| {
        let [(p, b_p), (q, b_q)] = orders.map(|order| {
            let step = BoxedUint::from(2 * u64::from(order));
            let (p, b) = random_prime_with_divisor(&step, 512, false, &mut OsRandom).unwrap();
            (biguint(p.as_words()), biguint(b.as_words()))
        });
        let n = &p * &q;
        // A root has the given orders, except that it has order 1 with a probability of one in the order. Then the
        // next y is tried. There is no root if one cofactor is a multiple of the other order.
        let cofactor = b_p * b_q * 4u32;
        let root = |y: u32| BigUint::from(y).modpow(&cofactor, &n);
        let whole = |x: &BigUint| x % &p != BigUint::from(1u32) && x % &q != BigUint::from(1u32);
        let root = (2..50).map(root).find(whole);
        root.map(|root| (n, root))
    })
    .find_map(|found| found)
    .unwrap();
    let square = &n * &n;
    let parameters = Parameters::new(scheme, 64, 512, Some(alpha_len)).unwrap();
    let elements = match scheme {
        Scheme::PaillierLookup => {
            // The order of root·(1 + n) is n times the small order.
            let g = &root * (&n + 1u32) % &square;
            Elements::Lookup { g_n: g.modpow(&n, &square), g }
        }
        _ => Elements::Subgroup { h_n: (&n - &root).modpow(&n, &square) },
    };
    PublicContext::new(PublicKey::new(parameters, n, elements).unwrap())
}

#[test]
fn orders_are_separated_in_all_positions() {
    for scheme in [Scheme::PaillierLookup, Scheme::PaillierSubgroup] {
        for (alpha_len, orders) in [
            // In different batches, in one batch, in one giant step, in one product (30030 ± 17), equal.
            (40, [1_048_573, 524_309]),
            (36, [262_139, 200_003]),
            (36, [240_257, 240_259]),
            (30, [30_047, 30_013]),
            (36, [200_003, 200_003]),
            // Below the first giant step, and of different lengths.
            (16, [251, 241]),
            (33, [65_521, 131_071]),
        ] {
            let public = public(scheme, alpha_len, orders);
            let key = attack(&public).unwrap().unwrap_or_else(|| panic!("{scheme}, {orders:?}"));
            assert_decrypts(&key, public.key());
        }
    }
}

#[test]
fn strong_keys_resist_it() {
    let device = OpenDevice::open(Device::Cpu, None).unwrap();
    let parameters = Parameters::new(Scheme::PaillierSubgroup, 64, 512, Some(256)).unwrap();
    let client = Client::generate_from(parameters, &device, &mut OsRandom).unwrap();
    let strong = PublicContext::new(Arc::clone(client.public_key()));
    assert_eq!(RecoveredKey::steps(&strong), None);
    assert!(matches!(attack(&strong), Err(Error::Unsupported { .. })));
    // The same numbers, declared with a short alpha_len: the attack takes every step and finds nothing.
    let parameters = Parameters::new(Scheme::PaillierSubgroup, 64, 512, Some(40)).unwrap();
    let key = PublicKey::new(parameters, strong.key().n().clone(), strong.key().elements().clone()).unwrap();
    let public = PublicContext::new(key);
    let progress = Progress::new();
    assert!(RecoveredKey::attack_vartime(&public, None, &progress).unwrap().is_none());
    assert_eq!(Some(progress.done()), RecoveredKey::steps(&public));
    progress.cancel();
    assert!(matches!(RecoveredKey::attack_vartime(&public, None, &progress), Err(Error::Cancelled)));

    let parameters = Parameters::new(Scheme::Paillier, 64, 512, None).unwrap();
    let client = Client::generate_from(parameters, &device, &mut OsRandom).unwrap();
    let classic = PublicContext::new(Arc::clone(client.public_key()));
    assert!(matches!(attack(&classic), Err(Error::Unsupported { .. })));
}
