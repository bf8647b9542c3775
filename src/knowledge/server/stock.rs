//! The stock of entries that is delivered with the product, as TOML in the crate: one file for each group of causes.
//! An entry that several providers share is written once; what differs is the code.

use std::collections::BTreeMap;

use serde::Deserialize;
use sqlx::PgConnection;

use super::learn::key_of;
use crate::{
    auth::server::Caller,
    connections::Provider,
    error::AppError,
    knowledge::{Category, CodeExample},
    probe::Cause,
};

/// The files.
const FILES: [&str; 5] = [
    include_str!("../stock/network.toml"),
    include_str!("../stock/tls.toml"),
    include_str!("../stock/login.toml"),
    include_str!("../stock/capacity.toml"),
    include_str!("../stock/hosted.toml"),
];
/// How sure the stock is before anyone reported: above what is suggested, below what was seen to work.
const CONFIDENCE: i32 = 70;

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    entry: Vec<Written>,
}

/// An entry as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    cause: String,
    providers: Vec<String>,
    #[serde(default)]
    category: Option<String>,
    title: String,
    description: String,
    solution: String,
    #[serde(default)]
    tags: Vec<String>,
    /// For a provider, or for `all`: the language and the code, parted by a line break.
    #[serde(default)]
    code: BTreeMap<String, String>,
}

/// An entry of one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockEntry {
    /// The name within the stock; changed never.
    pub key: String,
    /// What kind of database.
    pub provider: Provider,
    /// Which cause it cures.
    pub cause: Cause,
    /// What it is about.
    pub category: Category,
    /// A line that names it.
    pub title: String,
    /// What is seen, and why.
    pub description: String,
    /// What to do.
    pub solution: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Code and configuration.
    pub code_examples: Vec<CodeExample>,
}

/// Every entry of the stock.
///
/// # Errors
///
/// Where a file cannot be read: a fault of ours that a test finds.
pub fn entries() -> Result<Vec<StockEntry>, AppError> {
    let mut all = Vec::new();
    for file in FILES {
        let file: File = toml::from_str(file).map_err(|error| AppError::internal(&error))?;
        for written in file.entry {
            for provider in &written.providers {
                all.push(of_provider(&written, provider)?);
            }
        }
    }
    Ok(all)
}

fn of_provider(written: &Written, provider: &str) -> Result<StockEntry, AppError> {
    let fault = |what: &str| AppError::internal(&std::io::Error::other(format!("{what} of {:?}", written.title)));
    let kind: Provider = provider.parse().map_err(|_| fault("provider"))?;
    let cause: Cause = written.cause.parse().map_err(|_| fault("cause"))?;
    let category = match &written.category {
        Some(code) => Category::from_code(code).ok_or_else(|| fault("category"))?,
        None => Category::ErrorResolution,
    };
    let code_examples = ["all", provider]
        .iter()
        .filter_map(|name| written.code.get(*name))
        .map(|text| {
            let (language, code) = text.split_once('\n').unwrap_or(("text", text));
            CodeExample { language: language.trim().to_owned(), code: code.trim_end().to_owned() }
        })
        .collect();
    let mut tags = vec![provider.to_owned(), written.cause.clone()];
    tags.extend(written.tags.iter().cloned());
    Ok(StockEntry {
        key: format!("{provider}/{}/{}", written.cause, key_of(&written.title, category).replace(' ', "-")),
        provider: kind,
        cause,
        category,
        title: written.title.clone(),
        description: written.description.trim().to_owned(),
        solution: written.solution.trim().to_owned(),
        tags,
        code_examples,
    })
}

/// Brings the stock into the database: adds what is new, renews words that nobody edited, leaves counts and
/// confidence as they were learnt. Doing it again changes nothing.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn load(system: &Caller) -> Result<u64, AppError> {
    let mut tx = system.write().await?;
    let mut changed = 0;
    for entry in entries()? {
        changed += upsert(&mut tx, &entry).await?;
    }
    tx.commit().await?;
    Ok(changed)
}

async fn upsert(connection: &mut PgConnection, entry: &StockEntry) -> Result<u64, AppError> {
    let examples = serde_json::to_value(&entry.code_examples).map_err(|error| AppError::internal(&error))?;
    let done = sqlx::query!(
        "
        insert into database_knowledge_base as stored
               (stock_key, provider, cause, category, title, description, solution, code_examples, tags, fix_key, origin,
                confidence_score, shared_at)
        select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'stock', $11::integer, mooring_now()
         -- People may have learnt the same before it was in the stock; theirs has counted.
         where not exists (
               select from database_knowledge_base
                where provider = $2 and cause = $3 and fix_key = $10 and shared_at is not null
                  and stock_key is distinct from $1)
            on conflict (stock_key) do update
           set category = excluded.category, title = excluded.title, description = excluded.description,
               solution = excluded.solution, code_examples = excluded.code_examples, tags = excluded.tags
         where stored.edited_at is null
           and (stored.category, stored.title, stored.description, stored.solution, stored.code_examples, stored.tags)
               is distinct from
               (excluded.category, excluded.title, excluded.description, excluded.solution, excluded.code_examples,
                excluded.tags)
        ",
        entry.key,
        entry.provider.code(),
        entry.cause.code(),
        entry.category.code(),
        entry.title,
        entry.description,
        entry.solution,
        examples,
        &entry.tags,
        key_of(&entry.title, entry.category),
        CONFIDENCE,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests;
