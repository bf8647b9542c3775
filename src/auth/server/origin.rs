//! Where a request comes from: which address, behind which proxies, and which site made the browser send it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap, Method, header};
use ipnet::IpNet;

use super::Origin;
use crate::{error::AppError, server::config::Config};

/// The most characters of a `User-Agent` that are kept.
const USER_AGENT: usize = 300;

impl Origin {
    /// Of a request with these headers and extensions. `X-Forwarded-For` counts only as far as it was
    /// written by the proxies that the operator trusts.
    #[must_use]
    pub fn of(headers: &HeaderMap, extensions: &Extensions, config: &Config) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
        let forwarded: Vec<&str> =
            headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
        let user_agent = headers.get(header::USER_AGENT).map(|value| {
            String::from_utf8_lossy(value.as_bytes()).chars().filter(|c| !c.is_control()).take(USER_AGENT).collect()
        });
        Self { ip: client(peer, &forwarded, &config.trusted_proxies), user_agent }
    }

    /// Whether a trusted proxy says that the browser came to it by HTTPS. The last value is the one that the proxy
    /// nearest to us wrote.
    #[must_use]
    pub fn came_by_https(headers: &HeaderMap, extensions: &Extensions, config: &Config) -> bool {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip().to_canonical());
        let told = headers.get_all("x-forwarded-proto").iter().next_back().and_then(|value| value.to_str().ok());
        let scheme = told.and_then(|told| told.rsplit(',').next()).map(str::trim);
        peer.is_some_and(|peer| config.trusted_proxies.iter().any(|net| net.contains(&peer)))
            && scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    }

    /// What one customer of a network is given, for whatever is counted by address: the IPv4 address, or the first 64
    /// bits of the IPv6 address.
    #[must_use]
    pub fn network(&self) -> Option<IpAddr> {
        self.ip.map(|ip| match ip.to_canonical() {
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
            IpAddr::V4(ip) => ip.into(),
        })
    }
}

/// The client's address: the last one that no trusted proxy has. Proxies append, so the list is read from
/// its end; what stands before the first untrusted address is that client's own claim.
fn client(peer: Option<IpAddr>, forwarded: &[&str], trusted: &[IpNet]) -> Option<IpAddr> {
    let mut current = peer?.to_canonical();
    let claims = forwarded.iter().rev().flat_map(|value| value.rsplit(','));
    for claim in claims {
        if !trusted.iter().any(|net| net.contains(&current)) {
            break;
        }
        let claim = claim.trim();
        let Some(address) = claim.parse().ok().or_else(|| claim.parse::<SocketAddr>().ok().map(|address| address.ip()))
        else {
            break;
        };
        current = IpAddr::to_canonical(&address);
    }
    Some(current)
}

/// Refuses a request that changes state where another site made the browser send it. Every browser since 2023
/// says so in `Sec-Fetch-Site` where the connection is private, and in `Origin` otherwise; a request with
/// neither comes from no browser, and what is no browser has a token. `public` is the origin that the operator
/// named, for a proxy that changes `Host`.
///
/// # Errors
///
/// [`AppError::Forbidden`].
pub fn refuse_cross_site(method: &Method, headers: &HeaderMap, public: Option<&str>) -> Result<(), AppError> {
    if method == Method::GET || method == Method::HEAD || is_same_site(headers, public) {
        return Ok(());
    }
    tracing::warn!(origin = ?headers.get(header::ORIGIN), "refused a request that another site asked for");
    Err(AppError::Forbidden("This request did not come from Mooring's own pages.".to_owned()))
}

fn is_same_site(headers: &HeaderMap, public: Option<&str>) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else { return false };
    if public.is_some_and(|public| public.eq_ignore_ascii_case(origin)) {
        return true;
    }
    // The host with its port; the scheme is not ours to know behind a proxy that ends TLS.
    let host = origin.split_once("://").map(|(_, host)| host);
    matches!((host, text("host")), (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxies: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("net"), "::1/128".parse().expect("net")];
        for (peer, forwarded, wanted) in [
            ("203.0.113.9", &["1.2.3.4"][..], "203.0.113.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["6.6.6.6, 1.2.3.4, 10.0.0.2"], "1.2.3.4"),
            ("10.0.0.1", &["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["garbage"], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4:5678"], "1.2.3.4"),
            ("::ffff:10.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            ("::1", &["2001:db8::7"], "2001:db8::7"),
        ] {
            let peer = peer.parse().ok();
            assert_eq!(client(peer, forwarded, &proxies), wanted.parse().ok(), "{peer:?} {forwarded:?}");
        }
        assert_eq!(client(None, &["1.2.3.4"], &proxies), None);
    }

    #[test]
    fn https_is_believed_of_trusted_proxies_only() {
        let config = Config::from_env(|name| (name == "MOORING_TRUSTED_PROXIES").then(|| "10.0.0.0/8".to_owned()))
            .expect("a configuration");
        for (peer, told, wanted) in [
            ("10.0.0.1", &["https"][..], true),
            ("::ffff:10.0.0.1", &["HTTPS"], true),
            ("10.0.0.1", &["http, https"], true),
            ("10.0.0.1", &["https, http"], false),
            ("10.0.0.1", &["https", "http"], false),
            ("10.0.0.1", &[], false),
            ("203.0.113.9", &["https"], false),
        ] {
            let mut headers = HeaderMap::new();
            for scheme in told {
                headers.append("x-forwarded-proto", HeaderValue::from_static(scheme));
            }
            let mut extensions = Extensions::new();
            extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().expect("address"), 1)));
            assert_eq!(Origin::came_by_https(&headers, &extensions, &config), wanted, "{peer} {told:?}");
        }
        assert!(!Origin::came_by_https(&HeaderMap::new(), &Extensions::new(), &config));
    }

    #[test]
    fn a_network_is_what_one_customer_has() {
        for (ip, wanted) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3::4", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
            ("2001:db8:1:3::4", "2001:db8:1:3::"),
        ] {
            let origin = Origin { ip: ip.parse().ok(), user_agent: None };
            assert_eq!(origin.network(), wanted.parse().ok(), "{ip}");
        }
        assert_eq!(Origin::default().network(), None);
    }

    #[test]
    fn another_site_cannot_change_anything() {
        let public = Some("https://mooring.example");
        for (headers, wanted) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (
                &[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:3000")],
                false,
            ),
            (&[("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:3000")], true),
            (&[("origin", "http://127.0.0.1:3001"), ("host", "127.0.0.1:3000")], false),
            (&[("origin", "https://mooring.example"), ("host", "10.0.0.5:3000")], true),
            (&[("origin", "http://mooring.example"), ("host", "10.0.0.5:3000")], false),
            (&[("origin", "https://mooring.example.evil"), ("host", "10.0.0.5:3000")], false),
            (&[("origin", "null"), ("host", "null")], false),
            (&[("host", "127.0.0.1:3000")], false),
            (&[], false),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(refuse_cross_site(&Method::POST, &map, public).is_ok(), wanted, "{headers:?}");
            assert!(refuse_cross_site(&Method::GET, &map, public).is_ok());
        }
    }
}
