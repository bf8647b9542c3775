//! Nothing was reached: names, routes, ports, silence, something else that answers.

use super::{Page, Remedy};
use crate::{
    connections::Provider::{Firebase, MongoDb, MySql, PostgreSql, Supabase},
    diagnosis::Priority::{High, Low, Medium},
    probe::Cause,
};

/// A timeout behind TCP: packets arrive, so that no firewall drops them.
pub(super) const SILENCE: Page = Page {
    causes: &[Cause::ConnectTimeout],
    explanation: "The TCP connection was made, so no firewall stands in between; but what listens there did not say what a database says at this point. It is stuck or overloaded, it waits for something else, or it is no such database.",
    security: &[],
    remedies: &[
        Remedy {
            id: "see-what-listens",
            title: "See what listens at that port",
            why: "A web server, a cache or another kind of database waits silently for words of its own.",
            priority: High,
            steps: &[
                "Compare host and port with what the server or the provider's dashboard says.",
                "On the server, look which program has the port.",
                "If it is another kind of database, choose that kind in the connection.",
            ],
            examples: &[
                (PostgreSql, "ss -ltnp 'sport = :5432'"),
                (MySql, "ss -ltnp 'sport = :3306'"),
                (MongoDb, "ss -ltnp 'sport = :27017'"),
            ],
            confidence: 55,
        },
        Remedy {
            id: "look-at-server-load",
            title: "Look whether the server is stuck",
            why: "A server without memory, disk or threads left still accepts connections: the kernel does that for it.",
            priority: High,
            steps: &[
                "Look at its load, memory and disk, and at the end of its log.",
                "If a proxy or pooler stands before it, look whether that reaches the database.",
                "Restart it only once the log says why it hangs.",
            ],
            examples: &[
                (PostgreSql, "journalctl -u postgresql --since '-5 min'"),
                (MySql, "journalctl -u mariadb --since '-5 min'"),
                (MongoDb, "journalctl -u mongod --since '-5 min'"),
            ],
            confidence: 50,
        },
        Remedy {
            id: "allow-more-time",
            title: "Allow more time for connecting",
            why: "Databases that sleep may need longer than the limit to wake up.",
            priority: Low,
            steps: &[
                "Set the connect timeout to 15,000 ms.",
                "If it connects then, keep it, and look for what takes so long.",
            ],
            examples: &[],
            confidence: 25,
        },
    ],
};

