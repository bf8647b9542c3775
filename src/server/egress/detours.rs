//! Stand-ins for names that a test cannot own, such as `oauth2.googleapis.com`: where they lead, and who
//! vouches for them. Outside of tests there are none.

use std::{collections::HashMap, net::SocketAddr};

use rustls::pki_types::CertificateDer;

/// Where one name leads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Detour {
    /// To this address, whatever port is asked for.
    To(SocketAddr),
    /// To nothing: there is no such name.
    Missing,
}

/// Where some names lead instead of to what the resolver says. The policy judges the address all the same.
#[derive(Clone, Debug, Default)]
pub struct Detours {
    names: HashMap<String, Detour>,
    authorities: Vec<CertificateDer<'static>>,
}

impl Detours {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `name` leads to `address`, whatever port is asked for.
    #[must_use]
    pub fn lead(mut self, name: &str, address: SocketAddr) -> Self {
        self.names.insert(name.to_ascii_lowercase(), Detour::To(address));
        self
    }

    /// `name` does not exist.
    #[must_use]
    pub fn missing(mut self, name: &str) -> Self {
        self.names.insert(name.to_ascii_lowercase(), Detour::Missing);
        self
    }

    /// Certificates from `authority` are as good as those from the authorities of the web.
    #[must_use]
    pub fn trust(mut self, authority: CertificateDer<'static>) -> Self {
        self.authorities.push(authority);
        self
    }

    /// The detour of `name`, which is in lower case.
    pub(super) fn of(&self, name: &str) -> Option<Detour> {
        self.names.get(name).copied()
    }

    pub(super) fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.authorities
    }
}
