//! The way out: every outbound connection is resolved, checked and dialled here. A name is resolved once, all
//! its addresses are judged, and only judged addresses are dialled, so that a name that changes its answer
//! between check and use gains nothing.

mod detours;
mod host;
mod policy;
mod srv;

use std::{
    fs::File,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustix::io::Errno;
use rustls::pki_types::CertificateDer;
use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, timeout_at},
};

use self::detours::Detour;
pub use self::{
    detours::Detours,
    host::{Host, HostError},
    policy::{Barred, is_local, judge},
    srv::{SeedList, SrvError},
};
use crate::{
    probe::{Cause, Phase},
    server::config::EgressPolicy,
};

/// At most this many addresses of one name are dialled.
const MAX_ADDRESSES: usize = 8;

/// Resolves once, checks the policy, connects to the checked addresses.
#[derive(Clone, Debug)]
pub struct Egress {
    policy: EgressPolicy,
    name_server: Option<SocketAddr>,
    /// None outside of tests.
    detours: Option<Arc<Detours>>,
}

/// The checked addresses of one host, in the order in which they are dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    addresses: Vec<SocketAddr>,
    /// Whether the host has no others than these of IPv6.
    only_ipv6: bool,
}

impl Resolved {
    /// All that a host has; never empty.
    fn new(addresses: Vec<SocketAddr>) -> Self {
        let only_ipv6 = addresses.iter().all(SocketAddr::is_ipv6);
        Self { addresses, only_ipv6 }
    }

    /// The addresses; never empty.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Each address by itself, for a look at every one of them.
    pub(super) fn each(&self) -> impl Iterator<Item = Self> {
        self.addresses.iter().map(|address| Self { addresses: vec![*address], ..*self })
    }
}

