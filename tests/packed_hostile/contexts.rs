//! Contexts of packed search: every changed bit and every cut is refused.

use crate::files::generate;
use crate::keys::FixedKeyProvider;
use hushvec::{Error, PackedContext, PackedPublicContext};

fn open(text: &str) -> Result<PackedContext, Error> {
    PackedContext::from_serialized(text, &FixedKeyProvider::default(), None)
}

#[test]
fn every_change_of_a_context_is_refused() {
    let context = generate();
    let text = context.serialize().unwrap();
    assert_eq!(open(&text).unwrap(), context);
    for position in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[position] ^= 1 << bit;
            let refused = String::from_utf8(bytes).is_ok_and(|changed| open(&changed).is_ok());
            assert!(!refused, "bit {bit} of byte {position}");
        }
        open(&text[..position]).unwrap_err();
    }
    for tail in [" ", "\n", "\0", "{}"] {
        open(&format!("{text}{tail}")).unwrap_err();
    }
    // Parts of two contexts do not mix.
    let other = generate().serialize().unwrap();
    let line = |text: &str, name: &str| text.lines().find(|line| line.contains(name)).unwrap().to_owned();
    for name in ["\"sealed\"", "\"public_id\""] {
        open(&text.replace(&line(&text, name), &line(&other, name))).unwrap_err();
    }
}

/// Changes of a public context: its public id covers the parameters and the evaluation key.
#[test]
fn changes_of_a_public_context_are_refused() {
    let public = generate().public_context().unwrap();
    let text = public.to_json().unwrap();
    let step = text.len() / if std::env::var_os("HUSHVEC_LONG_TESTS").is_some() { 2000 } else { 50 };
    for position in (0..text.len()).step_by(step).chain(0..40).chain(text.len() - 100..text.len()) {
        let mut bytes = text.clone().into_bytes();
        // Another letter or digit, so that the text stays JSON.
        bytes[position] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        if let Ok(read) = PackedPublicContext::from_json(&changed) {
            // White space.
            assert_eq!(read.public_id(), public.public_id(), "byte {position}");
            assert!(text.as_bytes()[position].is_ascii_whitespace(), "byte {position}");
        }
        // Without the line feed at its end, the text is complete.
        let is_cut = position + 1 < text.len();
        assert!(!is_cut || PackedPublicContext::from_json(&text[..position]).is_err(), "cut to {position}");
    }
    for (from, to) in [("64", "65"), ("64", "2048"), ("64", "18446744073709551615"), ("hamming", "inner_product")] {
        let changed = text.replacen(from, to, 1);
        assert!(changed != text);
        PackedPublicContext::from_json(&changed).unwrap_err();
    }
}
