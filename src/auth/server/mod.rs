//! Who is asking. `caller` is the guard that every function stands behind; the other files look up
//! accounts, sessions and tokens before there is one, through a handle of their own.

pub mod caller;

pub use caller::{Caller, Origin, Tx};
