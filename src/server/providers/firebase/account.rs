//! A service account: its JSON file is read, a request for a token is signed with its key and sent to Google's
//! own token endpoint (RFC 7523; <https://developers.google.com/identity/protocols/oauth2/service-account>).
//! The key never leaves this process, and the token lives as long as the attempt.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderValue, Uri};
use ring::{rand::SystemRandom, rsa, signature::RSA_PKCS1_SHA256};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer;
use crate::{
    probe::{Cause, Phase},
    server::{
        clock::{Clock, SystemClock},
        providers::{
            Attempt,
            http::{Ask, Http, Origin, Timing, secret_header, too_much},
            trace::Trace,
            trouble::Trouble,
        },
    },
    timestamp::Timestamp,
};

/// The host of Google's token endpoint.
pub(super) const TOKEN_HOST: &str = "oauth2.googleapis.com";
const TOKEN_PATH: &str = "/token";
/// What the token endpoint is called in service accounts; the last two are Google's older names for it.
const TOKEN_URIS: [&str; 3] = [
    "https://oauth2.googleapis.com/token",
    "https://accounts.google.com/o/oauth2/token",
    "https://www.googleapis.com/oauth2/v4/token",
];
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long the signed request holds, in seconds: the most that Google takes, so that a clock that is a little
/// behind does no harm.
const LIFETIME: i64 = 3_600;

/// The fields of the JSON file that count.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: Option<String>,
    project_id: Option<String>,
    private_key_id: Option<String>,
    private_key: Option<String>,
    client_email: Option<String>,
    token_uri: Option<String>,
}

/// A service account that can sign. No `Debug`: it holds the key.
pub(super) struct ServiceAccount {
    /// The project that it belongs to.
    pub project_id: Option<String>,
    email: String,
    key_id: Option<String>,
    key: rsa::KeyPair,
}

/// What requests are sent with.
pub(super) struct Token {
    /// The value of the `Authorization` header.
    pub header: HeaderValue,
    /// The token itself, for taking it out of messages.
    pub text: String,
    /// How many seconds our clock is ahead of Google's.
    pub ahead: Option<i64>,
}

impl ServiceAccount {
    /// Reads the JSON file as the console hands it out.
    pub fn read(text: &str) -> Result<Self, Trouble> {
        let file: File =
            serde_json::from_str(text).map_err(|_| invalid("The service account is not the JSON file of one."))?;
        if let Some(kind) = file.kind.as_deref().filter(|kind| *kind != "service_account") {
            return Err(invalid(format!("The JSON file is of the type {kind:?}, and not of a service account.")));
        }
        let present = |value: Option<String>| value.filter(|value| !value.trim().is_empty());
        let email = present(file.client_email).ok_or_else(|| invalid("The service account has no client_email."))?;
        let pem = present(file.private_key).ok_or_else(|| invalid("The service account has no private_key."))?;
        if let Some(uri) = file.token_uri.filter(|uri| !TOKEN_URIS.contains(&uri.as_str())) {
            let host = uri.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
            let where_to = host.map_or_else(|| " cannot be read".to_owned(), |host| format!(" leads to {host}"));
            return Err(invalid(format!(
                "The service account's token_uri{where_to}. Signed requests go to {} only.",
                TOKEN_URIS[0]
            )));
        }
        Ok(Self { project_id: present(file.project_id), email, key_id: present(file.private_key_id), key: key(&pem)? })
    }

    /// Asks for a token with `scopes`. All of it counts as the login.
    pub async fn token(&self, attempt: &Attempt<'_>, scopes: &str) -> Result<Token, Trouble> {
        let now = SystemClock.now();
        let assertion = self.assertion(scopes, now)?;
        let origin = Origin::https(TOKEN_HOST);
        let mut http = Http::open(attempt, &origin, Timing::Within(Phase::Auth), &mut Trace::new()).await?;
        // The assertion is base64 and dots, and the grant type's colons may stand in a form.
        let answer = http.send(Ask::form(TOKEN_PATH, format!("grant_type={GRANT}&assertion={assertion}"))).await?;
        http.close().await;
        let ahead = answer.ahead_of_server(now);
        if !answer.status.is_success() {
            return Err(answer::token_refused(&answer, ahead).without(&[&assertion, &self.email]));
        }
        let token = answer.json().and_then(|json| json.get("access_token")?.as_str().map(str::to_owned));
        let header = token.as_deref().and_then(|token| secret_header("Bearer ", token));
        match (token, header) {
            (Some(text), Some(header)) => Ok(Token { header, text, ahead }),
            _ if !answer.whole => Err(too_much()),
            _ => Err(Trouble::new(Cause::WrongProtocol, "The token endpoint's answer holds no token.")),
        }
    }