/// A connection and how it came about.
#[derive(Debug)]
pub struct Dialled {
    /// The connection, without Nagle's delay.
    pub stream: TcpStream,
    /// The address that answered.
    pub address: SocketAddr,
    /// How long the name took.
    pub dns: Duration,
    /// How long the connection took, with the addresses tried before.
    pub tcp: Duration,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The host setting cannot be read.
    #[error("{0}")]
    Host(#[from] HostError),
    /// The policy stands against it.
    #[error("{host} is {reason}, which may not be reached from here.")]
    Barred {
        /// As it was asked for.
        host: String,
        /// The network that it belongs to.
        reason: Barred,
    },
    /// The name does not exist, or has no address.
    #[error("The name {host} does not resolve.")]
    NotFound {
        /// As it was asked for.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The resolver could not say for now.
    #[error("The name {host} could not be looked up: the resolver gave no answer for now.")]
    ResolverFailed {
        /// As it was asked for.
        host: String,
        /// What the resolver said; absent where the time ran out first.
        source: Option<io::Error>,
    },
    /// The seed list of a name cannot be had.
    #[error(transparent)]
    Srv(#[from] SrvError),
    /// No address could be connected to; this is what the one that got furthest said.
    #[error("{address}: {source}")]
    Connect {
        /// The address that got furthest.
        address: SocketAddr,
        /// Whether every address of the host was IPv6.
        only_ipv6: bool,
        /// What the system said.
        source: io::Error,
    },
    /// No address answered within the time.
    #[error("{address} did not answer within the time for connecting.")]
    TimedOut {
        /// The last address that was tried.
        address: SocketAddr,
    },
    /// This process, or this machine, has no file descriptor left for a connection: nothing is known about the host.
    #[error(
        "Mooring itself has no file descriptor left to connect with, so nothing is known about the server. Raise its limit (ulimit -n, LimitNOFILE)."
    )]
    OutOfFiles {
        /// Where it was to be used.
        phase: Phase,
        /// What the system said.
        source: io::Error,
    },
}

impl EgressError {
    /// The phase in which it happened.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self {
            Self::OutOfFiles { phase, .. } => *phase,
            Self::Host(_)
            | Self::Barred { .. }
            | Self::NotFound { .. }
            | Self::ResolverFailed { .. }
            | Self::Srv(_) => Phase::Dns,
            Self::Connect { .. } | Self::TimedOut { .. } => Phase::Tcp,
        }
    }

    /// The errno name or resolver code.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Host(_) => None,
            Self::Barred { .. } => Some("EGRESS_DENIED"),
            Self::NotFound { .. } => Some("ENOTFOUND"),
            Self::ResolverFailed { .. } => Some("EAI_AGAIN"),
            Self::Srv(error) => error.code(),
            Self::Connect { source, .. } | Self::OutOfFiles { source, .. } => errno_name(source),
            Self::TimedOut { .. } => Some("ETIMEDOUT"),
        }
    }

    /// Whether it is our own trouble, and says nothing about the host.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        matches!(self, Self::OutOfFiles { .. })
    }

    /// What else it may come down to. A router that has no way to the network says the same of IPv6 as this machine
    /// would, and the same of a host that is down.
    #[must_use]
    pub fn also_possible(&self) -> &'static [Cause] {
        match self {
            Self::Connect { only_ipv6: true, .. } if self.cause() == Cause::HostUnreachable => {
                &[Cause::Ipv6Unreachable]
            }
            Self::Connect { .. } if self.cause() == Cause::Ipv6Unreachable => &[Cause::HostUnreachable],
            _ => &[],
        }
    }

    /// Whether this attempt got at least as far as another: an answer that says no is worth more than silence,
    /// silence more than no route, and a name that resolves more than one that does not.
    #[must_use]
    pub fn got_as_far_as(&self, other: &Self) -> bool {
        let distance = |error: &Self| match error.cause() {
            Cause::ConnectionRefused | Cause::ConnectionReset => 3,
            Cause::ConnectTimeout => 2,
            Cause::HostUnreachable => 1,
            _ => 0,
        };
        (self.phase(), distance(self)) >= (other.phase(), distance(other))
    }

    /// What it comes down to.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Host(_) | Self::Barred { .. } => Cause::InvalidConnectionString,
            Self::NotFound { .. } | Self::ResolverFailed { .. } => Cause::DnsNotFound,
            Self::Srv(_) => Cause::SrvLookupFailed,
            Self::TimedOut { .. } => Cause::ConnectTimeout,
            Self::OutOfFiles { .. } => Cause::Unknown,
            Self::Connect { source, only_ipv6, .. } => match source.kind() {
                // EADDRNOTAVAIL is what a machine without any IPv6 address says.
                io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable if *only_ipv6 => {
                    Cause::Ipv6Unreachable
                }
                io::ErrorKind::ConnectionRefused => Cause::ConnectionRefused,
                // EPIPE: it was taken and cut again before this side had seen it.
                io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                    Cause::ConnectionReset
                }
                io::ErrorKind::TimedOut => Cause::ConnectTimeout,
                io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::NetworkDown
                | io::ErrorKind::AddrNotAvailable
                | io::ErrorKind::PermissionDenied => Cause::HostUnreachable,
                _ => Cause::Unknown,
            },
        }
    }
}

/// The name of an operating-system error, where the standard library tells it apart.
#[must_use]
pub fn errno_name(error: &io::Error) -> Option<&'static str> {
    if is_out_of_files(error) {
        return Some("EMFILE");
    }
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => "ECONNREFUSED",
        io::ErrorKind::ConnectionReset => "ECONNRESET",
        io::ErrorKind::ConnectionAborted => "ECONNABORTED",
        io::ErrorKind::NotConnected => "ENOTCONN",
        io::ErrorKind::TimedOut => "ETIMEDOUT",
        io::ErrorKind::HostUnreachable => "EHOSTUNREACH",
        io::ErrorKind::NetworkUnreachable => "ENETUNREACH",
        io::ErrorKind::NetworkDown => "ENETDOWN",
        io::ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
        io::ErrorKind::PermissionDenied => "EACCES",
        io::ErrorKind::BrokenPipe => "EPIPE",
        io::ErrorKind::UnexpectedEof => "EOF",
        _ => return None,
    })
}

