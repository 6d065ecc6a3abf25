//! Contexts in both formats, with and without the secret.
#![no_main]

use hushvec::ContextInfo;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let info = ContextInfo::from_serialized(text);
    if let Ok(context) = hushvec_fuzz::load(text) {
        let info = info.expect("what loads can be described");
        assert_eq!(info.public.public_id(), context.public_id());
        let again = context.serialize_exec_context().expect("what loads can be saved");
        assert_eq!(hushvec_fuzz::load(&again).expect("what was saved loads"), context);
    }
});
