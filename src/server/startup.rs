//! From a configuration to a process that can work: its database, with the schema in place and the fences
//! standing; its keys; its state.
//!
//! The order matters. The schema is brought up to date under a lock, so that several processes may start at
//! once; then the role that row-level security binds is looked at, since a role that passes by it would show
//! everyone everything; then the master key, since sealing under a wrong one would lose what is sealed.

use std::{fmt::Write, io, str::FromStr, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use leptos::config::{Env, LeptosOptions};
use rand::{TryRngCore, rngs::OsRng};
use serde_json::Value;
use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection, PgPool,
    migrate::MigrateError,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    auth::server::Caller,
    connections::settings::{Secret, Settings, Special},
    error::AppError,
    health::server::retention::make_partitions,
    ids::{UserId, WorkerId},
    server::{
        clock::SystemClock,
        config::Config,
        db::{Database, MIGRATOR},
        egress::Egress,
        embedded_postgres::{EmbeddedError, EmbeddedPostgres},
        live::Live,
        state::{AppState, Services},
        vault::{
            Vault,
            check::{CheckError, open_vault},
        },
    },
};

/// Why a process cannot start; each is one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The private server does not start.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// `DATABASE_URL` cannot be read. What is wrong with it is not repeated: it holds a password.
    #[error("DATABASE_URL cannot be read: it must have the form postgres://user:password@host:port/database")]
    DatabaseUrl,
    /// The database cannot be reached, or refuses us.
    #[error("{name} at {place} cannot be used")]
    Unreachable {
        /// Which database.
        name: &'static str,
        /// Host, port and database, without user or password.
        place: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The database does not answer.
    #[error("{name} at {place} does not answer within {wait} s", wait = CONNECT_TIMEOUT.as_secs())]
    Silent {
        /// Which database.
        name: &'static str,
        /// Host, port and database.
        place: String,
    },
    /// The schema cannot be brought up to date.
    #[error("the database's schema cannot be brought up to date: {}", migration_problem(.0))]
    Migration(MigrateError),
    /// There is no role that row-level security could bind.
    #[error(
        "the role mooring_user is missing: make it (create role mooring_user nologin) and grant it to the role of DATABASE_URL"
    )]
    NoUserRole,
    /// Row-level security would not bind.
    #[error("the role mooring_user passes by row-level security: take SUPERUSER and BYPASSRLS from it")]
    UnboundRole,
    /// We cannot become that role.
    #[error("the role of DATABASE_URL may not become mooring_user: grant mooring_user to it")]
    NotAMember,
    /// A table with user data is open.
    #[error("row-level security is off on the table {0}: turn it on (alter table {0} enable row level security)")]
    OpenTable(String),
    /// The keys do not fit.
    #[error(transparent)]
    Keys(#[from] CheckError),
    /// The database failed in between.
    #[error("the database failed while starting")]
    Database(#[from] sqlx::Error),
}

/// A `DATABASE_URL` that leads nowhere is to be said soon, and a server that is just waking up to be waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections to our own database in one process. Transactions are short, so a few serve many requests,
/// and several processes fit within the 100 that Postgres usually allows.
const MAX_CONNECTIONS: u32 = 16;
/// How long a request waits for one of them before it is answered 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// What the server sets for each of our connections: no statement takes a minute unless it waits for something that
/// hangs, and a transaction in which nothing is done for so long belongs to a process that hangs, with its locks.
/// What may take longer says so for itself.
const SERVER_LIMITS: [(&str, &str); 2] =
    [("statement_timeout", "60s"), ("idle_in_transaction_session_timeout", "120s")];
/// How long a connection that comes back to the pool may take to be in order again, before it is thrown away.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may have rested in the pool to be used unasked. A server that went away meanwhile costs
/// the requests of that second what it costs those under way; asking costs every request a round trip.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// How long a process that stops waits for its connections to end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// Prepared statements that each connection keeps: more than the product has.
const STATEMENTS: usize = 300;

/// The open database, and what has to be put away with it.
#[derive(Debug)]
pub struct OpenDatabase {
    /// The handle.
    pub database: Database,
    embedded: Option<EmbeddedPostgres>,
}

impl OpenDatabase {
    /// The private server, where that is what is used.
    #[must_use]
    pub const fn embedded(&self) -> Option<&EmbeddedPostgres> {
        self.embedded.as_ref()
    }

    /// Closes all connections, and stops the private server where nobody else uses it.
    ///
    /// # Errors
    ///
    /// [`StartError::Embedded`] where the server does not stop.
    pub async fn close(self) -> Result<(), StartError> {
        if timeout(CLOSE_TIMEOUT, self.database.pool().close()).await.is_err() {
            tracing::warn!("connections to Mooring's own database do not end; they are left to it");
        }
        if let Some(embedded) = self.embedded {
            embedded.stop().await?;
        }
        Ok(())
    }
}

/// Opens our own database with its schema up to date: the one that `DATABASE_URL` names, or a private one.
///
/// # Errors
///
/// [`StartError`], in one line.
pub async fn open_database(config: &Config) -> Result<OpenDatabase, StartError> {
    let open = connect(config).await?;
    match prepare(open.database.pool()).await {
        Ok(()) => Ok(open),
        Err(error) => {
            // The first error is what matters; a private server that does not stop is found by the next start.
            if let Err(second) = open.close().await {
                tracing::warn!("{second}");
            }
            Err(error)
        }
    }
}

/// Opens our own database as it is, for `restore`, which brings its own schema.
///
/// # Errors
///
/// [`StartError`], in one line.
pub async fn connect(config: &Config) -> Result<OpenDatabase, StartError> {
    let (options, embedded) = if let Some(url) = &config.database_url {
        (PgConnectOptions::from_str(url.reveal()).map_err(|_| StartError::DatabaseUrl)?, None)
    } else {
        let embedded = EmbeddedPostgres::start(&config.data_dir).await?;
        (embedded.options(), Some(embedded))
    };
    let options = options.application_name("mooring").statement_cache_capacity(STATEMENTS);
    let name = if embedded.is_some() { "the private database" } else { "the database of DATABASE_URL" };
    let limited = options.clone().options(SERVER_LIMITS);
    let pool = match try_once(&limited, name).await {
        Ok(()) => pool().connect_lazy_with(limited),
        Err(StartError::Unreachable { source, .. }) if refuses_parameters(&source) => {
            // A pooler takes no settings with the start of a connection: they follow behind it.
            let plain = options.extra_float_digits(None);
            try_once(&plain, name).await?;
            pool().after_connect(|connection, _| Box::pin(set_limits(connection))).connect_lazy_with(plain)
        }
        Err(error) => return Err(error),
    };
    Ok(OpenDatabase { database: Database::new(pool), embedded })
}

fn pool() -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(Duration::from_mins(10))
        // Every connection is asked when it is given back; one that rested only for a moment is not asked again.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for >= TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        // A connection whose statement was given up has to finish it first. Where it hangs, it would keep its place
        // in the pool for ever.
        .after_release(|connection, _| Box::pin(is_in_order(connection)))
}

