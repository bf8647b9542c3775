//! Situations of a cause that have another cure than the usual one: each with what tells it, the first that fits
//! first. What servers say is compared in lower case.

use super::{Page, Remedy, Told, reach, server};
use crate::{
    connections::Provider::{Firebase, MongoDb, MySql, PostgreSql, Supabase},
    diagnosis::Priority::{High, Low, Medium},
    probe::{Cause, Phase},
};

/// Whether a page is the one for what is told.
type Fits = fn(&Told<'_>) -> bool;

pub(super) const PAGES: &[(Fits, Page)] = &[
    (|told| told.phase.is_some_and(|phase| phase > Phase::Tcp), reach::SILENCE),
    (|told| told.code == "EGRESS_DENIED" || told.says("may not be reached from here"), BARRED),
    (|told| told.case.staged.is_some(), NOTHING_FITS),
    // Client certificates. "Refused" is the probe's own word.
    (|told| told.says("refused the client certificate"), CERTIFICATE_REFUSED),
    (|told| told.says("certificate authentication failed"), CERTIFICATE_OF_ANOTHER),
    (wants_certificate, CERTIFICATE_WANTED),
    // Accounts and databases that are closed.
    (|told| told.says("not currently accepting connections"), DATABASE_CLOSED),
    (|told| told.says("not permitted to log in"), ROLE_WITHOUT_LOGIN),
    (|told| told.says("account is locked") || matches!(told.code, "3118" | "4151"), ACCOUNT_LOCKED),
    (|told| told.says("consecutive failed logins") || told.code == "3955", ACCOUNT_LOCKED_FOR_A_TIME),
    // Limits that are not the server's.
    (|told| told.says("connections for database"), DATABASE_LIMIT),
    (|told| told.says("connections for role"), ROLE_LIMIT),
    (|told| told.says("max_user_connections"), USER_LIMIT),
    // Hosted.
    (|told| told.case.provider == Firebase && is_about_key(told), KEY_RESTRICTED),
    (|told| told.case.provider == Supabase && told.code == "HTTP 403", ADDRESS_REFUSED_BEFORE_API),
    (|told| told.case.provider == Firebase && is_of_realtime_database(told), REALTIME_DATABASE),
    (|told| told.case.provider == Firebase && wants_billing(told), BILLING),
    // MongoDB.
    (
        |told| told.code == "94" || told.says("notyetinitialized") || told.says("no replset config has been received"),
        SET_NOT_INITIATED,
    ),
];

/// PostgreSQL's access rule `clientcert`, and a handshake that ends because none was shown.
fn wants_certificate(told: &Told<'_>) -> bool {
    ["client certificate", "certificate required", "return a certificate", "certificate provided by peer"]
        .iter()
        .any(|words| told.says(words))
}

/// `API_KEY_IP_ADDRESS_BLOCKED` and its like, and the sentences that come with them.
fn is_about_key(told: &Told<'_>) -> bool {
    told.code.starts_with("API_KEY_")
        || told.says("api_key_")
        || (told.says("requests ") && told.says(" blocked"))
        || told.says("requests-from-referer")
}

/// Firestore has codes of its own; the Realtime Database has those of HTTP, and says where a moved one is.
fn is_of_realtime_database(told: &Told<'_>) -> bool {
    told.code == "HTTP 404"
        || ["different region", "firebaseio.com", "firebasedatabase.app"].iter().any(|words| told.says(words))
}

fn wants_billing(told: &Told<'_>) -> bool {
    told.code == "BILLING_DISABLED"
        || ["billing_disabled", "billing to be enabled", "enable billing", "billing account"]
            .iter()
            .any(|words| told.says(words))
}

const BARRED: Page = Page {
    causes: &[Cause::InvalidConnectionString],
    explanation: "The host leads to an address that Mooring does not connect to: a cloud's metadata service, a link-local or reserved address, or a private one where only public ones are allowed. Nothing was sent.",
    security: &[
        "A cloud's metadata address hands out the credentials of the machine that asks. No setting lets Mooring reach it.",
    ],
    remedies: &[
        Remedy {
            id: "use-host-of-database",
            title: "Enter the host of the database itself",
            why: "No database listens at such an address.",
            priority: High,
            steps: &[
                "Copy the host again from the provider's dashboard or from whoever runs the server.",
                "If the name is right, see why it leads there: the addresses are in the evidence.",
                "Save and test again.",
            ],
            examples: &[
                (PostgreSql, "getent ahosts db.example.com"),
                (MySql, "getent ahosts db.example.com"),
                (MongoDb, "getent ahosts db.example.com"),
            ],
            confidence: 75,
        },
        Remedy {
            id: "allow-private-networks",
            title: "Let Mooring reach private networks",
            why: "Where it is set to public addresses only, those of your own network and of its own machine are refused.",
            priority: Low,
            steps: &[
                "Ask whoever runs this Mooring whether it may reach private networks.",
                "There, set MOORING_EGRESS to self-hosted and restart it.",
            ],
            examples: &[(PostgreSql, "MOORING_EGRESS=self-hosted"), (MySql, "MOORING_EGRESS=self-hosted")],
            confidence: 35,
        },
    ],
};

const NOTHING_FITS: Page = Page {
    causes: &[Cause::Unknown],
    explanation: "What was said fits none of the causes that are known, and none is guessed. The evidence of the staged check shows how far the connection got.",
    security: &["Before you post the message anywhere, take hosts, users and passwords out of it."],
    remedies: &[Remedy {
        id: "ask-the-server",
        title: "Look at the server's log for the same moment",
        why: "The server usually writes down more than it tells a stranger.",
        priority: High,
        steps: &[
            "See in the evidence at which step it stopped.",
            "Look at the end of the server's log, and at that of a proxy or pooler before it.",
            "Search the provider's documentation for the code in the message.",
            "Try from another machine, to see whether it is this one.",
        ],
        examples: &[
            (PostgreSql, "journalctl -u postgresql --since '-5 min'"),
            (MySql, "journalctl -u mariadb --since '-5 min'"),
            (MongoDb, "journalctl -u mongod --since '-5 min'"),
            (Supabase, "# Dashboard: Logs, Postgres or API"),
            (Firebase, "gcloud logging read 'severity>=ERROR' --freshness 10m --project <project-id>"),
        ],
        confidence: 30,
    }],
};

/// What to enter where a certificate takes part in the login.
const ENTER_CERTIFICATE: Remedy = Remedy {
    id: "set-client-certificate",
    title: "Enter a client certificate and its key",
    why: "The server lets nobody in who does not show one; a password alone does not help.",
    priority: High,
    steps: &[
        "Get a client certificate for this user, with its key, from whoever runs the server: it has to be issued by the authority that the server trusts.",
        "Paste both as PEM into the connection: Client certificate (clientCertificate) and Key of the client certificate (clientKey).",
        "Keep TLS on (require or stronger): without it no certificate is shown.",
        "Save and test again.",
    ],
    examples: &[
        (
            PostgreSql,
            "psql 'host=db.example.com user=app dbname=app sslmode=require sslcert=client.crt sslkey=client.key'",
        ),
        (MySql, "mariadb --host=db.example.com --user=app -p --ssl-cert=client.crt --ssl-key=client.key"),
        (
            MongoDb,
            "cat client.crt client.key > client.pem\nmongosh --tls --tlsCertificateKeyFile client.pem 'mongodb://app@db.example.com/'",
        ),
    ],
    confidence: 90,
};

const CERTIFICATE_WANTED: Page = Page {
    causes: &[Cause::AccessRuleDenied, Cause::CredentialsMissing],
    explanation: "The server asks for a client certificate, and the connection showed none that is valid. The password was not judged, or did not help.",
    security: &[
        "The key of a client certificate is a secret like a password. It is stored sealed and never shown again.",
    ],
    remedies: &[ENTER_CERTIFICATE],
};

const CERTIFICATE_REFUSED: Page = Page {
    causes: &[Cause::AccessRuleDenied],
    explanation: "The server asks for a client certificate and did not take what the connection showed: it does not know the authority that issued it, the certificate has run out or was revoked, or none was shown.",
    security: &["Do not let the server take every certificate to get past it: then it proves nothing."],
    remedies: &[
        Remedy {
            id: "use-trusted-client-certificate",
            title: "Use a client certificate that the server trusts",
            why: "The server judges it by the certificate of the authority that stands in its own settings.",
            priority: High,
            steps: &[
                "Look at the issuer and the dates of the client certificate.",
                "Have one issued by the server's own authority, and enter it with its key: Client certificate (clientCertificate) and Key of the client certificate (clientKey).",
                "If there are intermediate certificates, paste them below it.",
                "Test again.",
            ],
            examples: &[
                (PostgreSql, "openssl x509 -in client.crt -noout -subject -issuer -dates"),
                (MySql, "openssl x509 -in client.crt -noout -subject -issuer -dates"),
                (MongoDb, "openssl x509 -in client.pem -noout -subject -issuer -dates"),
            ],
            confidence: 75,
        },
        Remedy {
            id: "trust-authority-on-server",
            title: "Let the server trust the authority of the client certificate",
            why: "After an authority was renewed, the server may still know the old one only.",
            priority: Medium,
            steps: &[
                "On the server, add the authority's certificate to the file of those that it trusts.",
                "If it keeps a list of revoked certificates, see whether that is up to date.",
                "Reload the server and test again.",
            ],
            examples: &[
                (PostgreSql, "# postgresql.conf\nssl_ca_file = 'clients-ca.crt'\n-- then: select pg_reload_conf();"),
                (MySql, "# my.cnf\n[mysqld]\nssl-ca = /etc/mysql/clients-ca.crt\n-- then: flush ssl;"),
                (MongoDb, "# mongod.conf\nnet:\n  tls:\n    CAFile: /etc/clients-ca.pem"),
            ],
            confidence: 50,
        },
    ],
};

const CERTIFICATE_OF_ANOTHER: Page = Page {
    causes: &[Cause::AuthMethodUnsupported, Cause::AccessRuleDenied, Cause::AuthWrongPassword],
    explanation: "The server logs this user in by certificate, and the client certificate names another user. PostgreSQL compares the certificate's common name (CN) with the user.",
    security: &["Who has the key of a certificate can log in as the user whom it names."],
    remedies: &[
        Remedy {
            id: "use-certificate-of-user",
            title: "Use the certificate of this user, or the user of this certificate",
            why: "The common name and the user have to be the same, letter by letter.",
            priority: High,
            steps: &[
                "Read the common name (CN) in the client certificate.",
                "If it is the right certificate, set the connection's user to that name.",
                "Else have a certificate issued with the user as its common name, and enter it with its key.",
                "Test again.",
            ],
            examples: &[(PostgreSql, "openssl x509 -in client.crt -noout -subject")],
            confidence: 80,
        },
        Remedy {
            id: "map-certificate-to-user",
            title: "Map the certificate's name to the user",
            why: "Where the names are to differ, the server has to be told which belongs to which.",
            priority: Medium,
            steps: &[
                "On the server, add a line to pg_ident.conf with the common name and the user.",
                "Name the map in the line of pg_hba.conf.",
                "Reload the server's rules and test again.",
            ],
            examples: &[(
                PostgreSql,
                "# pg_ident.conf\nclients  \"App Server\"  app\n# pg_hba.conf\nhostssl app app 10.0.0.0/24 cert map=clients\n-- then: select pg_reload_conf();",
            )],
            confidence: 40,
        },
    ],
};

/// For refused logins of which the server does not say that a certificate is what is missing.
pub(super) const ACCOUNT_WANTS_CERTIFICATE: Remedy = Remedy {
    id: "see-whether-account-wants-certificate",
    title: "See whether the account requires a client certificate",
    why: "A user with REQUIRE X509, ISSUER, SUBJECT or CIPHER is refused with the same words as a wrong password.",
    priority: Medium,
    steps: &[
        "As an administrator, look at what the account requires.",
        "If it is a certificate, paste the right one and its key into the connection: Client certificate (clientCertificate) and Key of the client certificate (clientKey).",
        "If it is an issuer, a subject or a cipher, the certificate or the cipher has to be exactly that.",
        "Test again.",
    ],
    examples: &[
        (MySql, "show create user 'app'@'%';  -- look for REQUIRE"),
        (
            PostgreSql,
            "select * from pg_hba_file_rules where auth_method = 'cert' or options::text like '%clientcert%';",
        ),
    ],
    confidence: 30,
};

const DATABASE_CLOSED: Page = Page {
    causes: &[Cause::AccessRuleDenied],
    explanation: "The database is there, but it was closed to everybody: its allow_connections is off. No access rule and no password opens it.",
    security: &["Find out who closed it and why before you open it: a restore or a migration may be under way."],
    remedies: &[Remedy {
        id: "allow-connections",
        title: "Let the database take connections again",
        why: "It is a switch of the database itself, not of pg_hba.conf.",
        priority: High,
        steps: &[
            "Connect to another database of the server (postgres) as its owner or an administrator.",
            "Make sure that it was not closed on purpose; template0 always is.",
            "Open the database and test again.",
        ],
        examples: &[
            (PostgreSql, "psql -d postgres -c 'alter database app with allow_connections true;'"),
            (Supabase, "alter database app with allow_connections true;"),
        ],
        confidence: 90,
    }],
};

const ROLE_WITHOUT_LOGIN: Page = Page {
    causes: &[Cause::AccessRuleDenied],
    explanation: "The role exists, but may not log in: it is a group, or the right was taken from it.",
    security: &["Give each application a role of its own rather than the right to log in to a group that many share."],
    remedies: &[Remedy {
        id: "allow-role-to-log-in",
        title: "Let the role log in, or use one that may",
        why: "It is an attribute of the role, not of pg_hba.conf.",
        priority: High,
        steps: &[
            "See whether the connection is to use another user, one that is a member of this role.",
            "Else, as an administrator, let the role log in and set its password.",
            "Test again.",
        ],
        examples: &[(PostgreSql, "alter role app login;"), (Supabase, "alter role app login;")],
        confidence: 85,
    }],
};

const ACCOUNT_LOCKED: Page = Page {
    causes: &[Cause::AccessRuleDenied],
    explanation: "An administrator has locked this account. No password and no rule of access opens it until it is unlocked.",
    security: &["Find out why it was locked: it may have left with somebody, or have been abused."],
    remedies: &[Remedy {
        id: "unlock-account",
        title: "Unlock the account",
        why: "The server says that it is locked.",
        priority: High,
        steps: &[
            "As an administrator, see which account it is: the user with the host that it is for.",
            "Unlock it, or use another account in the connection.",
            "Test again.",
        ],
        examples: &[(
            MySql,
            "show create user 'app'@'%';  -- ends in ACCOUNT LOCK\nalter user 'app'@'%' account unlock;",
        )],
        confidence: 90,
    }],
};

const ACCOUNT_LOCKED_FOR_A_TIME: Page = Page {
    causes: &[Cause::HostBlocked, Cause::AccessRuleDenied],
    explanation: "The server counted too many wrong passwords for this account and has locked it for some days, whatever password comes now. It is the account that is blocked, not this machine's address.",
    security: &["Somebody may have tried passwords. Look where the failed logins came from before you unlock it."],
    remedies: &[Remedy {
        id: "unlock-account-after-failures",
        title: "Stop what sends the wrong password, then unlock the account",
        why: "What still sends the wrong one locks it again at once.",
        priority: High,
        steps: &[
            "Find the application that has the old password, and correct it.",
            "As an administrator, unlock the account; or wait for the days in the message.",
            "Test again.",
        ],
        examples: &[(
            MySql,
            "alter user 'app'@'%' account unlock;\nselect user, host, user_attributes from mysql.user where user = 'app';  -- FAILED_LOGIN_ATTEMPTS, PASSWORD_LOCK_TIME",
        )],
        confidence: 90,
    }],
};

const DATABASE_LIMIT: Page = Page {
    causes: &[Cause::TooManyConnections],
    explanation: "This one database has a limit of connections, and it is reached. The server itself has room; a limit of 0 keeps everybody out but superusers.",
    security: &[],
    remedies: &[
        Remedy {
            id: "raise-database-limit",
            title: "Raise the limit of the database, or take it off",
            why: "The message names the database; max_connections of the server is another limit and does not help.",
            priority: High,
            steps: &[
                "As an administrator, look at the limit: -1 is none.",
                "Set it to what the applications need, or to -1.",
                "Test again.",
            ],
            examples: &[
                (PostgreSql, "select datname, datconnlimit from pg_database;\nalter database app connection limit -1;"),
                (Supabase, "alter database postgres connection limit -1;"),
            ],
            confidence: 75,
        },
        server::CLOSE_IDLE,
    ],
};

const ROLE_LIMIT: Page = Page {
    causes: &[Cause::TooManyConnections],
    explanation: "This one role has a limit of connections, and it is reached. The server itself has room.",
    security: &[],
    remedies: &[
        Remedy {
            id: "raise-role-limit",
            title: "Raise the limit of the role, or take it off",
            why: "The message names the role; max_connections of the server is another limit and does not help.",
            priority: High,
            steps: &[
                "As an administrator, look at the limit: -1 is none.",
                "Set it to what the applications need, or to -1.",
                "Test again.",
            ],
            examples: &[
                (PostgreSql, "select rolname, rolconnlimit from pg_roles;\nalter role app connection limit -1;"),
                (Supabase, "alter role app connection limit -1;"),
            ],
            confidence: 75,
        },
        server::CLOSE_IDLE,
    ],
};

const USER_LIMIT: Page = Page {
    causes: &[Cause::TooManyConnections],
    explanation: "This one user has as many connections as it may (max_user_connections). The server itself has room.",
    security: &[],
    remedies: &[
        Remedy {
            id: "raise-user-limit",
            title: "Raise the limit of the user, or take it off",
            why: "The message names the user; max_connections of the server is another limit and does not help.",
            priority: High,
            steps: &[
                "As an administrator, look at the limit of the account, and at that for all users; 0 is none.",
                "Set it to what the applications need.",
                "Test again.",
            ],
            examples: &[(
                MySql,
                "show create user 'app'@'%';\nshow variables like 'max_user_connections';\nalter user 'app'@'%' with max_user_connections 50;",
            )],
            confidence: 75,
        },
        server::CLOSE_IDLE,
    ],
};

const KEY_RESTRICTED: Page = Page {
    causes: &[Cause::AccessRuleDenied, Cause::InvalidApiKey],
    explanation: "The API key is a good one, but its restrictions do not allow this: not from this address, page or app, or not for this API.",
    security: &[
        "Add what is needed rather than taking the restrictions off: a key without any works for everybody who sees it.",
        "A key that is restricted to pages (referrers) can never be used by a server. Make another key for it.",
    ],
    remedies: &[Remedy {
        id: "change-key-restrictions",
        title: "Change the restrictions of the key in the Google Cloud console",
        why: "They are kept with the key, and the message names the one that refuses.",
        priority: High,
        steps: &[
            "Open APIs & Services, Credentials in the console of this project, and the key there.",
            "Under Application restrictions, add the address that Mooring's machine connects from; or make a key for servers, restricted by IP addresses.",
            "Under API restrictions, allow the API that the message names (Cloud Firestore API).",
            "Save, wait five minutes, and test again.",
        ],
        examples: &[(
            Firebase,
            "# https://console.cloud.google.com/apis/credentials?project=<project-id>\ngcloud services api-keys list --project <project-id>\ngcloud services api-keys update <key-id> --allowed-ips=203.0.113.7",
        )],
        confidence: 85,
    }],
};

const ADDRESS_REFUSED_BEFORE_API: Page = Page {
    causes: &[Cause::AccessRuleDenied],
    explanation: "What stands before the API (Cloudflare, or a proxy of your own) refuses this machine with a page. The request did not come as far as the API, so the key was not judged.",
    security: &["Allow the one address that needs it, not whole networks or countries."],
    remedies: &[Remedy {
        id: "allow-before-api",
        title: "Let this machine's address through what stands before the API",
        why: "It refuses by address, country or what it takes for a robot.",
        priority: High,
        steps: &[
            "Find the address that Mooring's machine connects from, and try the request there by hand.",
            "With a domain or proxy of your own: allow the address in its firewall rules (Cloudflare: Security, WAF).",
            "On supabase.co: look at the status page, leave VPNs and shared proxies out, and write to the support with the Ray ID from the page.",
            "Test again.",
        ],
        examples: &[(
            Supabase,
            "curl -sS -o /dev/null -D - -H \"apikey: $SUPABASE_ANON_KEY\" https://<project-ref>.supabase.co/auth/v1/health",
        )],
        confidence: 65,
    }],
};

const REALTIME_DATABASE: Page = Page {
    causes: &[Cause::DatabaseNotFound],
    explanation: "There is no Realtime Database at this address. Its address holds the name of the database and its region, and the two have to belong together. It has nothing to do with Firestore, which is another database of the same project.",
    security: &[],
    remedies: &[
        Remedy {
            id: "correct-database-url",
            title: "Copy the address of the Realtime Database again",
            why: "Databases outside the United States have their region in the address, and an address without it leads nowhere.",
            priority: High,
            steps: &[
                "Open Realtime Database in the Firebase console; the address stands above the data.",
                "Paste it into the connection's Address of the Realtime Database (databaseURL), without a path behind it.",
                "Where the message names the right address, take that.",
                "Save and test again.",
            ],
            examples: &[(
                Firebase,
                "firebase database:instances:list --project <project-id>\n# https://<name>.firebaseio.com (United States)\n# https://<name>.<region>.firebasedatabase.app (elsewhere)",
            )],
            confidence: 85,
        },
        Remedy {
            id: "create-realtime-database",
            title: "Create the Realtime Database, or leave its address out",
            why: "A project has none until somebody makes one, and many use Firestore alone.",
            priority: Medium,
            steps: &[
                "If the project uses Firestore only, empty the field and set the project id.",
                "Else choose Create database under Realtime Database in the console.",
            ],
            examples: &[(
                Firebase,
                "firebase database:instances:create <name> --location europe-west1 --project <project-id>",
            )],
            confidence: 40,
        },
    ],
};

const BILLING: Page = Page {
    causes: &[Cause::ApiNotEnabled, Cause::QuotaExceeded, Cause::ServicePaused],
    explanation: "The project has no billing account, or a closed one, and this API answers only with one. It does not pass by itself.",
    security: &["Set a budget with alerts when you turn billing on."],
    remedies: &[Remedy {
        id: "turn-billing-on",
        title: "Link an open billing account to the project",
        why: "Google says that billing is off.",
        priority: High,
        steps: &[
            "Open Billing of this project in the Google Cloud console (the message may have the link).",
            "Link a billing account that is open; in Firebase that is the Blaze plan.",
            "Wait some minutes and test again.",
        ],
        examples: &[(
            Firebase,
            "gcloud billing accounts list\ngcloud billing projects link <project-id> --billing-account <account-id>",
        )],
        confidence: 90,
    }],
};

const SET_NOT_INITIATED: Page = Page {
    causes: &[Cause::NotPrimary],
    explanation: "The server was started as a member of a replica set, and the set was never set up. Until then there is no primary, and nobody can read or write.",
    security: &[],
    remedies: &[Remedy {
        id: "initiate-replica-set",
        title: "Set up the replica set",
        why: "The server waits for its configuration, once, from one member.",
        priority: High,
        steps: &[
            "On the server's own machine, open mongosh.",
            "Set the set up with the members by names that all clients can resolve.",
            "Wait until rs.status() shows a PRIMARY, and test again.",
            "If it is to be a server of its own, take replication.replSetName out of mongod.conf and restart it.",
        ],
        examples: &[(
            MongoDb,
            "rs.initiate({ _id: 'rs0', members: [{ _id: 0, host: 'db.example.com:27017' }] })\nrs.status()",
        )],
        confidence: 90,
    }],
};
