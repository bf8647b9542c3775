//! E-mail addresses of accounts: what is accepted, and the one form in which they are compared and kept.

use crate::error::FieldError;

/// The longest address that mail can be sent to, in characters (RFC 5321, erratum 1690).
const LONGEST: usize = 254;

/// Trims and lower-cases `text`. Only what could never be an address is refused: whether one works, mail
/// alone can tell.
///
/// # Errors
///
/// Names the field `email` and says what is missing.
pub fn normalize(text: &str) -> Result<String, FieldError> {
    let wrong = |message: &str| Err(FieldError::new("email", message));
    let text = text.trim();
    if text.is_empty() {
        return wrong("Type an e-mail address.");
    }
    if text.chars().count() > LONGEST {
        return wrong("The e-mail address is too long: at most 254 characters.");
    }
    // `:` would end the account's name in an authenticator app, the others a header of a mail.
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, ':' | ',' | ';' | '<' | '>' | '"')) {
        return wrong("The e-mail address has a character that no address has, such as a space or a comma.");
    }
    let Some((local, domain)) = text.rsplit_once('@') else {
        return wrong("The e-mail address has no @.");
    };
    if local.is_empty() || local.contains('@') {
        return wrong("The e-mail address needs one name before one @.");
    }
    if domain.is_empty() || domain.starts_with('.') || domain.ends_with('.') || domain.contains("..") {
        return wrong("The e-mail address needs a domain after the @, such as example.org.");
    }
    Ok(text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_one_address() {
        assert_eq!(normalize(" Ada@Example.ORG ").as_deref(), Ok("ada@example.org"));
        assert_eq!(normalize("root@localhost").as_deref(), Ok("root@localhost"));
        assert_eq!(normalize("o'neil+db@example.org").as_deref(), Ok("o'neil+db@example.org"));
    }

    #[test]
    fn what_is_no_address_names_the_field() {
        let long = format!("{}@example.org", "a".repeat(250));
        for text in [
            "",
            "  ",
            "ada",
            "@example.org",
            "ada@",
            "a@b@c",
            "a b@c",
            "a@b\r\nc",
            "a,b@c",
            "a@.c",
            "a@c.",
            "a@b..c",
            &long,
        ] {
            let error = normalize(text).expect_err(text);
            assert_eq!(error.field, "email");
        }
    }
}
