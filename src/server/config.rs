//! What the operator sets in the environment, read once at the start. A value that cannot be used stops the
//! start with one clear line that names the variable and never the value of a secret.
//!
//! A variable that is set to nothing counts as not set.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
};

use http::Uri;
use ipnet::IpNet;

use crate::{
    connections::{Provider, settings::Secret},
    retry::policy::RetryPolicy,
    server::vault::KeySource,
};

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// Only the first, which becomes the administrator.
    First,
    /// Anyone who reaches the page.
    Open,
    /// Nobody: accounts are made by the command line.
    Closed,
}

/// Which networks outbound connections may reach. Link-local and metadata addresses never are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EgressPolicy {
    /// Loopback and private networks too: for a Mooring that its own team runs.
    SelfHosted,
    /// Only what is reachable from the whole internet.
    PublicOnly,
}

/// The address that people type, without a path: `https://mooring.example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    https: bool,
    loopback: bool,
}

impl PublicUrl {
    /// Scheme, host and port, as a browser sends it in `Origin`: no slash at the end, no default port.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether browsers come by HTTPS, so that cookies may be `Secure`.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Whether only browsers on this machine can come to it.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl FromStr for PublicUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "must be an address like https://mooring.example.org";
        let url: Uri = text.parse().map_err(|_| SHAPE)?;
        let (https, default_port) = match url.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(SHAPE),
        };
        let authority = url.authority().ok_or(SHAPE)?;
        if authority.host().is_empty() || authority.as_str().contains('@') {
            return Err(SHAPE);
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err("must be an address without a path: Mooring answers at the root of its host");
        }
        let host = authority.host().to_ascii_lowercase();
        let scheme = if https { "https" } else { "http" };
        let port: u16 = match authority.as_str().rsplit_once(':') {
            // The colons of `[::1]` are no sign of a port.
            Some((_, port)) if !authority.as_str().ends_with(']') => port.parse().map_err(|_| SHAPE)?,
            _ => default_port,
        };
        let origin =
            if port == default_port { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") };
        let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        let loopback =
            host == "localhost" || host.ends_with(".localhost") || address.is_some_and(|ip| ip.is_loopback());
        Ok(Self { origin, https, loopback })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

/// A variable that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct ConfigError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong, to be read after the name; never the value of a secret.
    pub problem: String,
}

/// Everything that the operator set, or its defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DATABASE_URL`: our own database; none for a private server under the data folder.
    pub database_url: Option<Secret>,
    /// `MOORING_ADDR`: where to listen; 127.0.0.1:3000 unless set.
    pub addr: SocketAddr,
    /// `MOORING_PUBLIC_URL`: the address in links and e-mails, and the origin that browsers come from.
    pub public_url: Option<PublicUrl>,
    /// `MOORING_DATA_DIR`: the data folder; `.mooring` unless set.
    pub data_dir: PathBuf,
    /// `MOORING_MASTER_KEY` or `MOORING_MASTER_KEY_FILE`: where the master keys come from.
    pub master_key: KeySource,
    /// `MOORING_SIGNUP`: who may make an account.
    pub sign_up: SignUp,
    /// `MOORING_EGRESS`: which networks may be reached.
    pub egress: EgressPolicy,
    /// `MOORING_SCHEDULER`: whether this process checks connections on schedule.
    pub scheduler: bool,
    /// `MOORING_CHECK_INTERVAL`: seconds between the checks of a new connection; 300 unless set.
    pub check_interval_s: u32,
    /// `MOORING_CHECK_CONCURRENCY`: probes at the same time in this process; 64 unless set.
    pub check_concurrency: usize,
    /// `MOORING_HISTORY_DAYS`: days that each single check is kept, in whole months; 90 unless set. What is
    /// counted from them by the day is kept for two years.
    pub history_days: u32,
    /// `MOORING_CONTROL_TARGETS`: what is asked, `host:port, …`, to tell whether our own network works; two
    /// public resolvers unless set. A TCP connection is made and nothing sent.
    pub control_targets: Vec<(String, u16)>,
    /// `MOORING_CRON_SECRET`: what an outside cron has to present; none lets anyone start what is due. A guessable one
    /// is worth a warning at the start and no more: whoever guesses it may run what is due anyway, and reads counts.
    pub cron_secret: Option<Secret>,
    /// `MOORING_TRUSTED_PROXIES`: the networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `MOORING_RETRY_MAX_ATTEMPTS` and so on: how attempts are spaced.
    pub retry: RetryPolicy,
    /// `MOORING_DOCS_BASE_POSTGRESQL` and so on: where a provider's official pages are fetched instead; exempt from
    /// the egress policy.
    pub docs_bases: Vec<(Provider, String)>,
}

