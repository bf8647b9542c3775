//! `self-test`: the administrators' status page in a terminal.

use crate::{
    auth::server::Caller,
    server::state::AppState,
    status::{self, State},
};

use super::{CommandError, print};

pub(super) async fn self_test(state: &AppState) -> Result<(), CommandError> {
    let report = status::server::report(&Caller::system(state, "self-test")).await?;
    print(format!("Mooring {}", report.version))?;
    for part in &report.parts {
        let last = part.last_at.map(|at| format!(" Last: {}.", at.utc())).unwrap_or_default();
        print(format!("{}: {}: {}{last}", part.state.label(), part.name, part.finding))?;
        if let Some(advice) = &part.advice {
            print(format!("    {advice}"))?;
        }
    }
    match report.parts.iter().filter(|part| part.state == State::Failed).count() {
        0 => Ok(()),
        failed => Err(CommandError::Failed(format!("{failed} of {} parts do not work", report.parts.len()))),
    }
}
