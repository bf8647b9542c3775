//! Firebase: Cloud Firestore and the Realtime Database over REST, as a service account, with an API key alone,
//! or in the emulator.
//!
//! What happens in a check with a service account, and which phase it counts into:
//!
//! - **DNS, TCP, TLS**: the way to Firestore (or, where only a Realtime Database is named, to that).
//! - **Auth**: a token is asked for with a request that the account's key signs. The token endpoint is a host
//!   of its own; the whole way to it and back is the login. A token that is refused later, or that lacks a
//!   permission, is a failed login too.
//! - **Database**: the database's own record is read (`databases.get`), which costs nothing and says whether
//!   it exists and in which mode. Where the account may not read that, the query decides.
//! - **Query**: the name of one document is read (`documents?pageSize=1` with a mask of names). It is a read
//!   like any client's, through the same permission, counts as one read on the bill, and takes no data along.
//!   Of the Realtime Database a path is read where nothing is: it answers `null`, which is four bytes.
//!
//! With an API key alone there is no login: the rules judge the request as a stranger's. That they refuse it
//! means that project, database and key are in order, and is the answer that is hoped for.
//!
//! One connection at a time to each host, each closed before the report. Nothing is written anywhere.

mod account;
mod answer;

use http::HeaderValue;
use serde::Deserialize;

use self::account::{ServiceAccount, Token};
use super::{
    Attempt,
    http::{Answer, Ask, Http, Origin, Timing, secret_header, too_much},
    trace::Trace,
    trouble::Trouble,
};
use crate::{
    connections::settings::{Firebase, Secret, Settings, Special, is_private_host},
    probe::{Cause, Phase},
};

const FIRESTORE_HOST: &str = "firestore.googleapis.com";
/// Where Realtime Databases are; a token goes nowhere else.
const REALTIME_HOSTS: [&str; 2] = [".firebaseio.com", ".firebasedatabase.app"];
/// The database that a project has unless it names others.
const DEFAULT_DATABASE: &str = "(default)";
/// A path of the Realtime Database where nobody keeps anything.
const NOTHING: &str = "/mooring-health-check.json?shallow=true";
/// What the tokens are for; there is no narrower scope for reading.
const FIRESTORE_SCOPE: &str = "https://www.googleapis.com/auth/datastore";
const REALTIME_SCOPES: &str =
    "https://www.googleapis.com/auth/firebase.database https://www.googleapis.com/auth/userinfo.email";

/// One attempt, from the name to the answers.
pub(super) async fn run(attempt: &Attempt<'_>, trace: &mut Trace) -> Result<(), Trouble> {
    let Special::Firebase(firebase) = &attempt.settings.special else {
        return Err(Trouble::new(Cause::DriverMisconfigured, "These are no settings of Firebase."));
    };
    let plan = Plan::of(firebase)?;
    let mut http = Http::open(attempt, plan.first(), Timing::Phases, trace).await?;
    trace.begin(Phase::Auth);
    let pass = plan.login(attempt, trace).await?;
    let hidden = pass.secrets();
    let mut found = Vec::new();
    if let Some(firestore) = plan.firestore() {
        match firestore.look(&mut http, &pass, trace).await {
            Ok(words) => found.push(words),
            // Who names a Realtime Database and no Firestore may have none.
            Err(trouble) if !firestore.wanted && answer::is_absent(&trouble) => {
                found.push("there is no Firestore".to_owned());
            }
            Err(trouble) => return Err(plan.with_owner(trouble).without(&hidden)),
        }
    }
    if let Some(realtime) = plan.realtime() {
        if plan.firestore().is_some() {
            http.close().await;
            trace.begin(Phase::Query);
            http = Http::open(attempt, &realtime.origin, Timing::Within(Phase::Query), trace).await?;
        }
        let looked = realtime.look(&mut http, &pass, trace).await;
        found.push(looked.map_err(|trouble| trouble.without(&hidden))?);
    }
    trace.note(Phase::Query, found.join("; "));
    trace.answered();
    http.close().await;
    Ok(())
}

/// Where the first host is that a connection leads to; none where the settings do not say.
pub(super) fn origin(settings: &Settings) -> Option<Origin> {
    let Special::Firebase(firebase) = &settings.special else { return None };
    Plan::of(firebase).ok().map(|plan| plan.first().clone())
}

/// As whom to ask.
enum Identity {
    Account(Box<ServiceAccount>),
    Key(HeaderValue),
    /// Nobody: there are emulators only.
    Owner,
}

/// What requests carry.
enum Pass {
    Token(Token),
    Key(HeaderValue),
    /// The emulators take this word for an administrator's token.
    Owner,
}

