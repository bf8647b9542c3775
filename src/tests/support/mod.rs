//! What the tests stand on: our own database, the application in this process, private target servers.

pub mod app;
pub mod certificates;
pub mod client;
pub mod cluster;
pub mod fault;
pub mod hosted;
pub mod http;
pub mod mariadb;
pub mod mongodb;
pub mod mooring;
pub mod name_server;
pub mod pgbouncer;
pub mod postgres;
pub mod rows;
pub mod server_functions;
pub mod server_process;
