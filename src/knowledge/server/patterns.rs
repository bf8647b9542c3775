//! Learning from successes: counts the kinds of configuration that work. A connection counts the first time that it
//! answers, and the first time after its settings changed.
//!
//! What is compared with is what our own checks saw, and nothing else: what an account reports counts once for each
//! account and kind, what comes without a token for nothing, and both apart.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Asker, LEARN, Teller, in_job};
use crate::{
    audit::{Outcome, server::Entry},
    auth::server::Caller,
    connections::{
        Provider,
        settings::{PublicSettings, TlsMode},
    },
    error::AppError,
    ids::{ConnectionId, UserId},
    knowledge::patterns::{Facts, Pattern, PatternCount, host_and_port},
};

/// Kinds that are compared with; what is rarer is not typical of anything.
const MOST_KINDS: i64 = 500;

/// Settings that somebody says work.
#[derive(Clone, Debug)]
pub struct SuccessReport {
    /// What kind of database.
    pub provider: Provider,
    /// The settings, with whatever else is in them; only their classes are looked at.
    pub settings: Value,
}

/// What became of a report of a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The kind.
    pub id: Uuid,
    /// Whether it is new.
    pub created: bool,
    /// How often it worked, as our checks saw and accounts report, with this report; without a token, how often that
    /// was claimed so.
    pub count: u64,
}

/// Learns from checks that were answered, in the transaction that records them. `answered` are the connections
/// whose check ended healthy or degraded; those that were learnt from since their settings changed are passed over.
///
/// # Errors
///
/// Where our own database fails.
pub async fn learn_from_success(connection: &mut PgConnection, answered: &[ConnectionId]) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = answered.iter().map(|id| id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        "
        update connection_state as state
           set learnt_settings_at = connection.settings_changed_at
          from database_credentials as connection
         where connection.id = state.credential_id
           and state.credential_id = any ($1)
           and state.learnt_settings_at is distinct from connection.settings_changed_at
           -- A row that came by SQL shows nothing of itself until it is sealed, within a minute.
           and connection.public_settings <> '{}'
        returning connection.provider, connection.public_settings
        ",
        &ids,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut counts: BTreeMap<Pattern, i64> = BTreeMap::new();
    for row in rows {
        let settings = serde_json::from_value::<PublicSettings>(row.public_settings);
        if let (Ok(provider), Ok(settings)) = (row.provider.parse::<Provider>(), settings) {
            *counts.entry(Pattern::of_settings(provider, &settings)).or_default() += 1;
        }
    }
    // In the order of their names, so that two processes never wait for each other in a circle.
    for (pattern, more) in counts {
        count_successes(connection, &pattern, more).await?;
    }
    Ok(())
}

/// Learns from a configuration that somebody says works: nobody is compared with it before a check saw it.
///
/// # Errors
///
/// [`AppError::Forbidden`] for a token that may not change anything; [`AppError::Unavailable`] where our own
/// database is away.
pub async fn learn_from_report(asker: Asker<'_>, report: SuccessReport) -> Result<Known, AppError> {
    let teller = asker.teller().await?;
    in_job(async move {
        let pattern = pattern_of(report.provider, &report.settings);
        let mut tx = Caller::system(teller.state(), "learn").write().await?;
        let (known, is_news) = match &teller {
            Teller::Account(caller) => report_success(&mut tx, &pattern, caller.user_id()?).await?,
            Teller::Visitor(..) => (claim(&mut tx, &pattern, 1).await?, true),
        };
        if is_news {
            let line = Entry::new(LEARN, Outcome::Success).detail("pattern", known.id.to_string());
            teller.record(&mut tx, line).await?;
        }
        tx.commit().await?;
        Ok(known)
    })
    .await
}

/// The kinds that worked, for one provider or for all, most frequent first: what a configuration is compared with.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn successful(caller: &Caller, provider: Option<Provider>) -> Result<Vec<PatternCount>, AppError> {
    let mut tx = caller.read().await?;
    let rows = sqlx::query!(
        "
        select provider, port_class, tls_mode, route, host_class, success_count
          from connection_patterns
         where ($1::text is null or provider = $1)
           and success_count > 0
         order by success_count desc, id
         limit $2
        ",
        provider.map(Provider::code),
        MOST_KINDS,
    )
    .fetch_all(&mut *tx)
    .await?;
    let counts = rows.into_iter().map(|row| PatternCount {
        pattern: Pattern {
            provider: row.provider,
            port_class: row.port_class,
            tls_mode: row.tls_mode,
            route: row.route,
            host_class: row.host_class,
        },
        count: row.success_count.unsigned_abs(),
    });
    Ok(counts.collect())
}

