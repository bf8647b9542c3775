//! Structured codes of servers, drivers and systems. They mean the same in every language, so they are believed
//! before words. A code that says too little by itself (class 08, HY000, MySQL's 2002) gives way to the words.

use super::{
    Found,
    families::{self, Speakers},
    languages, mongodb,
    symbols::symbol,
    system,
    text::Words,
};
use crate::{connections::Provider, probe::Cause as C};

/// The code that came beside the message.
pub(super) fn structured(code: &str, provider: Option<Provider>, words: &Words) -> Option<Found> {
    let code = code.trim().to_ascii_lowercase();
    let number = code.trim_start_matches('-').parse::<u32>().ok();
    match (provider, number) {
        (Some(Provider::MongoDb), Some(number)) => mongodb::number(number, words),
        (Some(Provider::MongoDb), None) if code == "unauthorized" => Some(mongodb::unauthorized(words)),
        (_, Some(number @ 1_000..=9_999)) => mysql(number, words),
        _ if is_sqlstate(&code) => sqlstate(&code, words),
        (Some(Provider::Firebase | Provider::Supabase), _) => symbol(&code, words)
            .or_else(|| families::judge(words, &Speakers::of(&[Provider::Firebase, Provider::Supabase])))
            .or_else(|| number.map_or_else(|| google_status(&code), http_status))
            .or_else(|| system::by_name(&code, words)),
        (_, Some(number)) => system::by_number(number, words),
        _ => symbol(&code, words).or_else(|| system::by_name(&code, words)),
    }
}

/// Codes as they stand in texts that people paste: `SQLSTATE 28P01`, `ERROR 1045 (28000)`, `codeName: 'AtlasError'`.
pub(super) fn in_text(words: &Words, speakers: &Speakers) -> Option<Found> {
    let [mysql_speaks, mongodb_speaks] =
        [Provider::MySql, Provider::MongoDb].map(|provider| speakers.include(provider));
    let tokens: Vec<_> = words.tokens().collect();
    tokens.iter().enumerate().find_map(|(at, token)| {
        let [earlier, previous] = [2, 1].map(|back| at.checked_sub(back).map_or("", |before| tokens[before]));
        let labelled = MARKS_A_CODE.contains(&previous);
        // As Python prints what an exception was made of: `(1862, 'Your password …')`.
        let in_tuple = || words.has(&format!("({token}, "));
        let logged = tokens.get(at + 1).is_some_and(|next| SEVERITIES.contains(next));
        if is_sqlstate(token) && (labelled || logged || is_telling(token)) {
            return sqlstate(token, words);
        }
        match token.parse::<u32>() {
            Ok(2_000..=2_099) if words.any(&["-0", "-1", "/0", "/1"].map(|month| format!("{token}{month}"))) => None,
            Ok(number @ 1_000..=9_999)
                if mysql_speaks && (labelled || MARKS_A_MYSQL_NUMBER.contains(&previous) || in_tuple()) =>
            {
                mysql(number, words)
            }
            Ok(number) if mongodb_speaks && previous == "code" && !matches!(earlier, "exit" | "status") => {
                mongodb::number(number, words)
            }
            Ok(_) => None,
            // A word like others, except as the name of a code.
            Err(_) if *token == "unauthorized" => (mongodb_speaks
                && (previous == "codename" || words.has("(unauthorized)")))
            .then(|| mongodb::unauthorized(words)),
            Err(_) => symbol(token, words),
        }
    })
}

/// What follows an SQLSTATE in the log of a server: `[53100]: PANIC`.
const SEVERITIES: &[&str] = &["panic", "fatal", "error"];

/// What stands before a code, whosoever's it is.
const MARKS_A_CODE: &[&str] = &[
    "sqlstate",
    "code",
    "error_code",
    "errorcode",
    "sqlerrcode",
    "state",
    "error",
    "fatal",
    "panic",
    "errno",
    "err",
    "server",
    "errorno",
    "sqlcode",
];

