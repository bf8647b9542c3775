//! Backoff and breaker.