/// Probes at the same time in one process. A probe waits for the network far more than it computes; the
/// bound keeps sockets and the targets' share of them modest.
const DEFAULT_CONCURRENCY: usize = 64;

/// The longest chart and the present month have to be there.
const LEAST_HISTORY_DAYS: u32 = 35;

impl Config {
    /// Reads the variables that `variable` gives by name.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first variable that cannot be used.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Environment(variable);
        let data_dir = env.text("MOORING_DATA_DIR").map_or_else(|| PathBuf::from(".mooring"), PathBuf::from);
        let sign_up = env.choice(
            "MOORING_SIGNUP",
            &[("first", SignUp::First), ("open", SignUp::Open), ("closed", SignUp::Closed)],
        )?;
        let egress = env.choice(
            "MOORING_EGRESS",
            &[("self-hosted", EgressPolicy::SelfHosted), ("public-only", EgressPolicy::PublicOnly)],
        )?;
        if sign_up == Some(SignUp::Open) && egress.is_none() {
            return Err(ConfigError {
                variable: "MOORING_EGRESS",
                problem: "must be set where MOORING_SIGNUP=open: `public-only` unless strangers may reach your private networks"
                    .to_owned(),
            });
        }
        Ok(Self {
            database_url: env.database_url()?,
            addr: env
                .parse("MOORING_ADDR", "must be an address and a port like 127.0.0.1:3000")?
                .unwrap_or_else(default_addr),
            public_url: env.public_url()?,
            master_key: env.master_key(&data_dir)?,
            data_dir,
            sign_up: sign_up.unwrap_or(SignUp::First),
            egress: egress.unwrap_or(EgressPolicy::SelfHosted),
            scheduler: env.choice("MOORING_SCHEDULER", &[("on", true), ("off", false)])?.unwrap_or(true),
            check_interval_s: env.seconds("MOORING_CHECK_INTERVAL", 30, 86_400)?.unwrap_or(300),
            check_concurrency: env.within("MOORING_CHECK_CONCURRENCY", 1_usize, 10_000)?.unwrap_or(DEFAULT_CONCURRENCY),
            history_days: env.within("MOORING_HISTORY_DAYS", LEAST_HISTORY_DAYS, 3_650)?.unwrap_or(90),
            control_targets: env.control_targets()?.unwrap_or_else(default_control_targets),
            cron_secret: env.secret("MOORING_CRON_SECRET"),
            trusted_proxies: env.trusted_proxies()?,
            retry: env.retry()?,
            docs_bases: env.docs_bases()?,
        })
    }

    /// Whether what an outside cron has to present could be guessed: it has less than 16 characters.
    #[must_use]
    pub fn has_short_cron_secret(&self) -> bool {
        self.cron_secret.as_ref().is_some_and(|secret| secret.reveal().chars().count() < 16)
    }

    /// Whether only programs on this machine can reach the server.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.addr.ip().is_loopback()
    }
}

fn default_addr() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 3000))
}

/// Addresses that anycast networks answer from everywhere.
fn default_control_targets() -> Vec<(String, u16)> {
    ["1.1.1.1", "9.9.9.9"].map(|host| (host.to_owned(), 53)).into()
}

