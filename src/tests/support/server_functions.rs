//! Arguments for every server function, so that tests get past their reading and to the guard.

use bytes::Bytes;
use http::{Method, header};

use super::client::{Answer, Client};

/// Stands for the id of a connection, a token, … in [`ARGUMENTS`].
pub const ID: &str = "$id";

/// Functions that take something: the name, and what a request has to carry to be read. `{` begins JSON, all
/// else is a form. What is not listed takes nothing.
const ARGUMENTS: &[(&str, &str)] = &[
    ("sign_up", "email=someone%40example.org&password=four+quiet+harbours+at+dawn"),
    ("sign_in", "email=someone%40example.org&password=wrong"),
    ("second_step", "code=000000"),
    ("change_password", "current=wrong&password=four+quiet+harbours+at+dawn"),
    ("begin_second_factor", "current=wrong"),
    ("confirm_second_factor", "code=000000"),
    ("renew_recovery_codes", "current=wrong"),
    ("disable_second_factor", "confirmation=wrong"),
    ("create_token", "name=laptop&scope=full"),
    ("revoke_token", "id=$id"),
    // No id of an owner's thing: members are refused whatever they name.
    ("change_role", "account=00000000-0000-0000-0000-000000000009&role=admin"),
    ("remove_account", "account=00000000-0000-0000-0000-000000000009&connections=delete"),
    ("list_audit", r#"{"filter": {}}"#),
    ("connection_for_edit", "id=$id"),
    ("save_connection", "id=$id&provider=postgresql&name=taken&host=127.0.0.1&port=1&username=app"),
    ("test_connection", r#"{"form": {"id": "$id", "provider": "postgresql", "host": "127.0.0.1", "port": "1"}}"#),
    ("delete_connection", "id=$id"),
    ("validate_config", r#"{"form": {"id": "$id", "provider": "postgresql", "host": "127.0.0.1", "password": "x"}}"#),
    ("config_of_connection", "id=$id"),
    ("pause_connection", "id=$id"),
    ("resume_connection", "id=$id"),
    ("import_connections", "list=%5B%22postgres%3A%2F%2Fu%40127.0.0.1%3A1%22%5D&store=no"),
    ("choose_provider", "id=$id&provider=postgresql"),
    ("handle_connections", "ids=$id&what=pause"),
    ("get_connection_health", "id=$id"),
    ("get_history", "id=$id&range=day"),
    ("get_daily_metrics", "id=$id"),
    ("get_retry_analytics", "id=$id"),
    ("get_recent_checks", "id=$id&limit=10"),
    ("get_errors", "id=$id"),
    ("check_now", "id=$id"),
    ("reset_breaker", "id=$id"),
    ("dismiss_notice", "id=$id"),
    ("search_knowledge", "q=refused&provider=mysql"),
    ("get_knowledge", "id=$id"),
    ("waiting_knowledge", "shelf=waiting&page=1"),
    ("cures_of_connection", "id=$id"),
    ("vote_knowledge", "id=$id&worked=true"),
    ("moderate_knowledge", "id=00000000-0000-0000-0000-000000000009&act=hide"),
    ("edit_knowledge", "id=00000000-0000-0000-0000-000000000009&title=t&description=d&solution=s&category=security"),
    ("import_knowledge", "file=%7B%7D"),
    ("get_guide", "provider=mysql"),
    ("response_chart", r#"{"id": "$id", "range": "day"}"#),
    ("phases_chart", r#"{"id": "$id", "range": "day"}"#),
];

/// A server function as a request reaches it.
#[derive(Clone, Debug)]
pub struct ServerFunction {
    /// Its path, `/api/mooring/…/name`.
    pub path: &'static str,
    method: Method,
    arguments: &'static str,
}

impl ServerFunction {
    /// Every one of them.
    pub fn all() -> Vec<Self> {
        leptos::server_fn::axum::server_fn_paths()
            .map(|(path, method)| {
                let arguments = ARGUMENTS.iter().find(|(name, _)| path.ends_with(&format!("/{name}")));
                Self { path, method, arguments: arguments.map_or("", |(_, arguments)| arguments) }
            })
            .collect()
    }

    /// The last part of the path.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// Whether it takes the id of something that belongs to someone.
    pub fn takes_id(&self) -> bool {
        self.arguments.contains(ID)
    }

    /// Calls it, with `id` wherever it takes one, as a hydrated page does, with further headers.
    pub async fn call(&self, client: &Client, id: &str, headers: &[(&'static str, &'static str)]) -> Answer {
        let arguments = self.arguments.replace(ID, id);
        let mut request =
            http::Request::builder().method(self.method.clone()).header(header::ACCEPT, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if self.method == Method::GET {
            client.send(request.uri(format!("{}?{arguments}", self.path)), Bytes::new()).await
        } else {
            let kind =
                if arguments.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
            client.send(request.uri(self.path).header(header::CONTENT_TYPE, kind), arguments).await
        }
    }
}
