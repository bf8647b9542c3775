//! The staged probe: the way of a check taken apart, so that one sees where it stops.
//!
//! Name and addresses, then TCP and a word with whatever speaks at each address, and only where a database of
//! the right kind answered, one attempt on the path of every check ([`super::probe`]) with its one login. Where a
//! connection leads to several servers (a list of MongoDB's, an SRV record, Supabase's API and the Postgres behind
//! it), each is looked at; of a list one that answers will do.
//!
//! It does no harm. A greeting of MySQL is answered, because connections that break off there count towards
//! blocking this host. A login that is refused is not made a second time, so that no account is locked; only
//! where the server accepted it and lacks the database is it made again, to see which databases there are.
//! Where nothing answers, the other usual ports of such databases are looked at, and no others.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use super::{
    Attempted, Trace, Trouble, attempt, connecting, firebase, http::Origin, mongodb, mysql, out_of_time, postgresql,
    supabase, tls, wire::speaker,
};
use crate::{
    connections::{
        Provider,
        settings::{Settings, Special, TlsMode},
    },
    diagnosis::{Findings, Stage, StageKind, StagedReport},
    probe::{Cause, Depth, Failure, Outcome, Phase, ProbeReport, TlsFacts},
    server::egress::{Egress, Resolved, is_local},
};

/// How long the server may take to say what exists and what the user may do.
pub(super) const INQUIRY: Duration = Duration::from_secs(2);
/// How long another port may take to answer.
const ELSEWHERE: Duration = Duration::from_secs(1);
/// Databases that are named in a stage.
const NAMED: usize = 20;

/// What a server said of itself before any login.
#[derive(Debug)]
pub(super) struct Greeting {
    /// What speaks.
    pub speaks: String,
    /// Whether it offers TLS, where that was seen.
    pub offers_tls: Option<bool>,
}

/// Takes one connection apart, step by step, and stops where it must. Ends within three times the connect timeout
/// and twenty-five seconds more (and one for each further server of a list), and with it everything that it opened.
/// Holds no secret.
pub async fn diagnose(egress: &Egress, provider: Provider, settings: &Settings) -> StagedReport {
    let started = Instant::now();
    let mut staged = Staged { egress, provider, settings, stages: Vec::new(), findings: Findings::default() };
    let report = match staged.reach().await {
        Ok(()) => staged.connect().await,
        Err(failure) => {
            staged.look_elsewhere(&failure).await;
            Outcomes { failure: Some(failure), tls: None, server_version: None }
        }
    };
    StagedReport {
        stages: staged.stages,
        total_micros: micros(started),
        server_version: report.server_version,
        tls: report.tls,
        findings: staged.findings,
        failure: report.failure,
    }
}

/// How one speaks before a login, where the settings name one host and port of a database.
fn greeter(provider: Provider, settings: &Settings) -> Option<Greeter> {
    let is_list = matches!(&settings.special, Special::MongoDb(list) if list.srv || !list.more_hosts.is_empty());
    match provider {
        Provider::PostgreSql => Some(Greeter::PostgreSql),
        Provider::MySql => Some(Greeter::MySql),
        Provider::MongoDb if !is_list => Some(Greeter::MongoDb),
        Provider::MongoDb | Provider::Firebase | Provider::Supabase => None,
    }
}

/// A server that the connection leads to.
#[derive(Debug)]
struct Place {
    host: String,
    port: u16,
    speech: Speech,
    /// Whether it is no use to go on where it cannot be reached, unless another of its kind can.
    decides: bool,
    /// Whether it is one of several of its kind, which share the time.
    is_listed: bool,
}

/// What is to be spoken with a server before a login.
#[derive(Clone, Copy, Debug)]
enum Speech {
    Database(Greeter),
    /// An API, by HTTPS.
    Https,
    /// An API on this machine or a private network.
    Http,
}

impl Place {
    fn database(host: &str, port: u16, greeter: Greeter) -> Self {
        Self { host: host.to_owned(), port, speech: Speech::Database(greeter), decides: true, is_listed: false }
    }

    fn api(origin: Origin) -> Self {
        let speech = if origin.tls { Speech::Https } else { Speech::Http };
        Self { host: origin.host, port: origin.port, speech, decides: true, is_listed: false }
    }
}

