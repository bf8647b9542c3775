//! How things that identify someone look in a text: each rule is an expression, and what to do with what it found.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use regex::{Captures, Regex};

use super::{Kind, is_mark, words};

/// A value that a rule found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding<'t> {
    pub(super) kind: Kind,
    pub(super) value: &'t str,
}

/// What becomes of a match.
#[derive(Clone, Copy)]
enum Act {
    /// All of it is what it looks like.
    Whole(Kind),
    /// Its value is a name that the words before it give away.
    Named(Kind),
    /// Its value may be a name, unless it is an ordinary word.
    Beside(Kind),
    /// Its value may be anything, and is a name where it is made like one: in quotes, with a digit or a sign.
    Odd(Kind),
    /// It is looked at more closely.
    By(Judge),
}

/// Judges a match by itself and by what is behind it: the text in its place, none to leave it. Tells what it found.
type Judge = fn(&Captures<'_>, &str, &mut dyn FnMut(Finding<'_>)) -> Option<String>;

/// One rule.
pub(super) struct Rule {
    looks_like: Regex,
    act: Act,
}

impl Rule {
    /// `text` with every match replaced; what was found is told.
    pub(super) fn apply(&self, text: &str, found: &mut dyn FnMut(Finding<'_>)) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut done, mut from) = (0, 0);
        while let Some(captures) = self.looks_like.captures_at(text, from) {
            let Some(whole) = captures.get(0) else { break };
            let after = text.get(whole.end()..).unwrap_or_default();
            let instead = match self.act {
                Act::Whole(kind) => Some(kind.mark().to_string()),
                Act::Named(kind) => named(&captures, kind, found),
                Act::Beside(kind) => beside(&captures, kind, found),
                Act::Odd(kind) => odd(&captures, kind, found),
                Act::By(judge) => judge(&captures, after, found),
            };
            if let Some(instead) = instead {
                out.push_str(text.get(done..whole.start()).unwrap_or_default());
                out.push_str(&instead);
                done = whole.end();
                from = done;
            } else {
                // Behind what only announced a value, the value itself may announce another.
                from = captures.name("lead").filter(|lead| !lead.is_empty()).unwrap_or(whole).end();
            }
            if whole.is_empty() || from >= text.len() {
                break;
            }
        }
        out.push_str(text.get(done..).unwrap_or_default());
        out
    }
}

/// A value in quotes or up to the next blank; the groups `q…` are what is inside of quotes.
const VALUE: &str = r#"(?:"(?P<q1>[^"\n]*)"|'(?P<q2>[^'\n]*)'|`(?P<q3>[^`\n]*)`|“(?P<q4>[^”\n]*)”|(?P<bare>[^\s\x{e000}-\x{e00f}"'`“][^\s\x{e000}-\x{e00f}]*))"#;
/// A bare word that begins as names do, so that a version or a number is none.
const BARE: &str = r#"(?P<bare>[\p{L}_][^\s\x{e000}-\x{e00f}"'`“(]*)"#;
/// The same as [`VALUE`] in quotes only.
const QUOTED: &str = r#"(?:"(?P<q1>[^"\n]*)"|'(?P<q2>[^'\n]*)'|`(?P<q3>[^`\n]*)`|“(?P<q4>[^”\n]*)”|«(?P<q5>[^»\n]*)»)"#;
/// What a secret is called.
const SECRET: &str = r"(?:\w*(?:password|passwd|passphrase|passcode|passwort|kennwort|mot de passe|contrase[nñ]a|senha|wachtwoord|has[lł]o|пароль|密码|パスワード|secret|token|api[_ -]?key|access[_ -]?key|private[_ -]?key|service[_ -]?role(?:[_ -]?key)?|anon[_ -]?key)|(?:\w*_)?(?:pwd|pass|pw|pin|psw)|\w+pwd)";

/// Every rule, in the order in which they run: what is unmistakable first.
pub(super) static RULES: LazyLock<Result<Vec<Rule>, regex::Error>> = LazyLock::new(|| {
    let host = r"(?:host(?:name)?|server|node|endpoint|proxy|machine|replica|primary|standby|domain|instance|cluster)";
    let user = r"(?:user(?:[ _-]?name)?|usr|role|login|account|uid|principal|utilisateur|benutzer|usuario)";
    let database = r"(?:database(?:[ _-]?name)?|dbname|db|catalog|schema|keyspace|namespace|authsource|datenbank)";
    let project = r"(?:project(?:[ _-]?(?:id|ref|name|number))?|tenant(?:[ _-]?id)?|organi[sz]ation|org|app(?:lication)?[ _-]?id)";
    let thing = r"(?:table|relation|collection|bucket|index|column|view|function|constraint|sequence|trigger|connection|service|pool|queue|topic)";
    let name = format!("(?:{QUOTED}|{BARE})");
    let change = r"(?:chang|set|switch|renam|updat|correct|mov|point|migrat|edit|fix|replac)";
    let mut sources: Vec<(String, Act)> = vec![
        (r"(?s)-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\z)".to_owned(), Act::Whole(Kind::Key)),
        (r#"(?i)\b(?P<scheme>[a-z][a-z0-9+.-]{1,30})://(?P<rest>[^\s"'`<>“”]+)"#.to_owned(), Act::By(address_line)),
        // Secrets: key=value, then sentences. A phrase ends where its sentence does.
        (r"(?i)(?P<lead>\bpass-?phrase\s*(?:\bis\b|\bwas\b|:|=)\s*)(?P<bare>[^.,;\n\x{e000}-\x{e00f}]{3,100})".to_owned(), Act::By(phrase_said)),
        (format!(r#"(?i)(?P<lead>(?:\b|_){SECRET}["'`]?\s*(?:=>|:=|=|:)\s*){VALUE}"#), Act::By(secret_pair)),
        (format!(r"(?i)(?P<lead>\b{SECRET}(?:\s+(?:for|of|on|in)\s+\S+(?:\s+\S+)?)?\s+(?:(?:is|was|are|equals|becomes|became|reads|(?:should|must|has to|used to|will) be|ist|war|lautet|est|es|era)\b|->|é\s)(?:\s+(?:now|currently|actually|just|still|simply|probably|set to|changed to|reset to))*\s*[:=]?\s*){VALUE}"), Act::By(secret_said)),
        (format!(r"(?i)(?P<lead>\b(?:chang|sett?|reset|rotat|updat|us|enter|typ|try|tried)\w*\s+(?:\S+\s+){{0,3}}?{SECRET}(?:\s+(?:for|of)\s+\S+)?\s+(?:to|as|from)\s+){VALUE}"), Act::By(secret_said)),
        (format!(r"(?i)(?P<lead>\b{SECRET}\s+from\s+\S+\s+to\s+){VALUE}"), Act::By(secret_said)),
        (format!(r"(?i)(?P<lead>(?:\s--?(?:password|passwd|pass|pw|pwd)|\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)|\b(?:with|using)\s+(?:the\s+)?(?:password|passphrase|pw|pwd))\s+){VALUE}"), Act::By(secret_said)),
        (format!(r"(?i)(?P<lead>\b{SECRET}\s+){VALUE}"), Act::By(secret_beside)),
        (r"(?P<lead>\s-p)(?P<bare>\d*[^\s\d\x{e000}-\x{e00f}][^\s\x{e000}-\x{e00f}]*)".to_owned(), Act::By(secret_said)),
        (r"(?i)(?P<lead>\b(?:credentials?|creds|login|logged in as|log in as)\s*[:=]?\s*)(?P<user>[^\s:/\x{e000}-\x{e00f}]+)\s*[:/]\s*(?P<password>[^\s:/\x{e000}-\x{e00f}]+)".to_owned(), Act::By(pair_of_login)),
        (r#"[^\s@"'`<>(),;:=/\[\]\x{e000}-\x{e00f}]+@[^\s@"'`<>(),;:=/\[\]\x{e000}-\x{e00f}]+\.[^\s@"'`<>(),;:=/\[\]\x{e000}-\x{e00f}.]{2,}"#.to_owned(), Act::Whole(Kind::Email)),
        // Keys that say what they are.
        (r"\beyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)*".to_owned(), Act::Whole(Kind::Token)),
        (r"\b(?:sb_(?:publishable|secret)_|sbp_|mrg_|whsec_|gh[opsur]_|github_pat_|glpat-|xox[abeprs]-|sk-|[spr]k_(?:live|test)_|SG\.|ya29\.|1//|AIza|A(?:KIA|SIA|GPA|ROA|IDA)|npg_|pscale_\w+_|dop_v1_|hf_|AccountKey=)[A-Za-z0-9_\-.=+/~]{4,}".to_owned(), Act::Whole(Kind::Key)),
        (r"(?i)\b(?P<word>bearer|basic)[ :=]+(?P<bare>[A-Za-z0-9_\-.=+/~]{6,})".to_owned(), Act::By(authorization)),
        // user:password@host, 'user'@'host', user@host.
        (r#"["'`]?(?P<user>[^\s"'`@/,;()\x{e000}-\x{e00f}]+)["'`]?@["'`]?(?P<host>[^\s"'`@/,;()\x{e000}-\x{e00f}]*)["'`]?"#.to_owned(), Act::By(user_at_host)),
        // Numbers and hashes.
        (r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b".to_owned(), Act::Whole(Kind::Id)),
        (r"\b[0-9a-fA-F]{16,}\b".to_owned(), Act::Whole(Kind::Key)),
        (r"\[?(?P<ip>[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)(?P<zone>%\w+)?\]?(?P<port>:\d{1,5}\b)?".to_owned(), Act::By(ipv6)),
        (r"\b(?P<ip>\d{1,3}(?:\.\d{1,3}){3})(?P<port>:\d{1,5})?\b".to_owned(), Act::By(ipv4)),
        // `hostssl orders app 10.0.0.0/8 scram-sha-256`, once its address is gone.
        (r"(?i)(?P<lead>\b(?:host(?:ssl|nossl|gssenc|nogssenc)?|local)[ \t]+)(?P<database>[^\s\x{e000}-\x{e00f}]+)(?P<gap>[ \t]+)(?P<user>[^\s\x{e000}-\x{e00f}]+)(?P<tail>[ \t]+(?:[\x{e000}\x{e001}]|(?:all|samenet|samehost|peer|trust|md5|scram-sha-256|cert|reject)\b))".to_owned(), Act::By(access_rule)),
        // Files.
        (r#"(?i)\b[a-z]:\\[^\s"'<>|\x{e000}-\x{e00f}]*|\\\\[^\s"'<>|\x{e000}-\x{e00f}]+"#.to_owned(), Act::Whole(Kind::Path)),
        (r#"(?P<lead>^|[\s"'`(=:,\[>])(?P<path>(?:~|\.{1,2})?/[^\s"'`,;:)\]\x{e000}-\x{e00f}]+)"#.to_owned(), Act::By(unix_path)),
        // What programs are told: `-h host`, `-U user`, `--dbname=orders`, and the database behind all that.
        (format!(r"(?P<lead>\s(?:-h\s*|--host[= ]\s*)){VALUE}"), Act::Named(Kind::Host)),
        (format!(r"(?P<lead>\s(?:-[uU]\s*|--user(?:name)?[= ]\s*)){VALUE}"), Act::Named(Kind::User)),
        (format!(r"(?P<lead>\s(?:-d\s+|--(?:dbname|database|db)[= ]\s*)){VALUE}"), Act::Named(Kind::Database)),
        (r"(?P<lead>\b(?:psql|pg_dump|pg_restore|mysql|mysqldump|mariadb|mongosh)(?:[ \t]+(?:-\S*|[\x{e000}-\x{e00f}]['\x22]?))+[ \t]+)(?P<bare>[\p{L}\p{N}_][\p{L}\p{N}_$-]*)".to_owned(), Act::Named(Kind::Database)),
        (r"(?P<lead>\bdocker\s+(?:exec|logs|restart|start|stop|inspect|rm)(?:\s+-\S+)*\s+)(?P<bare>[\p{L}\p{N}][\p{L}\p{N}_.-]*)".to_owned(), Act::Named(Kind::Host)),
        (r"(?P<lead>\b(?:svc|service|pod|deploy(?:ment)?|sts|statefulset)/)(?P<bare>[\p{L}\p{N}][\p{L}\p{N}.-]*)".to_owned(), Act::Named(Kind::Host)),
        (r"(?P<lead>\bkubectl\b[^\n]*?\s(?:-n|--namespace)[= ]\s*)(?P<bare>[^\s\x{e000}-\x{e00f}]+)".to_owned(), Act::Named(Kind::Name)),
        (r"(?i)(?P<lead>\bon\s+`?)(?P<bare>[\p{L}\p{N}_$-]+)`?\.\*".to_owned(), Act::Named(Kind::Database)),
        // What people write down of a fix: statements, and what programs are called with.
        (r"(?i)\b(?:grant|revoke)\s(?:[^;\n.]|\.\S)+".to_owned(), Act::By(privileges)),
        (format!(r"(?i)(?P<lead>\b(?:alter|create|drop|rename)\s+(?:user|role|login)(?:\s+if\s+(?:not\s+)?exists)?\s+){name}"), Act::Named(Kind::User)),
        (format!(r"(?i)(?P<lead>\b(?:alter|create|drop|rename)\s+(?:database|schema)(?:\s+if\s+(?:not\s+)?exists)?\s+){name}"), Act::Named(Kind::Database)),
        (format!(r"(?i)(?P<lead>\b(?:reassign\s+owned\s+by|drop\s+owned\s+by|(?:set|reset)\s+(?:local\s+|session\s+)?(?:role|session\s+authorization)|default\s+privileges\s+for\s+(?:role|user)|(?:show\s+grants|user\s+mapping)\s+for|(?:for|as|by)\s+user)\s+){name}"), Act::Named(Kind::User)),
        (format!(r"(?i)(?P<lead>\bowner\s*(?:\bto\b|=|:)\s*){name}"), Act::Named(Kind::User)),
        (format!(r"(?i)(?P<lead>\b(?:database|schema)\s+\S+\s+(?:with\s+)?owner\s+){name}"), Act::Named(Kind::User)),
        (format!(r"(?P<lead>\bOWNER\s+){name}"), Act::Named(Kind::User)),
        (format!(r"(?i)(?P<lead>\bowner\s+){name}"), Act::Beside(Kind::User)),
        (format!(r"(?i)(?P<lead>\b(?:reassign\s+owned\s+by|rename\s+(?:user|role))\s+\S+\s+to\s+){name}"), Act::Named(Kind::User)),
        (format!(r"(?i)(?P<lead>\brename\s+(?:database|schema)\s+\S+\s+to\s+|\brename\s+to\s+){name}"), Act::Named(Kind::Database)),
        (r"(?i)\bsearch_path\s*(?:\bto\b|=)[^;\n]+".to_owned(), Act::By(search_path)),
        (r"(?P<lead>\bUSE\s+)(?P<bare>[\p{L}_][\p{L}\p{N}_$-]*)\s*(?:$|[;\n`'\x22)])".to_owned(), Act::Named(Kind::Database)),
        (r"(?P<lead>(?:^|[\n;>`'\x22(])\s*use\s+)(?P<bare>[\p{L}_][\p{L}\p{N}_$-]*)\s*[;`]".to_owned(), Act::Named(Kind::Database)),
        (format!(r"(?P<lead>\\c(?:onnect)?\s+){name}"), Act::Named(Kind::Database)),
        (format!(r"(?i)(?P<lead>\bgetSiblingDB\(\s*){QUOTED}"), Act::Named(Kind::Database)),
        (format!(r"(?P<lead>\b(?:createdb|dropdb)(?:\s+-\S+)*\s+){name}"), Act::Named(Kind::Database)),
        (format!(r"(?P<lead>\b(?:createuser|dropuser)(?:\s+-\S+)*\s+){name}"), Act::Named(Kind::User)),
        (format!(r"(?P<lead>\b(?:ping|nslookup|dig|ssh|telnet|traceroute|nc|pg_isready)(?:\s+(?:[+-]\S+|A|AAAA|CNAME|SRV|TXT))*\s+){name}"), Act::Beside(Kind::Host)),
        // Names by what stands before them.
        (r"\bpostgres\.[a-z0-9]{6,}\b".to_owned(), Act::Whole(Kind::User)),
        (format!(r#"(?i)(?P<lead>(?:\b{user}|\buser id)["'`]?\s*(?:=>|=|:|\bis\b|\bnamed\b|\bcalled\b)\s*){VALUE}"#), Act::Named(Kind::User)),
        (format!(r"(?i)(?P<lead>\b{user}s?(?:\s+(?:name|role))?\s+){QUOTED}"), Act::Named(Kind::User)),
        (format!(r"(?i)(?P<lead>\b{database}s?\s+){QUOTED}"), Act::Named(Kind::Database)),
        (format!(r#"(?i)(?P<lead>\b{database}["'`]?\s*(?:=>|=|:|\bis\b|\bnamed\b|\bcalled\b)\s*){VALUE}"#), Act::Named(Kind::Database)),
        (format!(r"(?i)(?P<lead>\b{project}s?\s+){QUOTED}"), Act::Named(Kind::Project)),
        (format!(r#"(?i)(?P<lead>\b{project}["'`]?\s*(?:=>|=|:|\bis\b|\bnamed\b|\bcalled\b)\s*){VALUE}"#), Act::Named(Kind::Project)),
        (format!(r#"(?i)(?P<lead>\b(?:address|{host})["'`]?\s*(?:=>|=|:|\bis\b|\bnamed\b|\bcalled\b)\s*){VALUE}"#), Act::Named(Kind::Host)),
        (format!(r"(?i)(?P<lead>\b(?:{host}s?(?:\s+(?:name|address))?|resolve|lookup|reach|connect to|connection to|at|from|to|on)\s+){QUOTED}"), Act::Named(Kind::Host)),
        (format!(r"(?i)(?P<lead>\bgetaddrinfo\s+(?:(?-i:E[A-Z_]+)\s+)?){VALUE}"), Act::Named(Kind::Host)),
        (format!(r"(?i)(?P<lead>\b{thing}s?\s+){QUOTED}"), Act::Named(Kind::Name)),
        // The same without quotes, where it is no ordinary word.
        (format!(r"(?i)(?P<lead>\b(?:log(?:ged|ging)?[ -]?in|login|connect(?:ed|ing)?|signed in|authenticat(?:e|ed|ing))\s+as\s+(?:{user}\s+)?){VALUE}"), Act::Beside(Kind::User)),
        (format!(r"(?i)(?P<lead>\bas\s+[\x{{e003}}]\s+(?:with|using|and)\s+){VALUE}"), Act::By(secret_beside)),
        (format!(r"(?i)(?P<lead>\b{host}\s+(?:to|from)\s+){VALUE}"), Act::Odd(Kind::Host)),
        (format!(r"(?i)(?P<lead>\b{user}\s+(?:to|from|as)\s+){VALUE}"), Act::Odd(Kind::User)),
        (format!(r"(?i)(?P<lead>\b{database}\s+(?:to|from)\s+){VALUE}"), Act::Odd(Kind::Database)),
        (format!(r"(?i)(?P<lead>\b{project}\s+(?:to|from)\s+){VALUE}"), Act::Odd(Kind::Project)),
        (format!(r#"(?i)(?P<lead>\b(?:session|request|trace|correlation|client|account|customer|subscription)[ _-]?id["']?\s*(?:=|:|\bis\b)?\s*){VALUE}"#), Act::Odd(Kind::Id)),
        (format!(r"(?i)(?P<lead>\b{host}\s+){VALUE}"), Act::Beside(Kind::Host)),
        (format!(r"(?i)(?P<lead>\b{user}\s+){VALUE}"), Act::Beside(Kind::User)),
        (format!(r"(?i)(?P<lead>\b{database}\s+){VALUE}"), Act::Beside(Kind::Database)),
        (format!(r"(?i)(?P<lead>\b{project}\s+){VALUE}"), Act::Beside(Kind::Project)),
        // Supabase names a project by twenty small letters.
        (r"\b[a-z]{20}\b".to_owned(), Act::Whole(Kind::Project)),
        // Names with dots, and numbers behind colons.
        (r"(?P<host>[\p{L}\p{N}_](?:[\p{L}\p{N}_-]*[\p{L}\p{N}_])?(?:\.[\p{L}\p{N}_](?:[\p{L}\p{N}_-]*[\p{L}\p{N}_])?)+)(?P<port>:\d{1,5}\b)?".to_owned(), Act::By(dotted_name)),
        (r"(?P<host>[\p{L}_][\p{L}\p{N}_-]*)(?P<port>:\d{2,5})\b".to_owned(), Act::By(host_and_port)),
        (r#"(?i)(?P<lead>\bports?["'`]?\s*(?:number\s*)?(?:=|:|\bis\b|\bto\b|\bat\b|\bon\b|\bof\b|\bfrom\b)?\s*["'`]?)(?P<port>\d{1,5})\b"#.to_owned(), Act::By(port)),
        (r"(?P<lead>\s-[pP]\s+|[\x{e000}\x{e001}]\]?[:,])(?P<port>\d{1,5})\b".to_owned(), Act::By(port)),
        // What has the look of a key: long, with digits, in both cases.
        (r"\b[A-Za-z0-9_-]{20,}\b={0,2}".to_owned(), Act::By(opaque)),
        (r"\b[A-Za-z0-9+/]{32,}={0,2}".to_owned(), Act::By(opaque)),
    ];
    for (noun, kind) in [(host, Kind::Host), (user, Kind::User), (database, Kind::Database), (project, Kind::Project)] {
        let noun = format!(r"\b{noun}(?:\s+(?:name|address))?");
        sources.extend([
            // "The host from a to b", "host a -> b", "replaced the host a by b".
            (format!(r"(?i)(?P<lead>{noun}\s+(?:was\s+)?from\s+){BARE}\s+(?:to|->|→|=>)\s"), Act::Named(kind)),
            (format!(r"(?i)(?P<lead>{noun}\s+(?:was\s+)?from\s+\S+\s+(?:to|->|→|=>)\s+){BARE}"), Act::Named(kind)),
            (format!(r"(?i)(?P<lead>{noun}\s*:?\s+){BARE}\s*(?:->|→|=>)"), Act::Named(kind)),
            (format!(r"(?i)(?P<lead>{noun}\s*:?\s+\S+\s*(?:->|→|=>)\s*){BARE}"), Act::Named(kind)),
            (format!(r"(?i)(?P<lead>\breplac\w*\s+(?:the\s+)?{noun}\s+){BARE}\s+(?:with|by)\s"), Act::Named(kind)),
            (format!(r"(?i)(?P<lead>\breplac\w*\s+(?:the\s+)?{noun}\s+\S+\s+(?:with|by)\s+){BARE}"), Act::Named(kind)),
            (format!(r"(?i)(?P<lead>\b{change}\w*\s+(?:\S+\s+){{0,3}}?{noun}\s+to\s+){BARE}"), Act::Beside(kind)),
        ]);
    }
    sources.into_iter().map(|(source, act)| Ok(Rule { looks_like: Regex::new(&source)?, act })).collect()
});

/// The value of a match, and whether it stood in quotes.
fn value<'t>(captures: &Captures<'t>) -> Option<(&'t str, bool)> {
    let quoted = ["q1", "q2", "q3", "q4", "q5"].into_iter().find_map(|name| captures.name(name));
    if let Some(found) = quoted {
        return Some((found.as_str(), true));
    }
    // The end of a sentence is no part of it.
    let bare = captures.name("bare")?.as_str();
    let trimmed = bare.trim_end_matches(['.', ',', ';', ':', ')', ']', '}', '"', '\'', '`', '”']);
    (!trimmed.is_empty()).then_some((trimmed, false))
}

fn lead<'t>(captures: &Captures<'t>) -> &'t str {
    captures.name("lead").map_or("", |found| found.as_str())
}

/// The match with a mark in the place of its value.
fn marked(captures: &Captures<'_>, value: &str, kind: Kind) -> Option<String> {
    let whole = captures.get(0)?.as_str();
    let behind = whole.get(lead(captures).len()..)?;
    let at = lead(captures).len() + behind.find(value)?;
    Some(format!("{}{}{}", whole.get(..at)?, kind.mark(), whole.get(at + value.len()..)?))
}

fn is_said(value: &str) -> bool {
    value.is_empty() || value.chars().all(|c| is_mark(c) || matches!(c, '@' | ':' | '/' | '.' | '%'))
}

fn is_in(list: &[&str], value: &str) -> bool {
    let lower = value.to_lowercase();
    list.contains(&lower.as_str())
}

fn authorization(captures: &Captures<'_>, _: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let bare = captures.name("bare")?.as_str();
    if !looks_secret(bare) && bare.len() < 16 {
        return None;
    }
    found(Finding { kind: Kind::Token, value: bare });
    Some(format!("{} {}", captures.name("word")?.as_str(), Kind::Token.mark()))
}

/// `scheme://user:password@host:port/database?parameters`. Passwords hold every character, so the last `@` of
/// the word is what counts.
fn address_line(captures: &Captures<'_>, _: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let scheme = captures.name("scheme")?.as_str();
    let whole = captures.name("rest")?.as_str();
    let rest = whole.trim_end_matches(['.', ',', ';', ')', ']', '}', '!']);
    let tail = whole.get(rest.len()..)?;
    let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
    let mut out = format!("{scheme}://");
    if let Some(login) = login {
        let (user, password) = login.split_once(':').map_or((login, None), |(user, word)| (user, Some(word)));
        if !is_said(user) {
            found(Finding { kind: Kind::User, value: user });
        }
        out.push(Kind::User.mark());
        if let Some(password) = password {
            if !is_said(password) {
                found(Finding { kind: Kind::Password, value: password });
                found(Finding { kind: Kind::Password, value: &super::percent_decoded(password) });
            }
            out.push(':');
            out.push(Kind::Password.mark());
        }
        out.push('@');
    }
    let (hosts, behind) = place.split_at(place.find(['/', '?', '#']).unwrap_or(place.len()));
    let mut has_port = false;
    for host in hosts.split(',') {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !host.ends_with(']') && !port.is_empty() => (name, Some(port)),
            _ => (host, None),
        };
        if !is_said(name) {
            found(Finding { kind: Kind::Host, value: name.trim_matches(['[', ']']) });
        }
        if let Some(port) = port {
            has_port = true;
            if port.bytes().all(|digit| digit.is_ascii_digit()) && port.len() > 3 {
                found(Finding { kind: Kind::Port, value: port });
            }
        }
    }
    out.push(Kind::Host.mark());
    if has_port {
        out.push(':');
        out.push(Kind::Port.mark());
    }
    let (path, parameters) = behind.split_once('?').unwrap_or((behind, ""));
    let is_page = scheme.to_ascii_lowercase().starts_with("http");
    let name = path.trim_matches('/');
    if !name.is_empty() {
        if !is_page && !is_said(name) {
            found(Finding { kind: Kind::Database, value: name });
        }
        out.push('/');
        out.push(if is_page { Kind::Path } else { Kind::Database }.mark());
    }
    let kept: Vec<&str> = parameters
        .split(['&', '#'])
        .filter(|parameter| {
            parameter
                .split_once('=')
                .is_some_and(|(name, value)| is_in(words::PARAMETERS, name) && is_in(words::PARAMETER_VALUES, value))
        })
        .collect();
    if !kept.is_empty() {
        out.push('?');
        out.push_str(&kept.join("&"));
    }
    out.push_str(tail);
    Some(out)
}

fn user_at_host(captures: &Captures<'_>, _: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let (user, host) = (captures.name("user")?.as_str(), captures.name("host")?.as_str());
    let mut out = String::new();
    out.push(Kind::User.mark());
    if let Some((user, password)) = user.split_once(':') {
        found(Finding { kind: Kind::User, value: user });
        found(Finding { kind: Kind::Password, value: password });
        out.push(':');
        out.push(Kind::Password.mark());
    } else {
        found(Finding { kind: Kind::User, value: user });
    }
    out.push('@');
    if !host.is_empty() {
        let name = host.split(':').next().unwrap_or(host).trim_end_matches('.');
        if host != "%" && host != "localhost" {
            found(Finding { kind: Kind::Host, value: name });
        }
        out.push(Kind::Host.mark());
    }
    Some(out)
}

/// `password=value`. MySQL's "(using password: YES)" is the server's word, not the password.
fn secret_pair(captures: &Captures<'_>, _: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let (value, _) = value(captures)?;
    if is_said(value) || matches!(value, "YES" | "NO") {
        return None;
    }
    found(Finding { kind: Kind::Password, value });
    marked(captures, value, Kind::Password)
}

/// "The password is value": any value but the words that say how a password is.
fn secret_said(captures: &Captures<'_>, _: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let (value, is_quoted) = value(captures)?;
    if is_said(value) || (!is_quoted && is_in(words::SAYS_NOTHING, value)) {
        return None;
    }
    found(Finding { kind: Kind::Password, value });
    marked(captures, value, Kind::Password)
}

/// "The passphrase was several words", unless they say how it is.
fn phrase_said(captures: &Captures<'_>, _: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let phrase = captures.name("bare")?.as_str().trim().trim_matches(['"', '\'', '`', '“', '”']);
    let mut behind = phrase.split_whitespace().skip(1);
    if phrase.split_whitespace().count() < 3 || behind.any(|word| is_in(words::SAYS_NOTHING, word)) {
        return None;
    }
    found(Finding { kind: Kind::Password, value: phrase });
    marked(captures, phrase, Kind::Password)
}

/// A line of `pg_hba.conf`: database and user, unless they are the file's own words.
fn access_rule(captures: &Captures<'_>, _: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    const OWN_WORDS: [&str; 5] = ["all", "replication", "sameuser", "samerole", "samegroup"];
    let mut shown = |name: &str, kind: Kind| {
        let word = captures.name(name)?.as_str();
        if is_in(&OWN_WORDS, word) || is_in(words::COMMON, word) {
            return Some(word.to_owned());
        }
        found(Finding { kind, value: word.trim_matches('"') });
        Some(kind.mark().to_string())
    };
    let (database, user) = (shown("database", Kind::Database)?, shown("user", Kind::User)?);
    let (gap, tail) = (captures.name("gap")?.as_str(), captures.name("tail")?.as_str());
    Some(format!("{}{database}{gap}{user}{tail}", lead(captures)))
}

/// `GRANT … ON … TO …` and `REVOKE … FROM …`, in a statement or in a sentence: the names behind the words that announce
/// one, and those that a comma adds.
fn privileges(captures: &Captures<'_>, _: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let kind_behind = |word: &str| match word.to_ascii_lowercase().as_str() {
        "to" | "from" | "grant" | "revoke" => Some(Kind::User),
        "database" | "schema" => Some(Kind::Database),
        "on" | "table" | "sequence" | "function" => Some(Kind::Name),
        _ => None,
    };
    listed(captures.get(0)?.as_str(), kind_behind, found)
}

/// `search_path = a, b`
fn search_path(captures: &Captures<'_>, _: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let kind_behind = |word: &str| matches!(word.to_ascii_lowercase().as_str(), "to" | "=").then_some(Kind::Database);
    // The sign may stand without blanks.
    listed(&captures.get(0)?.as_str().replacen('=', " = ", 1), kind_behind, found)
}

/// `text` with a mark for each name that stands behind a word which announces one, and for those that follow it after
/// commas; none where there is no name.
fn listed(
    text: &str,
    kind_behind: impl Fn(&str) -> Option<Kind>,
    found: &mut dyn FnMut(Finding<'_>),
) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut expected, mut before, mut is_changed) = (None, None, false);
    for piece in text.split_inclusive(|c: char| c.is_whitespace() || c == ',') {
        let word = piece.trim();
        if word.is_empty() || word == "," {
            out.push_str(piece);
            expected = if word.is_empty() { expected } else { before };
            continue;
        }
        let name = word.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_' || is_mark(c)));
        // `schema.table`
        let shown = name.split('.').map(|part| match expected.filter(|_| is_name(part)) {
            Some(kind) => {
                found(Finding { kind, value: part });
                is_changed = true;
                kind.mark().to_string()
            }
            None => part.to_owned(),
        });
        out.push_str(&piece.replacen(name, &shown.collect::<Vec<_>>().join("."), 1));
        before = expected;
        expected = kind_behind(word).or(expected.filter(|_| word.ends_with(',')));
    }
    is_changed.then_some(out)
}

/// What may be a name in a statement: no word of every sentence, nothing that was taken out.
fn is_name(word: &str) -> bool {
    !(word.contains(['@', '(', '=']) || word.chars().any(is_mark))
        && word.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && ![words::COMMON, words::SAYS_NOTHING, words::EVERYBODYS, words::PRIVILEGES]
            .iter()
            .any(|list| is_in(list, word))
}

/// "Password value": only what has the look of one, since "password authentication" is no password.
fn secret_beside(captures: &Captures<'_>, _: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let (value, is_quoted) = value(captures)?;
    if is_said(value) || !(is_quoted || looks_secret(value)) || (!is_quoted && is_in(words::SAYS_NOTHING, value)) {
        return None;
    }
    found(Finding { kind: Kind::Password, value });
    marked(captures, value, Kind::Password)
}

/// A digit, a sign or a capital inside: what no ordinary word has.
fn looks_secret(value: &str) -> bool {
    value.chars().any(|c| c.is_numeric() || !(c.is_alphanumeric() || matches!(c, '-' | '\'' | '’' | '.' | '/' | '(')))
        || value.chars().skip(1).any(char::is_uppercase) && value.chars().any(char::is_lowercase)
}

fn pair_of_login(captures: &Captures<'_>, _: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let (user, password) = (captures.name("user")?.as_str(), captures.name("password")?.as_str());
    if is_in(words::COMMON, user) || is_in(words::SAYS_NOTHING, password) {
        return None;
    }
    found(Finding { kind: Kind::User, value: user });
    found(Finding { kind: Kind::Password, value: password });
    Some(format!("{}{} / {}", lead(captures), Kind::User.mark(), Kind::Password.mark()))
}

fn ipv4(captures: &Captures<'_>, _: &str, _: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    captures.name("ip")?.as_str().parse::<Ipv4Addr>().ok()?;
    Some(with_port(Kind::Address, captures))
}

fn ipv6(captures: &Captures<'_>, after: &str, _: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let whole = captures.get(0)?.as_str();
    let text = captures.name("ip")?.as_str();
    let address = text.trim_end_matches('.');
    // `std::io` and `::` are no addresses.
    if address.len() < 3 || after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let parsed = address.parse::<Ipv6Addr>().or_else(|_| address.trim_end_matches(':').parse()).ok()?;
    if parsed.is_unspecified() {
        return None;
    }
    let mut out = with_port(Kind::Address, captures);
    if whole.ends_with('.') {
        out.push('.');
    }
    Some(out)
}

fn with_port(kind: Kind, captures: &Captures<'_>) -> String {
    let mut out = kind.mark().to_string();
    if captures.name("port").is_some() {
        out.push(':');
        out.push(Kind::Port.mark());
    }
    out
}

fn unix_path(captures: &Captures<'_>, _: &str, _: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    const TOPS: [&str; 14] =
        ["etc", "var", "home", "tmp", "usr", "opt", "root", "srv", "mnt", "run", "users", "app", "data", "workspace"];
    let path = captures.name("path")?.as_str();
    let trimmed = path.trim_end_matches(['.', '!', '?']);
    let mut parts = trimmed.trim_start_matches(['~', '.']).split('/').filter(|part| !part.is_empty());
    let first = parts.next()?;
    let is_file = parts.next().is_some() || is_in(&TOPS, first) || !trimmed.starts_with('/');
    is_file.then(|| format!("{}{}{}", lead(captures), Kind::Path.mark(), path.get(trimmed.len()..).unwrap_or_default()))
}

/// A name that its context gives away.
fn named(captures: &Captures<'_>, kind: Kind, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let (value, is_quoted) = value(captures)?;
    let is_errno = value.starts_with('E') && value.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if is_said(value) || value == "localhost" || is_errno {
        return None;
    }
    if !is_quoted && (is_in(words::COMMON, value) || is_in(words::SAYS_NOTHING, value)) {
        return None;
    }
    found(Finding { kind, value });
    marked(captures, value, kind)
}

/// A name that only stands beside the word: ordinary words are not taken for one.
fn beside(captures: &Captures<'_>, kind: Kind, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let (value, _) = value(captures)?;
    let is_word = value.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '’'));
    let is_sentence = value.chars().any(|c| matches!(c, '(' | '=' | '<' | '>' | '{' | ',' | ';' | '[' | '|'));
    if is_said(value) || is_sentence || value == "localhost" || !value.chars().any(char::is_alphanumeric) {
        return None;
    }
    // Verbs and prepositions are ordinary; so is what ends like a verb.
    let is_ordinary = is_in(words::COMMON, value)
        || is_in(words::SAYS_NOTHING, value)
        || is_in(words::EVERYBODYS, value)
        || is_word && ["ed", "ing", "ion", "ly", "ment", "ity", "s"].iter().any(|end| value.ends_with(end));
    if is_ordinary || value.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    found(Finding { kind, value });
    marked(captures, value, kind)
}

/// "Set the host to db7": what is made like a name.
fn odd(captures: &Captures<'_>, kind: Kind, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let (value, is_quoted) = value(captures)?;
    let is_made = is_quoted || value.chars().any(|c| c.is_numeric() || matches!(c, '_' | '-' | '.'));
    if is_made { named(captures, kind, found) } else { None }
}

fn dotted_name(captures: &Captures<'_>, after: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let name = captures.name("host")?.as_str();
    let last = name.rsplit('.').next()?;
    let first = name.split('.').next()?;
    let is_version = !last.starts_with(char::is_alphabetic) || last.chars().count() < 2;
    let is_call = after.starts_with('(') && name.matches('.').count() == 1 && is_in(words::CODE_OBJECTS, first);
    // `java.net.ConnectException`: hosts have no two capitals inside a label.
    let is_class = last.chars().filter(|c| c.is_uppercase()).count() >= 2 && last.chars().any(char::is_lowercase);
    let is_variable = name == "process.env";
    if is_version || is_call || is_class || is_variable || is_in(words::KNOWN_FILES, name) {
        return None;
    }
    found(Finding { kind: Kind::Host, value: name });
    Some(with_port(Kind::Host, captures))
}

fn host_and_port(captures: &Captures<'_>, _: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let host = captures.name("host")?.as_str();
    if is_in(words::LABELS, host) {
        return None;
    }
    let port = captures.name("port")?.as_str().trim_start_matches(':');
    if port.len() > 3 {
        found(Finding { kind: Kind::Port, value: port });
    }
    if host == "localhost" {
        return Some(format!("localhost:{}", Kind::Port.mark()));
    }
    found(Finding { kind: Kind::Host, value: host });
    Some(with_port(Kind::Host, captures))
}

fn port(captures: &Captures<'_>, _: &str, found: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let port = captures.name("port")?.as_str();
    // Shorter numbers count other things elsewhere in a text.
    if port.len() > 3 {
        found(Finding { kind: Kind::Port, value: port });
    }
    Some(format!("{}{}", lead(captures), Kind::Port.mark()))
}

fn opaque(captures: &Captures<'_>, _: &str, _: &mut dyn FnMut(Finding<'_>)) -> Option<String> {
    let word = captures.get(0)?.as_str();
    let has = |test: fn(&char) -> bool| word.chars().filter(test).count();
    let (digits, upper, lower) =
        (has(char::is_ascii_digit), has(char::is_ascii_uppercase), has(char::is_ascii_lowercase));
    let is_key = digits >= 2 && (upper >= 2 && lower >= 2 || word.len() >= 32)
        || digits >= 5 && lower >= 2
        || digits >= 1 && upper >= 3 && lower >= 3 && word.len() >= 32;
    is_key.then(|| Kind::Key.mark().to_string())
}
