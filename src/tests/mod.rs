//! Integration tests: what only shows with real servers, real processes and the whole router.

mod administration;
mod audit;
mod auth;
mod config_check;
mod connections;
mod guards;
mod import;
mod limits;
mod monitor;
mod ops;
mod processes;
mod quiet;
mod retention;
mod schema;
mod secrets;
mod support;
mod targets;
mod tenancy;
mod tidy;
