//! Errors of the operating system: names (`ECONNREFUSED`), numbers of Linux, macOS and Windows, HRESULTs of Windows'
//! TLS, and the numbers of curl and of Apple's network library. One text may hold several, one for each address that
//! was tried; the first counts.

use super::{Found, text::Words};
use crate::probe::Cause as C;

/// Names of system and resolver errors, lower case.
pub(super) fn by_name(name: &str, words: &Words) -> Option<Found> {
    Some(match name {
        "econnrefused" | "wsaeconnrefused" => Found::sure(C::ConnectionRefused),
        "etimedout" | "esockettimedout" | "wsaetimedout" | "etimeout" => Found::sure(C::ConnectTimeout),
        "econnreset" | "wsaeconnreset" | "wsaeconnaborted" | "epipe" | "econnaborted" | "eof" => {
            Found::or(C::ConnectionReset, &[C::IdleConnectionClosed])
        }
        "enetunreach" | "ehostunreach" | "eafnosupport" | "eaddrnotavail" if words.has_public_ipv6() => {
            Found::or(C::Ipv6Unreachable, &[C::HostUnreachable])
        }
        "ehostunreach" | "enetunreach" | "enetdown" | "ehostdown" | "wsaehostunreach" | "wsaenetunreach" => {
            Found::sure(C::HostUnreachable)
        }
        "eafnosupport" => Found::or(C::Ipv6Unreachable, &[C::HostUnreachable]),
        // Of an address of the internet it means a want of IPv6, of a local one that nobody listens.
        "eaddrnotavail" => Found::or(C::ConnectionRefused, &[C::HostUnreachable, C::Ipv6Unreachable]),
        "enotfound"
        | "eai_noname"
        | "eai_nodata"
        | "eai_again"
        | "eservfail"
        | "enodata"
        | "eai_fail"
        | "efai"
        | "wsahost_not_found"
        | "wsano_data"
        | "err_name_not_resolved"
        | "nxdomain"
        | "servfail" => Found::sure(C::DnsNotFound),
        "enospc" => Found::sure(C::DiskFull),
        "emfile" | "enfile" => Found::sure(C::TooManyConnections),
        _ => return None,
    })
}

/// Numbers of Linux, macOS and Windows. They hardly overlap; where they do, the network's meaning is taken.
pub(super) fn by_number(number: u32, words: &Words) -> Option<Found> {
    let name = match number {
        111 | 61 | 10061 => "econnrefused",
        110 | 60 | 36 | 115 | 10060 => "etimedout",
        104 | 54 | 32 | 103 | 53 | 10053 | 10054 => "econnreset",
        101 | 51 | 100 | 50 | 10050 | 10051 => "enetunreach",
        113 | 65 | 112 | 64 | 10064 | 10065 => "ehostunreach",
        97 | 10047 => "eafnosupport",
        99 | 49 | 10049 => "eaddrnotavail",
        11001..=11004 | 3008 => "enotfound",
        28 => "enospc",
        24 => "emfile",
        _ => return None,
    };
    by_name(name, words)
}

/// What stands before a system's number: `os error 111`, `[Errno 111]`, `WinError 10061`.
const MARKS_A_NUMBER: &[&str] = &["errno", "error", "winerror", "oserror", "errcode"];

/// What also stands before a number of Windows, which is five digits long and hardly another: `(0x0000274D/10061)`.
const MARKS_A_LONG_NUMBER: &[&str] = &["socketexception", "code", "socketerror", "wsa"];

