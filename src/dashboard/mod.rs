//! What one connection did.
