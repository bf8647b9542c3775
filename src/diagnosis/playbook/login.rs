//! Who is asking: users, passwords, methods, rules of access, privileges.

use super::{Page, Remedy};
use crate::{
    connections::Provider::{Firebase, MongoDb, MySql, PostgreSql, Supabase},
    diagnosis::Priority::{High, Low, Medium},
    probe::Cause,
};

/// For a password that is none yet.
pub(super) const REPLACE_PLACEHOLDER: Remedy = Remedy {
    id: "replace-placeholder",
    title: "Put the password in: what stands there is still a placeholder",
    why: "It looks like what guides and dashboards show in its place: [YOUR-PASSWORD], <password>, ${DB_PASSWORD}, ****.",
    priority: High,
    steps: &[
        "Get the real password from where it is kept; dashboards show it only once, or let you set a new one.",
        "Type it into the connection's password in place of the placeholder, without the brackets.",
        "If it was to come from an environment variable or a template, enter its value: Mooring fills none in.",
        "Test again.",
    ],
    examples: &[(Supabase, "# Dashboard: Settings, Database, Reset database password")],
    confidence: 90,
};

pub(super) const PAGES: &[Page] = &[
    Page {
        causes: &[Cause::AuthWrongPassword],
        explanation: "The server was reached and refused this user with this password. It does not say which of the two is wrong, so that nobody can find out users by trying.",
        security: &[
            "Mooring tried the login once and does not hammer it, so that the account is not locked.",
            "A password that was sent in chat or mail should be changed.",
        ],
        remedies: &[
            Remedy {
                id: "enter-password-again",
                title: "Enter the user and password again",
                why: "Passwords are changed, cut off when copied, or percent-encoded where they should not be.",
                priority: High,
                steps: &[
                    "Copy the password again from where it is kept, without blanks around it.",
                    "In an address, percent-encode special characters; in the field, do not.",
                    "Check the user: some hosts want a tenant in it (user@server, postgres.<project-ref>).",
                    "Test again.",
                ],
                examples: &[
                    (PostgreSql, "psql 'host=db.example.com user=app dbname=app' -c 'select 1'"),
                    (MySql, "mariadb --host=db.example.com --user=app -p -e 'select 1'"),
                    (MongoDb, "mongosh 'mongodb://app@db.example.com/?authSource=admin'"),
                    (
                        Supabase,
                        "psql 'postgresql://postgres.<project-ref>@aws-0-<region>.pooler.supabase.com:5432/postgres'",
                    ),
                ],
                confidence: 75,
            },
            Remedy {
                id: "reset-password",
                title: "Set a new password for the user",
                why: "If nobody knows the old one any more, it is the shortest way.",
                priority: Medium,
                steps: &[
                    "As an administrator, set a new password.",
                    "Put it into the connection, and into everything else that uses this user.",
                    "Check that the account is not locked or expired.",
                ],
                examples: &[
                    (PostgreSql, "\\password app"),
                    (MySql, "alter user 'app'@'%' identified by '…';"),
                    (MongoDb, "db.getSiblingDB('admin').changeUserPassword('app', passwordPrompt())"),
                    (Supabase, "# Dashboard: Settings, Database, Reset database password"),
                ],
                confidence: 50,
            },
        ],
    },
    Page {
        causes: &[Cause::AuthUnknownUser],
        explanation: "The server says that there is no such user or role. Names are compared with their case in most servers.",
        security: &["Give a new user only what it needs; for a check, the right to log in is enough."],
        remedies: &[
            Remedy {
                id: "correct-user",
                title: "Correct the user name",
                why: "A misspelt user, another case, or a missing tenant is more likely than a missing user.",
                priority: High,
                steps: &[
                    "Compare the name letter by letter, with its case, with the list of users.",
                    "Behind a pooler, write the tenant too if it wants one.",
                    "Test again.",
                ],
                examples: &[
                    (PostgreSql, "select rolname from pg_roles where rolcanlogin;"),
                    (MySql, "select user, host from mysql.user;"),
                    (MongoDb, "db.getSiblingDB('admin').getUsers()"),
                ],
                confidence: 65,
            },
            Remedy {
                id: "create-user",
                title: "Create the user",
                why: "A database that was set up anew may lack it.",
                priority: Medium,
                steps: &[
                    "As an administrator, create the user with a long password.",
                    "Grant it the right to log in and to use the database, no more.",
                ],
                examples: &[
                    (PostgreSql, "create role app login password '…';\ngrant connect on database app to app;"),
                    (
                        MySql,
                        "create user 'app'@'10.0.0.%' identified by '…';\ngrant select on app.* to 'app'@'10.0.0.%';",
                    ),
                    (
                        MongoDb,
                        "db.getSiblingDB('app').createUser({ user: 'app', pwd: passwordPrompt(), roles: ['read'] })",
                    ),
                ],
                confidence: 55,
            },
        ],
    },
    Page {
        causes: &[Cause::AuthMethodUnsupported],
        explanation: "Client and server have no way to log in that both can use: the server asks for a method that needs more than a password, that this client does not know, or that would show the password on an unencrypted connection.",
        security: &["A password is never sent readable over a connection without TLS, whatever the server asks."],
        remedies: &[
            Remedy {
                id: "use-password-method",
                title: "Let the user log in by a password method",
                why: "SCRAM and caching_sha2_password work everywhere; peer, ident and GSSAPI only in their own surroundings.",
                priority: High,
                steps: &[
                    "See in the evidence which method the server asked for.",
                    "Change the rule or the account to a password method.",
                    "Set the password anew, so that it is stored in the new form.",
                ],
                examples: &[
                    (
                        PostgreSql,
                        "# pg_hba.conf\nhostssl app app 10.0.0.0/24 scram-sha-256\n-- then: select pg_reload_conf(); and set the password anew",
                    ),
                    (
                        MySql,
                        "alter user 'app'@'%' identified via mysql_native_password using password('…');  -- MariaDB\nalter user 'app'@'%' identified with caching_sha2_password by '…';       -- MySQL 8",
                    ),
                    (MongoDb, "db.updateUser('app', { mechanisms: ['SCRAM-SHA-256'] })"),
                ],
                confidence: 65,
            },
            Remedy {
                id: "turn-on-tls-for-method",
                title: "Turn TLS on",
                why: "Some methods (clear-text password, caching_sha2_password at the first login) are only answered inside TLS.",
                priority: Medium,
                steps: &["Set TLS to verify-full, or require where no certificate can be verified.", "Test again."],
                examples: &[(PostgreSql, "sslmode=verify-full"), (MySql, "--ssl-mode=VERIFY_IDENTITY")],
                confidence: 45,
            },
            Remedy {
                id: "update-client",
                title: "Bring the application's client library up to date",
                why: "Old libraries do not know SCRAM (PostgreSQL 10) or caching_sha2_password (MySQL 8).",
                priority: Low,
                steps: &["If the message came from your application and Mooring connects, update its driver."],
                examples: &[(PostgreSql, "# libpq 10 or newer"), (MySql, "npm install mysql2")],
                confidence: 40,
            },
        ],
    },
    Page {
        causes: &[Cause::AuthSourceWrong],
        explanation: "MongoDB keeps users in a database. The one that was asked does not have this user; the default is the database of the address, or admin where it names none.",
        security: &[],
        remedies: &[Remedy {
            id: "set-auth-source",
            title: "Set authSource to the database of the user",
            why: "Users made by administrators and by hosting providers are in admin.",
            priority: High,
            steps: &[
                "Set authSource to admin.",
                "If that is not it, ask in which database the user was created.",
                "Test again.",
            ],
            examples: &[(MongoDb, "mongodb://app:•••@db.example.com:27017/app?authSource=admin")],
            confidence: 85,
        }],
    },
    Page {
        causes: &[Cause::AccessRuleDenied],
        explanation: "A rule of the server refuses this address, user or database, or has no line that allows it. The password was not judged at all, or did not help.",
        security: &[
            "Allow the one address or network that needs it, the one user and the one database.",
            "Prefer rules that allow TLS only.",
        ],
        remedies: &[
            Remedy {
                id: "add-access-rule",
                title: "Add a rule that allows this connection",
                why: "The message names the address, user and database that no rule fits.",
                priority: High,
                steps: &[
                    "Take address, user and database from the message; the address is the one that the server sees.",
                    "Add a rule or a grant for exactly these.",
                    "Reload the server's rules and test again.",
                ],
                examples: &[
                    (
                        PostgreSql,
                        "# pg_hba.conf\nhostssl app app 203.0.113.7/32 scram-sha-256\n-- then: select pg_reload_conf();",
                    ),
                    (
                        MySql,
                        "create user 'app'@'203.0.113.7' identified by '…';\ngrant select on app.* to 'app'@'203.0.113.7';",
                    ),
                    (MongoDb, "# Atlas: Network Access, Add IP address"),
                    (Supabase, "# Dashboard: Settings, Database, Network restrictions"),
                ],
                confidence: 75,
            },
            Remedy {
                id: "try-tls-for-rule",
                title: "Turn TLS on if the rules allow nothing else",
                why: "A rule for TLS connections only does not fit one without.",
                priority: Medium,
                steps: &[
                    "See whether the message says \"no encryption\" or \"SSL off\".",
                    "Set TLS to require or stronger and test again.",
                ],
                examples: &[(PostgreSql, "sslmode=require"), (MySql, "--ssl-mode=REQUIRED")],
                confidence: 50,
            },
        ],
    },
    Page {
        causes: &[Cause::HostBlocked],
        explanation: "The server counted too many broken or refused connections from this address and now turns all of them away, good ones too. What broke first has to be cured, or it comes back.",
        security: &["Raising the limit hides a fault or an attack; find what broke the connections."],
        remedies: &[Remedy {
            id: "unblock-host",
            title: "Cure the first fault, then unblock the address",
            why: "The block does not end by itself in MySQL and MariaDB; poolers end it after some minutes.",
            priority: High,
            steps: &[
                "Find out what connects and breaks off: health checks of load balancers, port scans, a wrong password.",
                "Stop it.",
                "As an administrator, forget the counted failures.",
                "Test again.",
            ],
            examples: &[
                (MySql, "flush hosts;\n-- MySQL 8: truncate table performance_schema.host_cache;"),
                (Supabase, "# Dashboard: Settings, Database, Network bans: unban the address"),
                (PostgreSql, "# Supabase: Settings, Database, Network bans"),
            ],
            confidence: 85,
        }],
    },
    Page {
        causes: &[Cause::DatabaseNotFound],
        explanation: "User and password were accepted; there is only no database of this name.",
        security: &[],
        remedies: &[
            Remedy {
                id: "correct-database",
                title: "Correct the name of the database",
                why: "Names are compared with their case, and the user's name is taken where none is given.",
                priority: High,
                steps: &[
                    "See in the evidence which databases exist.",
                    "Choose the right one, with its case.",
                    "Test again.",
                ],
                examples: &[
                    (PostgreSql, "\\l"),
                    (MySql, "show databases;"),
                    (MongoDb, "show dbs"),
                    (Firebase, "gcloud firestore databases list --project <project-id>"),
                ],
                confidence: 75,
            },
            Remedy {
                id: "create-database",
                title: "Create the database",
                why: "After a new set-up or a restore it may be missing.",
                priority: Medium,
                steps: &[
                    "As an administrator, create it and give it to the user.",
                    "Run the application's migrations.",
                ],
                examples: &[
                    (PostgreSql, "create database app owner app;"),
                    (MySql, "create database app character set utf8mb4;\ngrant all on app.* to 'app'@'%';"),
                    (Firebase, "gcloud firestore databases create --location eur3 --project <project-id>"),
                ],
                confidence: 45,
            },
        ],
    },
    Page {
        causes: &[Cause::PermissionDenied],
        explanation: "The login worked, and then a privilege was missing: to open the database, or to do what was asked in it.",
        security: &["Grant what the message names and no more. A superuser cures it too, and everything else with it."],
        remedies: &[Remedy {
            id: "grant-privilege",
            title: "Grant what is missing",
            why: "The message names the object.",
            priority: High,
            steps: &[
                "Read in the message which database, schema or table it is about.",
                "As its owner or an administrator, grant the privilege.",
                "For tables that are made later, set default privileges too.",
                "Test again.",
            ],
            examples: &[
                (
                    PostgreSql,
                    "grant connect on database app to app;\ngrant usage on schema public to app;\ngrant select on all tables in schema public to app;",
                ),
                (MySql, "grant select on app.* to 'app'@'%';"),
                (MongoDb, "db.grantRolesToUser('app', [{ role: 'read', db: 'app' }])"),
                (
                    Firebase,
                    "gcloud projects add-iam-policy-binding <project-id> --member serviceAccount:<e-mail> --role roles/datastore.viewer",
                ),
                (Supabase, "grant usage on schema public to anon;\ngrant select on public.items to anon;"),
            ],
            confidence: 80,
        }],
    },
    Page {
        causes: &[Cause::SecurityRulesDenied],
        explanation: "The request arrived, and the rules of the data refused it: row-level security in PostgreSQL and Supabase, security rules in Firebase. They protect against others; they may also be too narrow.",
        security: &[
            "Rules that allow everything (`allow read, write: if true`, `using (true)`) open the data to the whole internet.",
            "The service-role key passes by all rules. It belongs on servers only.",
        ],
        remedies: &[
            Remedy {
                id: "allow-in-rules",
                title: "Allow exactly this in the rules",
                why: "A rule or policy for this user and this operation is missing.",
                priority: High,
                steps: &[
                    "Find the table or path and the operation in the message.",
                    "Add a policy or rule for signed-in users and their own rows.",
                    "Try it in the provider's rules playground or with the role set.",
                ],
                examples: &[
                    (
                        Supabase,
                        "create policy own_rows on items for select to authenticated using (user_id = auth.uid());",
                    ),
                    (PostgreSql, "create policy own_rows on items using (owner = current_user);"),
                    (
                        Firebase,
                        "match /items/{id} {\n  allow read: if request.auth != null && resource.data.owner == request.auth.uid;\n}",
                    ),
                ],
                confidence: 70,
            },
            Remedy {
                id: "sign-in-first",
                title: "Send the request as a signed-in user",
                why: "Without a user's token the rules see a stranger.",
                priority: Medium,
                steps: &[
                    "Check that the request carries the user's token, and that it has not run out.",
                    "Wait for the sign-in to finish before the first request.",
                ],
                examples: &[],
                confidence: 45,
            },
        ],
    },
    Page {
        causes: &[Cause::CredentialsMissing],
        explanation: "The server asks for something that the connection does not have: a user, a password, a key, a certificate.",
        security: &[
            "Secrets are stored sealed and never shown again; enter them here rather than in an address that ends up in logs.",
        ],
        remedies: &[Remedy {
            id: "add-credential",
            title: "Add what is missing",
            why: "The message names it.",
            priority: High,
            steps: &[
                "Read in the message what is missing.",
                "Enter it in the connection's form and save.",
                "In an application, see whether the environment variable is set where it runs.",
            ],
            examples: &[
                (PostgreSql, "PGPASSWORD=… psql -h db.example.com -U app app"),
                (MySql, "mariadb --host=db.example.com --user=app -p"),
                (Supabase, "createClient(process.env.SUPABASE_URL, process.env.SUPABASE_ANON_KEY)"),
                (Firebase, "GOOGLE_APPLICATION_CREDENTIALS=/run/secrets/service-account.json"),
            ],
            confidence: 85,
        }],
    },
    Page {
        causes: &[Cause::PoolerTenantNotFound],
        explanation: "A shared pooler serves many projects and finds the right one by the user's name or the TLS server name. It could do so by neither, or the project is in another region or gone.",
        security: &[],
        remedies: &[
            Remedy {
                id: "write-tenant-in-user",
                title: "Write the project into the user",
                why: "The pooler reads it from there: user.project.",
                priority: High,
                steps: &[
                    "Set the user to postgres.<project-ref>; the reference is the first part of the project's URL.",
                    "Use the pooler's host of the project's own region, as the dashboard shows it.",
                    "Test again.",
                ],
                examples: &[
                    (
                        Supabase,
                        "postgresql://postgres.<project-ref>:•••@aws-0-<region>.pooler.supabase.com:6543/postgres",
                    ),
                    (
                        PostgreSql,
                        "postgresql://postgres.<project-ref>:•••@aws-0-<region>.pooler.supabase.com:6543/postgres",
                    ),
                ],
                confidence: 85,
            },
            Remedy {
                id: "check-project-is-there",
                title: "See whether the project is paused or removed",
                why: "The pooler forgets projects that do not run.",
                priority: Medium,
                steps: &["Open the project in the dashboard.", "Resume it if it is paused, and wait some minutes."],
                examples: &[],
                confidence: 40,
            },
        ],
    },
    Page {
        causes: &[Cause::TokenExpired],
        explanation: "A short-lived token was used after its time. Clients renew it by themselves; one that was stored or sent by hand does not.",
        security: &["Do not make tokens live longer to get round it; renew them."],
        remedies: &[Remedy {
            id: "renew-token",
            title: "Get a new token",
            why: "The old one cannot be used again.",
            priority: High,
            steps: &[
                "Sign in again, or let the client renew the session.",
                "For service accounts, let the library fetch a token for each hour.",
                "If fresh tokens are refused too, check the clocks.",
            ],
            examples: &[
                (Supabase, "const { data } = await supabase.auth.refreshSession()"),
                (Firebase, "await user.getIdToken(true)"),
                (PostgreSql, "aws rds generate-db-auth-token …   # valid for 15 minutes"),
            ],
            confidence: 80,
        }],
    },
    Page {
        causes: &[Cause::TokenInvalid],
        explanation: "The token cannot be used at all: it is cut off, revoked, signed with another key, or made for another project or audience.",
        security: &["A token that was signed with an unknown key may be forged; do not weaken the check."],
        remedies: &[Remedy {
            id: "get-right-token",
            title: "Get a token for this project",
            why: "Nothing can be repaired in a token.",
            priority: High,
            steps: &[
                "Check project, issuer and audience in the token's payload.",
                "Copy the key again from the dashboard of this very project.",
                "After keys were rotated, sign in again.",
            ],
            examples: &[
                (Supabase, "node -p \"JSON.parse(atob(process.env.KEY.split('.')[1])).ref\""),
                (Firebase, "gcloud auth application-default login"),
            ],
            confidence: 75,
        }],
    },
    Page {
        causes: &[Cause::ClockSkew],
        explanation: "Signed requests and tokens hold the time. The other side takes them as too old or not yet valid, because one of the two clocks is wrong.",
        security: &[],
        remedies: &[Remedy {
            id: "set-clock",
            title: "Set this machine's clock by NTP",
            why: "The providers' clocks are right.",
            priority: High,
            steps: &[
                "Compare the machine's UTC time with a good clock.",
                "Turn on NTP and see that it is in step.",
                "After a virtual machine slept, restart its time service.",
            ],
            examples: &[
                (Firebase, "timedatectl set-ntp true && timedatectl"),
                (Supabase, "timedatectl set-ntp true && timedatectl"),
                (MongoDb, "chronyc tracking"),
            ],
            confidence: 85,
        }],
    },
    Page {
        causes: &[Cause::InvalidApiKey],
        explanation: "The API key was refused: it is cut off, revoked, of another project, or restricted to other callers.",
        security: &[
            "Keys that were published (in a repository, in a page) should be rotated, not only hidden.",
            "Use the anon or publishable key where it is enough; the service-role key passes by all rules.",
        ],
        remedies: &[Remedy {
            id: "copy-key-again",
            title: "Copy the key again from this project's dashboard",
            why: "Keys change when they are rotated, and each project has its own.",
            priority: High,
            steps: &[
                "Check that URL and key are of the same project.",
                "Copy the key whole, without blanks or line breaks.",
                "Look at the key's restrictions (referrers, addresses, APIs).",
            ],
            examples: &[
                (Supabase, "curl -H \"apikey: $SUPABASE_ANON_KEY\" https://<project-ref>.supabase.co/rest/v1/"),
                (Firebase, "gcloud services api-keys list --project <project-id>"),
            ],
            confidence: 80,
        }],
    },
    Page {
        causes: &[Cause::InvalidServiceAccount],
        explanation: "The service account's JSON, or the private key in it, cannot be used: it is incomplete, its line breaks were lost, or the key was deleted.",
        security: &[
            "A service-account key gives all that the account may do. Keep it in a secret store, and delete keys that are no longer used.",
        ],
        remedies: &[Remedy {
            id: "new-service-account-key",
            title: "Make a new key and paste the whole JSON",
            why: "Most of them were damaged on the way through an environment variable.",
            priority: High,
            steps: &[
                "In the Google Cloud console, make a new JSON key for the service account.",
                "Paste the file's whole content, from { to }.",
                "In environment variables keep \\n as two characters, and turn it into line breaks in the code.",
                "Delete the old key.",
            ],
            examples: &[(Firebase, "privateKey: process.env.FIREBASE_PRIVATE_KEY.replace(/\\\\n/g, '\\n')")],
            confidence: 80,
        }],
    },
    Page {
        causes: &[Cause::QuotaExceeded],
        explanation: "A limit of the plan, the account or the user is used up for now. The server is well and answers again when the window is over.",
        security: &[],
        remedies: &[
            Remedy {
                id: "wait-for-window",
                title: "Wait for the window to pass, and ask less often",
                why: "Limits count by minute, hour or day.",
                priority: High,
                steps: &[
                    "See in the message which limit it is.",
                    "Look at what uses it up: retries in a loop, listeners, a job.",
                    "Space the requests out.",
                ],
                examples: &[
                    (MySql, "show grants for 'app'@'%';  -- max_queries_per_hour"),
                    (Firebase, "# Console: Usage and billing"),
                ],
                confidence: 55,
            },
            Remedy {
                id: "raise-limit",
                title: "Raise the limit",
                why: "If the use is meant, the plan is too small.",
                priority: Low,
                steps: &["Raise the user's limit, or choose a larger plan."],
                examples: &[(MySql, "alter user 'app'@'%' with max_queries_per_hour 0;")],
                confidence: 45,
            },
        ],
    },
];
