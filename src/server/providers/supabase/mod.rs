//! Supabase: its API with the given keys, and, where a host is given, the Postgres behind it, direct or pooled.
//!
//! What happens in a check, and which phase it counts into:
//!
//! - **DNS, TCP, TLS**: the way to the API. Where Postgres is checked too, the way to it is added.
//! - **Auth**: `GET /auth/v1/health` with the first key: the gateway judges the key, and Auth says its version.
//! - **Database**: a table that nobody has is asked for with the stronger key. PostgREST answers from its
//!   schema cache that there is none: it is there, takes the key, and knows the schema. Nothing is read.
//! - **Query**: with a secret key the list of what is exposed (`GET /rest/v1/`), which PostgREST asks the database
//!   for; with a host, the health query of PostgreSQL. A key for the public alone reaches nothing that every
//!   project has, so that there the phase is skipped, and says so.
//!
//! A name under `supabase.co` that does not resolve is how the service says that a project was removed or has
//! been paused for long; status 540 says that it is paused.
//!
//! Where a database is left asleep, nothing is asked that would reach it: Auth and PostgREST's cache answer, and
//! Postgres is greeted up to TLS.
//!
//! One connection at a time, each closed before the report. Nothing is written anywhere.

mod answer;
mod key;

use self::key::Key;
use super::{
    Attempt,
    http::{Answer, Ask, Http, Origin, Timing},
    postgresql,
    trace::Trace,
    trouble::Trouble,
};
use crate::{
    connections::settings::{Secret, Settings, Special, Supabase},
    probe::{Cause, Depth, Phase},
    server::clock::{Clock, SystemClock},
    timestamp::Timestamp,
};

/// A table that nobody has.
const NO_TABLE: &str = "/rest/v1/mooring_health_check?limit=0";

/// One attempt, from the name to the answers.
pub(super) async fn run(attempt: &Attempt<'_>, trace: &mut Trace) -> Result<(), Trouble> {
    let Special::Supabase(supabase) = &attempt.settings.special else {
        return Err(Trouble::new(Cause::DriverMisconfigured, "These are no settings of Supabase."));
    };
    let (origin, place) = address(&supabase.url)?;
    let keys = Keys::of(supabase)?;
    let has_database = !attempt.settings.host.trim().is_empty();
    let mut http =
        Http::open(attempt, &origin, Timing::Phases, trace).await.map_err(|trouble| place.explain(trouble))?;
    let wakes = attempt.depth != Depth::Surface;
    let api = Api { keys: &keys, place: &place, now: SystemClock.now(), wakes };
    api.login(&mut http, has_database, trace).await?;
    if let Some(key) = keys.stronger() {
        api.look(&mut http, key, trace).await?;
    }
    if !has_database {
        trace.answered();
    }
    http.close().await;
    if has_database { database(attempt, trace).await } else { Ok(()) }
}

/// Where the API is; none where the settings do not say.
pub(super) fn origin(settings: &Settings) -> Option<Origin> {
    let Special::Supabase(supabase) = &settings.special else { return None };
    address(&supabase.url).ok().map(|(origin, _)| origin)
}

/// What a failure on the way to the API says of the project.
pub(super) fn explain(settings: &Settings, trouble: Trouble) -> Trouble {
    match &settings.special {
        Special::Supabase(supabase) => match address(&supabase.url) {
            Ok((_, place)) => place.explain(trouble),
            Err(_) => trouble,
        },
        _ => trouble,
    }
}

/// The keys that are there.
struct Keys {
    public: Option<Key>,
    service: Option<Key>,
}

impl Keys {
    fn of(supabase: &Supabase) -> Result<Self, Trouble> {
        let read = |name: &str, key: &Option<Secret>| {
            key.as_ref()
                .map(Secret::reveal)
                .filter(|key| !key.trim().is_empty())
                .map(|key| Key::read(name, key))
                .transpose()
        };
        Ok(Self {
            public: read("anon key", &supabase.anon_key)?,
            service: read("service role key", &supabase.service_role_key)?,
        })
    }

    /// The one to ask Auth with, so that with two keys each is judged once.
    fn weaker(&self) -> Option<&Key> {
        self.public.as_ref().or(self.service.as_ref())
    }

    fn stronger(&self) -> Option<&Key> {
        self.service.as_ref().or(self.public.as_ref())
    }

    fn describe(&self) -> String {
        let words: Vec<String> = [&self.public, &self.service].into_iter().flatten().map(Key::describe).collect();
        if words.is_empty() { "without a key".to_owned() } else { words.join(", ") }
    }
}

