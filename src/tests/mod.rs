//! Integration tests: what only shows with real servers, real processes and the whole router.

mod administration;
mod audit;
mod auth;
mod bad_input;
mod config_check;
mod connections;
mod diagnosis;
mod fault_lab;
mod guards;
mod import;
mod knowledge;
mod limits;
mod monitor;
mod ops;
mod outage;
mod processes;
mod provider_docs;
mod quiet;
mod rest;
mod retention;
mod schema;
mod secrets;
mod support;
mod targets;
mod tenancy;
mod tidy;
