//! What a host setting means: an address in any of the forms that resolvers take, or a name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host as it is to be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address; mapped IPv4 addresses (`::ffff:10.0.0.1`) are IPv4 here.
    Address(IpAddr),
    /// A name in lower case without a final dot.
    Name(String),
}

/// Why a text is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing was given.
    #[error("The host is empty.")]
    Empty,
    /// A path of a Unix socket.
    #[error("Unix sockets cannot be used; give a host name or an address.")]
    Socket,
    /// Neither name nor address.
    #[error("The host is neither a name nor an address.")]
    Malformed,
    /// An address with a zone (`fe80::1%eth0`): zones mean link-local addresses, which are never dialled.
    #[error("Addresses with a zone (%…) cannot be used.")]
    Zone,
    /// A name outside ASCII.
    #[error("Write the name of the host in its ASCII form (xn--…).")]
    NotAscii,
}

impl Host {
    /// Reads `text`: a name, an IPv4 address in each form that `inet_aton` takes (`127.1`, `0x7f.1`,
    /// `2130706433`, `0177.0.0.1`), or an IPv6 address with or without brackets.
    ///
    /// # Errors
    ///
    /// [`HostError`] where it is none of these. A text whose last label looks like a number is an address or
    /// nothing: resolvers differ on the rest, and what they differ on is not dialled.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(HostError::Empty);
        }
        if text.starts_with(['/', '@', '\\']) {
            return Err(HostError::Socket);
        }
        if !text.is_ascii() {
            return Err(HostError::NotAscii);
        }
        let bare = match text.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').filter(|inner| inner.contains(':')).ok_or(HostError::Malformed)?,
            None => text,
        };
        if bare.contains(':') {
            if bare.contains('%') {
                return Err(HostError::Zone);
            }
            let address: Ipv6Addr = bare.parse().map_err(|_| HostError::Malformed)?;
            return Ok(Self::Address(IpAddr::V6(address).to_canonical()));
        }
        let name = bare.strip_suffix('.').unwrap_or(bare);
        if name.rsplit('.').next().is_some_and(looks_numeric) {
            return inet_aton(name).map(|address| Self::Address(IpAddr::V4(address))).ok_or(HostError::Malformed);
        }
        let well_formed = name.len() <= 253
            && name.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            });
        if well_formed { Ok(Self::Name(name.to_ascii_lowercase())) } else { Err(HostError::Malformed) }
    }
}

/// Whether a resolver may take this label for a part of an address.
fn looks_numeric(label: &str) -> bool {
    let digits = |text: &str, hex: bool| {
        text.bytes().all(|byte| if hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() })
    };
    match label.strip_prefix("0x").or_else(|| label.strip_prefix("0X")) {
        Some(rest) => digits(rest, true),
        None => !label.is_empty() && digits(label, false),
    }
}

/// The address that `inet_aton` makes of `text`: one to four parts, each decimal, octal or hexadecimal, the
/// last one filling what is left.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let parts = text.split('.').map(part).collect::<Option<Vec<u32>>>()?;
    let (last, heads) = parts.split_last()?;
    if heads.len() > 3 || heads.iter().any(|head| *head > 255) {
        return None;
    }
    let left = 32 - 8 * u32::try_from(heads.len()).ok()?;
    if u64::from(*last) >= 1_u64 << left {
        return None;
    }
    let mut address = *last;
    for (place, head) in heads.iter().enumerate() {
        address |= head << (24 - 8 * u32::try_from(place).ok()?);
    }
    Some(Ipv4Addr::from(address))
}

fn part(text: &str) -> Option<u32> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        // `0x` alone is zero to inet_aton.
        return if hex.is_empty() { Some(0) } else { parse_digits(hex, 16) };
    }
    if text.len() > 1 && text.starts_with('0') { parse_digits(text, 8) } else { parse_digits(text, 10) }
}

