//! Pages of accounts: first run, sign-in, settings, API tokens.