/// The variables, and how each kind of value is read.
struct Environment<F>(F);

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    fn text(&self, variable: &'static str) -> Option<String> {
        (self.0)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn secret(&self, variable: &'static str) -> Option<Secret> {
        self.text(variable).map(Secret::new)
    }

    fn parse<T: FromStr>(&self, variable: &'static str, problem: &str) -> Result<Option<T>, ConfigError> {
        self.text(variable)
            .map(|value| {
                value
                    .parse()
                    .map_err(|_| ConfigError { variable, problem: format!("{problem}, not `{}`", shown(&value)) })
            })
            .transpose()
    }

    fn choice<T: Copy>(&self, variable: &'static str, choices: &[(&str, T)]) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.text(variable) else { return Ok(None) };
        let chosen = choices.iter().find(|(name, _)| *name == value);
        chosen.map(|(_, choice)| Some(*choice)).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
            ConfigError { variable, problem: format!("must be {}, not `{}`", names.join(" or "), shown(&value)) }
        })
    }

    fn within<T>(&self, variable: &'static str, least: T, most: T) -> Result<Option<T>, ConfigError>
    where
        T: Copy + FromStr + PartialOrd + fmt::Display,
    {
        let problem = format!("must be a number from {least} to {most}");
        self.parse::<T>(variable, &problem)?
            .map(|number| {
                if number >= least && number <= most {
                    Ok(number)
                } else {
                    Err(ConfigError { variable, problem: format!("{problem}, not `{number}`") })
                }
            })
            .transpose()
    }

    /// Seconds, written `300` or `300s`.
    fn seconds(&self, variable: &'static str, least: u32, most: u32) -> Result<Option<u32>, ConfigError> {
        Environment(|name: &str| {
            self.text(variable).filter(|_| name == variable).map(|value| match value.strip_suffix('s') {
                Some(number) if !number.is_empty() => number.trim_end().to_owned(),
                _ => value,
            })
        })
        .within(variable, least, most)
    }

    fn database_url(&self) -> Result<Option<Secret>, ConfigError> {
        let Some(url) = self.secret("DATABASE_URL") else { return Ok(None) };
        // It holds a password as a rule: never a part of it in the message.
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.reveal().starts_with(scheme)) {
            return Err(ConfigError {
                variable: "DATABASE_URL",
                problem: "must start with postgres:// or postgresql://".to_owned(),
            });
        }
        Ok(Some(url))
    }

    fn public_url(&self) -> Result<Option<PublicUrl>, ConfigError> {
        let variable = "MOORING_PUBLIC_URL";
        self.text(variable)
            .map(|url| {
                url.parse::<PublicUrl>().map_err(|problem| ConfigError { variable, problem: problem.to_owned() })
            })
            .transpose()
    }

    fn master_key(&self, data_dir: &Path) -> Result<KeySource, ConfigError> {
        match (self.secret("MOORING_MASTER_KEY"), self.text("MOORING_MASTER_KEY_FILE")) {
            (Some(_), Some(_)) => Err(ConfigError {
                variable: "MOORING_MASTER_KEY_FILE",
                problem: "and MOORING_MASTER_KEY are both set: keep one of them".to_owned(),
            }),
            (Some(list), None) => Ok(KeySource::Variable(list)),
            (None, Some(file)) => Ok(KeySource::File(file.into())),
            (None, None) => Ok(KeySource::DataFolder(data_dir.join("master.key"))),
        }
    }

    fn control_targets(&self) -> Result<Option<Vec<(String, u16)>>, ConfigError> {
        let variable = "MOORING_CONTROL_TARGETS";
        let Some(list) = self.text(variable) else { return Ok(None) };
        let read = |entry: &str| {
            let (host, port) = entry.rsplit_once(':')?;
            let host = host.trim_matches(['[', ']']);
            (!host.is_empty()).then_some((host.to_owned(), port.parse().ok()?))
        };
        list.split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(|entry| {
                read(entry).ok_or_else(|| ConfigError {
                    variable,
                    problem: format!(
                        "must be a list like 1.1.1.1:53, gateway.example.org:443; `{}` is none",
                        shown(entry)
                    ),
                })
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Some)
    }

    fn trusted_proxies(&self) -> Result<Vec<IpNet>, ConfigError> {
        let variable = "MOORING_TRUSTED_PROXIES";
        let Some(list) = self.text(variable) else { return Ok(Vec::new()) };
        list.split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(|entry| {
                // A lone address is the network of that address.
                entry.parse().or_else(|_| entry.parse().map(|ip: IpAddr| IpNet::from(ip))).map_err(|_| ConfigError {
                    variable,
                    problem: format!(
                        "must be a list of networks like 10.0.0.0/8, 192.0.2.7; `{}` is none",
                        shown(entry)
                    ),
                })
            })
            .collect()
    }

    fn docs_bases(&self) -> Result<Vec<(Provider, String)>, ConfigError> {
        let mut bases = Vec::new();
        for provider in Provider::ALL {
            let variable = match provider {
                Provider::PostgreSql => "MOORING_DOCS_BASE_POSTGRESQL",
                Provider::MySql => "MOORING_DOCS_BASE_MYSQL",
                Provider::MongoDb => "MOORING_DOCS_BASE_MONGODB",
                Provider::Firebase => "MOORING_DOCS_BASE_FIREBASE",
                Provider::Supabase => "MOORING_DOCS_BASE_SUPABASE",
            };
            let Some(base) = self.text(variable) else { continue };
            let is_address = base.parse::<Uri>().is_ok_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
            });
            if !is_address {
                return Err(ConfigError {
                    variable,
                    problem: "must be an address like https://docs.example.org, without a query".to_owned(),
                });
            }
            bases.push((provider, base));
        }
        Ok(bases)
    }

    fn retry(&self) -> Result<RetryPolicy, ConfigError> {
        let usual = RetryPolicy::default();
        let whole = "must be a whole number";
        let number = "must be a number";
        RetryPolicy {
            max_attempts: self.parse("MOORING_RETRY_MAX_ATTEMPTS", whole)?.unwrap_or(usual.max_attempts),
            initial_delay_ms: self.parse("MOORING_RETRY_INITIAL_DELAY_MS", whole)?.unwrap_or(usual.initial_delay_ms),
            max_delay_ms: self.parse("MOORING_RETRY_MAX_DELAY_MS", whole)?.unwrap_or(usual.max_delay_ms),
            backoff_multiplier: self
                .parse("MOORING_RETRY_BACKOFF_MULTIPLIER", number)?
                .unwrap_or(usual.backoff_multiplier),
            jitter_factor: self.parse("MOORING_RETRY_JITTER_FACTOR", number)?.unwrap_or(usual.jitter_factor),
        }
        .validated()
        .map_err(|error| ConfigError {
            variable: match error.field {
                "max_attempts" => "MOORING_RETRY_MAX_ATTEMPTS",
                "max_delay_ms" => "MOORING_RETRY_MAX_DELAY_MS",
                "backoff_multiplier" => "MOORING_RETRY_BACKOFF_MULTIPLIER",
                _ => "MOORING_RETRY_JITTER_FACTOR",
            },
            problem: error.message.to_owned(),
        })
    }
}