/// `from_str_radix` takes a sign, which no address has.
fn parse_digits(text: &str, radix: u32) -> Option<u32> {
    if text.starts_with(['+', '-']) { None } else { u32::from_str_radix(text, radix).ok() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        match Host::parse(text) {
            Ok(Host::Address(address)) => Some(address),
            _ => None,
        }
    }

    #[test]
    fn every_form_of_an_address_is_the_address_that_it_means() {
        for (text, meant) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("0177.0.0.1", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("10.1", "10.0.0.1"),
            ("169.254.43518", "169.254.169.254"),
            ("0xA9FEA9FE", "169.254.169.254"),
            ("0", "0.0.0.0"),
            ("0x", "0.0.0.0"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("::ffff:169.254.169.254", "169.254.169.254"),
            ("[::FFFF:7f00:1]", "127.0.0.1"),
            (" db6 ", ""),
        ] {
            assert_eq!(address(text), meant.parse().ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", HostError::Empty),
            ("  ", HostError::Empty),
            ("/var/run/postgresql", HostError::Socket),
            ("@abstract", HostError::Socket),
            ("fe80::1%eth0", HostError::Zone),
            ("[fe80::1%25eth0]", HostError::Zone),
            ("::1::2", HostError::Malformed),
            ("[127.0.0.1]", HostError::Malformed),
            ("[::1", HostError::Malformed),
            ("1.2.3.4.5", HostError::Malformed),
            ("256.1.1.1", HostError::Malformed),
            ("4294967296", HostError::Malformed),
            ("1.2.3.0x", HostError::Malformed),
            ("08.1.1.1", HostError::Malformed),
            ("a.b.09", HostError::Malformed),
            ("a..b", HostError::Malformed),
            ("a b", HostError::Malformed),
            ("a\u{0}b", HostError::Malformed),
            ("user@db", HostError::Malformed),
            ("db/x", HostError::Malformed),
            ("１２７.0.0.1", HostError::NotAscii),
            ("127。0。0。1", HostError::NotAscii),
            ("bücher.example", HostError::NotAscii),
        ] {
            if text == "1.2.3.0x" {
                // `0x` is zero to inet_aton.
                assert_eq!(address(text), "1.2.3.0".parse().ok());
                continue;
            }
            assert_eq!(Host::parse(text), Err(reason), "{text:?}");
        }
        assert_eq!(Host::parse(&"a".repeat(64)), Err(HostError::Malformed));
        assert_eq!(Host::parse(&"a.".repeat(127)), Ok(Host::Name("a.".repeat(127).trim_end_matches('.').to_owned())));
    }

    #[test]
    fn names_are_lower_case_without_a_final_dot() {
        assert_eq!(Host::parse("DB-1.Example.ORG."), Ok(Host::Name("db-1.example.org".to_owned())));
        assert_eq!(Host::parse("my_db"), Ok(Host::Name("my_db".to_owned())));
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(text in ".{0,80}") {
            let _ = Host::parse(&text);
        }

        #[test]
        fn each_radix_means_the_same_address(bits: u32) {
            let meant = Some(IpAddr::V4(Ipv4Addr::from(bits)));
            let [a, b, c, d] = bits.to_be_bytes();
            prop_assert_eq!(address(&format!("{bits}")), meant);
            prop_assert_eq!(address(&format!("{bits:#x}")), meant);
            prop_assert_eq!(address(&format!("0{bits:o}")), meant);
            prop_assert_eq!(address(&format!("{a:#x}.0{b:o}.{}", u16::from_be_bytes([c, d]))), meant);
            prop_assert_eq!(address(&format!("::ffff:{a}.{b}.{c}.{d}")), meant);
        }

        #[test]
        fn every_ipv6_address_is_read_with_and_without_brackets(bits: u128) {
            let plain = Ipv6Addr::from(bits);
            let meant = Some(IpAddr::V6(plain).to_canonical());
            prop_assert_eq!(address(&plain.to_string()), meant);
            prop_assert_eq!(address(&format!("[{plain}]")), meant);
        }
    }
}
