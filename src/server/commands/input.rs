//! What commands take from the standard input.

use std::io::{self, Read};

use zeroize::Zeroizing;

use crate::{
    connections::{
        Provider,
        settings::{Secret, Settings},
    },
    error::{AppError, FieldError},
};

use super::CommandError;

/// Settings with certificates are the longest input; more than this is something else.
const MOST_BYTES: u64 = 1024 * 1024;

/// A password: all of the input but the line break that `echo` adds.
pub(super) fn password() -> Result<Secret, CommandError> {
    let text = read()?;
    Ok(Secret::new(without_line_break(&text)))
}

/// The address of a database: all of the input, without blanks around it.
pub(super) fn address() -> Result<Secret, CommandError> {
    Ok(Secret::new(read()?.trim()))
}

/// The settings of a connection, a JSON object, as they are.
pub(super) fn settings(provider: Provider) -> Result<Settings, CommandError> {
    let text = read()?;
    // What serde says of a text that is no JSON could repeat a part of it.
    let value = serde_json::from_str(&text).map_err(|error| {
        FieldError::new("settings", format!("This is not JSON (line {}, column {}).", error.line(), error.column()))
    });
    let value = value.map_err(|error| AppError::Invalid(vec![error]))?;
    Ok(Settings::from_json(provider, &value).map_err(AppError::Invalid)?)
}

fn read() -> Result<Zeroizing<String>, CommandError> {
    let mut text = Zeroizing::new(String::new());
    let cannot = || CommandError::file("the standard input cannot be read");
    io::stdin().lock().take(MOST_BYTES + 1).read_to_string(&mut text).map_err(cannot())?;
    if text.len() as u64 > MOST_BYTES {
        return Err(CommandError::Failed("the standard input is too long".to_owned()));
    }
    Ok(text)
}

fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_line_break_is_not_the_password() {
        for (text, password) in [("a b \n", "a b "), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a", " a"), ("", "")] {
            assert_eq!(without_line_break(text), password, "{text:?}");
        }
    }
}
