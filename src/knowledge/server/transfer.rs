//! Entries out and in as JSON, for administrators. What comes in is data from anywhere: it is bounded, refused with
//! the entry named where it holds markup that runs or something secret, and taken whole or not at all. What goes out is
//! cut into parts of which each comes in again.

use std::mem;

use axum::{
    Json,
    extract::{Query, State},
    http::{Extensions, HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use tower_sessions::Session;

use super::{
    code_examples, confidence,
    learn::key_of,
    moderate::{hand, text_problem},
};
use crate::{
    audit::{
        Outcome,
        server::{self as audit, Entry},
    },
    auth::server::{Caller, Origin, caller_from_session},
    connections::Provider,
    error::AppError,
    knowledge::{
        Category, CodeExample, ImportReport,
        redact::{Kind, Redactor},
        success_rate,
    },
    probe::Cause,
    server::state::AppState,
};

const IMPORT: &str = "knowledge.import";
/// The version of the format.
const VERSION: u32 = 1;
/// Bytes of an import, and of a part of an export. As a form it is up to three times as long, which `server::body` takes.
pub const LONGEST_IMPORT: usize = 900 * 1024;
/// Bytes of a part around its entries.
const FRAME: usize = 100;
/// Entries of an import, and of a part of an export.
const MOST_ENTRIES: usize = 2_000;
const LONGEST_TITLE: usize = 200;
const LONGEST_TEXT: usize = 8_000;
const MOST_TAGS: usize = 30;
const LONGEST_TAG: usize = 50;
const MOST_EXAMPLES: usize = 10;

/// A file of entries.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnowledgeFile {
    /// [`VERSION`].
    pub version: u32,
    /// The entries.
    pub entries: Vec<FileEntry>,
}

/// One entry of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FileEntry {
    /// What kind of database.
    pub provider: String,
    /// Which cause it cures; `unknown` where none is given.
    #[serde(default = "unknown")]
    pub cause: String,
    /// What it is about.
    pub category: String,
    /// A line that names it.
    pub title: String,
    /// What is seen, and why.
    pub description: String,
    /// What to do.
    pub solution: String,
    /// Code and configuration.
    #[serde(default)]
    pub code_examples: Vec<CodeExample>,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// From 0 to 100.
    #[serde(default = "usual_confidence")]
    pub confidence_score: u8,
    /// Reports that say it worked.
    #[serde(default)]
    pub successes: u32,
    /// Reports that say it did not.
    #[serde(default)]
    pub failures: u32,
}

fn unknown() -> String {
    Cause::Unknown.code().to_owned()
}

/// What an administrator brings in is worth suggesting unless the file says otherwise.
const fn usual_confidence() -> u8 {
    70
}

/// Every shared entry, in as many parts as it takes for each to be imported again; one at least.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators.
pub async fn export(caller: &Caller) -> Result<Vec<KnowledgeFile>, AppError> {
    caller.require_admin()?;
    let mut tx = hand(caller).read().await?;
    let rows = sqlx::query!(
        r#"
        select provider, cause, category, title, description, solution, code_examples, tags,
               round(confidence_score)::integer as "confidence!", successes, failures
          from database_knowledge_base
         where shared_at is not null and hidden_at is null
         order by provider, cause, title, id
        "#
    )
    .fetch_all(&mut *tx)
    .await?;
    let entries = rows.into_iter().map(|row| FileEntry {
        provider: row.provider,
        cause: row.cause,
        category: row.category,
        title: row.title,
        description: row.description,
        solution: row.solution,
        code_examples: code_examples(row.code_examples),
        tags: row.tags,
        confidence_score: confidence(row.confidence),
        successes: row.successes.unsigned_abs(),
        failures: row.failures.unsigned_abs(),
    });
    cut(entries, LONGEST_IMPORT)
}

/// In how many parts an export comes; none for who may not have it.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn parts(caller: &Caller) -> Result<u32, AppError> {
    if !caller.is_admin() {
        return Ok(0);
    }
    Ok(u32::try_from(export(caller).await?.len()).unwrap_or(u32::MAX))
}

