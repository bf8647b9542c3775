//! What the functions and tables answer, by example. The tests hold each against the schema made from its type.

use serde_json::{Value, json};

use crate::server::wire::rest::tables::{Table, Writes};

/// Some connection, account or row.
pub(super) const SOME_ID: &str = "7b0d6f0e-3a51-4c0b-9b59-2f9a1c1f6f10";
const ANOTHER_ID: &str = "c1d4a7f2-5e0b-4a53-8f0e-6d1b7a90e2c4";
const WHEN: &str = "2026-03-02T09:30:05.120000+00:00";

pub(super) fn analysis() -> Value {
    json!({
        "errorId": SOME_ID,
        "analysis": {
            "cause": "connection_refused",
            "title": "Nothing listens at that address",
            "rootCause": "127.0.0.1 answers, and nothing listens on port 5432.",
            "explanation": "The server is not running, or listens on another port.",
            "isTransient": true,
            "severity": "warning",
            "confidence": 95,
            "alsoPossible": ["server_starting_up"],
            "evidence": [
                {"phase": "dns", "outcome": "ok", "ms": 0, "detail": "127.0.0.1"},
                {"phase": "tcp", "outcome": "failed", "ms": 1, "detail": "127.0.0.1:5432: connection refused"},
            ],
            "securityNotes": [],
            "resources": [{
                "title": "Connections and authentication",
                "url": "https://www.postgresql.org/docs/current/runtime-config-connection.html",
            }],
            "sources": ["rules", "evidence"],
            "model": null,
        },
        "suggestedFixes": [{
            "id": "use-port-5433",
            "title": "Use port 5433",
            "description": "A PostgreSQL answers there.",
            "priority": "high",
            "steps": ["Set the port to 5433."],
            "codeExample": null,
            "patch": {"port": 5433},
            "weakensSecurity": false,
            "confidence": 90,
            "source": "rules",
            "verification": {"status": "verified", "responseTimeMs": 12, "message": "It connected."},
        }],
    })
}

pub(super) fn validation() -> Value {
    json!({
        "valid": true,
        "securityScore": 85,
        "grade": "B",
        "issues": [{
            "code": "tls_unverified",
            "field": "tls",
            "severity": "warning",
            "message": "The connection is encrypted, but nobody checks who answers: a machine in between can pose as the server.",
            "suggestion": "Use verify-full.",
            "points": 15,
        }],
        "suggestions": ["Use verify-full."],
        "bestPractices": ["Give each program a user of its own with the rights that it needs."],
        "comparison": {
            "similarConnections": 8,
            "successRate": 25.0,
            "differences": [{"field": "tls", "yours": "require", "typical": "verify-full"}],
        },
    })
}

pub(super) fn documentation() -> Value {
    json!({
        "provider": "postgresql",
        "cached": true,
        "source": "official",
        "fetchedAt": "2026-03-02T03:00:00Z",
        "expiresAt": "2026-03-09T03:00:00Z",
        "documentation": {
            "overview": "How programs connect to PostgreSQL.",
            "sections": [{
                "title": "Connection strings",
                "content": "`postgresql://user@host:5432/database`",
                "url": "https://www.postgresql.org/docs/current/libpq-connect.html",
            }],
        },
        "commonIssues": [{
            "cause": "too_many_connections",
            "title": "The server has no connection left",
            "solution": "Put a pooler before it, or close what is idle.",
        }],
        "guides": [{"title": "libpq", "url": "https://www.postgresql.org/docs/current/libpq.html"}],
        "latestUpdates": ["PostgreSQL 18.3"],
        "aiEnhanced": false,
    })
}

pub(super) fn sweep() -> Value {
    json!({
        "success": true,
        "due": 1,
        "checked": 1,
        "healthy": 1,
        "degraded": 0,
        "down": 0,
        "skipped": 0,
        "alertsTriggered": 0,
        "durationMs": 31,
        "timestamp": "2026-03-02T09:30:05.151Z",
        "results": [{
            "credentialId": SOME_ID,
            "status": "healthy",
            "responseTimeMs": 12,
            "cause": null,
            "errorMessage": null,
        }],
    })
}

pub(super) fn knowledge() -> Value {
    json!({
        "results": [{
            "id": SOME_ID,
            "provider": "postgresql",
            "category": "error_resolution",
            "cause": "too_many_connections",
            "title": "Find what holds the connections",
            "description": "Every connection that the server allows is taken.",
            "solution": "End what is idle in a transaction, then put a pooler before the server.",
            "successRate": 92.5,
            "confidenceScore": 88,
            "usageCount": 40,
            "codeExamples": [{"language": "sql", "code": "select state, count(*) from pg_stat_activity group by state;"}],
            "tags": ["pool"],
            "origin": "stock",
            "standing": "shared",
        }],
    })
}

