//! From what a server, a driver or the operating system said to a cause. Structured codes are believed first
//! (SQLSTATE, MySQL error number, MongoDB code, status, errno), then codes that stand in the text, then families
//! of wording: those that name a root cause, then what the network did, then what says little. What fits none of
//! them is [`Cause::Unknown`]; nothing is guessed.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `text` | how a paste is made comparable, and what of it is read |
//! | `codes` | codes that are numbers or SQLSTATEs |
//! | `mongodb` | MongoDB's codes, by number and name |
//! | `symbols` | codes that are words |
//! | `system` | errors of the operating systems |
//! | `families` | wordings, in English |
//! | `languages` | wordings in other languages, and the catalogues of PostgreSQL and glibc (`translations.txt`) |
//! | `seen` | what a staged probe saw, which overrules all of them |

mod codes;
mod families;
mod languages;
mod mongodb;
mod seen;
mod symbols;
mod system;
#[cfg(test)]
mod tests;
mod text;

pub use self::seen::Seen;
use self::{families::Speakers, text::Words};
use super::{Cause, Phase};
use crate::connections::Provider;

/// What is known about one failure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// What kind of database it was about, where that is known.
    pub provider: Option<Provider>,
    /// Where it stopped, where that is known.
    pub phase: Option<Phase>,
    /// The structured code: SQLSTATE (`28P01`), MySQL error number (`1045`), errno name (`ECONNREFUSED`), MongoDB
    /// code (`18`) or code name, HTTP status (`403`), Google status (`PERMISSION_DENIED`).
    pub code: Option<&'a str>,
    /// The words that came with it.
    pub text: &'a str,
    /// What a staged probe of the same connection saw. It overrules what the text suggests.
    pub seen: &'a [Seen],
}

/// What a failure comes down to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The likeliest cause.
    pub cause: Cause,
    /// The others that the same evidence allows, best first.
    pub also_possible: Vec<Cause>,
    /// How far it can be relied on, 0 to 100: what its kind of evidence was measured to be worth
    /// (`Basis::worth`), less ten for each other cause that the same evidence allows.
    pub confidence: u8,
}

/// The cause that `evidence` comes down to.
#[must_use]
pub fn classify(evidence: &Evidence<'_>) -> Verdict {
    let words = Words::new(evidence.text);
    let speakers = Speakers::hinted(evidence.provider, &words);
    let (found, basis) = evidence
        .code
        .and_then(|code| codes::structured(code, evidence.provider, &words))
        .map(|found| (found, Basis::Code))
        .or_else(|| words.root().and_then(|root| telling(&root, &speakers)))
        .or_else(|| telling(&words, &speakers))
        .or_else(|| families::loosely(&words, &speakers).map(|found| (found, Basis::Loose)))
        .or_else(|| families::first(families::VAGUE, &words, &speakers).map(|found| (found, Basis::Vague)))
        .or_else(|| codes::vague(evidence.code, &words).map(|found| (found, Basis::Vague)))
        .or_else(|| {
            let names = Words::spelled_out(evidence.text)?;
            families::judge(&names, &speakers).map(|found| (found, Basis::Loose))
        })
        .unwrap_or((Found::sure(Cause::Unknown), Basis::None));
    seen::overrule(found.at(evidence.phase).verdict(basis), evidence.seen)
}

/// What the codes in a text say and the wordings that can be relied on.
fn telling(words: &Words, speakers: &Speakers) -> Option<(Found, Basis)> {
    let first = |list, basis| families::first(list, words, speakers).map(|found| (found, basis));
    codes::in_text(words, speakers)
        .map(|found| (found, Basis::Code))
        .or_else(|| families::named(words, speakers).map(|found| (found, Basis::Telling)))
        .or_else(|| first(languages::TELLING, Basis::Telling))
        .or_else(|| languages::translated(words).map(|found| (found, Basis::Telling)))
        .or_else(|| system::in_text(words).map(|found| (found, Basis::Code)))
        .or_else(|| first(families::GENERAL, Basis::General))
        .or_else(|| first(languages::GENERAL, Basis::General))
}

/// What a verdict stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// A code, beside the text or in it.
    Code,
    /// A wording that names the root cause.
    Telling,
    /// A wording for what the network did.
    General,
    /// Words that say only that it did not work.
    Vague,
    /// A subject and a complaint near each other.
    Loose,
    /// Nothing.
    None,
}

impl Basis {
    /// How many of a hundred verdicts on this basis are right. Measured on the first 392 lines of `messages.jsonl`
    /// before the rules had learned from them, and rounded down to a multiple of five (77 of 81, 214 of 220, 42 of
    /// 52, 17 of 22). Loose pairs were added later; a half is all that is claimed for them.
    const fn worth(self) -> u8 {
        match self {
            Self::Code | Self::Telling => 95,
            Self::General => 80,
            Self::Vague => 75,
            Self::Loose => 50,
            Self::None => 0,
        }
    }
}

/// What one rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    cause: Cause,
    also: Vec<Cause>,
}

impl Found {
    fn sure(cause: Cause) -> Self {
        Self::or(cause, &[])
    }

    fn or(cause: Cause, also: &[Cause]) -> Self {
        Self { cause, also: also.to_vec() }
    }

    /// What it means in this phase: once the query has begun, time runs out on the query.
    fn at(self, phase: Option<Phase>) -> Self {
        match self.cause {
            Cause::ConnectTimeout if phase == Some(Phase::Query) => {
                Self::or(Cause::StatementTimeout, &[Cause::ConnectTimeout])
            }
            _ => self,
        }
    }

    fn verdict(self, basis: Basis) -> Verdict {
        let others = u8::try_from(self.also.len()).unwrap_or(u8::MAX);
        let confidence = basis.worth().saturating_sub(others.saturating_mul(10));
        Verdict { cause: self.cause, also_possible: self.also, confidence }
    }
}
