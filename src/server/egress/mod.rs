//! The way out: every outbound connection is resolved, checked and dialled here.

use crate::server::config::EgressPolicy;

/// Resolves once, checks the policy, connects to the checked addresses.
#[derive(Clone, Debug)]
pub struct Egress {
    policy: EgressPolicy,
}

impl Egress {
    /// A way out under `policy`.
    #[must_use]
    pub const fn new(policy: EgressPolicy) -> Self {
        Self { policy }
    }

    /// The policy that holds.
    #[must_use]
    pub const fn policy(&self) -> EgressPolicy {
        self.policy
    }
}