/// Out of file descriptors, of this process or of the whole machine.
fn is_out_of_files(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Whether there is no file descriptor left. A resolver that cannot open its files or its sockets says what it says
/// of a name that does not exist, so that after a failure this is asked for itself.
fn out_of_files() -> Option<io::Error> {
    File::open("/dev/null").err().filter(is_out_of_files)
}

impl Egress {
    /// A way out under `policy`.
    #[must_use]
    pub const fn new(policy: EgressPolicy) -> Self {
        Self { policy, name_server: None, detours: None }
    }

    /// Asks this name server for everything, in place of the machine's own name service: for whoever has a domain
    /// of their own, as tests do.
    #[must_use]
    pub fn with_name_server(self, at: SocketAddr) -> Self {
        Self { name_server: Some(at), ..self }
    }

    /// A way out that knows stand-ins for some names; see [`Detours`]. For tests: nothing that a user or an
    /// operator sets leads here.
    #[must_use]
    pub fn with_detours(policy: EgressPolicy, detours: Detours) -> Self {
        Self { detours: Some(Arc::new(detours)), ..Self::new(policy) }
    }

    /// Whom the hosted providers' own certificates may come from beside the web's authorities.
    pub(super) fn further_authorities(&self) -> &[CertificateDer<'static>] {
        self.detours.as_deref().map(Detours::authorities).unwrap_or_default()
    }

    /// The policy that holds.
    #[must_use]
    pub const fn policy(&self) -> EgressPolicy {
        self.policy
    }

    /// The addresses of `host`, all of them judged. One barred address among them bars the host: a name that
    /// answers with a public and a metadata address is no mistake.
    ///
    /// # Errors
    ///
    /// [`EgressError`] of the DNS phase.
    pub async fn resolve(&self, host: &str, port: u16, deadline: Instant) -> Result<Resolved, EgressError> {
        let name = match Host::parse(host)? {
            Host::Address(address) => {
                self.check(host, address)?;
                return Ok(Resolved::new(vec![SocketAddr::new(address, port)]));
            }
            Host::Name(name) => name,
        };
        if policy::is_metadata_name(&name) {
            return Err(EgressError::Barred { host: name, reason: Barred::Metadata });
        }
        match self.detours.as_deref().and_then(|detours| detours.of(&name)) {
            None => {}
            Some(Detour::To(address)) => {
                self.check(&name, address.ip())?;
                return Ok(Resolved::new(vec![address]));
            }
            Some(Detour::Missing) => {
                let source = io::Error::new(io::ErrorKind::NotFound, "no such name");
                return Err(EgressError::NotFound { host: name, source });
            }
        }
        let found = timeout_at(deadline, async {
            match self.name_server {
                Some(_) => self.ask_name_server(&name, port).await,
                None => lookup_host((name.as_str(), port)).await.map(Vec::from_iter),
            }
        });
        let found = match found.await {
            Err(_) => return Err(EgressError::ResolverFailed { host: name, source: None }),
            Ok(Err(source)) => {
                return Err(match out_of_files() {
                    Some(source) => EgressError::OutOfFiles { phase: Phase::Dns, source },
                    None => resolver_error(name, source),
                });
            }
            Ok(Ok(found)) => found,
        };
        let found: Vec<_> = found.into_iter().map(|found| SocketAddr::new(found.ip().to_canonical(), port)).collect();
        for address in &found {
            self.check(&name, address.ip())?;
        }
        if found.is_empty() {
            let source = io::Error::new(io::ErrorKind::NotFound, "no address");
            return Err(EgressError::NotFound { host: name, source });
        }
        Ok(Resolved::new(alternate(found)))
    }

    /// Connects to the first address that answers. Each gets an equal part of the time that is left.
    ///
    /// # Errors
    ///
    /// [`EgressError`] of the TCP phase, of the address that got furthest.
    pub async fn dial(&self, resolved: &Resolved, deadline: Instant) -> Result<(TcpStream, SocketAddr), EgressError> {
        let Resolved { addresses, only_ipv6 } = resolved;
        let mut furthest: Option<EgressError> = None;
        for (tried, address) in addresses.iter().copied().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                furthest.get_or_insert(EgressError::TimedOut { address });
                break;
            }
            let others = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let part = Instant::now() + left / others.max(1);
            let error = match timeout_at(part, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Without it the answer is as right, only later.
                    let _ = stream.set_nodelay(true);
                    return Ok((stream, address));
                }
                // The other addresses would fare no better.
                Ok(Err(source)) if is_out_of_files(&source) => {
                    return Err(EgressError::OutOfFiles { phase: Phase::Tcp, source });
                }
                Ok(Err(source)) => EgressError::Connect { address, only_ipv6: *only_ipv6, source },
                Err(_) => EgressError::TimedOut { address },
            };
            if furthest.as_ref().is_none_or(|earlier| error.got_as_far_as(earlier)) {
                furthest = Some(error);
            }
        }
        Err(furthest.unwrap_or(EgressError::Host(HostError::Empty)))
    }

    /// Resolves, checks and dials `host` within the time until `deadline`.
    ///
    /// # Errors
    ///
    /// [`EgressError`], with its phase and code.
    pub async fn connect(&self, host: &str, port: u16, deadline: Instant) -> Result<Dialled, EgressError> {
        let started = Instant::now();
        let resolved = self.resolve(host, port, deadline).await?;
        let found = Instant::now();
        let (stream, address) = self.dial(&resolved, deadline).await?;
        Ok(Dialled { stream, address, dns: found - started, tcp: found.elapsed() })
    }

    fn check(&self, host: &str, address: IpAddr) -> Result<(), EgressError> {
        judge(address, self.policy).map_err(|reason| EgressError::Barred { host: host.to_owned(), reason })
    }
}

