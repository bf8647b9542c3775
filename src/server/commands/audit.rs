//! `audit verify`.

use crate::{
    audit::server::{chain::Head, verify},
    auth::server::Caller,
    server::state::AppState,
};

use super::{CommandError, print};

pub(super) async fn verify(state: &AppState, head: Option<&Head>) -> Result<(), CommandError> {
    let found = verify::verify(&Caller::system(state, "audit"), head).await?;
    for problem in &found.problems {
        print(problem)?;
    }
    if found.found > found.problems.len() as u64 {
        print(format!("… and {} more.", found.found - found.problems.len() as u64))?;
    }
    if found.found > 0 {
        return Err(CommandError::Failed(format!("the audit log is not what was written: {} findings", found.found)));
    }
    let head = found.head.map_or_else(|| "it is empty".to_owned(), |head| format!("its head is {head}"));
    let waiting =
        if found.waiting > 0 { format!("; {} more wait to join the chain", found.waiting) } else { String::new() };
    print(format!("The audit log is as it was written: {} entries, {head}{waiting}.", found.entries))
}
