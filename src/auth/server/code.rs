//! Codes that people copy by hand: for the first sign-up and for recovery. 80 random bits, so that a plain
//! SHA-256 of one cannot be searched.

use rand::RngCore;
use sha2::{Digest, Sha256};

/// Crockford's base 32: no I, L, O or U, which are misread.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters in a code, five bits each.
const LENGTH: usize = 16;

/// SHA-256 of a secret that is itself random: of a token, a session's id, a device's cookie, a code.
#[must_use]
pub fn sha256(secret: &[u8]) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

/// A new code, `7KQ2-M0XD-…`, in four groups of four.
#[must_use]
pub fn generate(rng: &mut impl RngCore) -> String {
    let mut bytes = [0_u8; LENGTH];
    rng.fill_bytes(&mut bytes);
    let mut code = String::with_capacity(LENGTH + 3);
    for (index, byte) in bytes.into_iter().enumerate() {
        if index > 0 && index % 4 == 0 {
            code.push('-');
        }
        // 256 is a multiple of 32, so every character is as likely.
        code.extend(ALPHABET.get(usize::from(byte % 32)).map(|&byte| char::from(byte)));
    }
    code
}

/// The hash by which a code is known, of what a person typed: without dashes and spaces, in any case, with
/// `O` for zero and `I` or `L` for one. None where it cannot be a code.
#[must_use]
pub fn hash(typed: &str) -> Option<Vec<u8>> {
    let mut plain = String::with_capacity(LENGTH);
    for typed in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        let character = match typed.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let known = u8::try_from(character).is_ok_and(|byte| ALPHABET.contains(&byte));
        if !known || plain.len() == LENGTH {
            return None;
        }
        plain.push(character);
    }
    (plain.len() == LENGTH).then(|| sha256(plain.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_however_it_is_typed() {
        let code = generate(&mut rand::rng());
        assert_eq!(code.len(), 19);
        let known = hash(&code).expect("a code");
        for typed in [
            code.to_lowercase(),
            code.replace('-', ""),
            code.replace('-', " "),
            code.replace('0', "o").replace('1', "l"),
        ] {
            assert_eq!(hash(&typed), Some(known.clone()), "{typed}");
        }
    }

    #[test]
    fn what_cannot_be_a_code_has_no_hash() {
        for typed in [
            "",
            "123456",
            "7KQ2-M0XD-7KQ2-M0X",
            "7KQ2-M0XD-7KQ2-M0XDD",
            "7KQ2-M0XD-7KQ2-M0XU",
            "\u{e4}KQ2-M0XD-7KQ2-M0XD",
        ] {
            assert_eq!(hash(typed), None, "{typed}");
        }
    }
}
