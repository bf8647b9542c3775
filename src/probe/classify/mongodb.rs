//! MongoDB's error codes, each with its name: `src/mongo/base/error_codes.yml` of the server, and what Atlas and
//! Cosmos DB add. Those that a client can meet while it connects; the rest are about queries.

use super::{
    Found,
    families::{self, Speakers},
    text::Words,
};
use crate::{connections::Provider, probe::Cause as C};

/// Number, name in lower case, meaning, what else it may be.
type Code = (u32, &'static str, C, &'static [C]);

/// Codes that mean one thing, whatever the words beside them.
const CODES: &[Code] = &[
    (7, "hostnotfound", C::DnsNotFound, &[]),
    (11, "usernotfound", C::AuthUnknownUser, &[C::AuthSourceWrong]),
    (18, "authenticationfailed", C::AuthWrongPassword, &[C::AuthSourceWrong]),
    (24, "locktimeout", C::StatementTimeout, &[]),
    (50, "maxtimemsexpired", C::StatementTimeout, &[]),
    (59, "commandnotfound", C::DriverServerIncompatible, &[]),
    (69, "authschemaincompatible", C::AuthMethodUnsupported, &[]),
    (73, "invalidnamespace", C::InvalidConnectionString, &[]),
    (89, "networktimeout", C::ConnectTimeout, &[]),
    (91, "shutdowninprogress", C::ServerShuttingDown, &[]),
    (93, "invalidreplicasetconfig", C::NotPrimary, &[]),
    (94, "notyetinitialized", C::NotPrimary, &[]),
    (101, "outdatedclient", C::DriverServerIncompatible, &[]),
    (106, "distributedclockskewed", C::ClockSkew, &[]),
    (115, "commandnotsupported", C::DriverServerIncompatible, &[]),
    (123, "notareplicaset", C::DriverMisconfigured, &[]),
    (126, "rpcprotocolnegotiationfailed", C::DriverServerIncompatible, &[]),
    (133, "failedtosatisfyreadpreference", C::NotPrimary, &[C::Unreachable]),
    (134, "readconcernmajoritynotavailableyet", C::ServerStartingUp, &[]),
    (140, "invalidsslconfiguration", C::DriverMisconfigured, &[]),
    (145, "pooledconnectionsdropped", C::ConnectionReset, &[]),
    (149, "noconfigprimary", C::NotPrimary, &[]),
    (158, "mustupgrade", C::DriverServerIncompatible, &[]),
    (172, "transportsessionclosed", C::ConnectionReset, &[C::IdleConnectionClosed]),
    (183, "clientmetadatamissingfield", C::DriverMisconfigured, &[]),
    (184, "clientmetadataappnametoolarge", C::DriverMisconfigured, &[]),
    (185, "clientmetadatadocumenttoolarge", C::DriverMisconfigured, &[]),
    (188, "incompatibleserverversion", C::DriverServerIncompatible, &[]),
    (189, "primarysteppeddown", C::NotPrimary, &[]),
    (202, "networkinterfaceexceededtimelimit", C::ConnectTimeout, &[C::StatementTimeout]),
    (203, "shardingstatenotinitialized", C::ServerStartingUp, &[]),
    (204, "timeproofmismatch", C::ClockSkew, &[]),
    (205, "clustertimefailsratelimiter", C::ClockSkew, &[]),
    (214, "authenticationrestrictionunmet", C::AccessRuleDenied, &[]),
    (215, "databasedroppending", C::DatabaseNotFound, &[]),
    (216, "electioninprogress", C::NotPrimary, &[]),
    (223, "illegalopmsgflag", C::DriverServerIncompatible, &[C::WrongProtocol]),
    (230, "dnshostnotfound", C::DnsNotFound, &[C::SrvLookupFailed]),
    (231, "dnsprotocolerror", C::SrvLookupFailed, &[C::DnsNotFound]),
    (240, "dnsrecordtypemismatch", C::SrvLookupFailed, &[]),
    (243, "incompatiblewithupgradedserver", C::DriverServerIncompatible, &[]),
    (261, "toomanylogicalsessions", C::TooManyConnections, &[]),
    (262, "exceededtimelimit", C::StatementTimeout, &[]),
    (264, "toomanyfilesopen", C::TooManyConnections, &[]),
    (279, "clientdisconnect", C::ConnectionReset, &[]),
    (293, "invalidseedlist", C::InvalidConnectionString, &[]),
    (296, "topologysetnamerequired", C::DriverMisconfigured, &[]),
    (299, "ocspcertificatestatusrevoked", C::TlsCertUntrusted, &[]),
    (302, "ocspcertificatestatusunknown", C::TlsCertUntrusted, &[]),
    (317, "connectionpoolexpired", C::ConnectionReset, &[]),
    (322, "apiversionerror", C::DriverServerIncompatible, &[C::DriverMisconfigured]),
    (323, "apistricterror", C::DriverServerIncompatible, &[C::DriverMisconfigured]),
    (324, "apideprecationerror", C::DriverServerIncompatible, &[C::DriverMisconfigured]),
    (333, "serviceexecutorinshutdown", C::ServerShuttingDown, &[]),
    (334, "mechanismunavailable", C::AuthMethodUnsupported, &[]),
    (352, "unsupportedopquerycommand", C::DriverServerIncompatible, &[]),
    (391, "reauthenticationrequired", C::TokenExpired, &[]),
    (462, "ingressrequestratelimitexceeded", C::QuotaExceeded, &[]),
    (9001, "socketexception", C::ConnectionReset, &[]),
    (10_058, "notmaster", C::NotPrimary, &[]),
    (10_107, "notwritableprimary", C::NotPrimary, &[]),
    (11_600, "interruptedatshutdown", C::ServerShuttingDown, &[]),
    (11_602, "interruptedduetoreplstatechange", C::NotPrimary, &[]),
    (13_297, "databasediffercase", C::DatabaseNotFound, &[]),
    (13_435, "notprimarynosecondaryok", C::NotPrimary, &[]),
    (13_436, "notprimaryorsecondary", C::NotPrimary, &[]),
    (14_031, "outofdiskspace", C::DiskFull, &[]),
    // Cosmos DB's for "too many requests".
    (16_500, "requestratetoolarge", C::QuotaExceeded, &[]),
    (46_841, "clientmarkedkilled", C::ConnectionReset, &[]),
];