impl Pass {
    fn sign(&self, ask: Ask) -> Ask {
        match self {
            Self::Token(token) => ask.with("authorization", token.header.clone()),
            Self::Key(key) => ask.with("x-goog-api-key", key.clone()),
            Self::Owner => ask.with("authorization", HeaderValue::from_static("Bearer owner")),
        }
    }

    /// Whether the security rules judge the request.
    const fn is_stranger(&self) -> bool {
        matches!(self, Self::Key(_))
    }

    /// What only this attempt knows, and no message may hold.
    fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Token(token) => vec![&token.text],
            Self::Key(_) | Self::Owner => Vec::new(),
        }
    }
}

/// What a check has to do, judged before anything is dialled.
struct Plan {
    identity: Identity,
    targets: Targets,
}

enum Targets {
    Firestore(Firestore),
    Realtime(Realtime),
    Both(Firestore, Realtime),
}

struct Firestore {
    origin: Origin,
    project: String,
    database: String,
    /// Whether it has to be there.
    wanted: bool,
}

struct Realtime {
    origin: Origin,
    /// Whether it is an emulator's.
    emulated: bool,
}

impl Plan {
    fn of(firebase: &Firebase) -> Result<Self, Trouble> {
        let emulator = present(firebase.emulator_host.as_deref()).map(emulator).transpose()?;
        let realtime =
            present(firebase.database_url.as_deref()).map(|url| Realtime::of(url, emulator.is_some())).transpose()?;
        let only_emulators = emulator.is_some() || realtime.as_ref().is_some_and(|realtime| realtime.emulated);
        let account = present(firebase.service_account.as_ref().map(Secret::reveal));
        let key = present(firebase.api_key.as_ref().map(Secret::reveal));
        let identity = match (account, key) {
            _ if emulator.is_some() => Identity::Owner,
            (Some(account), _) => Identity::Account(Box::new(ServiceAccount::read(account)?)),
            (None, Some(key)) => Identity::Key(secret_header("", key).ok_or_else(|| {
                Trouble::new(Cause::InvalidApiKey, "The API key has characters that no key has.").at(Phase::Auth)
            })?),
            (None, None) if only_emulators => Identity::Owner,
            (None, None) => {
                return Err(missing("The connection has neither a service account nor an API key.").at(Phase::Auth));
            }
        };
        let owner = match &identity {
            Identity::Account(account) => account.project_id.as_deref(),
            Identity::Key(_) | Identity::Owner => None,
        };
        let database = present(firebase.database_id.as_deref());
        let firestore = match present(firebase.project_id.as_deref()).or(owner) {
            // Without a login and without an emulator of its own, Firestore is nobody's to ask.
            Some(_) if emulator.is_none() && matches!(identity, Identity::Owner) => None,
            Some(project) => Some(Firestore {
                origin: emulator.unwrap_or_else(|| Origin::https(FIRESTORE_HOST)),
                project: id(project, "project id")?,
                database: id(database.unwrap_or(DEFAULT_DATABASE), "database id")?,
                wanted: realtime.is_none() || database.is_some(),
            }),
            None => None,
        };
        let targets = match (firestore, realtime) {
            (Some(firestore), Some(realtime)) => Targets::Both(firestore, realtime),
            (Some(firestore), None) => Targets::Firestore(firestore),
            (None, Some(realtime)) => Targets::Realtime(realtime),
            (None, None) => return Err(missing("The connection has no project id.")),
        };
        Ok(Self { identity, targets })
    }

    const fn firestore(&self) -> Option<&Firestore> {
        match &self.targets {
            Targets::Firestore(firestore) | Targets::Both(firestore, _) => Some(firestore),
            Targets::Realtime(_) => None,
        }
    }

    const fn realtime(&self) -> Option<&Realtime> {
        match &self.targets {
            Targets::Realtime(realtime) | Targets::Both(_, realtime) => Some(realtime),
            Targets::Firestore(_) => None,
        }
    }

    /// The host whose way is timed.
    const fn first(&self) -> &Origin {
        match &self.targets {
            Targets::Firestore(firestore) | Targets::Both(firestore, _) => &firestore.origin,
            Targets::Realtime(realtime) => &realtime.origin,
        }
    }

