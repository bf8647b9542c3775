//! The server was reached and cannot serve just now: limits, starting, stopping, standby, space, locks.

use super::{Page, Remedy};
use crate::{
    connections::Provider::{MongoDb, MySql, PostgreSql, Supabase},
    diagnosis::Priority::{High, Low, Medium},
    probe::Cause,
};

/// Whatever limit it is that ran out.
pub(super) const CLOSE_IDLE: Remedy = Remedy {
    id: "close-idle-connections",
    title: "Find out who holds the connections",
    why: "Most of them are usually idle, held by pools that are too large or by clients that do not close theirs.",
    priority: High,
    steps: &[
        "As an administrator, list the connections by database, user, application and state.",
        "Make the pools of the applications smaller, and end what is idle.",
        "In serverless functions, share one client among invocations.",
    ],
    examples: &[
        (
            PostgreSql,
            "select datname, usename, application_name, state, count(*) from pg_stat_activity group by 1, 2, 3, 4 order by 5 desc;",
        ),
        (MySql, "select user, command, count(*) from information_schema.processlist group by 1, 2 order by 3 desc;"),
        (MongoDb, "db.serverStatus().connections"),
        (
            Supabase,
            "select datname, usename, application_name, state, count(*) from pg_stat_activity group by 1, 2, 3, 4 order by 5 desc;",
        ),
    ],
    confidence: 70,
};

