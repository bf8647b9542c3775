//! The client's side of SCRAM (RFC 5802, RFC 7677) as MongoDB uses it: the password is never sent, and the server
//! has to prove that it knows it too. Pure: the nonce comes from outside, and nothing is read or written.

use std::num::NonZeroU32;

use base64::{Engine, prelude::BASE64_STANDARD};
use md5::{Digest, Md5};
use ring::{digest, hmac, pbkdf2};
use zeroize::Zeroizing;

/// The rounds that are answered. RFC 7677 asks for at least 4,096, because fewer make the proof easy to search
/// offline; more than 100,000 keep a thread busy for longer than a health check may. MongoDB's own default is
/// 15,000 for SHA-256 and 10,000 for SHA-1.
const ROUNDS: std::ops::RangeInclusive<u32> = 4_096..=100_000;
/// "n,,": no channel binding, as MongoDB's servers have none.
const HEADER: &str = "n,,";
/// The header again, in Base64, as the last message repeats it.
const HEADER_AGAIN: &str = "c=biws";

/// Which hash is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    /// SCRAM-SHA-1: all that servers before 4.0 have.
    Sha1,
    /// SCRAM-SHA-256.
    Sha256,
}

impl Hash {
    /// The mechanism's registered name.
    pub const fn mechanism(self) -> &'static str {
        match self {
            Self::Sha1 => "SCRAM-SHA-1",
            Self::Sha256 => "SCRAM-SHA-256",
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        }
    }

    /// What is hashed in place of the password. For SHA-1, MongoDB takes the digest of its first login method,
    /// with the password as it is; for SHA-256 it takes the password as RFC 4013 prepares it.
    pub fn secret(self, username: &str, password: &str) -> Result<Zeroizing<String>, ScramError> {
        match self {
            Self::Sha1 => {
                let digest =
                    Md5::new().chain_update(username).chain_update(":mongo:").chain_update(password).finalize();
                let hex = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
                Ok(Zeroizing::new(hex.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()))
            }
            Self::Sha256 => {
                // RFC 5802 has the login end here; a password that cannot be prepared cannot have been set.
                let prepared = stringprep::saslprep(password).map_err(|_| ScramError::Password)?;
                Ok(Zeroizing::new(prepared.into_owned()))
            }
        }
    }
}

/// Why a login by SCRAM is not gone on with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScramError {
    /// RFC 4013 has no place for the password.
    #[error("The password has characters that SCRAM-SHA-256 does not allow (RFC 4013), so no server can know it.")]
    Password,
    /// A number of rounds that serves an attack.
    #[error("The server asks for {0} SCRAM rounds, outside of what is safe to answer (4,096 to 100,000).")]
    Rounds(u32),
    /// Not a SCRAM message, or one of another login.
    #[error("The server's answer to the login is not SCRAM's.")]
    Malformed,
    /// The server does not know the password either.
    #[error("The server accepted the login without proving that it knows the password: it may be posing as another.")]
    Unproven,
}

/// One login.
#[derive(Debug)]
pub(super) struct Scram {
    hash: Hash,
    /// The first message without its header.
    bare: String,
    nonce: String,
}

impl Scram {
    /// A login as `username`. The nonce must not have been used before and holds no comma.
    pub fn new(hash: Hash, username: &str, nonce: String) -> Self {
        let username = username.replace('=', "=3D").replace(',', "=2C");
        Self { hash, bare: format!("n={username},r={nonce}"), nonce }
    }

    /// The first message.
    pub fn first(&self) -> String {
        format!("{HEADER}{}", self.bare)
    }

    /// The second message, and what the server has to prove; `secret` comes from [`Hash::secret`].
    pub fn answer(&self, secret: &str, challenge: &[u8]) -> Result<(String, Expected), ScramError> {
        let challenge = std::str::from_utf8(challenge).map_err(|_| ScramError::Malformed)?;
        let mut fields = challenge.split(',');
        let mut field =
            |key: &str| fields.next().and_then(|field| field.strip_prefix(key)).ok_or(ScramError::Malformed);
        let (nonce, salt, rounds) = (field("r=")?, field("s=")?, field("i=")?);
        if nonce.len() <= self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err(ScramError::Malformed);
        }
        let salt = BASE64_STANDARD.decode(salt).map_err(|_| ScramError::Malformed)?;
        let rounds = match rounds.parse::<u64>() {
            Ok(rounds) => u32::try_from(rounds).unwrap_or(u32::MAX),
            Err(_) => return Err(ScramError::Malformed),
        };
        let counted = NonZeroU32::new(rounds).filter(|_| ROUNDS.contains(&rounds)).ok_or(ScramError::Rounds(rounds))?;