/// `getaddrinfo` has codes, but the standard library passes on their texts only; glibc's and musl's are told
/// apart here. Texts are in English, because nothing in this process sets a locale.
fn resolver_error(host: String, source: io::Error) -> EgressError {
    let text = source.to_string();
    if ["Temporary failure", "Try again", "System error"].iter().any(|words| text.contains(words))
        || errno_name(&source).is_some()
    {
        EgressError::ResolverFailed { host, source: Some(source) }
    } else {
        EgressError::NotFound { host, source }
    }
}

/// Takes the families in turn, beginning with the resolver's first choice, so that a broken family costs one
/// attempt and not all of them (RFC 8305 in small).
fn alternate(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = found.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered: Vec<SocketAddr> = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            break;
        }
        for address in pair.into_iter().flatten() {
            if !ordered.contains(&address) {
                ordered.push(address);
            }
        }
    }
    ordered.truncate(MAX_ADDRESSES);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("a socket address")
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn families_take_turns() {
        let found = ["[2a00::1]:1", "[2a00::2]:1", "[2a00::2]:1", "1.1.1.1:1", "1.1.1.2:1"].map(at).to_vec();
        assert_eq!(alternate(found), ["[2a00::1]:1", "1.1.1.1:1", "[2a00::2]:1", "1.1.1.2:1"].map(at));
        assert_eq!(alternate(vec![]), []);
    }

    #[test]
    fn a_resolver_that_fails_for_now_is_told_from_a_name_that_is_not() {
        let says = |text: &str| resolver_error("db".to_owned(), io::Error::other(text));
        let text = "failed to lookup address information: ";
        assert_eq!(says(&format!("{text}Temporary failure in name resolution")).code(), Some("EAI_AGAIN"));
        assert_eq!(says(&format!("{text}Try again")).code(), Some("EAI_AGAIN"));
        assert_eq!(says(&format!("{text}Name or service not known")).code(), Some("ENOTFOUND"));
        assert_eq!(says(&format!("{text}No address associated with hostname")).code(), Some("ENOTFOUND"));
    }

    #[test]
    fn no_route_for_ipv6_alone_is_its_own_cause() {
        use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};

        let host = &[Cause::HostUnreachable][..];
        let ipv6 = &[Cause::Ipv6Unreachable][..];
        for (said, only_ipv6, code, cause, also) in [
            (NetworkUnreachable, true, "ENETUNREACH", Cause::Ipv6Unreachable, host),
            (NetworkUnreachable, false, "ENETUNREACH", Cause::HostUnreachable, &[]),
            (HostUnreachable, true, "EHOSTUNREACH", Cause::HostUnreachable, ipv6),
            (HostUnreachable, false, "EHOSTUNREACH", Cause::HostUnreachable, &[]),
            (ConnectionRefused, true, "ECONNREFUSED", Cause::ConnectionRefused, &[]),
        ] {
            let error = EgressError::Connect { address: at("[2a00::1]:1"), only_ipv6, source: said.into() };
            assert_eq!((error.code(), error.cause()), (Some(code), cause), "{said} {only_ipv6}");
            assert_eq!(error.also_possible(), also, "{said} {only_ipv6}");
        }
    }

    #[test]
    fn an_ipv6_address_of_a_host_with_both_is_not_its_only_kind() {
        let kinds = |addresses: &[&str]| {
            let resolved = Resolved::new(addresses.iter().map(|address| at(address)).collect());
            resolved.each().map(|one| (one.addresses().len(), one.only_ipv6)).collect::<Vec<_>>()
        };
        assert_eq!(kinds(&["[2a00::1]:1", "1.1.1.1:1"]), [(1, false), (1, false)]);
        assert_eq!(kinds(&["[2a00::1]:1", "[2a00::2]:1"]), [(1, true), (1, true)]);
    }

    #[tokio::test]
    async fn barred_hosts_are_refused_before_anything_is_dialled() {
        let egress = Egress::new(EgressPolicy::SelfHosted);
        for host in [
            "169.254.169.254",
            "169.254.169.254.",
            "0xa9fea9fe",
            "2852039166",
            "0251.0376.0251.0376",
            "0xA9.0xFE.0xA9.0xFE",
            "169.16689662",
            "169.254.43518",
            "[::ffff:169.254.169.254]",
            "::ffff:a9fe:a9fe",
            "::a9fe:a9fe",
            "[64:ff9b::a9fe:a9fe]",
            "2002:a9fe:a9fe::",
            "168.63.129.16",
            "100.100.100.200",
            "metadata.google.internal.",
            "METADATA.google.internal",
            "fd00:ec2::254",
            "[FD00:0EC2::0254]",
            "fe80::1",
            "0",
        ] {
            let error = egress.connect(host, 80, soon()).await.expect_err(host);
            assert_eq!(error.code(), Some("EGRESS_DENIED"), "{host}");
            assert_eq!((error.phase(), error.cause()), (Phase::Dns, Cause::InvalidConnectionString));
        }
        let public = Egress::new(EgressPolicy::PublicOnly);
        for zone in ["fe80::1%eth0", "[fe80::1%25eth0]", "::1%lo"] {
            let error = egress.connect(zone, 80, soon()).await.expect_err(zone);
            assert!(matches!(error, EgressError::Host(HostError::Zone)), "{zone}: {error}");
        }
        for host in [
            "127.0.0.1",
            "127.1",
            "0177.0.0.1",
            "localhost",
            "LOCALHOST.",
            "2130706433",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "10.0.0.1",
            "012.0.0.1",
            "100.64.0.1",
            "192.0.2.1",
            "224.0.0.1",
            "255.255.255.255",
            "fd00::1",
        ] {
            let error = public.connect(host, 80, soon()).await.expect_err(host);
            assert!(matches!(error, EgressError::Barred { .. }), "{host}: {error}");
        }
    }

    #[tokio::test]
    async fn an_address_that_listens_is_reached_and_one_that_does_not_refuses() {
        let egress = Egress::new(EgressPolicy::SelfHosted);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        // The name has addresses of both families; only one of them listens.
        let dialled = egress.connect("localhost", port, soon()).await.expect("a connection");
        assert_eq!(dialled.address, at(&format!("127.0.0.1:{port}")));
        drop((dialled, listener));
        let error = egress.connect("127.0.0.1", port, soon()).await.expect_err("nothing listens");
        assert_eq!(
            (error.phase(), error.code(), error.cause()),
            (Phase::Tcp, Some("ECONNREFUSED"), Cause::ConnectionRefused)
        );
    }

    #[tokio::test]
    async fn no_time_is_a_timeout() {
        let egress = Egress::new(EgressPolicy::SelfHosted);
        let error = egress.connect("192.0.2.1", 5432, Instant::now()).await.expect_err("no time");
        assert_eq!(error.cause(), Cause::ConnectTimeout);
    }
}
