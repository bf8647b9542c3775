//! What a staged probe asks once the query was answered: which databases there are, and what the user may do. None
//! of it needs a privilege; a server that does not tell is left alone.

use bson::{RawBsonRef, RawDocument, rawdoc};

use super::{
    ADMIN,
    message::{Conversation, Reply},
};
use crate::{diagnosis::Findings, server::providers::trouble::Trouble};

/// Databases that are kept, enough to find one whose name is nearly right.
const MAX_DATABASES: usize = 200;
/// Roles that are named.
const MAX_ROLES: usize = 20;
/// Whoever may do one of these may write.
const WRITES: [&str; 3] = ["insert", "update", "remove"];

/// Fills in what the server tells; what was learnt before it stopped telling is kept.
pub(super) async fn inquire(
    conversation: &mut Conversation,
    database: Option<&str>,
    findings: &mut Findings,
) -> Result<(), Trouble> {
    let question = rawdoc! {
        "listDatabases": 1,
        "nameOnly": true,
        // Only those that the user may see: for them no privilege is needed.
        "authorizedDatabases": true,
        "$db": ADMIN,
        // A secondary answers too.
        "$readPreference": { "mode": "primaryPreferred" },
    };
    if let Ok(reply) = conversation.ask(&question).await? {
        let names = reply.documents("databases").filter_map(|database| database.get_str("name").ok());
        findings.databases = names.take(MAX_DATABASES).map(str::to_owned).collect();
    }
    let question = rawdoc! { "connectionStatus": 1, "$db": ADMIN };
    if let Ok(reply) = conversation.ask(&question).await? {
        findings.privileges = roles(&reply);
    }
    // Asked by itself: of a user who may do everything, the answer may be longer than what is read.
    let question = rawdoc! { "connectionStatus": 1, "showPrivileges": true, "$db": ADMIN };
    if let Ok(reply) = conversation.ask(&question).await?
        && let (Some(words), Some(may)) = (&mut findings.privileges, database.and_then(|name| may(&reply, name)))
    {
        words.push_str("; ");
        words.push_str(&may);
    }
    Ok(())
}

/// The roles of whoever is logged in.
fn roles(reply: &Reply) -> Option<String> {
    let info = reply.document("authInfo")?;
    let users = documents(info, "authenticatedUsers").count();
    let roles: Vec<String> = documents(info, "authenticatedUserRoles")
        .filter_map(|role| Some(format!("{} on {}", role.get_str("role").ok()?, role.get_str("db").ok()?)))
        .take(MAX_ROLES)
        .collect();
    Some(match (users, roles.as_slice()) {
        (0, []) => "nobody is logged in".to_owned(),
        (_, []) => "no role".to_owned(),
        (_, roles) => roles.join(", "),
    })
}

/// Whether the user may write to the database, or read it; none where the server does not tell.
fn may(reply: &Reply, database: &str) -> Option<String> {
    let info = reply.document("authInfo")?;
    let mut told = false;
    let (mut writes, mut reads) = (false, false);
    for privilege in documents(info, "authenticatedUserPrivileges") {
        told = true;
        let Ok(resource) = privilege.get_document("resource") else { continue };
        let everything = resource.get_bool("anyResource").is_ok_and(|any| any);
        // An empty name stands for every database.
        if !everything && !resource.get_str("db").is_ok_and(|name| name.is_empty() || name == database) {
            continue;
        }
        let actions = privilege.get_array("actions").into_iter().flatten().map_while(Result::ok);
        for action in actions.filter_map(RawBsonRef::as_str) {
            writes |= WRITES.contains(&action);
            reads |= action == "find";
        }
    }
    let what = match (writes, reads) {
        (true, _) => "may write to",
        (false, true) => "may only read",
        (false, false) => "may not read",
    };
    told.then(|| format!("{what} {database}"))
}

/// The documents of a list; what is none in it is passed over.
fn documents<'a>(document: &'a RawDocument, key: &str) -> impl Iterator<Item = &'a RawDocument> {
    let list = document.get_array(key).into_iter().flatten();
    list.map_while(Result::ok).filter_map(RawBsonRef::as_document)
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;

    fn told(info: RawDocumentBuf) -> (Option<String>, Option<String>) {
        let reply = Reply::from(rawdoc! { "authInfo": info, "ok": 1 });
        (roles(&reply), may(&reply, "shop"))
    }

    #[test]
    fn roles_and_privileges_are_told_in_a_few_words() {
        let user = || rawdoc! { "user": "app", "db": "admin" };
        let of = |db: &str, collection: &str, action: &str| {
            rawdoc! { "resource": { "db": db, "collection": collection }, "actions": ["collStats", action] }
        };
        for (privilege, words) in [
            (of("shop", "", "insert"), "may write to shop"),
            (of("", "", "remove"), "may write to shop"),
            (of("shop", "orders", "find"), "may only read shop"),
            (of("other", "", "update"), "may not read shop"),
            (rawdoc! { "resource": { "cluster": true }, "actions": ["shutdown"] }, "may not read shop"),
            (rawdoc! { "resource": { "anyResource": true }, "actions": ["anyAction", "insert"] }, "may write to shop"),
        ] {
            let found = told(rawdoc! {
                "authenticatedUsers": [user()],
                "authenticatedUserRoles": [{ "role": "readWrite", "db": "shop" }, { "role": "backup", "db": "admin" }, 7],
                "authenticatedUserPrivileges": [privilege],
            });
            let roles = "readWrite on shop, backup on admin".to_owned();
            assert_eq!(found, (Some(roles), Some(words.to_owned())));
        }
        let silent = rawdoc! { "authenticatedUsers": [user()], "authenticatedUserPrivileges": [] };
        assert_eq!(told(silent), (Some("no role".to_owned()), None));
        assert_eq!(told(rawdoc! { "authenticatedUsers": [] }), (Some("nobody is logged in".to_owned()), None));
        assert_eq!(roles(&Reply::from(rawdoc! { "authInfo": 5 })), None);
    }
}