/// How one speaks to a database before a login.
#[derive(Clone, Copy, Debug)]
enum Greeter {
    PostgreSql,
    MySql,
    MongoDb,
}

impl Greeter {
    async fn greet(self, stream: TcpStream) -> Result<Greeting, Trouble> {
        match self {
            Self::PostgreSql => postgresql::greet(stream).await,
            Self::MySql => mysql::greet(stream).await,
            Self::MongoDb => mongodb::greet(stream).await,
        }
    }

    /// The ports at which such servers and their poolers usually listen.
    const fn usual_ports(self) -> &'static [u16] {
        match self {
            Self::PostgreSql => &[5432, 5433, 6432, 6543],
            Self::MySql => &[3306, 3307, 6033],
            Self::MongoDb => &[27_017, 27_018, 27_019],
        }
    }

    /// What else may be waiting where nothing was said.
    const fn pokes(self) -> &'static [Poke] {
        match self {
            Self::PostgreSql => &[Poke::MongoDb, Poke::Lines],
            // A client waits for the server's first word, and a server of another kind waits as well.
            Self::MySql => &[Poke::PostgreSql, Poke::MongoDb, Poke::Lines],
            Self::MongoDb => &[Poke::PostgreSql, Poke::Lines],
        }
    }

    /// Whose protocol it is.
    const fn whose(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL's",
            Self::MySql => "MySQL's",
            Self::MongoDb => "MongoDB's",
        }
    }
}

/// A word that makes servers of another kind speak.
#[derive(Clone, Copy, Debug)]
enum Poke {
    PostgreSql,
    MongoDb,
    /// HTTP, Redis and others that read lines, and wait where what they were sent has no end of one.
    Lines,
}

impl Poke {
    async fn answer(self, mut stream: TcpStream) -> Option<&'static str> {
        match self {
            Self::PostgreSql => postgresql::greet(stream).await.ok().map(|_| Greeter::PostgreSql.whose()),
            Self::MongoDb => mongodb::greet(stream).await.ok().map(|_| Greeter::MongoDb.whose()),
            Self::Lines => {
                stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.ok()?;
                let mut first = [0; 64];
                let read = stream.read(&mut first).await.ok()?;
                speaker(first.get(..read).unwrap_or_default())
            }
        }
    }
}

/// What the attempt itself came to.
struct Outcomes {
    failure: Option<Failure>,
    tls: Option<TlsFacts>,
    server_version: Option<String>,
}

/// A staged probe under way.
struct Staged<'a> {
    egress: &'a Egress,
    provider: Provider,
    settings: &'a Settings,
    stages: Vec<Stage>,
    findings: Findings,
}

