//! Fuzzes contexts in both formats: loads them, and reads their public information.
#![no_main]

use hushvec::ContextInfo;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let info = ContextInfo::from_serialized(text);
    if let Ok(context) = hushvec_fuzz::load(text) {
        let info = info.expect("a loadable context can be described");
        assert_eq!(info.public.public_id(), context.public_id());
        let again = context.serialize_exec_context().expect("a loaded context can be saved");
        assert_eq!(hushvec_fuzz::load(&again).expect("a saved context loads"), context);
    }
});