/// A value as an error may show it: one line, not too long.
fn shown(value: &str) -> String {
    let mut text: String = value.chars().filter(|letter| !letter.is_control()).take(40).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_env(|name| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_any_variable_the_defaults_hold() {
        let config = read(&[]).expect("the defaults are fine");
        assert!(config.database_url.is_none() && config.public_url.is_none() && config.cron_secret.is_none());
        assert_eq!(config.addr.to_string(), "127.0.0.1:3000");
        assert!(config.is_loopback());
        assert_eq!(config.data_dir, PathBuf::from(".mooring"));
        assert!(matches!(&config.master_key, KeySource::DataFolder(path) if path.ends_with(".mooring/master.key")));
        assert_eq!((config.sign_up, config.egress), (SignUp::First, EgressPolicy::SelfHosted));
        assert!(config.scheduler && config.trusted_proxies.is_empty());
        assert_eq!((config.check_interval_s, config.check_concurrency), (300, 64));
        assert_eq!((config.history_days, config.control_targets.len()), (90, 2));
    }

    #[test]
    fn reads_what_is_set() {
        let config = read(&[
            ("DATABASE_URL", "postgres://mooring:hush@db/mooring"),
            ("MOORING_ADDR", "0.0.0.0:8080"),
            ("MOORING_PUBLIC_URL", "HTTPS://Mooring.Example.org:443/"),
            ("MOORING_DATA_DIR", "/var/lib/mooring"),
            ("MOORING_MASTER_KEY_FILE", "/run/secrets/key"),
            ("MOORING_SIGNUP", "open"),
            ("MOORING_EGRESS", "public-only"),
            ("MOORING_SCHEDULER", "off"),
            ("MOORING_CHECK_INTERVAL", "60s"),
            ("MOORING_CHECK_CONCURRENCY", "8"),
            ("MOORING_HISTORY_DAYS", "400"),
            ("MOORING_CONTROL_TARGETS", "[::1]:53, gateway:443"),
            ("MOORING_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7"),
            ("MOORING_RETRY_MAX_ATTEMPTS", "3"),
            ("MOORING_RETRY_JITTER_FACTOR", "0.25"),
        ])
        .expect("all of them are fine");
        assert_eq!(
            config.public_url.map(|url| (url.origin().to_owned(), url.is_https(), url.is_loopback())),
            Some(("https://mooring.example.org".to_owned(), true, false))
        );
        assert!(!config.scheduler);
        assert!(matches!(config.master_key, KeySource::File(_)));
        assert_eq!((config.check_interval_s, config.check_concurrency, config.retry.max_attempts), (60, 8, 3));
        assert_eq!(config.trusted_proxies.len(), 2);
        assert_eq!(config.history_days, 400);
        assert_eq!(config.control_targets, [("::1".to_owned(), 53), ("gateway".to_owned(), 443)]);
        assert_eq!((config.sign_up, config.egress), (SignUp::Open, EgressPolicy::PublicOnly));
    }

    #[test]
    fn a_public_url_is_an_origin() {
        for (text, origin) in [
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:3000/", "http://[::1]:3000"),
            ("https://[::1]", "https://[::1]"),
            ("http://a.example:80", "http://a.example"),
            ("https://a.example:80", "https://a.example:80"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().map(|url| url.to_string()), Ok(origin.to_owned()));
        }
    }

    #[test]
    fn set_to_nothing_counts_as_not_set() {
        assert!(
            read(&[("MOORING_ADDR", ""), ("DATABASE_URL", "  ")]).is_ok_and(|config| config.database_url.is_none())
        );
    }

    #[test]
    fn names_the_variable_that_cannot_be_used() {
        for (variable, value) in [
            ("MOORING_ADDR", "localhost"),
            ("MOORING_ADDR", "127.0.0.1:70000"),
            ("MOORING_PUBLIC_URL", "mooring.example.org"),
            ("MOORING_PUBLIC_URL", "ftp://mooring.example.org"),
            ("MOORING_PUBLIC_URL", "https://example.org/mooring"),
            ("MOORING_PUBLIC_URL", "https://user@example.org"),
            ("MOORING_PUBLIC_URL", "https://example.org:99999"),
            ("MOORING_SIGNUP", "sometimes"),
            ("MOORING_EGRESS", "all"),
            ("MOORING_SCHEDULER", "yes"),
            ("MOORING_CHECK_INTERVAL", "5"),
            ("MOORING_CHECK_INTERVAL", "5m"),
            ("MOORING_CHECK_INTERVAL", "s"),
            ("MOORING_CHECK_CONCURRENCY", "0"),
            ("MOORING_HISTORY_DAYS", "7"),
            ("MOORING_CONTROL_TARGETS", "1.1.1.1"),
            ("MOORING_CONTROL_TARGETS", ":53"),
            ("MOORING_TRUSTED_PROXIES", "10.0.0.0/33"),
            ("MOORING_TRUSTED_PROXIES", "everyone"),
            ("MOORING_RETRY_MAX_ATTEMPTS", "-1"),
            ("MOORING_RETRY_JITTER_FACTOR", "NaN"),
            ("MOORING_DOCS_BASE_MYSQL", "docs.example.org"),
            ("MOORING_DOCS_BASE_FIREBASE", "ftp://docs.example.org"),
            ("DATABASE_URL", "mysql://u:hush@h/d"),
        ] {
            let error = read(&[(variable, value)]).expect_err(value);
            assert_eq!(error.variable, variable, "{variable}={value}");
            assert!(!error.to_string().contains('\n') && !error.to_string().contains("hush"), "{error}");
        }
    }

    #[test]
    fn open_sign_up_wants_the_egress_policy_set() {
        let error = read(&[("MOORING_SIGNUP", "open")]).expect_err("strangers and private networks");
        assert_eq!(error.variable, "MOORING_EGRESS");
        assert!(read(&[("MOORING_SIGNUP", "open"), ("MOORING_EGRESS", "self-hosted")]).is_ok());
    }

    #[test]
    fn one_source_of_keys_only() {
        let error =
            read(&[("MOORING_MASTER_KEY", "a:hush"), ("MOORING_MASTER_KEY_FILE", "/k")]).expect_err("two sources");
        assert_eq!(error.variable, "MOORING_MASTER_KEY_FILE");
        assert!(!error.to_string().contains("hush"));
    }

    #[test]
    fn nothing_shows_a_secret() {
        let config = read(&[
            ("DATABASE_URL", "postgres://u:hush@h/d"),
            ("MOORING_MASTER_KEY", "a:hush"),
            ("MOORING_CRON_SECRET", "hush hush hush hush"),
        ])
        .expect("fine");
        assert!(!format!("{config:?}").contains("hush"));
    }
}
