//! What people paste into the form: an address, or the contents of a file that holds a connection. Told by
//! its shape, taken apart into the fields of the `credentials` object, and forgotten: the secrets in it go
//! into the form's fields and nowhere else.
//!
//! | shape | read by |
//! | --- | --- |
//! | `scheme://…`, `host=… user=…` | [`url`] |
//! | `KEY=value` lines, as in `.env` | `env` |
//! | `host:port:database:user:password` lines, as in `.pgpass` | `pgpass` |
//! | `[section]` with `key = value`, as in `pg_service.conf` and `my.cnf` | `sections` |
//! | JSON of a service account, `firebaseConfig` with or without the script around it | `firebase` |

mod env;
mod firebase;
mod pgpass;
mod sections;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::{Provider, settings::Settings, url};
use crate::error::FieldError;

/// Far longer than any such file.
const LONGEST: usize = 65_536;

/// What was found in a pasted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pasted {
    /// What kind of database.
    pub provider: Provider,
    /// Everything that it said.
    pub settings: Settings,
    /// What was left out of it, to be told.
    pub note: Option<&'static str>,
}

/// Fields of the `credentials` object as they stood in a file.
struct Found {
    provider: Provider,
    fields: Map<String, Value>,
    note: Option<&'static str>,
}

/// There were several connections in it.
const FIRST_OF_SEVERAL: &str = "There are several connections in it; the first one was taken.";
/// It named files.
const FILES_LEFT_OUT: &str = "It names files of certificates. They are not read: paste what is in them below.";

/// Reads a pasted text; `chosen` is the provider that the form shows, where the text does not say.
///
/// # Errors
///
/// For the field `pasted`: what is wrong with it, never the text, in which there may be a password.
pub fn read(chosen: Option<Provider>, text: &str) -> Result<Pasted, FieldError> {
    if text.len() > LONGEST {
        return Err(FieldError::new("pasted", format!("It has more than {LONGEST} characters. Paste one connection.")));
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    let Some(found) = file(chosen, text) else {
        let (provider, settings) = url::parse_url_for(chosen, text)?;
        return Ok(Pasted { provider, settings, note: None });
    };
    match Settings::from_json(found.provider, &Value::Object(found.fields)) {
        Ok(settings) => Ok(Pasted { provider: found.provider, settings, note: found.note }),
        Err(errors) => {
            let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            Err(FieldError::new("pasted", messages.join(" ")))
        }
    }
}

/// The fields, where the text has the shape of a file.
fn file(chosen: Option<Provider>, text: &str) -> Option<Found> {
    if let Some(found) = firebase::read(text) {
        return Some(found);
    }
    if let Some(found) = sections::read(text) {
        return Some(found);
    }
    if let Some(found) = pgpass::read(text) {
        return Some(found);
    }
    env::read(chosen, text)
}

/// Lines that say something, without blanks around them; `marks` begin a comment.
fn lines<'a>(text: &'a str, marks: &'a [char]) -> impl Iterator<Item = &'a str> {
    text.lines().map(str::trim).filter(move |line| !line.is_empty() && !line.starts_with(marks))
}

/// Whether a value is the name of a file rather than what is in one.
fn is_path(value: &str) -> bool {
    !value.contains("-----BEGIN") && (value.starts_with(['/', '~', '.', '%', '$']) || value.contains(['\\', '.']))
}

/// Puts `value` under `name`, unless it names a file; then the note says so.
fn put(found: &mut Found, name: &str, value: &str) {
    let plain = name.to_ascii_lowercase().replace(['-', '_'], "");
    let is_file = matches!(
        plain.as_str(),
        "sslrootcert" | "sslcert" | "sslkey" | "sslca" | "sslcrl" | "sslcapath" | "socket" | "passfile" | "tlscafile"
    );
    if is_file && is_path(value) {
        found.note = Some(FILES_LEFT_OUT);
    } else if !value.is_empty() {
        found.fields.insert(name.to_owned(), Value::from(value));
    }
}