async fn is_in_order(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match timeout(RELEASE_TIMEOUT, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())),
    }
}

async fn set_limits(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for (name, value) in SERVER_LIMITS {
        connection.execute(format!("set {name} = '{value}'").as_str()).await?;
    }
    Ok(())
}

/// What poolers say of settings at the start: `PgBouncer` by a protocol violation, Amazon's proxy by a feature that
/// it does not have.
fn refuses_parameters(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| matches!(code.as_ref(), "08P01" | "0A000"))
}

/// The pool would try until its time is over and then only say that it is over; this says why.
async fn try_once(options: &PgConnectOptions, name: &'static str) -> Result<(), StartError> {
    let place = || {
        let host =
            options.get_socket().map_or_else(|| options.get_host().to_owned(), |path| path.display().to_string());
        format!("{host}:{}/{}", options.get_port(), options.get_database().unwrap_or_else(|| options.get_username()))
    };
    let connected = timeout(CONNECT_TIMEOUT, options.connect()).await;
    match connected {
        Ok(Ok(connection)) => {
            // It has served its purpose, whatever becomes of the goodbye.
            let _ = connection.close().await;
            Ok(())
        }
        Ok(Err(source)) => Err(StartError::Unreachable { name, place: place(), source }),
        Err(_) => Err(StartError::Silent { name, place: place() }),
    }
}

async fn prepare(pool: &PgPool) -> Result<(), StartError> {
    // On a connection of its own, without limits: a step may take its time, and wait for that of another process.
    let mut connection = pool.acquire().await?.detach();
    connection.execute("set statement_timeout = 0").await?;
    MIGRATOR.run(&mut connection).await.map_err(StartError::Migration)?;
    connection.close().await?;
    // Before anything is checked, also by a `check` from cron: after a long standstill this month has no partition.
    make_partitions(&mut *pool.acquire().await?).await?;
    check_fences(pool).await
}

