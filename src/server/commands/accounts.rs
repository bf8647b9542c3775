//! `user …` and `token …`.

use crate::{
    auth::{
        Role, Scope,
        server::{
            accounts,
            administration::{self, Fate},
            tokens,
        },
    },
    connections::settings::Secret,
    server::state::AppState,
};

use super::{CommandError, print};

pub(super) async fn add_user(
    state: &AppState,
    email: &str,
    admin: bool,
    password: &Secret,
) -> Result<(), CommandError> {
    let id = accounts::add_user(state, email, admin, password).await?;
    print(id.to_string())
}

pub(super) async fn set_password(state: &AppState, email: &str, password: &Secret) -> Result<(), CommandError> {
    accounts::set_password(state, email, password).await?;
    print("The password is set, and every session of the account is ended.")
}

pub(super) async fn list_users(state: &AppState) -> Result<(), CommandError> {
    for user in accounts::list_users(state).await? {
        print(format!("{}\t{}\t{}", user.id, user.email, user.role.code()))?;
    }
    Ok(())
}

pub(super) async fn change_role(state: &AppState, email: &str, role: Role) -> Result<(), CommandError> {
    administration::change_role_of(state, email, role).await?;
    print(format!("{email} has the role {}.", role.code()))
}

pub(super) async fn remove_user(state: &AppState, email: &str, transfer_to: Option<&str>) -> Result<(), CommandError> {
    match administration::remove_by_email(state, email, transfer_to).await? {
        Fate::Transferred(count) => print(format!(
            "{email} is removed; connections transferred to {}: {count}.",
            transfer_to.unwrap_or_default()
        )),
        Fate::Deleted(count) => print(format!("{email} is removed; connections deleted with it: {count}.")),
    }
}

pub(super) async fn add_token(state: &AppState, email: &str, name: &str, scope: Scope) -> Result<(), CommandError> {
    let caller = accounts::caller_for_email(state, email).await?;
    let token = tokens::create(&caller, name, scope).await?;
    print(token.token)
}
