//! How hard a database's password is to guess, in five steps. An estimate that errs on the strict side for
//! what people make up and knows nothing of what a generator made.

use serde::{Deserialize, Serialize};

use crate::connections::settings::PublicSettings;

/// How strong a password is, weakest first. A code gives away which step it is on and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Among those that come with products, images and guides, and that are tried first.
    Default,
    /// The user, the database or the host, with at most a few digits or signs around it.
    Name,
    /// Guessed within hours by one machine: under 40 bits.
    Weak,
    /// Guessed by who really wants to: under 60 bits, or under 12 characters.
    Short,
    /// None of these.
    Good,
}

/// What products, images and guides set, and what is tried first. Compared without case and without digits
/// and signs at the end. Sources: the documentation of the official container images, Rapid7's and `SecLists`'
/// default credentials for the three servers, NCSC's most used passwords.
const DEFAULTS: [&str; 48] = [
    "123456",
    "123456789",
    "12345678",
    "1234567890",
    "1q2w3e4r",
    "1qaz2wsx",
    "abc",
    "admin",
    "administrator",
    "adminadmin",
    "changeit",
    "changeme",
    "database",
    "dbpassword",
    "default",
    "demo",
    "docker",
    "example",
    "guest",
    "iloveyou",
    "letmein",
    "login",
    "mariadb",
    "master",
    "mongo",
    "mongodb",
    "mysecretpassword",
    "mysql",
    "mysqlpassword",
    "pass",
    "passw0rd",
    "passwd",
    "password",
    "pgpassword",
    "postgres",
    "postgresql",
    "qwerty",
    "qwertyuiop",
    "root",
    "rootpassword",
    "secret",
    "supabase",
    "superuser",
    "test",
    "toor",
    "user",
    "your-super-secret-and-long-postgres-password",
    "welcome",
];

/// Under this many bits a password is weak. Offline guessing at 10¹⁰ tries a second, as against fast hashes
/// (MD5 in `pg_authid`, `mysql_native_password`), takes minutes for 40 bits.
const WEAK_BITS: u32 = 40;
/// Under this many bits it is short of what lasts: 10¹⁰ tries a second take three years for 60 bits.
const GOOD_BITS: u32 = 60;
/// Fewer characters are never called good. Source: CIS PostgreSQL Benchmark 16, 5.x (at least 14 with MFA
/// absent is their aim for people; services have generated ones).
const SHORTEST: usize = 12;

impl Strength {
    /// Judges `password` beside the settings that it is for. Empty passwords are no passwords.
    #[must_use]
    pub fn of(password: &str, settings: &PublicSettings) -> Self {
        let lower = password.trim().to_lowercase();
        let core = lower.trim_end_matches(|char: char| !char.is_alphabetic());
        let spelt = without_signs(core);
        if [lower.as_str(), core, &spelt].iter().any(|word| DEFAULTS.contains(word)) {
            return Self::Default;
        }
        let core = core.trim_start_matches(|char: char| !char.is_alphabetic());
        let host = settings.host.split('.').next().unwrap_or_default();
        let user = settings.username.as_deref().unwrap_or_default();
        let database = settings.database.as_deref().unwrap_or_default();
        let is_name = |name: &str| {
            let name = name.to_lowercase();
            !name.is_empty() && (name == lower || name == core)
        };
        if [user, database, host].into_iter().any(is_name) {
            return Self::Name;
        }
        let bits = bits(password);
        match bits {
            0..WEAK_BITS => Self::Weak,
            WEAK_BITS..GOOD_BITS => Self::Short,
            GOOD_BITS.. if password.chars().count() < SHORTEST => Self::Short,
            GOOD_BITS.. => Self::Good,
        }
    }
}

/// The word that is meant where signs and digits stand for letters: `p@ssw0rd`.
fn without_signs(word: &str) -> String {
    word.chars()
        .map(|char| match char {
            '@' | '4' => 'a',
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '$' | '5' => 's',
            '7' => 't',
            other => other,
        })
        .collect()
}

/// The bits of a password whose characters were drawn from the classes that occur in it. A character that
/// continues a run (`aaa`, `abc`, `321`) counts for one bit, and a word in front of everything else for less
/// than its letters would.
fn bits(password: &str) -> u32 {
    let mut pool = 0_u32;
    for (size, has) in [
        (26, password.chars().any(|char| char.is_ascii_lowercase())),
        (26, password.chars().any(|char| char.is_ascii_uppercase())),
        (10, password.chars().any(|char| char.is_ascii_digit())),
        (33, password.chars().any(|char| char.is_ascii() && !char.is_ascii_alphanumeric())),
        (128, !password.is_ascii()),
    ] {
        pool += if has { size } else { 0 };
    }
    // Tenths of bits for each character: log2 of the pool, rounded down to a step that is always reached.
    let tenths = match pool {
        0..10 => 0,
        10..26 => 33,
        26..36 => 47,
        36..52 => 51,
        52..62 => 57,
        62..95 => 59,
        95.. => 65,
    };
    let mut total = 0;
    let mut before: Option<(u32, i64)> = None;
    for char in password.chars() {
        let code = u32::from(char);
        let step = before.map(|(last, _)| i64::from(code) - i64::from(last));
        let continues = match (step, before) {
            (Some(0), _) => true,
            (Some(step @ (-1 | 1)), Some((_, earlier))) => step == earlier || earlier == 0,
            _ => false,
        };
        total += if continues { 10 } else { tenths };
        before = Some((code, step.unwrap_or_default()));
    }
    // Letters with a capital in front and digits at the end are how people write words.
    let letters = password.trim_end_matches(|char: char| !char.is_alphabetic());
    let tail = password.chars().count() - letters.chars().count();
    let is_word = letters.chars().count() > 3
        && letters.chars().skip(1).all(char::is_lowercase)
        && tail <= 4
        && letters.len() < 16;
    let bits = total / 10;
    if is_word { bits / 2 } else { bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_passwords() {
        let settings = PublicSettings {
            host: "orders.example.com".to_owned(),
            username: Some("shopkeeper".to_owned()),
            database: Some("warehouse".to_owned()),
            ..PublicSettings::default()
        };
        for (password, strength) in [
            ("postgres", Strength::Default),
            ("Postgres123!", Strength::Default),
            ("password", Strength::Default),
            ("P@ssw0rd", Strength::Default),
            ("123456", Strength::Default),
            ("shopkeeper", Strength::Name),
            ("Shopkeeper2024", Strength::Name),
            ("1warehouse!", Strength::Name),
            ("orders", Strength::Name),
            ("a", Strength::Weak),
            ("hunter2", Strength::Weak),
            ("Summer2024", Strength::Weak),
            ("aaaaaaaaaaaaaaaaaaaa", Strength::Weak),
            ("abcdefghijklmnop", Strength::Weak),
            ("k3Jx9Qm2T", Strength::Short),
            ("kJ7#mQ2x!p9", Strength::Short),
            ("correct horse battery", Strength::Good),
            ("x7Kq!m2Zp9-Rt4wB", Strength::Good),
            ("Hk29fjQpZx81LmTu", Strength::Good),
            ("密码很长而且没有人会猜到它的", Strength::Good),
        ] {
            assert_eq!(Strength::of(password, &settings), strength, "{password}");
        }
    }
}
