//! Threshold and channels of an alert rule: read or refused; what is sealed is read back, and what is shown,
//! written back, keeps it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mooring::alerts::{AlertType, Channels, Threshold};

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = serde_json::from_slice(bytes) else { return };
    for kind in AlertType::ALL {
        drop(Threshold::read(kind, &value));
    }
    if let Ok(channels) = Channels::read(&value, &Channels::default()) {
        assert_eq!(Channels::read(&channels.to_json(), &Channels::default()).as_ref(), Ok(&channels));
        assert_eq!(Channels::read(&channels.public(), &channels), Ok(channels));
    }
});