/// The kind of reported settings, by the names that they have on the wire and their usual aliases. They need not be
/// complete: whoever reports may have left out more than the secrets.
fn pattern_of(provider: Provider, settings: &Value) -> Pattern {
    let text = |names: &[&str]| {
        names.iter().find_map(|name| {
            let value = settings.get(*name)?;
            value.as_str().or_else(|| value.get(0)?.as_str()).map(str::to_owned)
        })
    };
    let address = text(&["url", "databaseURL", "connectionString", "uri", "emulatorHost"]);
    let (listed_host, listed_port) = host_and_port(address.as_deref().unwrap_or_default());
    let host = text(&["host", "hostname", "server", "hosts"]).unwrap_or_else(|| listed_host.to_owned());
    let port = settings
        .get("port")
        .and_then(|port| port.as_u64().or_else(|| port.as_str()?.trim().parse().ok()))
        .and_then(|port| u16::try_from(port).ok())
        .or(listed_port);
    let tls =
        text(&["tls", "sslmode", "sslMode"]).and_then(|mode| TlsMode::from_code(&mode.to_lowercase())).or_else(|| {
            match settings.get("ssl").or_else(|| settings.get("tls")) {
                Some(Value::Bool(true) | Value::Object(_)) => Some(TlsMode::Require),
                Some(Value::Bool(false)) => Some(TlsMode::Disable),
                _ => None,
            }
        });
    // Hosted interfaces speak HTTPS, which verifies.
    let is_https = address.as_deref().is_some_and(|address| address.starts_with("https://"));
    let tls = tls.or_else(|| (is_https || provider == Provider::Firebase).then_some(TlsMode::VerifyFull));
    // Of a list of hosts the first says what kind they are.
    let first = host.split(',').next().unwrap_or_default();
    Pattern::of(provider, Facts { host: first, port, tls })
}

/// Counts what our own checks saw.
async fn count_successes(connection: &mut PgConnection, pattern: &Pattern, more: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "
        insert into connection_patterns as stored (provider, port_class, tls_mode, route, host_class, success_count)
        values ($1, $2, $3, $4, $5, $6)
            on conflict on constraint connection_patterns_kind_key do update
           set success_count = stored.success_count + excluded.success_count, last_seen_at = mooring_now()
        ",
        pattern.provider,
        pattern.port_class,
        pattern.tls_mode,
        pattern.route,
        pattern.host_class,
        more,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Remembers that the account says so; and whether it had not said so before.
async fn report_success(
    connection: &mut PgConnection,
    pattern: &Pattern,
    user: UserId,
) -> Result<(Known, bool), sqlx::Error> {
    let known = claim(connection, pattern, 0).await?;
    let done = sqlx::query!(
        "insert into pattern_reports (pattern_id, user_id) values ($1, $2) on conflict do nothing",
        known.id,
        user.0,
    )
    .execute(&mut *connection)
    .await?;
    let count = sqlx::query_scalar!(
        r#"
        select success_count + (select count(*) from pattern_reports where pattern_id = $1) as "count!"
          from connection_patterns
         where id = $1
        "#,
        known.id,
    )
    .fetch_one(connection)
    .await?;
    Ok((Known { count: count.unsigned_abs(), ..known }, done.rows_affected() == 1))
}

/// Finds or makes the kind, and adds `more` to the claims that came without a token.
async fn claim(connection: &mut PgConnection, pattern: &Pattern, more: i64) -> Result<Known, sqlx::Error> {
    let row = sqlx::query!(
        r#"
        insert into connection_patterns as stored
               (provider, port_class, tls_mode, route, host_class, unconfirmed_count)
        values ($1, $2, $3, $4, $5, $6)
            on conflict on constraint connection_patterns_kind_key do update
           set unconfirmed_count = stored.unconfirmed_count + excluded.unconfirmed_count
        returning id, unconfirmed_count, xmax = 0 as "is_new!"
        "#,
        pattern.provider,
        pattern.port_class,
        pattern.tls_mode,
        pattern.route,
        pattern.host_class,
        more,
    )
    .fetch_one(connection)
    .await?;
    Ok(Known { id: row.id, created: row.is_new, count: row.unconfirmed_count.unsigned_abs() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_of_every_shape_have_a_kind() {
        for (provider, settings, kind) in [
            (
                Provider::PostgreSql,
                json!({"host": "db.acme.example", "port": "5432", "ssl": true}),
                "default require public_name",
            ),
            (
                Provider::PostgreSql,
                json!({"connectionString": "postgres://u:p@x@10.0.0.1:6432/d"}),
                "pooler prefer private",
            ),
            (Provider::MongoDb, json!({"host": ["c0.x.mongodb.net", "c1.x.mongodb.net"]}), "default verify-full atlas"),
            (
                Provider::Supabase,
                json!({"url": "https://abc.supabase.co", "anonKey": "k"}),
                "default verify-full supabase",
            ),
            (Provider::Firebase, json!({"projectId": "acme"}), "default verify-full hosted"),
            (Provider::MySql, json!({"host": "[::1]", "port": 99999}), "default prefer loopback"),
            (Provider::MySql, json!("nonsense"), "default prefer hosted"),
        ] {
            let pattern = pattern_of(provider, &settings);
            assert_eq!(
                format!("{} {} {}", pattern.port_class, pattern.tls_mode, pattern.host_class),
                kind,
                "{settings}"
            );
        }
    }
}
