//! What the operator sets in the environment, read once at the start. A value that cannot be used stops the
//! start with one clear line that names the variable and never the value of a secret.

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// Only the first, which becomes the administrator.
    First,
    /// Anyone who reaches the page.
    Open,
    /// Nobody: accounts are made by the command line.
    Closed,
}

/// Which networks outbound connections may reach. Link-local and metadata addresses never are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EgressPolicy {
    /// Loopback and private networks too: for a Mooring that its own team runs.
    SelfHosted,
    /// Only what is reachable from the whole internet.
    PublicOnly,
}

/// Everything that the operator set, or its defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// `MOORING_SIGNUP`: who may make an account.
    pub sign_up: SignUp,
    /// `MOORING_EGRESS`: which networks may be reached.
    pub egress: EgressPolicy,
}
