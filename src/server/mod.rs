//! What runs on the server only and belongs to no single feature.

pub mod clock;
pub mod config;
pub mod db;
pub mod egress;
pub mod live;
pub mod providers;
pub mod state;
pub mod vault;
