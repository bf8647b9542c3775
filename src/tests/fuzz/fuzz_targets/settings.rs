//! The `credentials` object for any provider: it is read or refused, and what is sealed of it is read back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mooring::connections::{Provider, settings::Settings};

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = serde_json::from_slice(bytes) else { return };
    for provider in Provider::ALL {
        if let Ok(settings) = Settings::from_json(provider, &value) {
            assert_eq!(Settings::from_json(provider, &settings.to_json()), Ok(settings));
        }
    }
});