/// What else stands before a MySQL error number in the messages of its clients (`HY000` in `SQLSTATE[HY000] [1129]`).
const MARKS_A_MYSQL_NUMBER: &[&str] = &[
    "hy000",
    "42000",
    "28000",
    "08004",
    "08s01",
    "70100",
    "xx000",
    "operationalerror",
    "internalerror",
    "programmingerror",
    "notsupportederror",
    "databaseerror",
    "mysqlerror",
    "connect",
];

/// Whether it has the form of an SQLSTATE and is not a word.
fn is_sqlstate(code: &str) -> bool {
    code.len() == 5
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && code.bytes().any(|byte| byte.is_ascii_digit())
        && !code.starts_with("p1")
        && !code.starts_with("p2")
        && !code.starts_with("err")
}

/// Whether an SQLSTATE is hardly a word or a plain number, so that it can be believed wherever it stands.
fn is_telling(state: &str) -> bool {
    matches!(
        state,
        "28p01" | "28p02" | "3d000" | "57p01" | "57p02" | "57p03" | "57p04" | "57p05" | "42p05" | "25p03" | "08p01"
    )
}

/// SQLSTATE, lower case, of PostgreSQL and what speaks its protocol (its manual, appendix A), and of MySQL.
fn sqlstate(state: &str, words: &Words) -> Option<Found> {
    Some(match state {
        "28p01" | "28p02" => Found::sure(C::AuthWrongPassword),
        "28000" | "28001" => authorization_refused(words),
        "3d000" | "57p04" => Found::sure(C::DatabaseNotFound),
        "42501" if words.says("row-level security") => Found::or(C::SecurityRulesDenied, &[C::PermissionDenied]),
        "42501" => Found::sure(C::PermissionDenied),
        "53300" => Found::sure(C::TooManyConnections),
        "53100" => Found::sure(C::DiskFull),
        "57p03" if words.any(&["shutting down", "herunter", "s'arrête", "apagándose", "останавливается", "关闭"]) => {
            Found::sure(C::ServerShuttingDown)
        }
        "57p03" if words.has("recovery") && words.has("standby") => Found::or(C::NotPrimary, &[C::ServerStartingUp]),
        "57p03" if words.says("not accepting connections") && !words.says("not yet accepting") => {
            Found::or(C::NotPrimary, &[C::ServerStartingUp])
        }
        "57p03"
            if words.any(&[
                "starting",
                "startet",
                "démarrage",
                "iniciando",
                "запускается",
                "启动",
                "recover",
                "yet accepting",
            ]) =>
        {
            Found::sure(C::ServerStartingUp)
        }
        // In a language that is not read here.
        "57p03" => Found::or(C::ServerStartingUp, &[C::ServerShuttingDown, C::NotPrimary]),
        "57p01" | "57p02" => Found::sure(C::ServerShuttingDown),
        "57p05" | "25p03" => Found::sure(C::IdleConnectionClosed),
        "57014" | "55p03" | "25p04" => Found::sure(C::StatementTimeout),
        "25006" => Found::sure(C::NotPrimary),
        "26000" | "42p05" => Found::sure(C::PreparedStatementConflict),
        // "Protocol violation" and class 08, MySQL's 42000 and HY000 and the poolers' XX000 say more in words.
        _ => return None,
    })
}

/// What an SQLSTATE that says little means where the words say nothing at all: its class.
pub(super) fn vague(code: Option<&str>, words: &Words) -> Option<Found> {
    let class = |state: &str| {
        Some(match state {
            "08003" => Found::or(C::IdleConnectionClosed, &[C::ConnectionReset]),
            "08006" | "08007" => Found::or(C::ConnectionReset, &[C::Unreachable]),
            "08000" | "08001" | "08004" => Found::or(C::Unreachable, &[C::ConnectionRefused, C::ConnectTimeout]),
            "08p01" => Found::or(C::WrongProtocol, &[C::DriverServerIncompatible]),
            "0p000" => Found::sure(C::AuthUnknownUser),
            "53400" => Found::sure(C::TooManyConnections),
            _ => return None,
        })
    };
    // Who answers "protocol violation" in the protocol's own form speaks it: poolers say everything so.
    let beside = code.map(str::to_ascii_lowercase).filter(|code| code != "08p01");
    // Class 08 is hardly a number that somebody counted.
    let mut in_text = words.tokens().filter(|token| token.starts_with("080"));
    beside.as_deref().and_then(class).or_else(|| in_text.find_map(class))
}