/// Names that older servers used, and that drivers use for kinds of them.
const OLDER_NAMES: &[(&str, C)] = &[
    ("notmasternoslaveok", C::NotPrimary),
    ("notmasterorsecondary", C::NotPrimary),
    ("authmechanismunavailable", C::AuthMethodUnsupported),
    ("mongocompatibilityerror", C::DriverServerIncompatible),
];

/// Names that other libraries use for something else, or of which the words beside them say more.
const AMBIGUOUS: &[&str] = &["socketexception", "networktimeout"];

/// The number beside the message, or after `code` in it.
pub(super) fn number(code: u32, words: &Words) -> Option<Found> {
    let said = || families::named(words, &Speakers::of(&[Provider::MongoDb]));
    match code {
        13 => Some(unauthorized(words)),
        // A server's log says what it does not tell the client.
        18 if words.any(&["could not find user", "usernotfound"]) => {
            Some(Found::or(C::AuthUnknownUser, &[C::AuthSourceWrong]))
        }
        18 if words.has("missing in the user document") => Some(Found::sure(C::AuthMethodUnsupported)),
        59 if words.has("saslstart") => Some(Found::or(C::AuthMethodUnsupported, &[C::DriverServerIncompatible])),
        6 => families::first(families::GENERAL, words, &Speakers::anyone()).or(Some(Found::sure(C::Unreachable))),
        17 => said().or(Some(Found::or(C::WrongProtocol, &[C::DriverServerIncompatible]))),
        141 => said().or(Some(Found::or(C::TlsProtocolMismatch, &[C::TlsCertUntrusted, C::TlsRequired]))),
        // 8000 is Atlas' code for whatever its proxy refuses, and 2 (`BadValue`) says nothing either.
        _ => CODES.iter().find(|entry| entry.0 == code).map(|(_, _, cause, also)| Found::or(*cause, also)),
    }
}

/// A name by itself, in lower case.
pub(super) fn name(token: &str, words: &Words) -> Option<Found> {
    CODES
        .iter()
        .find(|entry| entry.1 == token && !AMBIGUOUS.contains(&token))
        .and_then(|(code, ..)| number(*code, words))
        .or_else(|| OLDER_NAMES.iter().find(|(older, _)| *older == token).map(|(_, cause)| Found::sure(*cause)))
}

/// 13: either nobody is logged in, or who is may not.
pub(super) fn unauthorized(words: &Words) -> Found {
    if words.any(&["requires authentication", "no users authenticated", "authentication required"]) {
        Found::or(C::CredentialsMissing, &[C::PermissionDenied])
    } else {
        Found::or(C::PermissionDenied, &[C::CredentialsMissing])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_stand_once_and_in_order() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (number, name, ..) in CODES {
            assert_eq!(CODES.iter().filter(|entry| entry.1 == *name).count(), 1, "{number} {name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase()), "{name}");
        }
    }

    #[test]
    fn a_name_means_what_its_number_means() {
        for (code, token, ..) in CODES.iter().filter(|entry| !AMBIGUOUS.contains(&entry.1)) {
            let words = Words::new("");
            assert_eq!(name(token, &words), number(*code, &words), "{code} {token}");
        }
    }

    #[test]
    fn words_say_more_than_some_codes() {
        for (code, text, cause) in [
            (141, "The server is configured to only allow SSL connections", Some(C::TlsRequired)),
            (141, "SSLHandshakeFailed", Some(C::TlsProtocolMismatch)),
            (6, "Error connecting to db:27017 :: caused by :: Connection refused", Some(C::ConnectionRefused)),
            (6, "", Some(C::Unreachable)),
            (17, "", Some(C::WrongProtocol)),
            (59, "no such cmd: saslStart", Some(C::AuthMethodUnsupported)),
            (59, "no such cmd: hello", Some(C::DriverServerIncompatible)),
            (13, "command ping requires authentication", Some(C::CredentialsMissing)),
            (13, "not authorized on app", Some(C::PermissionDenied)),
            (18, "AuthenticationFailed", Some(C::AuthWrongPassword)),
            (18, "Could not find user \"app\" for db \"admin\"", Some(C::AuthUnknownUser)),
            (18, "MONGODB-CR credentials missing in the user document", Some(C::AuthMethodUnsupported)),
            (8000, "bad auth", None),
            (2, "", None),
        ] {
            assert_eq!(number(code, &Words::new(text)).map(|found| found.cause), cause, "{code}: {text}");
        }
    }
}