    /// The signed request.
    fn assertion(&self, scopes: &str, now: Timestamp) -> Result<String, Trouble> {
        let mut head = json!({"alg": "RS256", "typ": "JWT"});
        if let (Some(head), Some(id)) = (head.as_object_mut(), &self.key_id) {
            head.insert("kid".to_owned(), Value::from(id.as_str()));
        }
        let claims = json!({
            "iss": self.email,
            "scope": scopes,
            "aud": TOKEN_URIS[0],
            "iat": now.seconds(),
            "exp": now.seconds() + LIFETIME,
        });
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| invalid("The service account's private key does not sign."))?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The key in `pem`; an environment variable may have left its line ends as the two characters `\n`.
fn key(pem: &str) -> Result<rsa::KeyPair, Trouble> {
    let pem = if pem.contains('\n') { pem.to_owned() } else { pem.replace("\\n", "\n") };
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| invalid("The service account's private_key is not PEM; it may have been cut or changed."))?;
    let key = match &der {
        PrivateKeyDer::Pkcs8(der) => rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => rsa::KeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(invalid("The service account's private_key is not an RSA key.")),
    };
    key.map_err(|reason| invalid(format!("The service account's private_key is no usable RSA key: {reason}.")))
}

fn invalid(message: impl Into<String>) -> Trouble {
    Trouble::new(Cause::InvalidServiceAccount, message).at(Phase::Auth)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

    use super::*;

    /// A key that was made for these tests and opens nothing.
    const KEY: &str = include_str!("../../../tests/support/service_account_key.pem");

    fn file(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> String {
        let mut file = json!({
            "type": "service_account",
            "project_id": "shop-1",
            "private_key_id": "k1",
            "private_key": KEY,
            "client_email": "mooring@shop-1.iam.gserviceaccount.com",
            "token_uri": "https://oauth2.googleapis.com/token",
        });
        change(file.as_object_mut().expect("an object"));
        file.to_string()
    }

    fn refused(text: &str) -> String {
        let Err(trouble) = ServiceAccount::read(text) else { panic!("{text} was taken") };
        assert_eq!((trouble.cause, trouble.phase), (Some(Cause::InvalidServiceAccount), Some(Phase::Auth)));
        trouble.message
    }

    #[test]
    fn a_request_is_signed_as_google_reads_it() {
        let account = ServiceAccount::read(&file(|_| {})).unwrap_or_else(|trouble| panic!("{trouble:?}"));
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let assertion = account.assertion("a b", now).expect("a signature");
        let parts: Vec<&str> = assertion.split('.').collect();
        let [head, claims, signature] = parts[..] else { panic!("{assertion}") };
        let json = |part: &str| -> Value {
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
        };
        assert_eq!(json(head), json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
        assert_eq!(
            json(claims),
            json!({
                "iss": "mooring@shop-1.iam.gserviceaccount.com", "scope": "a b",
                "aud": "https://oauth2.googleapis.com/token", "iat": 1_700_000_000, "exp": 1_700_003_600,
            })
        );
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(account.key.public());
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64");
        public
            .verify(&RSA_PKCS1_2048_8192_SHA256, format!("{head}.{claims}").as_bytes(), &signature)
            .expect("the signature of the key");
    }

    #[test]
    fn a_key_from_an_environment_variable_is_taken() {
        let escaped = file(|file| {
            file.insert("private_key".to_owned(), Value::from(KEY.replace('\n', "\\n")));
            file.remove("token_uri");
        });
        assert!(ServiceAccount::read(&escaped).is_ok());
    }

    #[test]
    fn a_foreign_token_endpoint_is_refused_by_name() {
        for (uri, named) in [
            ("https://evil.example.org/token", "evil.example.org"),
            ("http://oauth2.googleapis.com/token", "oauth2.googleapis.com"),
            ("https://oauth2.googleapis.com.evil.example.org/token", "evil.example.org"),
            ("http://169.254.169.254/latest", "169.254.169.254"),
            ("https://oauth2.googleapis.com/token?x=1", "oauth2.googleapis.com"),
            ("nonsense here", "cannot be read"),
        ] {
            let message = refused(&file(|file| drop(file.insert("token_uri".to_owned(), Value::from(uri)))));
            assert!(message.contains(named), "{uri}: {message}");
        }
    }

    #[test]
    fn what_is_no_service_account_is_refused_with_its_reason() {
        let without = |name: &'static str| file(move |file| drop(file.remove(name)));
        let with = |name: &'static str, value: &str| {
            let value = Value::from(value);
            file(move |file| drop(file.insert(name.to_owned(), value)))
        };
        let cut: String = KEY.lines().take(9).collect::<Vec<_>>().join("\n");
        let changed = KEY.replace("MII", "MIA");
        for (text, says) in [
            (String::new(), "JSON"),
            ("{}".to_owned(), "client_email"),
            ("[1]".to_owned(), "JSON"),
            ("/etc/key.json".to_owned(), "JSON"),
            (with("type", "authorized_user"), "authorized_user"),
            (without("client_email"), "client_email"),
            (without("private_key"), "private_key"),
            (with("private_key", " "), "private_key"),
            (with("private_key", "no key"), "PEM"),
            (with("private_key", &cut), "PEM"),
            (with("private_key", &changed), "RSA"),
        ] {
            let message = refused(&text);
            assert!(message.contains(says), "{says}: {message}");
            assert!(!KEY.lines().filter(|line| line.len() > 20).any(|line| message.contains(line)), "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(text in ".{0,200}") {
            let _ = ServiceAccount::read(&text);
        }
    }
}
