//! `keys rotate`.

use crate::{
    auth::server::Caller,
    server::{state::AppState, vault::rotate},
};

use super::{CommandError, print};

pub(super) async fn rotate(state: &AppState) -> Result<(), CommandError> {
    let done = rotate::run(&Caller::system(state, "key rotation")).await?;
    print(format!("The current master key is {}; {} secrets were brought under it.", done.key, done.rewrapped))?;
    if !done.unused.is_empty() {
        print(format!(
            "Nothing in the database is under {} any more. Keep it as long as you keep backups from before.",
            done.unused.join(", ")
        ))?;
    }
    if done.unreadable > 0 {
        return Err(CommandError::Failed(format!(
            "{} secrets could not be opened and stay as they are; the log names them",
            done.unreadable
        )));
    }
    Ok(())
}