/// 28000, which PostgreSQL uses for everything that its access rules and role attributes refuse. The routine's
/// name stands beside the message where the server sends it, and does not depend on the language; nor does the name
/// of the file with the rules.
fn authorization_refused(words: &Words) -> Found {
    if words.any(&["valid client certificate", "not permitted to log in"])
        && let Some(found) = families::judge(words, &Speakers::anyone())
    {
        found
    } else if words.has("routine clientauthentication") {
        Found::or(C::AccessRuleDenied, &[C::TlsRequired])
    } else if words.has("routine initializesessionuserid") {
        // Or a role without LOGIN, which only the words tell apart.
        Found::or(C::AuthUnknownUser, &[C::AccessRuleDenied])
    } else if let Some(found) = families::judge(words, &Speakers::anyone()) {
        found
    } else {
        Found::or(C::AuthWrongPassword, &[C::AccessRuleDenied])
    }
}

/// MySQL's and MariaDB's error numbers: 1000 and up from the server, 2000 to 2999 from client libraries.
pub(super) fn mysql(number: u32, words: &Words) -> Option<Found> {
    Some(match number {
        1040 if words.has("only connect locally") => Found::sure(C::AccessRuleDenied),
        1040 | 1135 | 1203 => Found::sure(C::TooManyConnections),
        1226 if words.any(&["max_connections_per_hour", "max_questions", "max_queries", "max_updates"]) => {
            Found::sure(C::QuotaExceeded)
        }
        1226 => Found::or(C::TooManyConnections, &[C::QuotaExceeded]),
        1044 | 1141..=1143 | 1227 | 1370 | 1410 | 1419 | 3530 => Found::sure(C::PermissionDenied),
        // ProxySQL's and MaxScale's.
        1045 if words.any(&["ssl is required", "without ssl"]) => Found::sure(C::TlsRequired),
        1045 if words.has("plugin") => Found::sure(C::AuthMethodUnsupported),
        1045 | 1820 | 1862 | 1873 => Found::sure(C::AuthWrongPassword),
        // "Access denied" without a word on the password: the account logs in by socket or plugin.
        1698 => Found::or(C::AuthWrongPassword, &[C::AuthMethodUnsupported]),
        1049 => Found::sure(C::DatabaseNotFound),
        1046 => Found::sure(C::InvalidConnectionString),
        1047 if words.has("wsrep") => Found::or(C::ServerStartingUp, &[C::NotPrimary]),
        1053 | 1077 | 1079 | 1080 => Found::sure(C::ServerShuttingDown),
        // "The server is currently in offline mode": only administrators may come in.
        3032 => Found::or(C::ServerShuttingDown, &[C::AccessRuleDenied]),
        3168 => Found::sure(C::ServerStartingUp),
        1298 | 2014 | 2068 => Found::sure(C::DriverMisconfigured),
        1129 | 3955 => Found::sure(C::HostBlocked),
        1130 => Found::sure(C::AccessRuleDenied),
        3118 | 4151 => Found::or(C::AccessRuleDenied, &[C::AuthWrongPassword]),
        2054 if words.has("charset") => Found::sure(C::DriverServerIncompatible),
        1251 | 1275 | 1524 | 2049 | 2054 | 2058 | 2059 => Found::sure(C::AuthMethodUnsupported),
        2061 => Found::or(C::AuthMethodUnsupported, &[C::TlsRequired]),
        1043 | 2007 | 2012 | 2027 => Found::or(C::WrongProtocol, &[C::DriverServerIncompatible]),
        1115 | 1193 | 1273 | 2019 | 2069 => Found::or(C::DriverServerIncompatible, &[C::DriverMisconfigured]),
        1243 | 1461 | 1615 => Found::sure(C::PreparedStatementConflict),
        1290 if !words.any(&["read-only", "read_only", "read only"]) => Found::sure(C::PermissionDenied),
        1290 | 1792 | 1836 | 3100 => Found::sure(C::NotPrimary),
        1205 | 1317 | 1907 | 1969 | 3024 => Found::sure(C::StatementTimeout),
        1021 | 1114 => Found::sure(C::DiskFull),
        3159 => Found::sure(C::TlsRequired),
        4031 => Found::sure(C::IdleConnectionClosed),
        1927 if words.has("idle timeout") => Found::or(C::IdleConnectionClosed, &[C::ConnectionReset]),
        2005 | 1042 => Found::sure(C::DnsNotFound),
        2001 | 2004 => Found::sure(C::HostUnreachable),
        2015..=2018 => Found::sure(C::ConnectionRefused),
        2006 => Found::or(C::IdleConnectionClosed, &[C::ConnectionReset]),
        // What the server has every client run at first.
        1152 | 1184 if words.has("init_connect") => Found::or(C::PermissionDenied, &[C::ConnectionReset]),
        1152 | 1158..=1161 | 1184 | 1927 | 3169 => Found::or(C::ConnectionReset, &[C::IdleConnectionClosed]),
        2013 | 2055 if words.any(&["communication packet", "authorization packet", "handshake"]) => {
            return families::named(words, &Speakers::anyone())
                .or_else(|| system::in_text(words))
                .or(Some(Found::sure(C::ConnectionReset)));
        }
        2013 | 2055 => {
            Found::or(C::ConnectionReset, &[C::IdleConnectionClosed, C::ServerShuttingDown, C::StatementTimeout])
        }
        2002 | 2003 => {
            return families::named(words, &Speakers::anyone())
                .or_else(|| system::in_text(words))
                .or_else(|| families::first(families::GENERAL, words, &Speakers::anyone()))
                .or_else(|| families::first(languages::GENERAL, words, &Speakers::anyone()))
                .or_else(|| words.has("timed out").then(|| Found::sure(C::ConnectTimeout)))
                .or(Some(if number == 2002 {
                    Found::or(C::ConnectionRefused, &[C::Unreachable])
                } else {
                    Found::or(C::Unreachable, &[C::ConnectionRefused, C::ConnectTimeout])
                }));
        }
        2026 => {
            return families::named(words, &Speakers::anyone())
                .or(Some(Found::or(C::TlsProtocolMismatch, &[C::TlsCertUntrusted, C::TlsNotSupported])));
        }
        _ => return None,
    })
}

