//! Which passwords are accepted. Length and a short list of what is tried first; nothing about digits and
//! signs, which make passwords harder to remember and hardly harder to guess (NIST SP 800-63B, OWASP ASVS 5.0, 6.2).

use crate::error::FieldError;

/// The fewest characters.
pub const SHORTEST: usize = 10;
/// The most characters: a bound on the work that one try causes.
pub const LONGEST: usize = 1_000;

/// What is tried first among passwords of ten characters and more, and what a person who is asked for ten
/// characters types. Compared without case and without what is no letter or digit.
const COMMON: [&str; 56] = [
    "0123456789",
    "0987654321",
    "1029384756",
    "1111111111",
    "1122334455",
    "1234512345",
    "12345678900",
    "1234567890",
    "12345678910",
    "123456789a",
    "123456789q",
    "1234567891",
    "1234567899",
    "123qweasdzxc",
    "147258369",
    "1q2w3e4r5t",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "3rjs1la7qe",
    "9876543210",
    "987654321a",
    "a123456789",
    "abcdefghij",
    "abcdefghijk",
    "administrator",
    "admin12345",
    "admin123456",
    "asdfghjkl1",
    "basketball",
    "changeme123",
    "correcthorsebatterystaple",
    "databasepassword",
    "football123",
    "iloveyou123",
    "iloveyou12",
    "letmein123",
    "letmein1234",
    "liverpool1",
    "mooring123",
    "mooringmooring",
    "passw0rd123",
    "password01",
    "password10",
    "password11",
    "password12",
    "password123",
    "password1234",
    "password12345",
    "passwordpassword",
    "q1w2e3r4t5",
    "qazwsxedcrfv",
    "qwerty12345",
    "qwerty123456",
    "qwertyuiop",
    "welcome123",
    "zxcvbnm123",
];

/// Checks a new password of the account `email`, as it is: nothing is trimmed.
///
/// # Errors
///
/// Names `field` and says what would be accepted; never shows the password.
pub fn check(field: &str, password: &str, email: &str) -> Result<(), FieldError> {
    let wrong = |message: &str| Err(FieldError::new(field, message));
    let length = password.chars().take(LONGEST + 1).count();
    if length < SHORTEST {
        return wrong("The password is too short: at least 10 characters.");
    }
    if length > LONGEST {
        return wrong("The password is too long: at most 1,000 characters.");
    }
    let plain = plain(password);
    let first = password.chars().next();
    if COMMON.contains(&plain.as_str()) || password.chars().all(|c| Some(c) == first) {
        return wrong(
            "This password is among those that are tried first. Choose another, such as four words in a row.",
        );
    }
    let lower = password.to_lowercase();
    if lower == email || Some(lower.as_str()) == email.split('@').next() {
        return wrong("The password must not be the e-mail address.");
    }
    Ok(())
}

fn plain(password: &str) -> String {
    password.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_notoriety_decide() {
        let long = "x y".repeat(333) + "z";
        let longer = format!("{long}!");
        for (password, accepted) in [
            ("", false),
            ("short-one", false),
            ("vier worte in folge", true),
            ("ten chars!", true),
            ("Password 123", false),
            ("PASSWORD-123!", false),
            ("aaaaaaaaaaaaaaaa", false),
            ("ada.lovelace@example.org", false),
            ("ada.lovelace", false),
            ("\u{1f512}\u{1f511}\u{1f512}\u{1f511}\u{1f512}\u{1f511}\u{1f512}\u{1f511}\u{1f512}\u{1f511}", true),
            (long.as_str(), true),
            (longer.as_str(), false),
        ] {
            let result = check("password", password, "ada.lovelace@example.org");
            assert_eq!(result.is_ok(), accepted, "{password}");
            if let Err(error) = result {
                assert_eq!(error.field, "password");
                assert!(password.is_empty() || !error.message.contains(password));
            }
        }
    }

    #[test]
    fn the_list_is_in_the_form_that_is_compared() {
        for common in COMMON {
            assert_eq!(common, plain(common));
        }
    }
}
