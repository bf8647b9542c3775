//! Mooring keeps a team's database connections: it stores their credentials sealed, checks every
//! connection on a schedule and says in plain words why one fails.
//!
//! # Map
//!
//! One crate is compiled twice: with `ssr` into the server binary, with `hydrate` into the wasm that
//! brings its pages to life. A feature is a folder with fixed file names:
//!
//! | file | what it holds | compiled for |
//! | --- | --- | --- |
//! | `mod.rs` | types and pure rules, no I/O | both |
//! | `api.rs` | thin `#[server]` functions: guard, one call, done | both (bodies on the server only) |
//! | `ui.rs` | components | both |
//! | `server.rs`, `server/` | SQL and I/O | server |
//!
//! The reading order is the order of a check: [`connections`] says what to connect to, [`probe`] what
//! one attempt found, [`retry`] whether to try again, [`health`] what that makes of the connection, and
//! [`dashboard`] shows it. [`auth`] decides who may ask.

#![recursion_limit = "512"]

pub mod alerts;
pub mod app;
pub mod audit;
pub mod auth;
pub mod config_check;
pub mod connections;
pub mod dashboard;
pub mod diagnosis;
pub mod drop_in;
pub mod error;
pub mod health;
pub mod ids;
pub mod import;
pub mod knowledge;
pub mod probe;
pub mod provider_docs;
pub mod retry;
pub mod status;
pub mod timestamp;
pub mod ui;

#[cfg(feature = "ssr")]
pub mod server;

/// Entry point of the wasm: attaches the application to the HTML that the server rendered.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    wasm_bindgen_futures::spawn_local(app::hydration::attach());
}
