//! What connections are found and handled by in numbers: an environment and tags.

use serde::{Deserialize, Serialize};

use super::is_hidden;
use crate::error::FieldError;

/// What an environment or a tag may have at most, in characters.
pub const LONGEST_LABEL: usize = 40;
/// How many tags a connection may have.
pub const MOST_TAGS: usize = 20;

/// The labels of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// `production`, `staging`, …; lower case.
    pub environment: Option<String>,
    /// Lower case, sorted, each once.
    pub tags: Vec<String>,
}

impl Labels {
    /// From what was typed: a word, and words with commas between them.
    ///
    /// # Errors
    ///
    /// For `environment` or `tags`, where there are too many or one is too long or has a hidden character.
    pub fn read(environment: &str, tags: &str) -> Result<Self, FieldError> {
        Ok(Self { environment: read_environment(environment)?, tags: read_tags(tags.split(','))? })
    }

    /// The tags as they are typed.
    #[must_use]
    pub fn typed_tags(&self) -> String {
        self.tags.join(", ")
    }

    /// Whether these are among them, where they are asked for.
    #[must_use]
    pub fn match_all(&self, environment: Option<&str>, tag: Option<&str>) -> bool {
        environment.is_none_or(|wanted| self.environment.as_deref() == Some(wanted))
            && tag.is_none_or(|wanted| self.tags.iter().any(|tag| tag == wanted))
    }
}

/// An environment in lower case; none where nothing was typed.
///
/// # Errors
///
/// For `environment`, where it is too long or has a control character or a comma.
pub fn read_environment(text: &str) -> Result<Option<String>, FieldError> {
    label("environment", text)
}

/// Tags in lower case, sorted, each once.
///
/// # Errors
///
/// For `tags`, where there are too many or one is too long or has a control character or a comma.
pub fn read_tags<'a>(tags: impl IntoIterator<Item = &'a str>) -> Result<Vec<String>, FieldError> {
    let mut read: Vec<String> =
        tags.into_iter().map(|tag| label("tags", tag)).filter_map(Result::transpose).collect::<Result<_, _>>()?;
    read.sort();
    read.dedup();
    if read.len() > MOST_TAGS {
        return Err(FieldError::new("tags", format!("There are {} tags; at most {MOST_TAGS} fit.", read.len())));
    }
    Ok(read)
}

/// One label in lower case; none where nothing was typed.
fn label(field: &str, text: &str) -> Result<Option<String>, FieldError> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Ok(None);
    }
    if text.chars().any(|char| is_hidden(char) || char == ',') {
        return Err(FieldError::new(
            field,
            "A label is one word or a few, without commas, line breaks and other hidden characters.",
        ));
    }
    if text.chars().count() > LONGEST_LABEL {
        return Err(FieldError::new(field, format!("A label has at most {LONGEST_LABEL} characters.")));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_lower_case_sorted_and_once() {
        let labels = Labels::read(" Production ", "Team A, db,, DB ").expect("labels");
        assert_eq!(labels.environment.as_deref(), Some("production"));
        assert_eq!(labels.tags, ["db", "team a"]);
        assert_eq!(labels.typed_tags(), "db, team a");
        assert_eq!(Labels::read("", " , "), Ok(Labels::default()));
    }

    #[test]
    fn what_does_not_fit_is_refused_at_its_field() {
        let many = (0..21).map(|number| format!("t{number}")).collect::<Vec<_>>().join(",");
        for (environment, tags, field) in [
            ("a\nb", "", "environment"),
            (&"x".repeat(41), "", "environment"),
            ("", "a\u{0}", "tags"),
            ("gnigats\u{202e}", "", "environment"),
            ("", &many, "tags"),
        ] {
            assert_eq!(Labels::read(environment, tags).expect_err("no labels").field, field);
        }
    }

    #[test]
    fn a_filter_asks_for_what_it_names_only() {
        let labels = Labels::read("prod", "a, b").expect("labels");
        assert!(labels.match_all(None, None));
        assert!(labels.match_all(Some("prod"), Some("b")));
        assert!(!labels.match_all(Some("test"), None));
        assert!(!labels.match_all(None, Some("c")));
    }
}