/// The entries in parts of at most `longest` bytes and [`MOST_ENTRIES`].
fn cut(entries: impl Iterator<Item = FileEntry>, longest: usize) -> Result<Vec<KnowledgeFile>, AppError> {
    let mut parts = Vec::new();
    let (mut part, mut bytes) = (Vec::new(), FRAME);
    for entry in entries {
        // With the comma behind it.
        let length = serde_json::to_vec(&entry).map_err(|error| AppError::internal(&error))?.len() + 1;
        if !part.is_empty() && (bytes + length > longest || part.len() == MOST_ENTRIES) {
            parts.push(KnowledgeFile { version: VERSION, entries: mem::take(&mut part) });
            bytes = FRAME;
        }
        bytes += length;
        part.push(entry);
    }
    parts.push(KnowledgeFile { version: VERSION, entries: part });
    Ok(parts)
}

/// Adds the entries of a file, shared. A cure that is there already stays as it is.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but administrators; [`AppError::Invalid`] for `file`, with what is wrong.
pub async fn import(caller: &Caller, file: &str) -> Result<ImportReport, AppError> {
    caller.require_admin_for(IMPORT).await?;
    let file = file.to_owned();
    // Thousands of texts are judged, and nobody else should wait for it.
    let entries = tokio::task::spawn_blocking(move || read(&file))
        .await
        .map_err(|error| AppError::internal(&error))?
        .map_err(|problem| AppError::invalid("file", problem))?;
    let mut tx = hand(caller).write().await?;
    let mut report = ImportReport::default();
    for entry in entries {
        if insert(&mut tx, &entry).await? {
            report.added += 1;
        } else {
            report.known += 1;
        }
    }
    let line = Entry::new(IMPORT, Outcome::Success).detail("added", report.added);
    audit::record(&mut tx, caller, line).await?;
    tx.commit().await?;
    Ok(report)
}

/// Which part of an export is asked for.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Part {
    /// Counted from 1, which is also what is meant where nothing is said.
    part: Option<u32>,
}

/// `GET /knowledge/export.json?part=1`.
///
/// # Errors
///
/// [`AppError::Unauthenticated`] without a session, [`AppError::Forbidden`] for members, [`AppError::NotFound`] for a
/// part that there is not.
pub async fn download(
    State(state): State<AppState>,
    Query(Part { part }): Query<Part>,
    session: Session,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, AppError> {
    let origin = Origin::of(&headers, &extensions, state.config());
    let caller = caller_from_session(&state, &session, origin).await?;
    let files = export(&caller).await?;
    let part = part.unwrap_or(1);
    let name = match files.len() {
        1 => "mooring-knowledge.json".to_owned(),
        all => format!("mooring-knowledge-{part}-of-{all}.json"),
    };
    let file =
        (1..).zip(files).find_map(|(number, file)| (number == part).then_some(file)).ok_or(AppError::NotFound)?;
    Ok(([(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))], Json(file)).into_response())
}

/// The entries of a file, each of them judged.
fn read(file: &str) -> Result<Vec<FileEntry>, String> {
    if file.len() > LONGEST_IMPORT {
        return Err(format!("The file has {} bytes; at most {LONGEST_IMPORT} are taken.", file.len()));
    }
    // The parser itself stops at 128 levels, so that a deep file costs no stack.
    let file: KnowledgeFile = serde_json::from_str(file).map_err(|error| {
        format!("The file is not an export of Mooring's knowledge: {}", one_line(&error.to_string()))
    })?;
    if file.version != VERSION {
        return Err(format!("The file has version {}; this Mooring reads version {VERSION}.", file.version));
    }
    if file.entries.len() > MOST_ENTRIES {
        return Err(format!("The file has {} entries; at most {MOST_ENTRIES} are taken.", file.entries.len()));
    }
    for (number, entry) in (1..).zip(&file.entries) {
        judge(entry).map_err(|problem| format!("Entry {number}: {problem}"))?;
    }
    Ok(file.entries)
}

