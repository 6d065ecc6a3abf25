//! Fuzzes public contexts.
#![no_main]

use hushvec::PublicContext;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(public) = PublicContext::from_json(text, true) {
        let again = public.to_json().expect("a loaded context can be saved");
        let again = PublicContext::from_json(&again, true).expect("a saved context loads");
        assert_eq!(again.public_id(), public.public_id());
    }
});
