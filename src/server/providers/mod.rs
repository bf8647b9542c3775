//! The targets behind one interface.