        let mut salted = Zeroizing::new(vec![0; self.hash.digest().output_len()]);
        pbkdf2::derive(self.hash.pbkdf2(), counted, &salt, secret.as_bytes(), &mut salted);
        let salted = hmac::Key::new(self.hash.hmac(), &salted);
        let client_key = hmac::sign(&salted, b"Client Key");
        let stored_key = digest::digest(self.hash.digest(), client_key.as_ref());
        let message = format!("{},{challenge},{HEADER_AGAIN},r={nonce}", self.bare);
        let signature = hmac::sign(&hmac::Key::new(self.hash.hmac(), stored_key.as_ref()), message.as_bytes());
        let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let last = format!("{HEADER_AGAIN},r={nonce},p={}", BASE64_STANDARD.encode(proof));
        let server_key = hmac::Key::new(self.hash.hmac(), hmac::sign(&salted, b"Server Key").as_ref());
        Ok((last, Expected { server_key, message }))
    }
}

/// What the server's last message has to prove.
#[derive(Debug)]
pub(super) struct Expected {
    server_key: hmac::Key,
    message: String,
}

impl Expected {
    /// Whether it does.
    pub fn proven_by(&self, last: &[u8]) -> Result<(), ScramError> {
        let signature = last
            .strip_prefix(b"v=")
            .map(|rest| rest.split(|byte| *byte == b',').next().unwrap_or_default())
            .and_then(|signature| BASE64_STANDARD.decode(signature).ok())
            .ok_or(ScramError::Unproven)?;
        hmac::verify(&self.server_key, self.message.as_bytes(), &signature).map_err(|_| ScramError::Unproven)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Example {
        hash: Hash,
        nonce: &'static str,
        challenge: &'static str,
        last: &'static str,
        proof: &'static str,
    }

    /// Of the user `user` with the password `pencil`: from RFC 7677, and from MongoDB's specification of
    /// authentication for drivers.
    const EXAMPLES: [Example; 2] = [
        Example {
            hash: Hash::Sha256,
            nonce: "rOprNGfwEbeRWgbNEkqO",
            challenge: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            last: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            proof: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        },
        Example {
            hash: Hash::Sha1,
            nonce: "fyko+d2lbbFgONRv9qkxdawL",
            challenge: "r=fyko+d2lbbFgONRv9qkxdawLHo+Vgk7qvUOKUwuWLIWg4l/9SraGMHEE,s=rQ9ZY3MntBeuP3E1TDVC4w==,i=10000",
            last: "c=biws,r=fyko+d2lbbFgONRv9qkxdawLHo+Vgk7qvUOKUwuWLIWg4l/9SraGMHEE,p=MC2T8BvbmWRckDw8oWl5IVghwCY=",
            proof: "v=UMWeI25JD1yNYZRMpZ4VHvhZ9e0=",
        },
    ];

    impl Example {
        fn begun(&self) -> (Scram, Zeroizing<String>) {
            let secret = self.hash.secret("user", "pencil").expect("a plain password");
            (Scram::new(self.hash, "user", self.nonce.to_owned()), secret)
        }
    }

    #[test]
    fn published_logins_are_spoken_word_for_word() {
        for example in &EXAMPLES {
            let (scram, secret) = example.begun();
            assert_eq!(scram.first(), format!("n,,n=user,r={}", example.nonce));
            let (last, expected) = scram.answer(&secret, example.challenge.as_bytes()).expect("a fair challenge");
            assert_eq!(last, example.last);
            assert_eq!(expected.proven_by(example.proof.as_bytes()), Ok(()));
        }
    }

    #[test]
    fn a_server_that_lies_is_found_out() {
        let example = &EXAMPLES[0];
        let (scram, secret) = example.begun();
        for (challenge, error) in [
            ("r=rOprNGfwEbeRWgbNEkqOx,s=c2FsdA==,i=4095", ScramError::Rounds(4095)),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=c2FsdA==,i=0", ScramError::Rounds(0)),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=c2FsdA==,i=100001", ScramError::Rounds(100_001)),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=c2FsdA==,i=4294967295", ScramError::Rounds(u32::MAX)),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=c2FsdA==,i=99999999999", ScramError::Rounds(u32::MAX)),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=c2FsdA==,i=-4096", ScramError::Malformed),
            ("r=rOprNGfwEbeRWgbNEkqO,s=c2FsdA==,i=4096", ScramError::Malformed),
            ("r=another,s=c2FsdA==,i=4096", ScramError::Malformed),
            ("m=must,r=rOprNGfwEbeRWgbNEkqOx,s=c2FsdA==,i=4096", ScramError::Malformed),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=???,i=4096", ScramError::Malformed),
            ("", ScramError::Malformed),
        ] {
            assert_eq!(scram.answer(&secret, challenge.as_bytes()).err(), Some(error), "{challenge}");
        }
        assert_eq!(scram.answer(&secret, b"\xff\xfe").err(), Some(ScramError::Malformed));
        let (_, expected) = scram.answer(&secret, example.challenge.as_bytes()).expect("a fair challenge");
        for last in ["v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", "v=", "e=other-error", "v=AAAA", ""] {
            assert_eq!(expected.proven_by(last.as_bytes()), Err(ScramError::Unproven), "{last}");
        }
    }

    #[test]
    fn a_user_name_may_hold_what_scram_is_written_with() {
        assert_eq!(Scram::new(Hash::Sha1, "a,b=c", "x".to_owned()).first(), "n,,n=a=2Cb=3Dc,r=x");
    }

    #[test]
    fn passwords_are_prepared_as_the_specifications_say() {
        // RFC 4013 §3, and the passwords of MongoDB's specification for drivers.
        for (password, prepared) in [
            ("I\u{ad}X", Some("IX")),
            ("user", Some("user")),
            ("USER", Some("USER")),
            ("\u{aa}", Some("a")),
            ("\u{2168}", Some("IX")),
            ("\u{2163}", Some("IV")),
            ("\u{7}", None),
            ("\u{627}\u{31}", None),
            ("a\u{a0}b", Some("a b")),
            ("", Some("")),
            // Unassigned in Unicode 3.2, which SASLprep stays with.
            ("\u{1f511}", None),
        ] {
            let found = Hash::Sha256.secret("app", password);
            assert_eq!(found.as_ref().ok().map(|text| text.as_str()), prepared, "{password:?}");
        }
        let digest = Hash::Sha1.secret("user", "pencil").expect("any password has a digest");
        assert_eq!(digest.as_str(), "1c33006ec1ffd90f9cadcbcc0e118200");
    }

    /// Characters of every plane, and those that RFC 4013 maps, refuses or orders.
    fn password() -> impl Strategy<Value = String> {
        let planes = (0_u32..17).prop_flat_map(|plane| (plane << 16)..((plane + 1) << 16));
        let one = prop_oneof![
            any::<char>(),
            planes.prop_filter_map("surrogates are no characters", char::from_u32),
            prop::char::range('\u{20}', '\u{7e}'),
            prop::char::range('\u{a0}', '\u{24f}'),
            prop::char::range('\u{5d0}', '\u{64a}'),
            prop::char::range('\u{4e00}', '\u{9fa5}'),
        ];
        prop::collection::vec(one, 0..12).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn every_password_is_prepared_once_and_for_all_or_refused(password in password()) {
            match Hash::Sha256.secret("app", &password) {
                Ok(prepared) => {
                    // NFKC, no controls, no private use, no more than SASLprep leaves alone.
                    let again = Hash::Sha256.secret("app", &prepared);
                    prop_assert_eq!(again.as_ref().map(|text| text.as_str()), Ok(prepared.as_str()));
                    prop_assert!(!prepared.chars().any(char::is_control));
                    if password.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
                        prop_assert_eq!(prepared.as_str(), password.as_str());
                    }
                }
                Err(error) => {
                    prop_assert_eq!(error, ScramError::Password);
                    prop_assert!(!password.chars().all(|c| c.is_ascii_graphic() || c == ' '));
                }
            }
            // SHA-1 takes each as it is.
            prop_assert_eq!(Hash::Sha1.secret("app", &password).map(|digest| digest.len()), Ok(32));
        }

        #[test]
        fn any_bytes_are_answered_without_panic(challenge in prop::collection::vec(any::<u8>(), 0..80), tail in ".{0,40}") {
            let scram = Scram::new(Hash::Sha1, "app", "abc".to_owned());
            let _ = scram.answer("secret", &challenge);
            let _ = scram.answer("secret", format!("r=abc{tail}").as_bytes());
        }
    }

    proptest! {
        // Each case hashes thousands of times.
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn each_password_proves_itself_and_no_other(password in "[ -~]{1,12}", other in "[ -~]{1,12}") {
            let scram = Scram::new(Hash::Sha256, "app", "abc".to_owned());
            let challenge = b"r=abcdef,s=c2FsdA==,i=4096";
            let secret = Hash::Sha256.secret("app", &password).expect("printable");
            let (last, expected) = scram.answer(&secret, challenge).expect("a fair challenge");
            let (again, _) = scram.answer(&secret, challenge).expect("a fair challenge");
            prop_assert_eq!(&last, &again);
            let other_secret = Hash::Sha256.secret("app", &other).expect("printable");
            let (foreign, foreign_expected) = scram.answer(&other_secret, challenge).expect("a fair challenge");
            prop_assert_eq!(foreign == last, other == password);
            let proof = format!("v={}", BASE64_STANDARD.encode(hmac::sign(&foreign_expected.server_key, foreign_expected.message.as_bytes())));
            prop_assert_eq!(expected.proven_by(proof.as_bytes()).is_ok(), other == password);
        }
    }
}
