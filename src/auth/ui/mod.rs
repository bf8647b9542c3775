//! Pages of accounts: first run, sign-in, settings, second factor, API tokens, the administrators' list; and the
//! gate that the other pages stand behind.

mod accounts;
mod gate;
mod settings;
mod sign_in;
mod tokens;
mod two_factor;

use leptos::{prelude::*, server_fn::ServerFn};

pub use accounts::{AccountsPage, RemoveAccountPage};
pub use gate::{Account, Gate};
pub use settings::{Section, SettingsHead, SettingsPage};
pub use sign_in::{FirstRunPage, SecondStepPage, SignInPage};
pub use tokens::{NewTokenCard, TokensPage};
pub use two_factor::TwoFactorPage;

use crate::{error::AppError, ui::live::close_live_while};

/// What is wrong with the last try of an action, for a form.
fn error_of<S>(action: ServerAction<S>) -> Signal<Option<AppError>>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    Signal::derive(move || action.value().with(|value| value.as_ref().and_then(|value| value.as_ref().err().cloned())))
}

/// What is wrong with one field of a form.
fn field_error(error: Signal<Option<AppError>>, field: &'static str) -> Signal<Option<String>> {
    Signal::derive(move || error.with(|error| error.as_ref().and_then(|error| error.for_field(field))))
}

/// Rises with each try of an action that worked: what reads it loads again, and a form whose try failed keeps
/// what was typed.
fn successes<S>(action: ServerAction<S>) -> Memo<usize>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    Memo::new(move |last: Option<&usize>| {
        let version = action.version().get();
        let worked = action.value().with(|value| matches!(value, Some(Ok(_))));
        if worked { version } else { last.copied().unwrap_or_default() }
    })
}

/// An action that ends this session: while it is under way, and once it worked, the page asks for nothing more.
///
/// Works below the frame, which is where the stream of changes is.
pub fn ending_session<S>() -> ServerAction<S>
where
    S: ServerFn<Output = (), Error = AppError> + Clone + Send + Sync + 'static,
{
    let action = ServerAction::<S>::new();
    close_live_while(Signal::derive(move || {
        action.pending().get() || action.value().with(|value| matches!(value, Some(Ok(()))))
    }));
    action
}