fn migration_problem(error: &MigrateError) -> String {
    match error {
        MigrateError::VersionMissing(version) => {
            format!("it has step {version}, which this version of Mooring does not know: start the newer one")
        }
        MigrateError::VersionMismatch(version) => {
            format!("its step {version} is not the one that this version of Mooring brings")
        }
        MigrateError::Dirty(version) => format!("its step {version} was cut off"),
        other => {
            let mut text = other.to_string();
            let mut source = std::error::Error::source(other);
            while let Some(error) = source {
                // Writing to a string does not fail.
                let _ = write!(text, ": {error}");
                source = error.source();
            }
            text
        }
    }
}

/// Refuses to start where row-level security would not hold.
async fn check_fences(pool: &PgPool) -> Result<(), StartError> {
    let role = sqlx::query!(
        r#"
        select rolsuper or rolbypassrls as "unbound!",
               pg_has_role(
                   oid,
                   -- Since version 16 a member need not be allowed to become the role.
                   case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end
               ) as "member!"
          from pg_roles
         where rolname = 'mooring_user'
        "#
    )
    .fetch_optional(pool)
    .await?
    .ok_or(StartError::NoUserRole)?;
    if role.unbound {
        return Err(StartError::UnboundRole);
    }
    if !role.member {
        return Err(StartError::NotAMember);
    }
    match open_table(pool).await? {
        Some(table) => Err(StartError::OpenTable(table)),
        None => Ok(()),
    }
}

/// A table of user data, known by its columns, that `mooring_user` may use without row-level security. What
/// the role has no privilege on is closed to it anyway.
async fn open_table(pool: &PgPool) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select c.relname::text as "name!"
          from pg_class c
         where c.relnamespace = 'public'::regnamespace
           and c.relkind in ('r', 'p')
           and not c.relrowsecurity
           and has_any_column_privilege('mooring_user', c.oid, 'select, insert, update')
           and exists (
               select from pg_attribute a
                where a.attrelid = c.oid
                  and a.attname in ('user_id', 'credential_id')
                  and not a.attisdropped
           )
         order by 1
         limit 1
        "#
    )
    .fetch_optional(pool)
    .await
}

/// The state of a process on the open `database`; what it streams to browsers ends with `stop`.
///
/// # Errors
///
/// [`StartError::Keys`], where the master key does not fit.
pub async fn build(config: Config, database: Database, stop: CancellationToken) -> Result<AppState, StartError> {
    let vault = open_vault(&database, config.master_key.clone()).await?;
    Ok(AppState::new(Services {
        egress: Egress::new(config.egress),
        leptos: leptos_options(&config),
        config,
        database,
        clock: Arc::new(SystemClock),
        vault,
        live: Live::new(stop),
        worker: WorkerId(Uuid::new_v4()),
    }))
}

/// Where Leptos finds the site's files: as `cargo leptos` says where it runs us, otherwise where it leaves
/// them, with hashes in their names wherever a `hash.txt` lies beside the program.
fn leptos_options(config: &Config) -> LeptosOptions {
    let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let hashed = match said("LEPTOS_HASH_FILES") {
        Some(value) => value == "true",
        None => std::env::current_exe().is_ok_and(|program| program.with_file_name("hash.txt").exists()),
    };
    LeptosOptions::builder()
        .output_name(said("LEPTOS_OUTPUT_NAME").unwrap_or_else(|| "mooring".to_owned()))
        .site_root(said("LEPTOS_SITE_ROOT").unwrap_or_else(|| "target/site".to_owned()))
        .site_pkg_dir(said("LEPTOS_SITE_PKG_DIR").unwrap_or_else(|| "pkg".to_owned()))
        .site_addr(config.addr)
        // Only `cargo leptos watch` sets it: then pages reload themselves.
        .env(if said("LEPTOS_WATCH").is_some() { Env::DEV } else { Env::PROD })
        .reload_port(said("LEPTOS_RELOAD_PORT").and_then(|port| port.parse().ok()).unwrap_or(3001))
        .hash_files(hashed)
        .build()
}

/// The role through which Mooring watches its own database: it may log in and nothing else.
const WATCH_ROLE: &str = "mooring_watch";
/// The row of `mooring_facts` with the role's sealed password, as the envelope is bound to it. All administrators
/// share the role, so whoever comes second must not change the password of whoever came first.
pub(super) const WATCH_PASSWORD: &str = "watch_password";