/// HTTP status of Firebase and Supabase (those above 519 are Cloudflare's and Supabase's own), where the answer says
/// no more.
fn http_status(status: u32) -> Option<Found> {
    Some(match status {
        401 => Found::or(C::InvalidApiKey, &[C::TokenInvalid, C::TokenExpired]),
        402 | 429 => Found::sure(C::QuotaExceeded),
        403 => Found::or(C::PermissionDenied, &[C::SecurityRulesDenied]),
        404 => Found::or(C::ProjectNotFound, &[C::DatabaseNotFound]),
        408 | 504 | 522 | 524 | 544 => Found::or(C::ConnectTimeout, &[C::Unreachable]),
        502 | 503 | 521 | 523 => Found::or(C::Unreachable, &[C::ServicePaused]),
        525 => Found::sure(C::TlsProtocolMismatch),
        526 => Found::sure(C::TlsCertUntrusted),
        540 => Found::sure(C::ServicePaused),
        _ => return None,
    })
}

/// `error.status` of Google's APIs (`google.rpc.Code`), lower case, where the answer says no more.
fn google_status(status: &str) -> Option<Found> {
    Some(match status {
        "unauthenticated" => Found::or(C::TokenInvalid, &[C::InvalidServiceAccount, C::ClockSkew, C::TokenExpired]),
        "permission_denied" => Found::or(C::SecurityRulesDenied, &[C::PermissionDenied]),
        "not_found" => Found::or(C::DatabaseNotFound, &[C::ProjectNotFound]),
        "unavailable" => Found::or(C::Unreachable, &[C::ConnectTimeout]),
        "deadline_exceeded" => Found::or(C::StatementTimeout, &[C::ConnectTimeout]),
        _ => return None,
    })
}