fn judge(entry: &FileEntry) -> Result<(), String> {
    entry.provider.parse::<Provider>().map_err(|error| format!("provider: {error}"))?;
    entry.cause.parse::<Cause>().map_err(|_| "cause: there is no cause of this code.".to_owned())?;
    Category::from_code(&entry.category)
        .ok_or_else(|| "category: choose error_resolution, security, optimization or configuration.".to_owned())?;
    if entry.confidence_score > 100 {
        return Err("confidenceScore: at most 100.".to_owned());
    }
    if entry.tags.len() > MOST_TAGS || entry.code_examples.len() > MOST_EXAMPLES {
        return Err(format!("at most {MOST_TAGS} tags and {MOST_EXAMPLES} examples are taken."));
    }
    let texts = [
        ("title", &entry.title, LONGEST_TITLE),
        ("description", &entry.description, LONGEST_TEXT),
        ("solution", &entry.solution, LONGEST_TEXT),
    ];
    let tags = entry.tags.iter().map(|tag| ("tags", tag, LONGEST_TAG));
    let examples = entry.code_examples.iter().flat_map(|example| {
        [("codeExamples.language", &example.language, LONGEST_TAG), ("codeExamples.code", &example.code, LONGEST_TEXT)]
    });
    for (field, text, longest) in texts.into_iter().chain(tags).chain(examples) {
        if let Some(problem) = text_problem(text, longest) {
            return Err(format!("{field}: {problem}"));
        }
        if let Some(markup) = running_markup(text) {
            return Err(format!("{field}: it holds {markup}, which has no place in an entry."));
        }
        if let Some(kind) = telling(text) {
            return Err(format!("{field}: it seems to hold {kind}. Entries hold nothing that belongs to anyone."));
        }
    }
    Ok(())
}

/// Markup that a browser would run, were it ever shown as it is. It never is; there is no honest reason for it.
fn running_markup(text: &str) -> Option<&'static str> {
    const TAGS: [&str; 12] = [
        "<script", "<iframe", "<object", "<embed", "<svg", "<img", "<style", "<link", "<meta", "<base", "<form",
        "<math",
    ];
    let lower: String = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(tag) = TAGS.iter().find(|tag| lower.contains(*tag)) {
        return Some(tag);
    }
    if ["javascript:", "vbscript:", "data:text/html"].iter().any(|scheme| lower.contains(scheme)) {
        return Some("an address that runs a script");
    }
    // ` onload=` within a tag.
    let in_tag = lower.split('<').skip(1).filter_map(|rest| rest.split('>').next());
    in_tag
        .flat_map(|tag| tag.split(' ').skip(1))
        .any(|attribute| attribute.starts_with("on") && attribute.contains('='))
        .then_some("an event attribute")
}

/// What no entry may tell, where a rule is sure of it: keys, tokens, addresses of people.
fn telling(text: &str) -> Option<&'static str> {
    let shown = Redactor::new().redact(text);
    let more = |kind: Kind| shown.matches(kind.placeholder()).count() > text.matches(kind.placeholder()).count();
    [(Kind::Key, "a key"), (Kind::Token, "a token"), (Kind::Email, "an e-mail address")]
        .into_iter()
        .find(|(kind, _)| more(*kind))
        .map(|(_, words)| words)
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

