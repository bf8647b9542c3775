//! The settings themselves: addresses that cannot be read, options that cannot be used, and what nobody knows.

use super::{Page, Remedy};
use crate::{
    connections::Provider::{Firebase, MongoDb, MySql, PostgreSql, Supabase},
    diagnosis::Priority::{High, Medium},
    probe::Cause,
};

pub(super) const PAGES: &[Page] = &[
    Page {
        causes: &[Cause::InvalidConnectionString],
        explanation: "The address or one of the settings cannot be used as it is written, so nothing was sent. In addresses it is most often a special character in the password that was not percent-encoded.",
        security: &["An address that cannot be parsed may show its password in error messages; change it if it did."],
        remedies: &[
            Remedy {
                id: "enter-as-fields",
                title: "Enter the settings as fields",
                why: "Fields need no encoding: host, port, user and password are taken as they are.",
                priority: High,
                steps: &[
                    "Put host, port, database, user and password into their own fields.",
                    "The host is a name or an address alone: no scheme, no path, no port.",
                    "Save and test again.",
                ],
                examples: &[
                    (PostgreSql, "host=db.example.com port=5432 user=app dbname=app"),
                    (MySql, "--host=db.example.com --port=3306 --user=app --database=app"),
                ],
                confidence: 70,
            },
            Remedy {
                id: "percent-encode",
                title: "Percent-encode special characters in the address",
                why: "@ : / ? # % and blanks have a meaning of their own there.",
                priority: Medium,
                steps: &[
                    "Encode user and password: @ is %40, : is %3A, / is %2F, ? is %3F, # is %23, % is %25.",
                    "Use the right scheme: postgresql://, mysql://, mongodb://, https:// for Supabase.",
                ],
                examples: &[
                    (PostgreSql, "postgresql://app:p%40ss%2Fword@db.example.com:5432/app"),
                    (MySql, "mysql://app:p%40ss%2Fword@db.example.com:3306/app"),
                    (MongoDb, "mongodb://app:p%40ss%2Fword@db.example.com:27017/app"),
                    (Supabase, "https://<project-ref>.supabase.co"),
                    (Firebase, "https://<project-id>-default-rtdb.firebaseio.com"),
                ],
                confidence: 65,
            },
        ],
    },
    Page {
        causes: &[Cause::DriverMisconfigured],
        explanation: "An option of the connection or of the client library cannot be used: a file that is not there, a certificate that is none, two options that contradict each other.",
        security: &[
            "`allowPublicKeyRetrieval=true` and its like let a machine in between pose as the server. TLS cures the same.",
        ],
        remedies: &[Remedy {
            id: "correct-option",
            title: "Correct the option that is named",
            why: "The message says which.",
            priority: High,
            steps: &[
                "Read in the message which option it is.",
                "Paste certificates and keys as PEM text, whole, from BEGIN to END.",
                "Remove options of other drivers.",
                "Test again.",
            ],
            examples: &[
                (PostgreSql, "openssl x509 -in ca.pem -noout -subject -dates"),
                (MySql, "jdbc:mysql://db.example.com/app?sslMode=VERIFY_IDENTITY"),
                (MongoDb, "mongodb://db.example.com/app?directConnection=true"),
            ],
            confidence: 70,
        }],
    },
    Page {
        causes: &[Cause::Unknown],
        explanation: "The message fits none of the causes that are known, and none is guessed. The evidence, where there is some, shows how far the connection got.",
        security: &["Before you post the message anywhere, take hosts, users and passwords out of it."],
        remedies: &[Remedy {
            id: "gather-evidence",
            title: "Gather more evidence",
            why: "Where the connection stops tells more than its message.",
            priority: High,
            steps: &[
                "Run a staged check of the connection.",
                "Look at the server's log for the same moment.",
                "Try from another machine, to see whether it is this one.",
                "Search the provider's documentation for the code in the message.",
            ],
            examples: &[
                (PostgreSql, "mooring diagnose - <<< 'postgresql://app:•••@db.example.com:5432/app'"),
                (MySql, "mooring diagnose - <<< 'mysql://app:•••@db.example.com:3306/app'"),
            ],
            confidence: 30,
        }],
    },
];
