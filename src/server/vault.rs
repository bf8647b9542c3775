//! Seals and opens credentials.

/// The known master keys.
#[derive(Debug)]
pub struct Vault;