pub(super) const PAGES: &[Page] = &[
    Page {
        causes: &[Cause::DnsNotFound],
        explanation: "The name of the host has no address. Nothing was sent to any server yet, so user, password and database do not matter at this point.",
        security: &[
            "Do not replace the name by an address that somebody sends you: TLS can then no longer tell whether the right server answers.",
        ],
        remedies: &[
            Remedy {
                id: "correct-host",
                title: "Correct the host name",
                why: "Most names that do not resolve are misspelt, hold the whole address, or belong to a server that was removed.",
                priority: High,
                steps: &[
                    "Copy the host again from the provider's dashboard or from whoever runs the server.",
                    "Look for a scheme (https://), a port, a path or blanks in it; none of them belongs into the host.",
                    "Save and test again.",
                ],
                examples: &[
                    (PostgreSql, "getent hosts db.example.com"),
                    (MySql, "getent hosts db.example.com"),
                    (MongoDb, "getent hosts db.example.com"),
                    (Supabase, "getent hosts <project-ref>.supabase.co"),
                    (Firebase, "getent hosts firestore.googleapis.com"),
                ],
                confidence: 80,
            },
            Remedy {
                id: "check-resolver",
                title: "Check the resolver of this machine",
                why: "Names of private networks are only known to the resolver of that network, a VPN or a container's own network.",
                priority: Medium,
                steps: &[
                    "Resolve the name on the machine that Mooring runs on, not on your own.",
                    "Connect the VPN, or join the container to the network that knows the name.",
                    "If every name fails, repair the machine's resolver.",
                ],
                examples: &[(PostgreSql, "resolvectl query db.internal"), (MySql, "resolvectl query db.internal")],
                confidence: 40,
            },
        ],
    },
    Page {
        causes: &[Cause::SrvLookupFailed],
        explanation: "An address that starts with mongodb+srv:// is looked up twice: first a service record with the names of the servers, then their addresses. The first did not come.",
        security: &[],
        remedies: &[
            Remedy {
                id: "use-seed-list",
                title: "Use the seed-list form of the address",
                why: "It names the servers itself, so no service record is needed.",
                priority: High,
                steps: &[
                    "In Atlas choose Connect, Drivers, and an old driver version: it shows the mongodb:// form.",
                    "Paste it in place of the mongodb+srv:// address.",
                    "Keep TLS on: with +srv it was implied.",
                ],
                examples: &[(
                    MongoDb,
                    "mongodb://app:•••@a.example.net:27017,b.example.net:27017/app?replicaSet=rs0&tls=true",
                )],
                confidence: 75,
            },
            Remedy {
                id: "correct-cluster-name",
                title: "Correct the name of the cluster",
                why: "A cluster that was deleted or renamed has no service record either.",
                priority: Medium,
                steps: &[
                    "Copy the address again from the provider's dashboard.",
                    "Leave the port out: +srv addresses have none.",
                ],
                examples: &[(MongoDb, "dig +short SRV _mongodb._tcp.cluster0.example.mongodb.net")],
                confidence: 55,
            },
        ],
    },
    Page {
        causes: &[Cause::ConnectionRefused],
        explanation: "The machine answered and said that nothing listens at that port. The network works; the server is not running, listens elsewhere, or only for its own machine.",
        security: &[
            "When you let a server listen beyond its own machine, allow only the addresses that need it, and TLS.",
        ],
        remedies: &[
            Remedy {
                id: "start-server",
                title: "Start the server, and look at which address it listens",
                why: "A server that is stopped, or that listens on localhost only, refuses everyone else.",
                priority: High,
                steps: &[
                    "On the server's machine, see whether it runs and where it listens.",
                    "Start it if it does not run.",
                    "If it listens on 127.0.0.1 only, let it listen on the network's address too (listen_addresses, bind-address, bindIp) and restart it.",
                ],
                examples: &[
                    (PostgreSql, "ss -ltnp | grep postgres\n# postgresql.conf: listen_addresses = '10.0.0.5'"),
                    (MySql, "ss -ltnp | grep -E 'mysqld|mariadbd'\n# my.cnf: bind-address = 10.0.0.5"),
                    (MongoDb, "ss -ltnp | grep mongod\n# mongod.conf: net.bindIp: 10.0.0.5"),
                ],
                confidence: 70,
            },
            Remedy {
                id: "correct-port",
                title: "Correct host and port",
                why: "Poolers, containers and hosted databases often use another port than the usual one.",
                priority: Medium,
                steps: &[
                    "Compare host and port with what the server or the provider's dashboard says.",
                    "In containers, localhost is the container itself: use the name of the database's service.",
                    "For a published container port, use the port on the outside.",
                ],
                examples: &[
                    (PostgreSql, "psql 'host=db.example.com port=5432 user=app dbname=app'"),
                    (MySql, "mariadb --host=db.example.com --port=3306 --user=app -p app"),
                    (MongoDb, "mongosh 'mongodb://db.example.com:27017/'"),
                ],
                confidence: 60,
            },
        ],
    },
    Page {
        causes: &[Cause::HostUnreachable],
        explanation: "No route leads from this machine to that address: the network is down, the VPN is off, or a router on the way has nowhere to send the packets.",
        security: &[],
        remedies: &[Remedy {
            id: "restore-route",
            title: "Restore the way to the host",
            why: "The packets never arrive, so nothing can be cured in the connection's settings.",
            priority: High,
            steps: &[
                "Look whether the machine that Mooring runs on reaches anything else.",
                "Connect the VPN or the private network that the host is in.",
                "Check routing tables, peering and security groups on both sides.",
            ],
            examples: &[
                (PostgreSql, "ip route get 10.0.0.5"),
                (MySql, "ip route get 10.0.0.5"),
                (MongoDb, "ip route get 10.0.0.5"),
            ],
            confidence: 70,
        }],
    },
    Page {
        causes: &[Cause::Ipv6Unreachable],
        explanation: "The host has only IPv6 addresses, and this machine has no way into the IPv6 internet. The server itself may be well.",
        security: &[],
        remedies: &[
            Remedy {
                id: "use-ipv4-host",
                title: "Use a host that has an IPv4 address",
                why: "Providers whose databases are IPv6-only offer a pooler with IPv4, or IPv4 as an extra.",
                priority: High,
                steps: &[
                    "In the provider's dashboard, look for the pooler's address (Supabase: Connect, Session pooler).",
                    "Use its host, port and user; the user often carries the project: postgres.<project-ref>.",
                    "Or book the provider's IPv4 address for the direct host.",
                ],
                examples: &[
                    (
                        Supabase,
                        "postgresql://postgres.<project-ref>:•••@aws-0-<region>.pooler.supabase.com:5432/postgres",
                    ),
                    (
                        PostgreSql,
                        "postgresql://postgres.<project-ref>:•••@aws-0-<region>.pooler.supabase.com:5432/postgres",
                    ),
                ],
                confidence: 85,
            },
            Remedy {
                id: "enable-ipv6",
                title: "Give this machine IPv6",
                why: "Then the direct host works as it is.",
                priority: Low,
                steps: &[
                    "Ask the hoster of the machine for an IPv6 address and a default route.",
                    "In Docker, enable IPv6 for the network that Mooring runs in.",
                ],
                examples: &[(PostgreSql, "ip -6 route show default")],
                confidence: 40,
            },
        ],
    },
    Page {
        causes: &[Cause::ConnectTimeout],
        explanation: "The packets went out and nothing came back, not even a refusal. That is how firewalls and IP allow-lists keep people out; a machine that is off or overloaded looks the same.",
        security: &["Allow the one address that Mooring connects from, not the whole internet (0.0.0.0/0)."],
        remedies: &[
            Remedy {
                id: "allow-in-firewall",
                title: "Let this machine through the firewall",
                why: "Security groups and allow-lists drop packets without a word.",
                priority: High,
                steps: &[
                    "Find the address that Mooring's machine connects from.",
                    "Add it to the allow-list: security group, firewall rule, Atlas IP access list, Cloud SQL authorised networks.",
                    "Wait a minute and test again.",
                ],
                examples: &[
                    (PostgreSql, "nc -vz -w 5 db.example.com 5432"),
                    (MySql, "nc -vz -w 5 db.example.com 3306"),
                    (MongoDb, "nc -vz -w 5 db.example.com 27017"),
                ],
                confidence: 70,
            },
            Remedy {
                id: "check-host-and-port",
                title: "Check that the host is the right one and is up",
                why: "A public address of a private database, or a machine that is off, is silent as well.",
                priority: Medium,
                steps: &[
                    "Look in the provider's dashboard whether the database runs.",
                    "Compare host and port with what is shown there.",
                    "Inside the same cloud network, use the private host name.",
                ],
                examples: &[],
                confidence: 45,
            },
            Remedy {
                id: "allow-more-time",
                title: "Allow more time for connecting",
                why: "Databases that sleep may need longer than the limit to wake up.",
                priority: Low,
                steps: &[
                    "Set the connect timeout to 15,000 ms.",
                    "If it connects then, keep it, and look for what takes so long.",
                ],
                examples: &[],
                confidence: 20,
            },
        ],
    },
    Page {
        causes: &[Cause::Unreachable],
        explanation: "The server could not be reached, and the message does not say how it failed: by name, by route, by refusal or by silence. A staged check tells them apart.",
        security: &[],
        remedies: &[Remedy {
            id: "check-step-by-step",
            title: "Find out where it stops",
            why: "Each step has another cure.",
            priority: High,
            steps: &[
                "Run a staged check of the connection: it shows name, addresses, TCP, protocol, TLS and login apart.",
                "Or try by hand from the same machine: first the name, then the port.",
                "Then follow the cure of the step that fails.",
            ],
            examples: &[
                (PostgreSql, "mooring diagnose - <<< 'postgresql://app:•••@db.example.com:5432/app'"),
                (MySql, "mooring diagnose - <<< 'mysql://app:•••@db.example.com:3306/app'"),
                (MongoDb, "getent hosts db.example.com && nc -vz -w 5 db.example.com 27017"),
                (Supabase, "curl -sS https://<project-ref>.supabase.co/auth/v1/health"),
                (Firebase, "curl -sS https://firestore.googleapis.com/"),
            ],
            confidence: 60,
        }],
    },
    Page {
        causes: &[Cause::ConnectionReset],
        explanation: "The connection was made and then cut before an answer came. A server that crashes or restarts does that; so do firewalls and proxies that do not like what they see, and servers that expected another protocol.",
        security: &[],
        remedies: &[
            Remedy {
                id: "look-at-server-log",
                title: "Look at the server's log for that moment",
                why: "Whoever cut the connection usually says why.",
                priority: High,
                steps: &[
                    "Test again and note the time.",
                    "Look at the server's log, then at that of any proxy or load balancer before it.",
                    "If nothing is there, the connection never arrived: look at what stands in between.",
                ],
                examples: &[
                    (PostgreSql, "journalctl -u postgresql --since '-5 min'"),
                    (MySql, "journalctl -u mariadb --since '-5 min'"),
                    (MongoDb, "journalctl -u mongod --since '-5 min'"),
                ],
                confidence: 60,
            },
            Remedy {
                id: "match-tls-to-port",
                title: "Check port and TLS against what the server expects",
                why: "A port that wants TLS from the first byte cuts clear text off, and the other way round.",
                priority: Medium,
                steps: &[
                    "Compare port and TLS with the provider's instructions.",
                    "Try TLS require if it is off.",
                    "Go around the proxy or pooler once, to see whether it is the one.",
                ],
                examples: &[],
                confidence: 45,
            },
        ],
    },
    Page {
        causes: &[Cause::IdleConnectionClosed],
        explanation: "A connection that had worked was closed while nothing was sent over it, and the client noticed only when it wanted to use it. The server is most likely well.",
        security: &[],
        remedies: &[
            Remedy {
                id: "retire-idle-connections",
                title: "Give idle connections up sooner than the server does",
                why: "A pool that replaces connections in time never meets a closed one.",
                priority: High,
                steps: &[
                    "Look up the server's limit (wait_timeout, idle_session_timeout) and that of firewalls and load balancers in between, often 350 s.",
                    "Set the pool's idle time and lifetime below the shortest of them.",
                    "Let the pool test a connection before it hands it out.",
                ],
                examples: &[
                    (PostgreSql, "show idle_session_timeout;  -- pool: idleTimeoutMillis 60000, maxLifetime 30 min"),
                    (MySql, "show variables like 'wait_timeout';  -- pool: maxLifetime below it"),
                    (MongoDb, "mongodb://…/?maxIdleTimeMS=60000"),
                ],
                confidence: 75,
            },
            Remedy {
                id: "turn-on-keepalive",
                title: "Turn on TCP keep-alive",
                why: "Then nothing in between takes the connection for dead.",
                priority: Medium,
                steps: &["Turn keep-alive on in the client, with the first after 60 s."],
                examples: &[(PostgreSql, "keepalives=1 keepalives_idle=60"), (MySql, "tcpKeepAlive=true")],
                confidence: 50,
            },
        ],
    },
    Page {
        causes: &[Cause::WrongProtocol],
        explanation: "Something listens at that port, and it is not a database of this kind: a web server, another database, a proxy, or a port that speaks TLS only.",
        security: &["No login was sent to it: what answers was not the database."],
        remedies: &[
            Remedy {
                id: "correct-port-or-provider",
                title: "Correct the port or the kind of database",
                why: "The usual ports are 5432 for PostgreSQL, 3306 for MySQL and MariaDB, 27017 for MongoDB; 443 and 80 speak HTTP.",
                priority: High,
                steps: &[
                    "See in the evidence what answered.",
                    "If it is another kind of database, choose that kind in the connection.",
                    "If it is a web server or an API, use the database's own host and port.",
                ],
                examples: &[
                    (PostgreSql, "host=db.example.com port=5432"),
                    (MySql, "host=db.example.com port=3306"),
                    (MongoDb, "mongodb://db.example.com:27017/"),
                ],
                confidence: 80,
            },
            Remedy {
                id: "check-proxy",
                title: "Look at the proxy or tunnel in between",
                why: "A tunnel that ends at the wrong service, or a proxy that wants its own header, garbles the first bytes.",
                priority: Low,
                steps: &[
                    "See what the tunnel or proxy forwards that port to.",
                    "Turn the PROXY protocol off on one side or on on both.",
                ],
                examples: &[],
                confidence: 30,
            },
        ],
    },
];