pub(super) fn retry() -> Value {
    json!({
        "success": true,
        "totalAttempts": 2,
        "attempts": [
            {
                "attemptNumber": 1,
                "success": false,
                "cause": "connection_refused",
                "errorMessage": "connection refused",
                "isTransient": true,
                "backoffDelayMs": 0,
                "durationMs": 1,
            },
            {
                "attemptNumber": 2,
                "success": true,
                "cause": null,
                "errorMessage": null,
                "isTransient": null,
                "backoffDelayMs": 1_043,
                "durationMs": 12,
            },
        ],
        "stoppedBecause": "connected",
        "responseTimeMs": 12,
        "circuitBreaker": {"state": "closed", "failuresLastHour": 1, "limit": 10, "openUntil": null},
    })
}

/// A row to insert.
pub(super) fn new_row(table: &Table) -> Value {
    match table.writes {
        Writes::Connections => json!({
            "provider": "postgresql",
            "connection_name": "orders",
            "credentials": {"host": "db.example.org", "port": 5432, "database": "shop", "username": "app", "password": "…"},
        }),
        Writes::AlertRules => json!({
            "alert_type": "slow_response",
            "threshold": {"thresholdMs": 3000},
            "notification_channels": {"email": ["ops@example.org"], "in_app": true},
            "enabled": true,
        }),
        Writes::None => json!({}),
    }
}

/// A row as it is answered, with every column.
pub(super) fn row(table: &Table) -> Value {
    match table.name {
        "database_credentials" => json!({
            "id": SOME_ID, "user_id": ANOTHER_ID, "provider": "postgresql", "connection_name": "orders",
            "is_active": true, "test_status": "success", "last_tested_at": WHEN,
            "public_settings": {"host": "db.example.org", "port": 5432, "database": "shop", "username": "app"},
            "check_interval_s": 300, "slow_threshold_ms": 2_000, "quiet_mode": "auto", "environment": "production",
            "tags": ["shop"], "paused_at": null, "created_at": WHEN, "updated_at": WHEN,
        }),
        "database_connection_errors" => json!({
            "id": SOME_ID, "user_id": ANOTHER_ID, "credential_id": SOME_ID, "provider": "postgresql",
            "error_message": "connection refused", "ai_analysis": null, "suggested_fixes": null,
            "fix_applied": false, "resolved": false, "cause": "connection_refused", "failed_phase": "tcp",
            "error_code": "ECONNREFUSED", "occurrences": 3, "first_seen_at": WHEN, "last_seen_at": WHEN,
            "resolved_at": null, "created_at": WHEN, "updated_at": WHEN,
        }),
        "database_connection_health" => json!({
            "id": SOME_ID, "credential_id": SOME_ID, "status": "healthy", "response_time_ms": 12,
            "error_message": null, "check_timestamp": WHEN, "alerts_sent": false, "origin": "schedule", "attempts": 1,
            "cause": null, "failed_phase": null, "error_code": null, "note": null, "dns_us": 310, "tcp_us": 420,
            "tls_us": 5_100, "auth_us": 4_800, "database_us": 600, "query_us": 770,
        }),
        "database_connection_retries" => json!({
            "id": SOME_ID, "credential_id": SOME_ID, "attempt_number": 1, "success": false,
            "error_message": "connection refused", "retry_strategy": {"name": "exponential_backoff"},
            "backoff_delay_ms": 0, "attempted_at": WHEN, "origin": "retry", "cause": "connection_refused",
            "failed_phase": "tcp", "is_transient": true, "duration_ms": 1, "check_id": ANOTHER_ID,
        }),
        "database_knowledge_base" => json!({
            "id": SOME_ID, "provider": "postgresql", "category": "error_resolution",
            "title": "Find what holds the connections",
            "description": "Every connection that the server allows is taken.",
            "solution": "End what is idle in a transaction, then put a pooler before the server.",
            "success_rate": 92.5, "confidence_score": 88, "usage_count": 40,
            "code_examples": [{"language": "sql", "code": "select state, count(*) from pg_stat_activity group by state;"}],
            "tags": ["pool"], "cause": "too_many_connections", "created_at": WHEN, "updated_at": WHEN,
        }),
        "database_performance_metrics" => json!({
            "id": SOME_ID, "credential_id": SOME_ID, "metric_date": "2026-03-02", "avg_response_time_ms": 12.5,
            "total_requests": 288, "successful_requests": 287, "failed_requests": 1, "uptime_percentage": 99.65,
            "updated_at": WHEN,
        }),
        "database_alert_config" => json!({
            "id": SOME_ID, "user_id": ANOTHER_ID, "credential_id": null, "alert_type": "slow_response",
            "threshold": {"thresholdMs": 3_000},
            "notification_channels": {"email": ["ops@example.org"], "webhook": [{"url": "https://hooks.example.org", "secret": "set"}]},
            "enabled": true, "created_at": WHEN, "updated_at": WHEN,
        }),
        "database_audit_log" => json!({
            "id": SOME_ID, "user_id": ANOTHER_ID, "credential_id": SOME_ID, "action": "connection.update",
            "status": "success", "details": {"via": "token"}, "ip_address": "192.0.2.7", "user_agent": "shop/1.0",
            "created_at": WHEN,
        }),
        _ => json!({}),
    }
}
