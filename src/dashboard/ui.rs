//! The pages of the dashboard: the board, and one connection.

mod board;
mod connection;
mod facts;
mod history;
mod notices;
mod retries;

pub use board::BoardPage;
pub use connection::{ConnectionPage, EnterpriseMonitoringDashboard};
pub use notices::Notices;
