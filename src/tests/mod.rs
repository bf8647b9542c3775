//! Integration tests: what only shows with real servers, real processes and the whole router.

mod monitor;
mod ops;
mod schema;
mod support;
mod tenancy;
mod tidy;