/// Whose API it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    /// The id of a project of the service; none where Supabase runs elsewhere or under another name.
    project: Option<String>,
}

impl Place {
    /// A name that does not resolve, of a project of the service.
    fn explain(&self, trouble: Trouble) -> Trouble {
        match &self.project {
            Some(project) if trouble.code.as_deref() == Some("ENOTFOUND") => Trouble {
                cause: Some(Cause::ProjectNotFound),
                message: format!(
                    "{project}.supabase.co does not resolve: the project was removed, has been paused for long, or \
                     its id is misspelt."
                ),
                ..trouble
            }
            .also(&[Cause::ServicePaused, Cause::DnsNotFound]),
            _ => trouble,
        }
    }
}

/// Reads the address of the API.
fn address(url: &str) -> Result<(Origin, Place), Trouble> {
    let wrong = |reason: &str| Trouble::new(Cause::InvalidConnectionString, format!("The project's URL {reason}."));
    if url.trim().is_empty() {
        return Err(Trouble::new(Cause::CredentialsMissing, "The connection has no project URL."));
    }
    let origin = Origin::parse(url).map_err(wrong)?;
    let project = origin.host.to_ascii_lowercase().strip_suffix(".supabase.co").map(str::to_owned);
    match project.as_deref().and_then(|name| name.strip_prefix("db.")) {
        Some(project) => Err(wrong(&format!("is the database's host; the API is at https://{project}.supabase.co"))),
        None => Ok((origin, Place { project })),
    }
}

/// What is asked of the API.
struct Api<'a> {
    keys: &'a Keys,
    place: &'a Place,
    now: Timestamp,
    /// Whether the database may be woken.
    wakes: bool,
}

impl Api<'_> {
    /// Auth's health, and with it the judgement of the key. Without any key the gateway's refusal is what can be
    /// had; it will do where Postgres is looked at as well.
    async fn login(&self, http: &mut Http<'_>, has_database: bool, trace: &mut Trace) -> Result<(), Trouble> {
        trace.begin(Phase::Auth);
        let key = self.keys.weaker();
        let ask = Ask::get("/auth/v1/health");
        let answer = http.send(key.map_or_else(|| ask.clone(), |key| key.sign(ask.clone()))).await?;
        trace.note(Phase::Auth, self.keys.describe());
        if !answer.status.is_success() {
            let trouble = self.refused(&answer, key);
            let only_a_key_is_missing = trouble.cause == Some(Cause::CredentialsMissing) && key.is_none();
            return if only_a_key_is_missing && has_database { Ok(()) } else { Err(trouble) };
        }
        trace.server_version = Some(answer::auth_version(&answer).ok_or_else(|| answer::foreign(&answer))?);
        Ok(())
    }

    /// PostgREST, and the database through it as far as the key goes.
    async fn look(&self, http: &mut Http<'_>, key: &Key, trace: &mut Trace) -> Result<(), Trouble> {
        trace.begin(Phase::Database);
        let answer = http.send(key.sign(Ask::get(NO_TABLE))).await?;
        if !answer.status.is_success() && !answer::is_no_table(&answer) {
            return Err(self.refused(&answer, Some(key)));
        }
        if answer.status.is_success() && !answer::is_rows(&answer) {
            return Err(answer::foreign(&answer));
        }
        trace.note(Phase::Database, "the REST API answered");
        if !key.is_secret() {
            trace.note(Phase::Query, "needs the service role key or the database's host");
            return Ok(());
        }
        if !self.wakes {
            return Ok(());
        }
        trace.begin(Phase::Query);
        let answer = http.send(key.sign(Ask::get("/rest/v1/"))).await?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer, Some(key)));
        }
        if !answer::is_description(&answer) {
            return Err(answer::foreign(&answer));
        }
        trace.note(Phase::Query, "the database answered through the REST API");
        Ok(())
    }

    fn refused(&self, answer: &Answer, key: Option<&Key>) -> Trouble {
        answer::refused(answer, key, self.place, self.now)
    }
}

/// The Postgres behind the API, by the same code as any other.
async fn database(attempt: &Attempt<'_>, trace: &mut Trace) -> Result<(), Trouble> {
    let settings = attempt.settings;
    let way = Way::of(&settings.host, settings.port);
    let inner = Attempt { connect_deadline: tokio::time::Instant::now() + attempt.connecting, ..*attempt };
    postgresql::run(&inner, trace).await.map_err(|trouble| way.explain(answer::of_pooler(trouble)))?;
    let name = settings.database.as_deref().or(settings.username.as_deref()).unwrap_or_default();
    trace.note(Phase::Database, format!("{name}, {}", way.describe()));
    Ok(())
}

