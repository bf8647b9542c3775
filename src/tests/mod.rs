//! Integration tests: what only shows with real servers, real processes and the whole router.

mod administration;
mod auth;
mod config_check;
mod connections;
mod guards;
mod monitor;
mod ops;
mod processes;
mod retention;
mod schema;
mod secrets;
mod support;
mod targets;
mod tenancy;
mod tidy;
