//! Hosted projects: paused, gone, switched off.

use super::{Page, Remedy};
use crate::{
    connections::Provider::{Firebase, MongoDb, PostgreSql, Supabase},
    diagnosis::Priority::{High, Low, Medium},
    probe::Cause,
};

pub(super) const PAGES: &[Page] = &[
    Page {
        causes: &[Cause::ServicePaused],
        explanation: "The provider has paused the project or cluster, usually because nobody used it for a while on a free plan. The data is kept for now.",
        security: &[],
        remedies: &[Remedy {
            id: "resume-project",
            title: "Resume it in the provider's dashboard",
            why: "Nobody else can.",
            priority: High,
            steps: &[
                "Open the project in the dashboard and resume it.",
                "Wait some minutes until it runs, then test again.",
                "For a project that must not sleep, choose a plan that does not pause.",
            ],
            examples: &[
                (Supabase, "# https://supabase.com/dashboard/project/<project-ref>: Restore project"),
                (MongoDb, "atlas clusters start <name>"),
                (PostgreSql, "# The provider's dashboard: Resume"),
            ],
            confidence: 90,
        }],
    },
    Page {
        causes: &[Cause::ProjectNotFound],
        explanation: "The provider knows no project under this id or address. It was misspelt, belongs to another account or region, or was deleted.",
        security: &[
            "Somebody else can take the name of a deleted project. Remove secrets from connections that point to one.",
        ],
        remedies: &[Remedy {
            id: "correct-project",
            title: "Correct the project's id or URL",
            why: "Copying it again rules out everything but a deleted project.",
            priority: High,
            steps: &[
                "Copy id or URL from the project's settings.",
                "Mind the difference between a project's name and its id.",
                "If it is not in the list, it was deleted, or you are signed in to another account.",
            ],
            examples: &[
                (Supabase, "https://<project-ref>.supabase.co"),
                (Firebase, "gcloud projects list"),
                (MongoDb, "atlas clusters list"),
            ],
            confidence: 80,
        }],
    },
    Page {
        causes: &[Cause::ApiNotEnabled],
        explanation: "The project is there, but this API of it is switched off, or its database is of another kind: Firestore in Datastore mode, no Realtime Database.",
        security: &["Enable only the APIs that are used."],
        remedies: &[
            Remedy {
                id: "enable-api",
                title: "Turn the API on",
                why: "New projects have it off.",
                priority: High,
                steps: &[
                    "Open the link in the message, or the API library of the project.",
                    "Enable the API and wait some minutes.",
                    "For Firestore, create the database too.",
                ],
                examples: &[
                    (Firebase, "gcloud services enable firestore.googleapis.com --project <project-id>"),
                    (Supabase, "# Dashboard: Settings, API, Enable Data API"),
                ],
                confidence: 80,
            },
            Remedy {
                id: "use-other-mode",
                title: "Use the client that fits the database's mode",
                why: "A database in Datastore mode does not answer Firestore's clients.",
                priority: Low,
                steps: &[
                    "Look up the mode in the console.",
                    "Use the Datastore client, or create a second database in native mode.",
                ],
                examples: &[(Firebase, "gcloud firestore databases describe --project <project-id>")],
                confidence: 30,
            },
        ],
    },
    Page {
        causes: &[Cause::DriverServerIncompatible],
        explanation: "Client library and server are too far apart in age: one wants a version of the protocol that the other no longer or not yet speaks.",
        security: &[],
        remedies: &[
            Remedy {
                id: "update-driver",
                title: "Bring the client library up to date",
                why: "It is nearly always the older one.",
                priority: High,
                steps: &[
                    "Compare the versions with the provider's table of compatibility.",
                    "Update the driver and build the application anew.",
                    "For hosts that need the server name in TLS (Neon), use a library that sends it, or write the endpoint into the options.",
                ],
                examples: &[
                    (MongoDb, "npm install mongodb@latest"),
                    (PostgreSql, "postgresql://app:•••@ep-….neon.tech/app?options=endpoint%3D<endpoint-id>"),
                ],
                confidence: 70,
            },
            Remedy {
                id: "update-server",
                title: "Bring the server up to date",
                why: "Versions without support get no security fixes either.",
                priority: Medium,
                steps: &["Plan the update to a version that is supported, with a backup before it."],
                examples: &[(MongoDb, "db.version()"), (PostgreSql, "select version();")],
                confidence: 45,
            },
        ],
    },
];