impl Staged<'_> {
    fn note(&mut self, kind: StageKind, subject: Option<String>, outcome: Outcome, since: Instant, detail: String) {
        let secrets = self.settings.secrets();
        let detail = crate::probe::scrub(&detail, &secrets.iter().map(String::as_str).collect::<Vec<_>>());
        let detail = Some(detail).filter(|detail| !detail.is_empty());
        self.stages.push(Stage { kind, subject, outcome, micros: micros(since), detail });
    }

    /// A failure of the stage under way, judged as in a check.
    fn judge(&self, phase: Phase, trouble: Trouble) -> Failure {
        let mut trace = Trace::new();
        trace.begin(phase);
        trace.fail(self.provider, trouble);
        trace.report(&self.settings.secrets()).0.failure.unwrap_or_else(|| Failure {
            phase,
            code: None,
            message: String::new(),
            cause: Cause::Unknown,
            also_possible: Vec::new(),
        })
    }

    /// Looks at every server that the connection leads to; done where one of each kind that is needed speaks as it
    /// should.
    async fn reach(&mut self) -> Result<(), Failure> {
        let time = connecting(self.settings);
        let places = self.places(Instant::now() + time).await?;
        let mut reached = Reached::default();
        for place in &places {
            // Of a list each has a part of its own, so that none pays for what it took to understand another.
            let part = if place.is_listed { share(time, places.len()) } else { time };
            let outcome = self.look_at(place, Instant::now() + part).await;
            if place.decides {
                reached.take(outcome);
            }
            // What stands behind another is not looked for where that cannot be reached.
            if !place.is_listed && reached.furthest.is_some() {
                break;
            }
        }
        reached.outcome()
    }

    /// The servers that the connection leads to; none where the settings do not say, which the attempt tells.
    async fn places(&mut self, deadline: Instant) -> Result<Vec<Place>, Failure> {
        let settings = self.settings;
        if let Some(greeter) = greeter(self.provider, settings) {
            return Ok(vec![Place::database(&settings.host, settings.port, greeter)]);
        }
        let mut places = Vec::new();
        match self.provider {
            Provider::MongoDb => {
                let since = Instant::now();
                let by_name = matches!(&settings.special, Special::MongoDb(list) if list.srv);
                let subject = by_name.then(|| settings.host.clone());
                let servers = match mongodb::servers(self.egress, settings, deadline).await {
                    Ok(servers) => servers,
                    Err(error) => {
                        let failure = self.judge(Phase::Dns, error.into());
                        self.note(StageKind::Name, subject, Outcome::Failed, since, failure.message.clone());
                        return Err(failure);
                    }
                };
                if by_name {
                    let found = format!("{} servers by its SRV record", servers.len());
                    self.note(StageKind::Name, subject, Outcome::Ok, since, found);
                }
                let listed = |(host, port): (String, u16)| Place {
                    is_listed: true,
                    ..Place::database(&host, port, Greeter::MongoDb)
                };
                places.extend(servers.into_iter().map(listed));
            }
            Provider::Firebase => places.extend(firebase::origin(settings).map(Place::api)),
            Provider::Supabase => {
                places.extend(supabase::origin(settings).map(Place::api));
                if !settings.host.trim().is_empty() && !places.is_empty() {
                    let postgres = Place::database(&settings.host, settings.port, Greeter::PostgreSql);
                    // The attempt asks the API first, and says of both what is wrong.
                    places.push(Place { decides: false, ..postgres });
                }
            }
            Provider::PostgreSql | Provider::MySql => {}
        }
        Ok(places)
    }

    /// Name, addresses, TCP and a word with each address of one server; done where one of them speaks as it should.
    async fn look_at(&mut self, place: &Place, deadline: Instant) -> Result<(), Failure> {
        let since = Instant::now();
        let host = Some(place.host.clone());
        let resolved = match self.egress.resolve(&place.host, place.port, deadline).await {
            Ok(resolved) => resolved,
            Err(error) => {
                let mut trouble = Trouble::from(error);
                if let (Provider::Supabase, Speech::Https | Speech::Http) = (self.provider, place.speech) {
                    trouble = supabase::explain(self.settings, trouble);
                }
                let failure = self.judge(Phase::Dns, trouble);
                self.note(StageKind::Name, host, Outcome::Failed, since, failure.message.clone());
                return Err(failure);
            }
        };
        let count = resolved.addresses().len();
        let found = if count == 1 { "one address".to_owned() } else { format!("{count} addresses") };
        self.note(StageKind::Name, host.clone(), Outcome::Ok, since, found);
        self.note(StageKind::Addresses, host, Outcome::Ok, since, families(resolved.addresses()));
        let mut reached = Reached::default();
        for (met, one) in resolved.each().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            reached.take(self.meet(place, &one, Instant::now() + share(left, count - met)).await);
        }
        reached.outcome()
    }

    /// TCP to one address, and a word with what speaks there.
    async fn meet(&mut self, place: &Place, one: &Resolved, deadline: Instant) -> Result<(), Failure> {
        let subject = one.addresses().first().map(SocketAddr::to_string);
        let since = Instant::now();
        let stream = match self.egress.dial(one, deadline).await {
            Ok((stream, _)) => stream,
            Err(error) => {
                let failure = self.judge(Phase::Tcp, error.into());
                self.note(StageKind::Tcp, subject, Outcome::Failed, since, failure.message.clone());
                return Err(failure);
            }
        };
        self.note(StageKind::Tcp, subject.clone(), Outcome::Ok, since, "connected".to_owned());
        let since = Instant::now();
        let greeter = match place.speech {
            Speech::Database(greeter) => greeter,
            Speech::Https | Speech::Http => {
                let answer = timeout_at(deadline, self.speak_as_web(place, stream)).await.ok().flatten();
                // Where it does not speak as it should, the attempt says what is wrong with it.
                if let Some(answer) = answer {
                    self.note(StageKind::Protocol, subject, Outcome::Ok, since, answer);
                }
                return Ok(());
            }
        };
        let answer = match timeout_at(deadline, greeter.greet(stream)).await {
            Ok(answer) => answer,
            Err(_) if place.is_listed => Err(out_of_time(Phase::Auth).also(&[Cause::WrongProtocol])),
            Err(_) => Err(self.silence(greeter, one).await),
        };
        let answer = if let Greeter::MongoDb = greeter { self.beside_tls(answer, place, one).await } else { answer };
        match answer {
            Ok(greeting) => {
                self.findings.offers_tls = greeting.offers_tls;
                let tls = match greeting.offers_tls {
                    Some(true) => ", offers TLS",
                    Some(false) => ", has no TLS",
                    None => "",
                };
                self.note(StageKind::Protocol, subject, Outcome::Ok, since, format!("{}{tls}", greeting.speaks));
                Ok(())
            }
            Err(trouble) => {
                let failure = self.judge(Phase::Auth, trouble);
                self.note(StageKind::Protocol, subject, Outcome::Failed, since, failure.message.clone());
                Err(failure)
            }
        }
    }

    /// What an API speaks, without a request to it: nothing that it is asked is to cost anything or to be refused.
    async fn speak_as_web(&self, place: &Place, stream: TcpStream) -> Option<String> {
        if let Speech::Http = place.speech {
            // Nobody is asked beyond private networks, where the attempt sends nothing either.
            let local = stream.peer_addr().is_ok_and(|address| is_local(address.ip()));
            let answer = if local { Poke::Lines.answer(stream).await } else { None };
            return answer.map(str::to_owned);
        }
        let (pem, further) = (self.settings.ca_certificate.as_deref(), self.egress.further_authorities());
        let (facts, secured) = tls::handshake_as_web(stream, &place.host, pem, further).await;
        let version = facts?.version;
        drop(secured);
        Some(version.map_or_else(|| "TLS".to_owned(), |version| format!("TLS ({version})")))
    }

    /// MongoDB does not negotiate TLS: a server that takes nothing else hangs up on clear text, and one that has
    /// none may wait silently for the rest of what it takes for a long message. So both are tried.
    async fn beside_tls(
        &self,
        answer: Result<Greeting, Trouble>,
        place: &Place,
        one: &Resolved,
    ) -> Result<Greeting, Trouble> {
        let without = self.settings.tls == Some(TlsMode::Disable);
        let is_other = |trouble: &Trouble| trouble.cause == Some(Cause::WrongProtocol);
        if answer.as_ref().map_or_else(is_other, |_| without) {
            return answer;
        }
        let answers = timeout(ELSEWHERE, async {
            match self.egress.dial(one, Instant::now() + ELSEWHERE).await {
                Ok((stream, _)) => mongodb::answers_tls(stream, self.settings, &place.host).await,
                Err(_) => false,
            }
        });
        match (answer, answers.await.unwrap_or(false)) {
            (Ok(greeting), offers) => Ok(Greeting { offers_tls: Some(offers), ..greeting }),
            (Err(_), true) if without => {
                Err(Trouble::new(Cause::TlsRequired, "The server speaks TLS only, and the connection is to use none."))
            }
            (Err(_), true) => Ok(Greeting { speaks: "TLS from the first byte".to_owned(), offers_tls: Some(true) }),
            (Err(trouble), false) => Err(trouble),
        }
    }

    /// Nothing was said in time. A server of another kind may wait for a word of its own kind.
    async fn silence(&self, greeter: Greeter, one: &Resolved) -> Trouble {
        for poke in greeter.pokes() {
            let answer = timeout(ELSEWHERE, async {
                let (stream, _) = self.egress.dial(one, Instant::now() + ELSEWHERE).await.ok()?;
                poke.answer(stream).await
            });
            // What answers a line in TLS is asked in TLS next.
            let may_be_right = |name: &str| name == "TLS" && matches!(greeter, Greeter::MongoDb);
            if let Ok(Some(name)) = answer.await
                && !may_be_right(name)
            {
                let message = format!("The server does not speak {} protocol, but {name}.", greeter.whose());
                return Trouble::new(Cause::WrongProtocol, message);
            }
        }
        out_of_time(Phase::Auth).also(&[Cause::WrongProtocol])
    }

    /// The attempt itself, as every check makes it, with its one login.
    async fn connect(&mut self) -> Outcomes {
        let Attempted { mut report, findings: found, .. } =
            attempt(self.egress, self.provider, self.settings, Depth::Staged).await;
        if let Some(failure) = report.failure.as_mut().filter(|_| self.findings.offers_tls == Some(false)) {
            no_tls_was_seen(failure);
        }
        self.findings.databases = named(found.databases);
        self.findings.privileges = found.privileges;
        let missing = report.failure.as_ref().is_some_and(|failure| failure.cause == Cause::DatabaseNotFound);
        if missing && self.provider == Provider::PostgreSql && self.findings.databases.is_empty() {
            // The login was accepted: making it again locks nobody out.
            let anywhere = Settings { database: Some("postgres".to_owned()), ..self.settings.clone() };
            let found = attempt(self.egress, self.provider, &anywhere, Depth::Staged).await.findings;
            self.findings.databases = named(found.databases);
        }
        self.tell(&report);
        Outcomes { failure: report.failure, tls: report.tls, server_version: report.server_version }
    }

    /// The phases of the attempt as stages.
    fn tell(&mut self, report: &ProbeReport) {
        let knows_the_way = !self.stages.is_empty();
        for result in &report.phases {
            let kind = match result.phase {
                // What was found on the way here is told already, unless it is where the attempt stopped.
                Phase::Dns | Phase::Tcp if knows_the_way && result.outcome != Outcome::Failed => continue,
                Phase::Dns => StageKind::Name,
                Phase::Tcp => StageKind::Tcp,
                Phase::Tls => StageKind::Tls,
                Phase::Auth => StageKind::Login,
                Phase::Database => StageKind::Database,
                Phase::Query => StageKind::Query,
            };
            if result.outcome == Outcome::Skipped
                && report.failure.as_ref().is_some_and(|failure| result.phase > failure.phase)
            {
                continue;
            }
            let mut details: Vec<String> = result.detail.clone().into_iter().collect();
            if result.outcome == Outcome::Failed {
                details.extend(report.failure.as_ref().map(|failure| failure.message.clone()));
            }
            match result.phase {
                Phase::Tls => details.extend(report.tls.as_ref().map(certificate)),
                Phase::Database if !self.findings.databases.is_empty() => {
                    details.push(listed(&self.findings.databases));
                }
                _ => {}
            }
            let detail = Some(details.join("; ")).filter(|detail| !detail.is_empty());
            let detail = detail.map(|detail| crate::probe::scrub(&detail, &[]));
            self.stages.push(Stage { kind, subject: None, outcome: result.outcome, micros: result.micros, detail });
            if let (Phase::Database, Some(privileges)) = (result.phase, &self.findings.privileges) {
                let detail = Some(privileges.clone());
                let kind = StageKind::Privileges;
                self.stages.push(Stage { kind, subject: None, outcome: Outcome::Ok, micros: 0, detail });
            }
        }
    }

    /// The other usual ports of the host, where nothing or something else answered at the one that is set.
    async fn look_elsewhere(&mut self, failure: &Failure) {
        let Some(greeter) = greeter(self.provider, self.settings) else { return };
        if !matches!(failure.cause, Cause::ConnectionRefused | Cause::WrongProtocol) {
            return;
        }
        let since = Instant::now();
        for port in greeter.usual_ports().iter().copied().filter(|port| *port != self.settings.port) {
            if self.speaks_at(greeter, port).await {
                self.findings.other_ports.push(port);
            }
        }
        let (outcome, detail) = match self.findings.other_ports.as_slice() {
            [] => (Outcome::Skipped, "no such database at the usual ports either".to_owned()),
            ports => {
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                (Outcome::Ok, format!("{} speaks at {}", self.provider.label(), ports.join(", ")))
            }
        };
        self.note(StageKind::Elsewhere, None, outcome, since, detail);
    }

    async fn speaks_at(&self, greeter: Greeter, port: u16) -> bool {
        let deadline = Instant::now() + ELSEWHERE;
        let looked = async {
            let resolved = self.egress.resolve(&self.settings.host, port, deadline).await.ok()?;
            let (stream, _) = self.egress.dial(&resolved, deadline).await.ok()?;
            greeter.greet(stream).await.ok()
        };
        timeout(ELSEWHERE, looked).await.ok().flatten().is_some()
    }
}