/// The number that a network library of its own prints: `cURL error 28`, `NSURLErrorDomain Code=-1001`.
fn of_a_library(words: &Words) -> Option<Found> {
    let after = |mark: &str| {
        let (_, rest) = words.as_str().split_once(mark)?;
        let rest = rest.trim_start_matches([' ', '(', '=', '-', ':']);
        rest[..rest.bytes().take_while(u8::is_ascii_digit).count()].parse::<u32>().ok()
    };
    let curl = |number| {
        Some(match number {
            3 => Found::sure(C::InvalidConnectionString),
            5 | 6 => Found::sure(C::DnsNotFound),
            7 => Found::or(C::ConnectionRefused, &[C::Unreachable, C::ConnectTimeout]),
            28 => Found::sure(C::ConnectTimeout),
            35 => Found::or(C::TlsProtocolMismatch, &[C::ConnectionReset, C::TlsNotSupported]),
            52 | 55 | 56 => Found::or(C::ConnectionReset, &[C::IdleConnectionClosed]),
            58 | 66 | 77 => Found::sure(C::DriverMisconfigured),
            51 => Found::sure(C::TlsHostnameMismatch),
            60 => Found::sure(C::TlsCertUntrusted),
            _ => return None,
        })
    };
    let apple = |number| {
        Some(match number {
            1001 => Found::sure(C::ConnectTimeout),
            1003 | 1006 => Found::sure(C::DnsNotFound),
            1004 => Found::or(C::ConnectionRefused, &[C::Unreachable]),
            1005 => Found::or(C::ConnectionReset, &[C::IdleConnectionClosed]),
            1009 => Found::sure(C::HostUnreachable),
            1200 => Found::or(C::TlsProtocolMismatch, &[C::TlsCertUntrusted, C::TlsNotSupported]),
            1201 | 1204 => Found::or(C::TlsCertExpired, &[C::ClockSkew]),
            1202 | 1203 => Found::sure(C::TlsCertUntrusted),
            _ => return None,
        })
    };
    let curls = ["curl error", "curl: ("].iter().find_map(|mark| after(mark)).and_then(curl);
    curls.or_else(|| after("nsurlerrordomain code").and_then(apple))
}

/// The first of a system's codes in a text.
pub(super) fn in_text(words: &Words) -> Option<Found> {
    if let Some(found) = of_a_library(words) {
        return Some(found);
    }
    let mut previous = "";
    let coded = words.tokens().find_map(|token| {
        let marked = MARKS_A_NUMBER.contains(&previous);
        let long_marked = marked || MARKS_A_LONG_NUMBER.contains(&previous) || previous.starts_with("0x0000");
        previous = token;
        match token.parse() {
            Ok(number @ (10_047..=10_065 | 11_001..=11_004)) if long_marked => by_number(number, words),
            Ok(number @ 24..=115) if marked => by_number(number, words),
            // An HRESULT is printed as the negative number that it is to a signed type.
            Ok(number) => hresult(number.wrapping_neg()),
            // A code only where it stands by itself; in a text it is a word like others.
            Err(_) if token == "eof" => None,
            Err(_) => by_name(token, words).or_else(|| {
                token.strip_prefix("0x").and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(hresult)
            }),
        }
    });
    coded.or_else(|| in_brackets(words))
}

/// The number that MySQL's clients put in brackets at the end: `Can't connect … (111)`, `(10061)`, `(2 "No such file`.
fn in_brackets(words: &Words) -> Option<Found> {
    // While the greeting was waited for: interrupted, or "try again".
    if words.says("lost connection * system error: 11") || words.says("lost connection * system error: 4") {
        return Some(Found::sure(C::ConnectTimeout));
    }
    if !words.any(&["can't connect to", "unknown mysql server host", "lost connection to"]) {
        return None;
    }
    words.as_str().split('(').skip(1).find_map(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let ends = rest[digits..].starts_with([')', ' ', '"']);
        match rest[..digits].parse().ok().filter(|_| ends)? {
            2 => Some(Found::or(C::ConnectionRefused, &[C::DriverMisconfigured])),
            4 | 11 => Some(Found::sure(C::ConnectTimeout)),
            number => by_number(number, words),
        }
    })
}

/// HRESULTs of Windows' certificate and TLS services (`winerror.h`).
fn hresult(code: u32) -> Option<Found> {
    Some(match code {
        // SEC_E_UNTRUSTED_ROOT, CERT_E_UNTRUSTEDROOT, CERT_E_CHAINING
        0x8009_0325 | 0x800b_0109 | 0x800b_010a => Found::sure(C::TlsCertUntrusted),
        // SEC_E_WRONG_PRINCIPAL, CERT_E_CN_NO_MATCH
        0x8009_0322 | 0x800b_010f => Found::sure(C::TlsHostnameMismatch),
        // SEC_E_CERT_EXPIRED, CERT_E_EXPIRED
        0x8009_0328 | 0x800b_0101 => Found::sure(C::TlsCertExpired),
        // SEC_E_INVALID_TOKEN, SEC_E_ILLEGAL_MESSAGE, SEC_E_ALGORITHM_MISMATCH
        0x8009_0308 | 0x8009_0326 | 0x8009_0331 => Found::or(C::TlsProtocolMismatch, &[C::TlsNotSupported]),
        _ => return None,
    })
}