pub(super) const PAGES: &[Page] = &[
    Page {
        causes: &[Cause::TooManyConnections],
        explanation: "The server or the pooler before it has given out all the connections that it may. It is up, and takes a new one as soon as another ends.",
        security: &[
            "The last connections are reserved for superusers; do not let applications log in as one to get them.",
        ],
        remedies: &[
            CLOSE_IDLE,
            Remedy {
                id: "use-pooler",
                title: "Go through a pooler",
                why: "It shares few server connections among many clients.",
                priority: Medium,
                steps: &[
                    "Use the provider's pooler, or run PgBouncer or ProxySQL.",
                    "In transaction mode, turn prepared statements off or use a pooler that knows them.",
                ],
                examples: &[
                    (
                        Supabase,
                        "postgresql://postgres.<project-ref>:•••@aws-0-<region>.pooler.supabase.com:6543/postgres",
                    ),
                    (PostgreSql, "; pgbouncer.ini\npool_mode = transaction\ndefault_pool_size = 20"),
                ],
                confidence: 55,
            },
            Remedy {
                id: "raise-max-connections",
                title: "Raise the server's limit",
                why: "Each connection costs memory, so this is the last resort.",
                priority: Low,
                steps: &["Look at the memory that is left.", "Raise the limit and restart if the server needs it."],
                examples: &[
                    (PostgreSql, "alter system set max_connections = 200;  -- and restart"),
                    (MySql, "set global max_connections = 300;"),
                ],
                confidence: 35,
            },
        ],
    },
    Page {
        causes: &[Cause::PoolExhausted],
        explanation: "The application's own pool had no free connection within its time limit. The database may be well; the connections are all in use, or were never given back.",
        security: &[],
        remedies: &[
            Remedy {
                id: "return-connections",
                title: "Find what holds the pool's connections",
                why: "A path that forgets to give one back, or a slow query, empties every pool.",
                priority: High,
                steps: &[
                    "Look for checkouts without release: early returns, errors, transactions that are left open.",
                    "Look for slow queries at that time.",
                    "Turn on the pool's leak detection.",
                ],
                examples: &[
                    (
                        PostgreSql,
                        "select pid, state, now() - state_change as since, query from pg_stat_activity where state <> 'active' order by 3 desc;",
                    ),
                    (MySql, "show full processlist;"),
                    (MongoDb, "db.currentOp({ active: true })"),
                ],
                confidence: 65,
            },
            Remedy {
                id: "resize-pool",
                title: "Fit the pool's size to the load",
                why: "One that is too small waits though the server has room.",
                priority: Medium,
                steps: &[
                    "Set the size to about twice the server's cores, shared among all processes.",
                    "Set the wait for a connection longer than the slowest usual request.",
                ],
                examples: &[
                    (PostgreSql, "postgresql://…/app?connection_limit=10&pool_timeout=20"),
                    (MongoDb, "mongodb://…/?maxPoolSize=20&waitQueueTimeoutMS=10000"),
                ],
                confidence: 45,
            },
        ],
    },
    Page {
        causes: &[Cause::ServerStartingUp],
        explanation: "The server is coming up: it starts, recovers from a crash, or loads its schema. It says so itself, and nothing in the connection is wrong.",
        security: &[],
        remedies: &[Remedy {
            id: "wait-for-start",
            title: "Wait a moment and try again",
            why: "Starting takes seconds; recovery after a crash may take minutes.",
            priority: High,
            steps: &[
                "Try again in some seconds, with growing pauses.",
                "If it lasts, look at the server's log for what it recovers or waits for.",
                "A standby that never gets ready is waiting for its primary's log.",
            ],
            examples: &[
                (PostgreSql, "pg_isready -h db.example.com -p 5432"),
                (MySql, "mariadb-admin --host=db.example.com ping"),
                (MongoDb, "db.hello()"),
            ],
            confidence: 85,
        }],
    },
    Page {
        causes: &[Cause::ServerShuttingDown],
        explanation: "Somebody or something is stopping or restarting the server: an administrator, an update, a failover. Open connections are ended and new ones refused meanwhile.",
        security: &[],
        remedies: &[
            Remedy {
                id: "wait-for-restart",
                title: "Wait for it to come back",
                why: "After updates and failovers it is there again in a minute or two.",
                priority: High,
                steps: &[
                    "Try again in a minute.",
                    "Look in the provider's dashboard for maintenance.",
                    "If it stays down, start it, and look at its log for why it stopped.",
                ],
                examples: &[
                    (PostgreSql, "systemctl status postgresql"),
                    (MySql, "systemctl status mariadb"),
                    (MongoDb, "systemctl status mongod"),
                ],
                confidence: 75,
            },
            Remedy {
                id: "end-held-sessions",
                title: "End the sessions that hold up the shutdown",
                why: "A smart shutdown waits for every client to leave, for hours if need be.",
                priority: Low,
                steps: &["If the restart was meant and does not end, ask for a fast shutdown."],
                examples: &[(PostgreSql, "pg_ctl stop -m fast")],
                confidence: 30,
            },
        ],
    },
    Page {
        causes: &[Cause::NotPrimary],
        explanation: "This node takes no writes, or no connections, because it is a standby or the set has no primary just now. After a failover the old address often points to the wrong node.",
        security: &[],
        remedies: &[
            Remedy {
                id: "use-primary",
                title: "Connect to the primary",
                why: "Its host is what the cluster's writer address points to.",
                priority: High,
                steps: &[
                    "Use the cluster's writer or primary address rather than a node's own.",
                    "In a replica set, name it and all its members, so that the client follows the primary.",
                    "If no primary is elected, see why the members do not agree.",
                ],
                examples: &[
                    (
                        PostgreSql,
                        "postgresql://a.example.com,b.example.com/app?target_session_attrs=read-write\nselect pg_is_in_recovery();",
                    ),
                    (MySql, "select @@global.read_only;"),
                    (MongoDb, "mongodb://a.example.com,b.example.com,c.example.com/app?replicaSet=rs0\nrs.status()"),
                ],
                confidence: 70,
            },
            Remedy {
                id: "end-read-only",
                title: "End the read-only mode if it is not meant",
                why: "A full disk or a migration leaves servers read-only.",
                priority: Medium,
                steps: &[
                    "Find out who set it and why: disk, failover, maintenance.",
                    "Cure that, then make the node writable again.",
                ],
                examples: &[
                    (MySql, "set global read_only = off;"),
                    (PostgreSql, "alter database app reset default_transaction_read_only;"),
                    (Supabase, "# Dashboard: Settings, Database, Disk usage"),
                ],
                confidence: 40,
            },
        ],
    },
    Page {
        causes: &[Cause::DiskFull],
        explanation: "The server has no space left to write to. Many servers then stop taking writes, some stop altogether.",
        security: &["Do not delete files from the data folder by hand, write-ahead logs least of all."],
        remedies: &[Remedy {
            id: "free-space",
            title: "Free space or make the disk larger",
            why: "Nothing in the connection can cure it.",
            priority: High,
            steps: &[
                "See what fills the disk: logs, write-ahead logs held by a replication slot, temporary files, a table.",
                "Make the disk larger, or remove what is not needed by the server's own means.",
                "Drop replication slots that nobody reads.",
            ],
            examples: &[
                (
                    PostgreSql,
                    "select slot_name, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) from pg_replication_slots;",
                ),
                (MySql, "purge binary logs before now() - interval 3 day;"),
                (MongoDb, "db.stats(1024 * 1024)"),
            ],
            confidence: 80,
        }],
    },
    Page {
        causes: &[Cause::PreparedStatementConflict],
        explanation: "A pooler in transaction mode hands each transaction another server connection. A statement that was prepared on one is missing on the next, or there already.",
        security: &[],
        remedies: &[
            Remedy {
                id: "disable-statement-cache",
                title: "Turn the client's prepared statements off",
                why: "Without them nothing has to survive from one transaction to the next.",
                priority: High,
                steps: &["Set the client's option for poolers.", "Restart the application."],
                examples: &[
                    (
                        PostgreSql,
                        "# Prisma: ?pgbouncer=true   asyncpg: statement_cache_size=0   sqlx: statement_cache_capacity(0)\n# JDBC: prepareThreshold=0    psycopg: prepare_threshold=None",
                    ),
                    (Supabase, "# Prisma: ?pgbouncer=true   postgres.js: { prepare: false }"),
                ],
                confidence: 80,
            },
            Remedy {
                id: "use-session-port",
                title: "Use the pooler's session mode, or a direct connection",
                why: "There each client keeps one server connection.",
                priority: Medium,
                steps: &[
                    "Use the session port (Supabase: 5432 in place of 6543).",
                    "Or PgBouncer 1.21 or newer with max_prepared_statements.",
                ],
                examples: &[
                    (
                        Supabase,
                        "postgresql://postgres.<project-ref>:•••@aws-0-<region>.pooler.supabase.com:5432/postgres",
                    ),
                    (PostgreSql, "; pgbouncer.ini\nmax_prepared_statements = 100"),
                ],
                confidence: 65,
            },
        ],
    },
    Page {
        causes: &[Cause::StatementTimeout],
        explanation: "The connection works; the query ran past its limit and was ended. It waited for a lock, or the server is overloaded, or the query is too heavy.",
        security: &[],
        remedies: &[
            Remedy {
                id: "find-what-blocks",
                title: "Find out what it waits for",
                why: "A lock that somebody forgot makes even the smallest query wait.",
                priority: High,
                steps: &[
                    "List what runs and what waits, while it happens.",
                    "End the session that blocks, if it is safe.",
                    "Look at the load of the server.",
                ],
                examples: &[
                    (
                        PostgreSql,
                        "select pid, pg_blocking_pids(pid), state, query from pg_stat_activity where wait_event_type = 'Lock';",
                    ),
                    (MySql, "select * from sys.innodb_lock_waits;"),
                    (MongoDb, "db.currentOp({ waitingForLock: true })"),
                    (
                        Supabase,
                        "select pid, pg_blocking_pids(pid), query from pg_stat_activity where wait_event_type = 'Lock';",
                    ),
                ],
                confidence: 60,
            },
            Remedy {
                id: "speed-up-query",
                title: "Make the query faster",
                why: "A missing index is the usual reason for one that grew slow.",
                priority: Medium,
                steps: &[
                    "Look at its plan.",
                    "Add an index, or ask for less at a time.",
                    "Raise the limit for this one query only.",
                ],
                examples: &[
                    (PostgreSql, "explain (analyze, buffers) select …;"),
                    (MySql, "analyze select …;"),
                    (MongoDb, "db.items.find({ … }).explain('executionStats')"),
                ],
                confidence: 45,
            },
        ],
    },
];
