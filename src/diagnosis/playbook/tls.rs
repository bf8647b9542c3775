//! TLS: insisted on, missing, not trusted.

use super::{Page, Remedy};
use crate::{
    connections::Provider::{MongoDb, MySql, PostgreSql, Supabase},
    diagnosis::Priority::{High, Low, Medium},
    probe::Cause,
};

pub(super) const PAGES: &[Page] = &[
    Page {
        causes: &[Cause::TlsRequired],
        explanation: "The server takes encrypted connections only, and this one was not. Host, port and most likely user and password are right.",
        security: &["TLS require encrypts, but does not prove who answers. verify-full does both."],
        remedies: &[Remedy {
            id: "turn-on-tls",
            title: "Turn TLS on",
            why: "The server says that this is what it misses.",
            priority: High,
            steps: &[
                "Set TLS to verify-full and add the provider's CA certificate if it has its own.",
                "If that fails because of the certificate, use require meanwhile and get the right CA certificate.",
                "Test again.",
            ],
            examples: &[
                (PostgreSql, "postgresql://app:•••@db.example.com:5432/app?sslmode=verify-full"),
                (MySql, "mysql://app:•••@db.example.com:3306/app?ssl-mode=VERIFY_IDENTITY"),
                (MongoDb, "mongodb://app:•••@db.example.com:27017/app?tls=true"),
            ],
            confidence: 90,
        }],
    },
    Page {
        causes: &[Cause::TlsNotSupported],
        explanation: "The settings insist on TLS, and the server offers none at that port. Nothing was sent but the question.",
        security: &[
            "Without TLS, anyone on the way can read and change everything, the login included. Turn it off only on the same machine or a network that you trust whole.",
        ],
        remedies: &[
            Remedy {
                id: "enable-tls-on-server",
                title: "Turn TLS on at the server",
                why: "It is the cure that keeps the connection safe.",
                priority: High,
                steps: &[
                    "Give the server a certificate for the name that clients use, and its key.",
                    "Turn TLS on in its configuration and restart it.",
                    "Test again with verify-full.",
                ],
                examples: &[
                    (
                        PostgreSql,
                        "# postgresql.conf\nssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'",
                    ),
                    (MySql, "# my.cnf\n[mysqld]\nssl-cert = /etc/mysql/server.crt\nssl-key  = /etc/mysql/server.key"),
                    (
                        MongoDb,
                        "# mongod.conf\nnet:\n  tls:\n    mode: requireTLS\n    certificateKeyFile: /etc/mongod.pem",
                    ),
                ],
                confidence: 65,
            },
            Remedy {
                id: "check-pooler-tls",
                title: "See whether a pooler or tunnel in between lacks it",
                why: "A pooler has certificates of its own, apart from the server's.",
                priority: Medium,
                steps: &[
                    "Look what listens at that port.",
                    "Turn TLS on for clients there (PgBouncer: client_tls_sslmode).",
                ],
                examples: &[(PostgreSql, "; pgbouncer.ini\nclient_tls_sslmode = require")],
                confidence: 35,
            },
        ],
    },
    Page {
        causes: &[Cause::TlsCertUntrusted],
        explanation: "The server showed a certificate that nobody trusted here has issued: it signed it itself, or its authority is a private one. The connection was ended before the login.",
        security: &[
            "Get the CA certificate from the provider or from whoever runs the server, over another way than this connection.",
            "A certificate that is pinned as the server offered it proves only that the same server answers next time.",
        ],
        remedies: &[
            Remedy {
                id: "add-ca-certificate",
                title: "Add the certificate of the issuer",
                why: "Hosted databases have certificates from their provider's own authority; with it they verify.",
                priority: High,
                steps: &[
                    "Download the CA certificate (PEM) from the provider's dashboard, or copy it from the server's machine.",
                    "Paste it into the connection's CA certificate.",
                    "Keep TLS at verify-full and test again.",
                ],
                examples: &[
                    (PostgreSql, "sslmode=verify-full sslrootcert=provider-ca.pem"),
                    (MySql, "--ssl-mode=VERIFY_IDENTITY --ssl-ca=provider-ca.pem"),
                    (MongoDb, "mongosh --tls --tlsCAFile provider-ca.pem 'mongodb://db.example.com/'"),
                    (Supabase, "# Dashboard: Settings, Database, SSL configuration: download the certificate"),
                ],
                confidence: 80,
            },
            Remedy {
                id: "send-whole-chain",
                title: "Let the server send its whole chain",
                why: "A server that sends only its own certificate leaves out the one in the middle.",
                priority: Medium,
                steps: &[
                    "Look at the chain in the evidence: does the last one's issuer exist here?",
                    "Put the server's certificate first and the intermediate ones behind it in one file.",
                    "Reload the server.",
                ],
                examples: &[
                    (PostgreSql, "openssl s_client -starttls postgres -connect db.example.com:5432 -showcerts"),
                    (MySql, "openssl s_client -starttls mysql -connect db.example.com:3306 -showcerts"),
                    (MongoDb, "openssl s_client -connect db.example.com:27017 -showcerts"),
                ],
                confidence: 40,
            },
        ],
    },
    Page {
        causes: &[Cause::TlsCertExpired],
        explanation: "Today is not within the dates of the server's certificate. Either it was not renewed, or one of the clocks is wrong.",
        security: &[
            "Do not turn verification off to get past it: an expired certificate is what an attacker with an old key would show too.",
        ],
        remedies: &[
            Remedy {
                id: "renew-certificate",
                title: "Renew the server's certificate",
                why: "Only the server's side can cure it.",
                priority: High,
                steps: &[
                    "See the dates in the evidence.",
                    "Renew the certificate and put it where the server reads it.",
                    "Reload the server, and see to it that renewal runs by itself.",
                ],
                examples: &[
                    (PostgreSql, "certbot renew && psql -c 'select pg_reload_conf()'"),
                    (MySql, "certbot renew && mariadb -e 'flush ssl'"),
                    (MongoDb, "db.adminCommand({ rotateCertificates: 1 })"),
                ],
                confidence: 85,
            },
            Remedy {
                id: "check-clock",
                title: "Check this machine's clock",
                why: "With a wrong date every certificate looks expired or not yet valid.",
                priority: Low,
                steps: &["Compare the machine's UTC time with a good clock.", "Turn on NTP."],
                examples: &[(PostgreSql, "timedatectl"), (MySql, "timedatectl")],
                confidence: 15,
            },
        ],
    },
    Page {
        causes: &[Cause::TlsHostnameMismatch],
        explanation: "The certificate is good, but for other names than the host that the connection uses. It may be the right server under another name, or a wrong one.",
        security: &[
            "verify-ca would accept it, and with it every other server of the same authority. On a shared provider that is no proof.",
        ],
        remedies: &[
            Remedy {
                id: "use-certified-name",
                title: "Use a host name that the certificate names",
                why: "The names are in the evidence.",
                priority: High,
                steps: &[
                    "Look at the certificate's names in the evidence.",
                    "If one of them is the server's public name, use it as the host.",
                    "Use the name rather than the IP address.",
                ],
                examples: &[
                    (PostgreSql, "host=db.example.com sslmode=verify-full"),
                    (MySql, "--host=db.example.com --ssl-mode=VERIFY_IDENTITY"),
                    (MongoDb, "mongodb://db.example.com:27017/?tls=true"),
                ],
                confidence: 70,
            },
            Remedy {
                id: "reissue-certificate",
                title: "Have the certificate issued for this name too",
                why: "A certificate may name several hosts and addresses.",
                priority: Medium,
                steps: &[
                    "Have a certificate made with the host in its subject alternative names.",
                    "Put it where the server reads it, and reload.",
                ],
                examples: &[(PostgreSql, "openssl req -addext 'subjectAltName=DNS:db.example.com,IP:10.0.0.5' …")],
                confidence: 50,
            },
        ],
    },
    Page {
        causes: &[Cause::TlsProtocolMismatch],
        explanation: "Client and server found no TLS version or cipher that both accept. Servers that know only TLS 1.0 or 1.1 are too old for a safe connection.",
        security: &["TLS 1.0 and 1.1 were withdrawn in 2021 (RFC 8996)."],
        remedies: &[
            Remedy {
                id: "enable-tls-1-2",
                title: "Let the server speak TLS 1.2 or newer",
                why: "Everything that is still maintained can.",
                priority: High,
                steps: &[
                    "Look at the server's limits for TLS versions and ciphers.",
                    "Remove an upper limit below TLS 1.2, or bring the server up to date.",
                    "Restart it and test again.",
                ],
                examples: &[
                    (
                        PostgreSql,
                        "# postgresql.conf\nssl_min_protocol_version = 'TLSv1.2'\nssl_max_protocol_version = ''",
                    ),
                    (MySql, "# my.cnf\ntls_version = TLSv1.2,TLSv1.3"),
                    (MongoDb, "# mongod.conf\nnet.tls.disabledProtocols: TLS1_0,TLS1_1"),
                ],
                confidence: 75,
            },
            Remedy {
                id: "check-port-speaks-tls",
                title: "Check that the port speaks TLS in this way",
                why: "\"wrong version number\" is also what a client says that meets clear text.",
                priority: Low,
                steps: &[
                    "Compare the port with the provider's instructions.",
                    "See in the evidence what speaks there.",
                ],
                examples: &[],
                confidence: 30,
            },
        ],
    },
];