/// What came of several ways that lead to the same.
#[derive(Debug, Default)]
struct Reached {
    any: bool,
    /// The failure of the way that got furthest.
    furthest: Option<Failure>,
}

impl Reached {
    fn take(&mut self, outcome: Result<(), Failure>) {
        match outcome {
            Ok(()) => self.any = true,
            Err(failure) if self.furthest.as_ref().is_none_or(|known| distance(&failure) >= distance(known)) => {
                self.furthest = Some(failure);
            }
            Err(_) => {}
        }
    }

    /// One that leads there is enough.
    fn outcome(self) -> Result<(), Failure> {
        match self.furthest {
            Some(failure) if !self.any => Err(failure),
            _ => Ok(()),
        }
    }
}

/// The part of each where so many share `time`.
fn share(time: Duration, among: usize) -> Duration {
    time / u32::try_from(among).unwrap_or(u32::MAX).max(1)
}

/// A handshake that was not answered by a server that was seen to have no TLS.
fn no_tls_was_seen(failure: &mut Failure) {
    if failure.phase == Phase::Tls && failure.also_possible.contains(&Cause::TlsNotSupported) {
        failure.also_possible.retain(|cause| *cause != Cause::TlsNotSupported);
        failure.cause = Cause::TlsNotSupported;
        "The server answers in clear text and has no TLS, which the connection insists on."
            .clone_into(&mut failure.message);
    }
}

