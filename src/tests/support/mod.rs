//! What the tests stand on: our own database, the application in this process, private target servers.

pub mod certificates;
pub mod cluster;
pub mod mariadb;
pub mod postgres;
pub mod rows;
pub mod server_process;
