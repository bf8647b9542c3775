//! From codes and text to a cause.