/// How far it got: who speaks tells more than who refuses, and silence the least. A host that cannot be meant is
/// told before all.
fn distance(failure: &Failure) -> u8 {
    match (failure.phase, failure.cause) {
        (_, Cause::InvalidConnectionString) => 4,
        (Phase::Auth | Phase::Tls, _) => 3,
        (_, Cause::ConnectionRefused | Cause::ConnectionReset) => 2,
        (_, Cause::ConnectTimeout) => 1,
        _ => 0,
    }
}

fn families(addresses: &[SocketAddr]) -> String {
    let of = |is_v6: bool| {
        let family: Vec<String> = addresses
            .iter()
            .filter(|address| address.is_ipv6() == is_v6)
            .map(|address| address.ip().to_string())
            .collect();
        if family.is_empty() { "none".to_owned() } else { family.join(", ") }
    };
    format!("IPv4: {}; IPv6: {}", of(false), of(true))
}

/// Names, issuer and dates of the leaf, and whether it was verified.
fn certificate(tls: &TlsFacts) -> String {
    let Some(leaf) = tls.chain.first() else { return "no certificate".to_owned() };
    let names = if leaf.names.is_empty() { leaf.subject.clone() } else { leaf.names.join(", ") };
    let day = |at: crate::timestamp::Timestamp| at.rfc3339().chars().take(10).collect::<String>();
    let verified = if tls.verified { "verified" } else { "not verified" };
    format!(
        "for {names}; issued by {}; valid from {} to {}; {} in the chain; {verified}",
        leaf.issuer,
        day(leaf.not_before),
        day(leaf.not_after),
        tls.chain.len()
    )
}

/// Names of databases that may be shown: a server may send anything.
fn named(databases: Vec<String>) -> Vec<String> {
    databases.into_iter().filter(|name| name.len() <= 255 && !name.chars().any(char::is_control)).collect()
}

fn listed(databases: &[String]) -> String {
    let named: Vec<&str> = databases.iter().take(NAMED).map(String::as_str).collect();
    let more = if databases.len() > NAMED { ", …" } else { "" };
    format!("there are {}{more}", named.join(", "))
}

fn micros(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX)
}