    /// What the requests carry; for a service account it is fetched.
    async fn login(&self, attempt: &Attempt<'_>, trace: &mut Trace) -> Result<Pass, Trouble> {
        match &self.identity {
            Identity::Account(account) => {
                let scopes = match &self.targets {
                    Targets::Firestore(_) => FIRESTORE_SCOPE.to_owned(),
                    Targets::Realtime(_) => REALTIME_SCOPES.to_owned(),
                    Targets::Both(..) => format!("{FIRESTORE_SCOPE} {REALTIME_SCOPES}"),
                };
                let token = account.token(attempt, &scopes).await?;
                let skew = token.ahead.and_then(answer::skew_in_words);
                trace.note(Phase::Auth, skew.unwrap_or_else(|| "as the service account".to_owned()));
                Ok(Pass::Token(token))
            }
            Identity::Key(key) => {
                trace.note(Phase::Auth, "API key, without a login");
                Ok(Pass::Key(key.clone()))
            }
            Identity::Owner => {
                trace.note(Phase::Auth, "as the emulator's owner");
                Ok(Pass::Owner)
            }
        }
    }

    /// Adds to a refused permission whose account it is, where that is another project's.
    fn with_owner(&self, mut trouble: Trouble) -> Trouble {
        if let (Identity::Account(account), Some(firestore)) = (&self.identity, self.firestore())
            && let Some(owner) = account.project_id.as_deref().filter(|owner| *owner != firestore.project)
            && matches!(trouble.cause, Some(Cause::PermissionDenied | Cause::ProjectNotFound))
        {
            trouble.message = format!(
                "{} The service account belongs to the project {owner}, and the connection is for {}.",
                trouble.message, firestore.project
            );
        }
        trouble
    }
}

impl Firestore {
    /// Looks whether the database is there and answers a read, and says what was seen.
    async fn look(&self, http: &mut Http<'_>, pass: &Pass, trace: &mut Trace) -> Result<String, Trouble> {
        let Self { project, database, .. } = self;
        let place = format!("/v1/projects/{project}/databases/{database}");
        let ask = |path: String| pass.sign(Ask::get(path));
        // The record is for those who log in, and the emulator keeps none.
        if matches!(pass, Pass::Token(_)) {
            trace.begin(Phase::Database);
            let answer = http.send(ask(place.clone())).await?;
            match read_record(&answer)? {
                Some(record) => trace.note(Phase::Database, record),
                None => trace.note(Phase::Database, database.as_str()),
            }
        }
        trace.begin(Phase::Query);
        let answer = http.send(ask(format!("{place}/documents?pageSize=1&mask.fieldPaths=__name__"))).await?;
        if answer.status.is_success() {
            return read_list(&answer).map(|empty| {
                let words = if empty { "Firestore answered, and showed no document" } else { "Firestore answered" };
                let open = if pass.is_stranger() && !empty { "; its rules let anyone read" } else { "" };
                format!("{words}{open}")
            });
        }
        if pass.is_stranger() && answer::rules_refused(&answer) {
            return Ok("Firestore answered; its rules keep strangers out".to_owned());
        }
        Err(answer::firestore_refused(&answer))
    }
}

/// What the record of a database says; none where the account may not read it.
fn read_record(answer: &Answer) -> Result<Option<String>, Trouble> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Record {
        #[serde(rename = "type", default)]
        mode: String,
        #[serde(default)]
        location_id: String,
    }

    if !answer.status.is_success() {
        let trouble = answer::firestore_refused(answer);
        return if trouble.cause == Some(Cause::PermissionDenied) { Ok(None) } else { Err(trouble) };
    }
    let record: Record = serde_json::from_slice(&answer.body).map_err(|_| no_google(answer))?;
    if record.mode == "DATASTORE_MODE" {
        return Err(Trouble::new(
            Cause::ApiNotEnabled,
            "The database is in Datastore mode, in which Firestore's clients cannot use it.",
        )
        .code(record.mode));
    }
    Ok(Some(format!("Firestore in {}", record.location_id)))
}

/// Whether a list of documents is empty.
fn read_list(answer: &Answer) -> Result<bool, Trouble> {
    let list: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&answer.body).map_err(|_| no_google(answer))?;
    let documents = list.get("documents").and_then(serde_json::Value::as_array);
    Ok(documents.is_none_or(Vec::is_empty))
}

fn no_google(answer: &Answer) -> Trouble {
    if answer.whole { Trouble::new(Cause::WrongProtocol, "The answer is not one of Google's.") } else { too_much() }
}

impl Realtime {
    /// Reads the address. A token is good for all databases of its account, so that it goes to Google's hosts
    /// only; another host is taken for an emulator, which gets a word that is good for nothing.
    fn of(url: &str, emulated: bool) -> Result<Self, Trouble> {
        let mut origin = Origin::parse(url).map_err(|reason| unusable("database URL", reason))?;
        let host = origin.host.to_ascii_lowercase();
        if !REALTIME_HOSTS.iter().any(|known| host.ends_with(known)) {
            return if emulated || is_private_host(host.trim_matches(['[', ']'])) {
                Ok(Self { origin, emulated: true })
            } else {
                let reason =
                    format!("leads to {host}; Realtime Databases are under firebaseio.com and firebasedatabase.app");
                Err(unusable("database URL", &reason))
            };
        }
        if !origin.tls || origin.port != 443 {
            return Err(unusable("database URL", "must begin with https:// and name no port"));
        }
        // A path leads into the database, and what is looked at is the whole.
        origin.path.clear();
        origin.query = None;
        Ok(Self { origin, emulated: false })
    }

