//! Codes that are words of their own: MySQL's symbols, Prisma's, `PostgREST`'s and `GoTrue`'s codes,
//! Google's statuses and reasons, the names of TLS errors. One word, one meaning, wherever it stands.

use std::{collections::HashMap, sync::LazyLock};

use super::{Found, codes, mongodb, text::Words};
use crate::probe::Cause::{
    self, AccessRuleDenied, ApiNotEnabled, AuthUnknownUser, AuthWrongPassword, ClockSkew, ConnectTimeout,
    ConnectionRefused, ConnectionReset, CredentialsMissing, DatabaseNotFound, DriverMisconfigured,
    DriverServerIncompatible, HostBlocked, HostUnreachable, IdleConnectionClosed, InvalidApiKey,
    InvalidConnectionString, NotPrimary, PermissionDenied, PoolExhausted, PoolerTenantNotFound,
    PreparedStatementConflict, ProjectNotFound, QuotaExceeded, ServerShuttingDown, ServerStartingUp, StatementTimeout,
    TlsCertExpired, TlsCertUntrusted, TlsHostnameMismatch, TlsNotSupported, TlsProtocolMismatch, TlsRequired,
    TokenExpired, TokenInvalid, TooManyConnections, Unreachable, WrongProtocol,
};

/// The meaning of one word in lower case.
pub(super) fn symbol(token: &str, words: &Words) -> Option<Found> {
    static TABLE: LazyLock<HashMap<&str, (Cause, &[Cause])>> = LazyLock::new(|| {
        SYMBOLS.iter().flat_map(|(cause, also, names)| names.iter().map(|name| (*name, (*cause, *also)))).collect()
    });

    match token {
        _ if token.starts_with("er_") || token.starts_with("cr_") => {
            mysql_number(token).and_then(|number| codes::mysql(number, words))
        }
        _ => TABLE.get(token).map(|(cause, also)| Found::or(*cause, also)).or_else(|| mongodb::name(token, words)),
    }
}

/// The number of a symbol that node's, Go's and Perl's clients print instead.
fn mysql_number(symbol: &str) -> Option<u32> {
    Some(match symbol {
        "er_con_count_error" => 1040,
        "er_too_many_user_connections" => 1203,
        "er_user_limit_reached" => 1226,
        "er_dbaccess_denied_error" => 1044,
        "er_tableaccess_denied_error" | "er_columnaccess_denied_error" => 1142,
        "er_specific_access_denied_error" => 1227,
        "er_access_denied_error" | "er_must_change_password" | "er_must_change_password_login" => 1045,
        "er_access_denied_no_password_error" => 1698,
        "er_bad_db_error" => 1049,
        "er_host_is_blocked" => 1129,
        "er_host_not_privileged" => 1130,
        "er_not_supported_auth_mode" | "er_plugin_is_not_loaded" => 1251,
        "er_secure_transport_required" => 3159,
        "er_server_shutdown" => 1053,
        "er_query_timeout" | "er_query_interrupted" | "er_lock_wait_timeout" => 3024,
        "er_record_file_full" | "er_disk_full" => 1114,
        "er_account_has_been_locked" => 3118,
        "er_option_prevents_statement" => 1290,
        "er_read_only_mode" | "er_cant_execute_in_read_only_transaction" => 1792,
        "er_unknown_system_variable" | "er_unknown_character_set" => 1193,
        "er_unknown_stmt_handler" | "er_need_reprepare" => 1243,
        "er_client_interaction_timeout" => 4031,
        "cr_server_gone_error" => 2006,
        "cr_server_lost" => 2013,
        "cr_unknown_host" => 2005,
        "cr_connection_error" | "cr_conn_host_error" => 2002,
        "cr_ssl_connection_error" => 2026,
        "cr_auth_plugin_cannot_load" => 2059,
        _ => return None,
    })
}

