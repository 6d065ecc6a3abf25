//! Tables of the SDK's lookup client.
#![no_main]

use hushvec::Tables;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(tables) = Tables::from_json(text) {
        let again = tables.to_json().expect("what was read can be written");
        assert_eq!(Tables::from_json(&again).expect("what was written can be read").to_json().ok(), Some(again));
    }
});