async fn insert(connection: &mut PgConnection, entry: &FileEntry) -> Result<bool, AppError> {
    let category = Category::from_code(&entry.category).unwrap_or(Category::ErrorResolution);
    let examples = serde_json::to_value(&entry.code_examples).map_err(|error| AppError::internal(&error))?;
    let done = sqlx::query!(
        "
        insert into database_knowledge_base
               (provider, cause, category, title, description, solution, code_examples, tags, fix_key, origin,
                confidence_score, success_rate, usage_count, successes, failures, shared_at)
        select $1, $2, $3, $4, $5, $6, $7, $8, $9, 'import', $10::integer, $11::double precision,
               $12::integer + $13::integer, $12, $13, mooring_now()
         -- Edited words have another key than the cure that they name.
         where not exists (
               select from database_knowledge_base
                where provider = $1 and cause = $2 and title = $4 and shared_at is not null)
            on conflict (provider, cause, fix_key) where shared_at is not null and fix_key <> '' do nothing
        ",
        entry.provider,
        entry.cause,
        category.code(),
        entry.title.trim(),
        entry.description.trim(),
        entry.solution.trim(),
        examples,
        &entry.tags,
        key_of(&entry.title, category),
        i32::from(entry.confidence_score),
        success_rate(entry.successes, entry.failures),
        stored(entry.successes),
        stored(entry.failures),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Two of them are added to each other.
fn stored(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX).min(i32::MAX / 4)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(change: impl FnOnce(&mut serde_json::Value)) -> String {
        let mut file = json!({"version": 1, "entries": [{
            "provider": "postgresql", "category": "security", "title": "Verify the certificate",
            "description": "TLS without it stops no one in between.", "solution": "Set TLS to verify-full on <host>.",
        }]});
        change(&mut file);
        file.to_string()
    }

    #[test]
    fn a_plain_file_is_read() {
        let entries = read(&file(|_| {})).expect("it is fine");
        assert_eq!((entries.len(), entries[0].confidence_score, entries[0].cause.as_str()), (1, 70, "unknown"));
    }

    #[test]
    fn what_is_exported_is_cut_into_parts_that_are_taken() {
        let entry = read(&file(|_| {})).expect("it is fine").remove(0);
        let long = |text: &str| FileEntry { solution: text.repeat(2_000), ..entry.clone() };
        for (entries, longest, parts) in [
            (vec![], LONGEST_IMPORT, vec![0]),
            (vec![entry.clone(); 3], LONGEST_IMPORT, vec![3]),
            (vec![entry.clone(); 2 * MOST_ENTRIES + 1], LONGEST_IMPORT, vec![MOST_ENTRIES, MOST_ENTRIES, 1]),
            // Each of them is 4,000 bytes and more, for a quote takes two.
            (vec![long("\""); 7], 10_000, vec![2, 2, 2, 1]),
            (vec![long("ü"); 7], 15_000, vec![3, 3, 1]),
        ] {
            let cut = cut(entries.into_iter(), longest).expect("parts");
            assert_eq!(cut.iter().map(|part| part.entries.len()).collect::<Vec<_>>(), parts);
            for part in cut {
                assert!(serde_json::to_vec(&part).expect("JSON").len() <= longest);
            }
        }
    }

    #[test]
    fn hostile_files_are_refused_with_a_reason() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let huge = file(|file| file["entries"][0]["title"] = "x".repeat(LONGEST_IMPORT).into());
        let cyclic = file(|file| file["entries"][0]["parent"] = json!({"$ref": "#/entries/0"}));
        let twice = r#"{"version": 1, "version": 1, "entries": []}"#.to_owned();
        let many = file(|file| file["entries"] = vec![file["entries"][0].clone(); MOST_ENTRIES + 1].into());
        let titled = |title: &str| file(|file| file["entries"][0]["title"] = title.into());
        for (text, reason) in [
            (deep, "not an export"),
            (huge, "bytes"),
            (cyclic, "unknown field `parent`"),
            (twice, "duplicate field"),
            (many, "entries"),
            (String::new(), "not an export"),
            ("null".to_owned(), "not an export"),
            (file(|file| file["version"] = 2.into()), "version 2"),
            (file(|file| file["entries"][0]["provider"] = "oracle".into()), "Entry 1: provider"),
            (file(|file| file["entries"][0]["category"] = "x".into()), "Entry 1: category"),
            (file(|file| file["entries"][0]["confidenceScore"] = 101.into()), "at most 100"),
            (file(|file| file["entries"][0]["confidenceScore"] = (-1).into()), "not an export"),
            (titled(""), "Write something"),
            (titled("<script>alert(1)</script>"), "<script"),
            (titled("< script >"), ""),
            (titled("<SCRIPT src=x>"), "<script"),
            (titled("<a onclick=x()>"), "event attribute"),
            (titled("[x](JavaScript:alert(1))"), "runs a script"),
            (titled("a\u{202e}b"), "cannot be seen"),
            (titled("a\u{0}b"), "cannot be seen"),
            (titled("write to ada@acme.example"), "e-mail"),
            (titled("use mrg_abcdef0123456789"), "a key"),
            (titled(&"x".repeat(201)), "201 characters"),
        ] {
            match read(&text) {
                Err(problem) => {
                    assert!(problem.contains(reason) && problem.len() < 400, "{problem} for {reason}");
                }
                // A blank makes text of a tag.
                Ok(_) => assert!(reason.is_empty(), "{}", &text[..text.len().min(300)]),
            }
        }
    }
}