    /// Reads where nothing is, and says what was seen.
    async fn look(&self, http: &mut Http<'_>, pass: &Pass, trace: &mut Trace) -> Result<String, Trouble> {
        trace.begin(Phase::Query);
        // An emulator is told by the query which database is meant.
        let name = self.origin.query.as_deref().map(|query| format!("&{query}")).unwrap_or_default();
        let ask = Ask::get(format!("{NOTHING}{name}"));
        let answer = match pass {
            _ if self.emulated => http.send(Pass::Owner.sign(ask)).await?,
            // An API key is nothing to the Realtime Database.
            Pass::Key(_) => http.send(ask).await?,
            Pass::Token(_) | Pass::Owner => http.send(pass.sign(ask)).await?,
        };
        if answer.status.is_success() {
            return match answer.json() {
                Some(_) => Ok("the Realtime Database answered".to_owned()),
                None => Err(no_google(&answer)),
            };
        }
        if pass.is_stranger() && answer::realtime_rules_refused(&answer) {
            return Ok("the Realtime Database answered; its rules keep strangers out".to_owned());
        }
        Err(answer::realtime_refused(&answer))
    }
}

/// Where the Firestore emulator is: `host:port`.
fn emulator(text: &str) -> Result<Origin, Trouble> {
    Origin::parse(&format!("http://{text}")).map_err(|reason| unusable("emulator's host", reason))
}

/// An id that stands in a path.
fn id(text: &str, what: &str) -> Result<String, Trouble> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'(' | b')');
    if text.len() <= 128 && text.bytes().all(plain) && !text.starts_with('.') {
        Ok(text.to_owned())
    } else {
        Err(unusable(what, "has characters that none has"))
    }
}

fn present(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn missing(message: &str) -> Trouble {
    Trouble::new(Cause::CredentialsMissing, message)
}

fn unusable(what: &str, reason: &str) -> Trouble {
    Trouble::new(Cause::InvalidConnectionString, format!("The {what} {reason}."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::{connections::form::ConnectionForm, server::providers::tests::from_form};

    /// A key that was made for these tests and opens nothing.
    const KEY: &str = include_str!("../../../tests/support/service_account_key.pem");

    fn arrived(form: &ConnectionForm) -> Firebase {
        let form = ConnectionForm { provider: "firebase".to_owned(), ..form.clone() };
        match from_form::through_the_vault(&form).special {
            Special::Firebase(firebase) => *firebase,
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A web API key is sent as it was typed, and the account signs with what its file says, whatever else is in
        /// the file and however it is laid out.
        #[test]
        fn what_is_typed_is_what_is_sent(
            key in "[!-~]{1,300}",
            project in "[a-z][a-z0-9-]{4,28}[a-z0-9]",
            more in from_form::passwords(),
            pretty in any::<bool>(),
        ) {
            let by_key = ConnectionForm { api_key: key.clone(), project_id: project.clone(), ..ConnectionForm::default() };
            match Plan::of(&arrived(&by_key)).map_err(|trouble| trouble.message).expect("a plan").identity {
                Identity::Key(header) => prop_assert_eq!(header.as_bytes(), key.as_bytes()),
                Identity::Account(_) | Identity::Owner => panic!("not by the key"),
            }
            let file = json!({"type": "service_account", "project_id": project, "private_key_id": more,
                "private_key": KEY, "client_email": format!("watch@{project}.iam.gserviceaccount.com")});
            let text = if pretty { format!("\n {file:#}\n") } else { file.to_string() };
            let firebase = arrived(&ConnectionForm { service_account: text, ..ConnectionForm::default() });
            let kept = firebase.service_account.as_ref().map_or("", Secret::reveal);
            let kept: Value = serde_json::from_str(kept).expect("the file");
            for name in ["type", "project_id", "private_key_id", "client_email"] {
                prop_assert_eq!(&kept[name], &file[name], "{}", name);
            }
            let plan = Plan::of(&firebase).map_err(|trouble| trouble.message).expect("a plan");
            prop_assert_eq!(plan.firestore().map(|firestore| firestore.project.as_str()), Some(project.as_str()));
            match plan.identity {
                Identity::Account(account) => prop_assert_eq!(account.project_id, Some(project)),
                Identity::Key(_) | Identity::Owner => panic!("not by the account"),
            }
        }
    }
}