/// Makes the role `mooring_watch` where it is missing, and answers how to connect with it to our own database: by
/// the same password each time, as long as the one that is kept can be opened.
///
/// # Errors
///
/// [`AppError::Forbidden`] for anyone but the server itself and administrators; [`AppError::Conflict`] where
/// our own role may not make roles, or the database is reached by a socket only.
pub async fn ensure_watch_role(system: &Caller) -> Result<Settings, AppError> {
    system.require_admin()?;
    let options = system.state().database().pool().connect_options();
    if options.get_socket().is_some() || options.get_host().starts_with('/') {
        return Err(AppError::Conflict(
            "Mooring reaches its own database by a socket, and connections are watched over TCP.".to_owned(),
        ));
    }
    let mut tx = system.write().await?;
    let password = watch_password(&mut tx, system.state().vault()).await?;
    // Statements like these take no parameters. The password is made of letters, digits, `-` and `_`. NOSUPERUSER is
    // what a new role is; to say it of one that is there takes a superuser.
    let limits = format!("login nocreatedb nocreaterole noinherit connection limit 5 password '{}'", password.reveal());
    let known =
        sqlx::query_scalar!(r#"select exists (select from pg_roles where rolname = $1) as "known!""#, WATCH_ROLE)
            .fetch_one(&mut *tx)
            .await?;
    let verb = if known { "alter" } else { "create" };
    let made = sqlx::query(&format!("{verb} role {WATCH_ROLE} {limits}")).persistent(false).execute(&mut *tx).await;
    made.map_err(|error| match error.as_database_error().and_then(sqlx::error::DatabaseError::code) {
        Some(code) if code == "42501" => AppError::Conflict(format!(
            "The role {} of DATABASE_URL may not make roles. Give it CREATEROLE, or make {WATCH_ROLE} yourself and add the connection by hand.",
            options.get_username()
        )),
        _ => error.into(),
    })?;
    sqlx::query(&format!("alter role {WATCH_ROLE} set default_transaction_read_only = on"))
        .persistent(false)
        .execute(&mut *tx)
        .await?;
    let database = sqlx::query_scalar!(r#"select current_database()::text as "name!""#).fetch_one(&mut *tx).await?;
    let quoted = database.replace('"', "\"\"");
    sqlx::query(&format!("grant connect on database \"{quoted}\" to {WATCH_ROLE}"))
        .persistent(false)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(Settings {
        host: options.get_host().trim_matches(['[', ']']).to_owned(),
        port: options.get_port(),
        database: Some(database),
        username: Some(WATCH_ROLE.to_owned()),
        password: Some(password),
        tls: None,
        ca_certificate: None,
        client_certificate: None,
        client_key: None,
        connect_timeout_ms: None,
        special: Special::Plain,
    })
}

/// The password that is kept, or a new one, kept from now on.
async fn watch_password(connection: &mut PgConnection, vault: &Vault) -> Result<Secret, AppError> {
    // Of two who come at once, the second finds what the first keeps.
    sqlx::query!("select pg_advisory_xact_lock(hashtext($1))", WATCH_PASSWORD).execute(&mut *connection).await?;
    let kept = sqlx::query_scalar!("select value from mooring_facts where name = $1", WATCH_PASSWORD)
        .fetch_optional(&mut *connection)
        .await?;
    let nobody = (Uuid::nil(), UserId(Uuid::nil()));
    let opened = kept.and_then(|sealed| vault.open(nobody.0, nobody.1, WATCH_PASSWORD, &sealed).ok());
    if let Some(password) = opened.and_then(|opened| String::from_utf8(opened.to_vec()).ok()) {
        return Ok(Secret::new(password));
    }
    let password = random_password()?;
    let sealed: Value = vault.seal(nobody.0, nobody.1, WATCH_PASSWORD, password.reveal().as_bytes())?;
    sqlx::query!(
        "insert into mooring_facts (name, value) values ($1, $2)
             on conflict (name) do update set value = excluded.value, updated_at = mooring_now()",
        WATCH_PASSWORD,
        sealed,
    )
    .execute(connection)
    .await?;
    Ok(password)
}

fn random_password() -> Result<Secret, AppError> {
    let mut bytes = [0; 24];
    OsRng.try_fill_bytes(&mut bytes).map_err(|error| AppError::internal(&error))?;
    Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
}
