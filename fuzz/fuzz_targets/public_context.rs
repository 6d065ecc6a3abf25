//! Public contexts.
#![no_main]

use hushvec::PublicContext;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(public) = PublicContext::from_json(text, true) {
        let again = public.to_json().expect("what loads can be saved");
        let again = PublicContext::from_json(&again, true).expect("what was saved loads");
        assert_eq!(again.public_id(), public.public_id());
    }
});