/// Cause, what else it may be, and the words.
const SYMBOLS: &[(Cause, &[Cause], &[&str])] = &[
    // Prisma (its error reference).
    (AuthWrongPassword, &[], &["p1000"]),
    (ConnectTimeout, &[Unreachable], &["p1002"]),
    (DatabaseNotFound, &[], &["p1003"]),
    (StatementTimeout, &[ConnectTimeout], &["p1008", "p6004", "sqltimeoutexception"]),
    (PermissionDenied, &[AuthWrongPassword], &["p1010"]),
    (InvalidConnectionString, &[], &["p1013", "p6001"]),
    (DriverServerIncompatible, &[], &["p1015"]),
    (PoolExhausted, &[], &["p2024"]),
    (TooManyConnections, &[], &["p2037"]),
    (InvalidApiKey, &[], &["p6002"]),
    (QuotaExceeded, &[], &["p6003", "p5011"]),
    // PostgREST (its error reference).
    (ServerStartingUp, &[Unreachable], &["pgrst002"]),
    (PoolExhausted, &[TooManyConnections], &["pgrst003"]),
    (CredentialsMissing, &[], &["pgrst302"]),
    (DriverMisconfigured, &[PermissionDenied], &["pgrst106"]),
    // GoTrue's error codes (Supabase Auth, "error codes").
    (CredentialsMissing, &[], &["no_authorization"]),
    (TokenInvalid, &[TokenExpired], &["bad_jwt", "session_not_found"]),
    (
        TokenInvalid,
        &[],
        &["bad_code_verifier", "bad_oauth_state", "bad_oauth_callback", "flow_state_not_found", "unexpected_audience"],
    ),
    (
        TokenExpired,
        &[],
        &[
            "session_expired",
            "refresh_token_already_used",
            "refresh_token_not_found",
            "otp_expired",
            "flow_state_expired",
            "mfa_challenge_expired",
            "reauthentication_needed",
        ],
    ),
    (PermissionDenied, &[], &["insufficient_aal", "not_admin", "user_banned", "user_sso_managed"]),
    (AccessRuleDenied, &[], &["email_address_not_authorized"]),
    (
        ApiNotEnabled,
        &[],
        &[
            "email_provider_disabled",
            "phone_provider_disabled",
            "provider_disabled",
            "anonymous_provider_disabled",
            "signup_disabled",
            "otp_disabled",
            "manual_linking_disabled",
            "saml_provider_disabled",
            "oauth_provider_not_supported",
        ],
    ),
    (
        QuotaExceeded,
        &[],
        &["over_request_rate_limit", "over_email_send_rate_limit", "over_sms_send_rate_limit", "exceed_egress_quota"],
    ),
    // Supavisor's, Storage's and Realtime's ("error codes" in Supabase's manual).
    (HostBlocked, &[], &["ecircuitbreaker"]),
    (TooManyConnections, &[PoolExhausted], &["echeckouttimeout", "unablecheckoutconnection"]),
    (ConnectionReset, &[], &["edbhandlerexited"]),
    (ConnectTimeout, &[PoolExhausted], &["databasetimeout"]),
    (TooManyConnections, &[], &["databaselackofconnections", "replicationmaxwalsendersreached"]),
    (
        QuotaExceeded,
        &[],
        &[
            "connectionratelimitreached",
            "channelratelimitreached",
            "clientjoinratelimitreached",
            "messagepersecondratelimitreached",
            "slowdown",
        ],
    ),
    (ServerStartingUp, &[], &["initializingprojectconnection", "realtimerestarting"]),
    (ApiNotEnabled, &[], &["realtimedisabledforconfiguration", "realtimedisabledfortenant"]),
    (TokenInvalid, &[], &["malformedjwt", "jwtsignatureerror", "jwtsignererror"]),
    (TlsRequired, &[], &["esslrequired", "ssl_required"]),
    (AccessRuleDenied, &[], &["eaddrnotallowed"]),
    (TooManyConnections, &[], &["emaxclientconn", "emaxclientsession", "emaxconnsession", "maxclientsinsessionmode"]),
    (PoolerTenantNotFound, &[], &["enoidentifier", "etenantnotfound"]),
    // Google: statuses and ErrorInfo reasons (google.rpc, google.api).
    (
        ApiNotEnabled,
        &[],
        &["service_disabled", "accessnotconfigured", "configuration_not_found", "operation_not_allowed"],
    ),
    (InvalidApiKey, &[], &["api_key_invalid", "api_key_expired", "keyinvalid", "api_key_service_blocked"]),
    (TokenExpired, &[], &["access_token_expired", "token_expired", "jwtexpired", "tokenexpirederror"]),
    (
        TokenInvalid,
        &[],
        &["access_token_type_unsupported", "invalid_id_token", "invalid_refresh_token", "sender_id_mismatch"],
    ),
    (ProjectNotFound, &[PermissionDenied], &["consumer_invalid", "project_not_found", "resource_project_invalid"]),
    (
        QuotaExceeded,
        &[],
        &["resource_exhausted", "rate_limit_exceeded", "quota_exceeded", "ratelimitexceeded", "quotaexceeded"],
    ),
    (AuthUnknownUser, &[], &["email_not_found"]),
    (AuthWrongPassword, &[], &["invalid_login_credentials", "invalid_password", "invalid_credentials"]),
    (PermissionDenied, &[], &["iam_permission_denied"]),
    // TLS: node, OpenSSL, rustls, Java, .NET, browsers.
    (
        TlsCertExpired,
        &[ClockSkew],
        &[
            "cert_has_expired",
            "cert_not_yet_valid",
            "certificateexpiredexception",
            "certificatenotyetvalidexception",
            "err_cert_date_invalid",
            "nottimevalid",
            "certificateexpired",
        ],
    ),
    (
        TlsHostnameMismatch,
        &[],
        &[
            "err_tls_cert_altname_invalid",
            "err_cert_common_name_invalid",
            "remotecertificatenamemismatch",
            "notvalidforname",
            "notvalidfornamecontext",
            "hostnamemismatch",
            "sslpeerunverifiedexception",
        ],
    ),
    (
        TlsCertUntrusted,
        &[],
        &[
            "depth_zero_self_signed_cert",
            "self_signed_cert_in_chain",
            "unable_to_verify_leaf_signature",
            "unable_to_get_issuer_cert_locally",
            "unable_to_get_issuer_cert",
            "err_cert_authority_invalid",
            "unknownissuer",
            "causedasendentity",
            "causedasendentityother",
            "untrustedroot",
            "partialchain",
            "unsupportedcertversion",
            "cert_untrusted",
            "unknownca",
            "badcertificate",
            "certificateunknown",
            "cert_signature_failure",
        ],
    ),
    (TlsNotSupported, &[], &["handshake_no_ssl_support"]),
    (
        TlsProtocolMismatch,
        &[],
        &[
            "unsupported_protocol",
            "err_ssl_unsupported_protocol",
            "err_ssl_version_or_cipher_mismatch",
            "tlsv1_alert_protocol_version",
            "sslv3_alert_handshake_failure",
            "err_ssl_sslv3_alert_handshake_failure",
            "err_ssl_tlsv1_alert_protocol_version",
            "dh_key_too_small",
            "ee_key_too_small",
            "no_ciphers_available",
            "no_protocols_available",
            "handshakefailure",
            "protocolversion",
            "insufficientsecurity",
            "unsafe_legacy_renegotiation_disabled",
            "peerincompatible",
        ],
    ),
    (
        TlsProtocolMismatch,
        &[TlsNotSupported, WrongProtocol],
        &["wrong_version_number", "err_ssl_wrong_version_number", "err_ssl_packet_length_too_long"],
    ),
    // Drivers: the names of their exceptions, after the condition names of PostgreSQL (appendix A of its manual).
    (
        AuthWrongPassword,
        &[],
        &["invalidpassworderror", "invalidpassword", "invalid_password_error", "sequelizeaccessdeniederror"],
    ),
    (DatabaseNotFound, &[], &["invalidcatalognameerror", "invalidcatalogname", "invalid_catalog_name"]),
    (ServerStartingUp, &[], &["cannotconnectnowerror", "cannotconnectnow", "cannot_connect_now"]),
    (ServerShuttingDown, &[], &["adminshutdownerror", "adminshutdown", "admin_shutdown", "crashshutdownerror"]),
    (TooManyConnections, &[], &["toomanyconnectionserror", "toomanyconnections", "too_many_connections"]),
    (NotPrimary, &[], &["readonlysqltransactionerror", "readonlysqltransaction", "read_only_sql_transaction"]),
    (
        StatementTimeout,
        &[],
        &["querycancelederror", "querycanceled", "query_canceled", "locknotavailableerror", "locknotavailable"],
    ),
    (
        PreparedStatementConflict,
        &[],
        &[
            "duplicatepreparedstatementerror",
            "duplicatepreparedstatement",
            "invalidsqlstatementname",
            "invalidsqlstatementnameerror",
            "duplicate_prepared_statement",
        ],
    ),
    (ConnectionRefused, &[], &["sequelizeconnectionrefusederror"]),
    (HostUnreachable, &[], &["sequelizehostnotreachableerror"]),
    (CredentialsMissing, &[], &["protocol_no_password"]),
    (DriverMisconfigured, &[], &["protocol_enqueue_after_quit", "pool_closed", "mongomissingdependencyerror"]),
    (DriverServerIncompatible, &[], &["incompatibleserverversionerror"]),
    (ConnectionRefused, &[], &["err_connection_refused"]),
    (
        ConnectTimeout,
        &[],
        &["networktimeout", "err_connection_timed_out", "und_err_connect_timeout", "protocol_sequence_timeout"],
    ),
    (
        ConnectionReset,
        &[IdleConnectionClosed],
        &["err_connection_reset", "err_connection_closed", "err_empty_response"],
    ),
    (HostUnreachable, &[], &["err_internet_disconnected", "err_address_unreachable", "err_network_changed"]),
];
