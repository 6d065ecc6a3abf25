//! Fuzzes tables of the SDK's lookup client.
#![no_main]

use hushvec::Tables;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(tables) = Tables::from_json(text) {
        let again = tables.to_json().expect("loaded tables can be written");
        assert_eq!(Tables::from_json(&again).expect("written tables can be read").to_json().ok(), Some(again));
    }
});
