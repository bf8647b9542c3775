//! A body to any function: it is JSON without keys that occur twice, or refused, and each function's request is
//! read from it or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mooring::server::wire::{body, functions::types};

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = body::parse(bytes) else { return };
    drop(serde_json::from_value::<types::AnalyzeRequest>(value.clone()));
    drop(serde_json::from_value::<types::ValidateRequest>(value.clone()));
    drop(serde_json::from_value::<types::DocsRequest>(value.clone()));
    drop(serde_json::from_value::<types::MonitorRequest>(value.clone()));
    drop(serde_json::from_value::<types::LearnRequest>(value.clone()));
    drop(serde_json::from_value::<types::RetryRequest>(value));
});
