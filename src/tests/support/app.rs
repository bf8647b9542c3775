//! The application in this process: the whole router on a fresh database, with a clock that tests move.

use std::{sync::Arc, time::Duration};

use axum::Router;
use base64::{Engine, prelude::BASE64_STANDARD};
use leptos::config::LeptosOptions;
use mooring::{
    auth::{
        Scope,
        server::{
            Caller,
            accounts::{add_user, caller_for_email},
            tokens,
        },
    },
    connections::settings::Secret,
    ids::{ConnectionId, WorkerId},
    server::{
        clock::TestClock,
        config::Config,
        db::Database,
        egress::Egress,
        live::Live,
        router::router,
        state::{AppState, Services},
        vault::check::open_vault,
    },
    timestamp::Timestamp,
};
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;

use super::{
    client::{Client, PASSWORD, Server, Transcript},
    cluster::TestDatabase,
};

/// One application.
pub struct TestApp {
    /// Its state, for calling features directly.
    pub state: AppState,
    /// Everything that its clients were answered.
    pub transcript: Transcript,
    /// The database under it.
    pub database: TestDatabase,
    clock: TestClock,
    router: Router,
    // Removed with the application.
    _data_folder: tempfile::TempDir,
}

impl TestApp {
    /// An application with the defaults, but anyone may sign up.
    pub async fn start() -> Self {
        Self::with(&[("MOORING_SIGNUP", "open"), ("MOORING_EGRESS", "self-hosted")]).await
    }

    /// An application with the defaults that goes out this way.
    pub async fn with_egress(egress: Egress) -> Self {
        Self::build(&[("MOORING_SIGNUP", "open"), ("MOORING_EGRESS", "self-hosted")], Some(egress)).await
    }

    /// An application with these variables of the environment.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        Self::build(variables, None).await
    }

    async fn build(variables: &[(&str, &str)], egress: Option<Egress>) -> Self {
        let database = TestDatabase::fresh().await;
        let data_folder = tempfile::tempdir().expect("make a data folder");
        let folder = data_folder.path().display().to_string();
        let key = master_key();
        let config = Config::from_env(|name| {
            let given = variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned());
            given.or_else(|| match name {
                "MOORING_DATA_DIR" => Some(folder.clone()),
                "MOORING_MASTER_KEY" => Some(key.clone()),
                _ => None,
            })
        })
        .expect("a configuration that holds");
        let now: OffsetDateTime =
            sqlx::query_scalar(MORNING).fetch_one(&mut database.connect().await).await.expect("set the time");
        let clock = TestClock::at(Timestamp::from(now));
        let egress = egress.unwrap_or_else(|| Egress::new(config.egress));
        let state = process(config, egress, &database, &clock).await;
        Self {
            router: router(state.clone()),
            state,
            transcript: Transcript::default(),
            database,
            clock,
            _data_folder: data_folder,
        }
    }

    /// What another process of this application has: the same database and time, all else its own.
    pub async fn another_process(&self) -> AppState {
        process(self.state.config().clone(), self.state.egress().clone(), &self.database, &self.clock).await
    }

    /// The router itself.
    pub const fn router(&self) -> &Router {
        &self.router
    }

    /// Moves the process's clock and the database's.
    pub async fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
        sqlx::query("update mooring_clock set shift = shift + make_interval(secs => $1)")
            .bind(duration.as_secs_f64())
            .execute(&mut self.database.connect().await)
            .await
            .expect("move the database's clock");
    }

    /// An account with [`PASSWORD`]: what pages and commands act for. The first is the administrator's.
    pub async fn user(&self, email: &str) -> Caller {
        add_user(&self.state, email, false, &Secret::new(PASSWORD)).await.expect("add an account");
        caller_for_email(&self.state, email).await.expect("the account just added")
    }

    /// A client that nobody has signed in.
    pub fn anonymous(&self) -> Client {
        Client::new(Server::Here(self.router.clone()), &self.transcript)
    }

    /// An account with a session.
    pub async fn signed_in(&self, email: &str) -> (Caller, Client) {
        let caller = self.user(email).await;
        (caller, self.anonymous().sign_in(email).await)
    }

    /// A client with an API token of the account.
    pub async fn with_token(&self, caller: &Caller, scope: Scope) -> Client {
        let token = tokens::create(caller, "tests", scope).await.expect("make a token");
        self.anonymous().with_token(&token.token)
    }

    /// A connection of `owner`, as an import by SQL makes it; the server seals it later.
    pub async fn connection(
        &self,
        owner: &Caller,
        name: &str,
        provider: &str,
        credentials: &serde_json::Value,
    ) -> ConnectionId {
        let id: Uuid = sqlx::query_scalar(
            "insert into database_credentials (user_id, provider, connection_name, credentials)
             values ($1, $2, $3, $4) returning id",
        )
        .bind(owner.user_id().expect("an account").0)
        .bind(provider)
        .bind(name)
        .bind(credentials)
        .fetch_one(&mut self.database.connect().await)
        .await
        .expect("insert a connection");
        ConnectionId(id)
    }
}

/// Moves the database's clock on to the next 06:10 UTC and answers it: no test may come out otherwise because a day
/// or a half hour ended under it.
const MORNING: &str = "
    update mooring_clock
    set shift = date_trunc('day', now() - interval '6:10', 'utc') + interval '1 day 6:10' - now()
    returning now() + shift";

/// The state of a process with this configuration and way out.
async fn process(config: Config, egress: Egress, database: &TestDatabase, clock: &TestClock) -> AppState {
    let ours = Database::new(database.pool(16));
    let vault = open_vault(&ours, config.master_key.clone()).await.expect("open the vault");
    AppState::new(Services {
        egress,
        config,
        database: ours,
        clock: Arc::new(clock.clone()),
        vault,
        live: Live::new(tokio_util::sync::CancellationToken::new()),
        worker: WorkerId(Uuid::new_v4()),
        leptos: LeptosOptions::builder().output_name("mooring").site_root("public").build(),
    })
}

/// A master key for tests: `test:` and 32 bytes.
pub fn master_key() -> String {
    format!("test:{}", BASE64_STANDARD.encode([7; 32]))
}