/// How Postgres is reached (<https://supabase.com/docs/guides/database/connecting-to-postgres>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// `db.<project>.supabase.co:5432`, which has an IPv6 address only.
    Direct,
    /// The pooler keeps one connection to the database for each of its clients.
    Session,
    /// The pooler gives connections out by the transaction.
    Transaction,
    /// A host of one's own.
    Own,
}

impl Way {
    fn of(host: &str, port: u16) -> Self {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        match port {
            // On every host of Supabase, and of whoever hosts it after their example.
            6543 => Self::Transaction,
            5432 if host.ends_with(".pooler.supabase.com") => Self::Session,
            5432 if host.starts_with("db.") && host.ends_with(".supabase.co") => Self::Direct,
            _ => Self::Own,
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            Self::Direct => "direct connection",
            Self::Session => "pooled, session mode",
            Self::Transaction => "pooled, transaction mode: no prepared statements or session settings",
            Self::Own => "own host",
        }
    }

    fn explain(self, mut trouble: Trouble) -> Trouble {
        trouble.message = format!("The API is in order; the database behind it: {}", trouble.message);
        if self == Self::Direct && trouble.phase == Some(Phase::Dns) {
            trouble.message.push_str(" Direct hosts of Supabase have IPv6 addresses only; the pooler's have others.");
            trouble = trouble.also(&[Cause::Ipv6Unreachable]);
        }
        trouble
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        connections::{Provider, form::ConnectionForm},
        server::providers::tests::from_form,
    };

    proptest! {
        /// The keys for the API, and the password of the Postgres behind it.
        #[test]
        fn what_is_typed_is_what_is_sent(
            typed in from_form::typed(Provider::Supabase),
            anon in "[!-~]{1,300}",
            service in "[!-~]{1,300}",
        ) {
            let form = ConnectionForm { anon_key: anon.clone(), service_role_key: service.clone(), ..typed.form.clone() };
            let settings = from_form::through_the_vault(&form);
            let Special::Supabase(supabase) = &settings.special else { panic!("{settings:?}") };
            prop_assert_eq!(&supabase.url, "https://abcdefghijklmnopqrst.supabase.co");
            let keys = Keys::of(supabase).map_err(|trouble| trouble.message).expect("keys");
            for (key, typed) in [(keys.weaker(), anon), (keys.stronger(), service)] {
                prop_assert_eq!(key.map(|key| key.header().as_bytes()), Some(typed.as_bytes()));
            }
            prop_assert_eq!(&settings.host, &typed.host);
            let options = postgresql::options(&settings, settings.username.as_deref().unwrap_or_default());
            prop_assert_eq!(options.get_user(), Some(typed.username.as_str()));
            prop_assert_eq!(options.get_password(), Some(typed.password.as_bytes()));
        }
    }

    #[test]
    fn the_address_says_whose_project_it_is() {
        for (url, host, path, project) in [
            ("https://abc.supabase.co", "abc.supabase.co", "", Some("abc")),
            ("http://127.0.0.1:54321", "127.0.0.1", "", None),
            ("https://api.example.org/supabase", "api.example.org", "/supabase", None),
        ] {
            let (origin, place) = address(url).expect(url);
            assert_eq!((origin.host.as_str(), origin.path.as_str(), place.project.as_deref()), (host, path, project));
        }
        for (url, cause, says) in [
            ("", Cause::CredentialsMissing, "no project URL"),
            ("abc.supabase.co", Cause::InvalidConnectionString, "https://"),
            ("https://db.abc.supabase.co", Cause::InvalidConnectionString, "https://abc.supabase.co"),
            ("postgresql://postgres:pw@db.abc.supabase.co/postgres", Cause::InvalidConnectionString, "https://"),
        ] {
            let trouble = address(url).expect_err(url);
            assert_eq!(trouble.cause, Some(cause), "{url}");
            assert!(trouble.message.contains(says) && !trouble.message.contains("pw"), "{}", trouble.message);
        }
    }

    #[test]
    fn the_way_to_postgres_is_told_by_host_and_port() {
        for (host, port, way) in [
            ("db.abc.supabase.co", 5432, Way::Direct),
            ("db.abc.supabase.co", 6543, Way::Transaction),
            ("aws-0-eu-central-1.pooler.supabase.com", 5432, Way::Session),
            ("AWS-0-eu-central-1.pooler.supabase.com.", 6543, Way::Transaction),
            ("10.0.0.1", 5432, Way::Own),
            ("evil.pooler.supabase.com.example.org", 5432, Way::Own),
        ] {
            assert_eq!(Way::of(host, port), way, "{host}:{port}");
        }
    }
}
