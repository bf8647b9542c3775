//! Whom a rule tells. The secrets among it (`secret`, `auth`, path and query of a `url`) are read back as
//! `"set"` and as the url's origin; whoever writes back what was read keeps what is stored.

use serde_json::{Map, Value, json};

use crate::{auth::email, connections::settings::Secret, error::FieldError};

/// What stands in the place of a secret that is stored.
pub(super) const SET: &str = "set";
/// What a secret of Standard Webhooks begins with.
const WEBHOOK_SECRET: &str = "whsec_";
const MOST_ADDRESSES: usize = 20;
const MOST_HOOKS: usize = 10;
/// What servers commonly take of a URL.
const LONGEST_URL: usize = 2_000;
/// Longer than any token of the services that are reached so.
const LONGEST_SECRET: usize = 1_000;

/// Whom a rule tells; holds secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    /// Addresses, in lower case.
    pub email: Vec<String>,
    /// Webhooks.
    pub webhook: Vec<Webhook>,
    /// Text messages, by webhook.
    pub sms: Vec<Sms>,
    /// Also as a message in the product.
    pub in_app: bool,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where to; path and query are secret.
    pub url: Secret,
    /// What messages are signed with. None until one is made, and where a preset's service knows no signatures.
    pub secret: Option<Secret>,
    /// The service whose format is sent.
    pub preset: Option<WebhookPreset>,
}

/// The services whose format a webhook may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookPreset {
    /// Slack
    Slack,
    /// Discord
    Discord,
    /// Microsoft Teams
    Teams,
    /// `PagerDuty`
    PagerDuty,
    /// ntfy
    Ntfy,
}

impl WebhookPreset {
    /// Every preset.
    pub const ALL: [Self; 5] = [Self::Slack, Self::Discord, Self::Teams, Self::PagerDuty, Self::Ntfy];

    /// The stable name on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Teams => "teams",
            Self::PagerDuty => "pagerduty",
            Self::Ntfy => "ntfy",
        }
    }
}

/// A text message, sent by a service's HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sms {
    /// The service's URL; path and query are secret.
    pub url: Secret,
    /// The number to send to, with `+` and the country.
    pub to: String,
    /// The number or name to send from.
    pub from: Option<String>,
    /// The account: `user:password`, or the value of an `Authorization` header.
    pub auth: Option<Secret>,
    /// The format of the request; generic JSON where there is none.
    pub preset: Option<SmsPreset>,
}

/// The formats of text messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmsPreset {
    /// Twilio's, which others share.
    Twilio,
    /// JSON with `to`, `from` and `text`.
    Generic,
}

impl SmsPreset {
    /// Every preset.
    pub const ALL: [Self; 2] = [Self::Twilio, Self::Generic];

    /// The stable name on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Generic => "generic",
        }
    }
}

impl Channels {
    /// Reads `notification_channels`. `stored` is what `"set"` and origins stand for: what the rule had so far.
    ///
    /// # Errors
    ///
    /// Each field that cannot be used, by its path (`notification_channels.webhook[0].url`); no message repeats
    /// a secret.
    pub fn read(value: &Value, stored: &Self) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader { errors: Vec::new() };
        let top = At("notification_channels".to_owned());
        let Some(object) = reader.object(&top, value, &["email", "webhook", "sms", "in_app"]) else {
            return Err(reader.errors);
        };
        let email = reader.list(&top, object, "email", MOST_ADDRESSES, Reader::email);
        let kept: Vec<_> = stored.webhook.iter().map(|hook| &hook.url).collect();
        let mut kept = Kept::new(&kept, object.get("webhook"));
        let webhook = reader.list(&top, object, "webhook", MOST_HOOKS, |reader, at, value| {
            reader.webhook(at, value, &mut kept, stored)
        });
        let urls: Vec<_> = stored.sms.iter().map(|sms| &sms.url).collect();
        let mut kept = Kept::new(&urls, object.get("sms"));
        let sms =
            reader.list(&top, object, "sms", MOST_HOOKS, |reader, at, value| reader.sms(at, value, &mut kept, stored));
        let in_app = reader.boolean(&top, object, "in_app");
        if reader.errors.is_empty() { Ok(Self { email, webhook, sms, in_app }) } else { Err(reader.errors) }
    }

    /// Everything, secrets included: for the vault.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.json(|url| url.reveal().to_owned(), |secret| secret.reveal().to_owned())
    }

    /// What may be shown: urls as their origins, secrets as `"set"`.
    #[must_use]
    pub fn public(&self) -> Value {
        self.json(|url| origin(url.reveal()).to_owned(), |_| SET.to_owned())
    }

    /// As [`public`](Self::public), but the webhooks' secrets at these places are shown: for the one answer that
    /// tells what was just made.
    #[must_use]
    pub fn public_with(&self, shown: &[usize]) -> Value {
        let mut value = self.public();
        for place in shown {
            if let (Some(secret), Some(slot)) = (
                self.webhook.get(*place).and_then(|hook| hook.secret.as_ref()),
                value.pointer_mut(&format!("/webhook/{place}/secret")),
            ) {
                *slot = secret.reveal().into();
            }
        }
        value
    }

    /// Whether there is anything to seal.
    #[must_use]
    pub const fn has_secrets(&self) -> bool {
        !self.webhook.is_empty() || !self.sms.is_empty()
    }

    /// Gives each webhook that signs and has no secret a `new` one, and says which did.
    pub fn make_secrets(&mut self, mut new: impl FnMut() -> Secret) -> Vec<usize> {
        let mut made = Vec::new();
        for (place, hook) in self.webhook.iter_mut().enumerate() {
            if hook.secret.is_none() && hook.preset.is_none() {
                hook.secret = Some(new());
                made.push(place);
            }
        }
        made
    }

    fn json(&self, url: impl Fn(&Secret) -> String, secret: impl Fn(&Secret) -> String) -> Value {
        let mut channels = Map::new();
        if !self.email.is_empty() {
            channels.insert("email".to_owned(), json!(self.email));
        }
        if !self.webhook.is_empty() {
            let hooks = self.webhook.iter().map(|hook| {
                object([
                    ("url", Some(url(&hook.url))),
                    ("secret", hook.secret.as_ref().map(&secret)),
                    ("preset", hook.preset.map(|preset| preset.code().to_owned())),
                ])
            });
            channels.insert("webhook".to_owned(), hooks.collect());
        }
        if !self.sms.is_empty() {
            let messages = self.sms.iter().map(|sms| {
                object([
                    ("url", Some(url(&sms.url))),
                    ("to", Some(sms.to.clone())),
                    ("from", sms.from.clone()),
                    ("auth", sms.auth.as_ref().map(&secret)),
                    ("preset", sms.preset.map(|preset| preset.code().to_owned())),
                ])
            });
            channels.insert("sms".to_owned(), messages.collect());
        }
        if self.in_app {
            channels.insert("in_app".to_owned(), true.into());
        }
        Value::Object(channels)
    }
}

fn object<const N: usize>(fields: [(&str, Option<String>); N]) -> Value {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?)))).collect()
}

/// `https://host:port` of a URL that [`check_url`] let through.
fn origin(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |place| place + 3);
    let end = url[authority..].find(['/', '?', '#']).map_or(url.len(), |place| authority + place);
    &url[..end]
}

/// Whether a message can be posted there at all; where it leads is for the egress policy to judge.
fn check_url(url: &str) -> Result<(), &'static str> {
    if url.len() > LONGEST_URL {
        return Err("The url is longer than 2,000 bytes.");
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("The url has a space or a control character in it.");
    }
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return Err("The url begins with https:// or http://.");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("The url names a user; put what the service needs to know into its path, secret or auth.");
    }
    let host = authority.rsplit_once(':').map_or(
        authority,
        |(host, port)| {
            if port.parse::<u16>().is_ok() { host } else { authority }
        },
    );
    let is_ipv6 = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() || (!is_ipv6 && host.contains([':', '[', ']', '\\', '<', '>', '"'])) {
        return Err("The url has no usable host.");
    }
    Ok(())
}

/// Which stored entry an origin that is written back stands for.
struct Kept {
    /// The origin of each stored entry, and whether it was taken.
    stored: Vec<(String, bool)>,
    /// The urls that are sent.
    sent: Vec<String>,
}

impl Kept {
    fn new(stored: &[&Secret], sent: Option<&Value>) -> Self {
        let sent = sent.and_then(Value::as_array).into_iter().flatten();
        Self {
            stored: stored.iter().map(|url| (origin(url.reveal()).to_owned(), false)).collect(),
            sent: sent.filter_map(|entry| Some(entry.get("url")?.as_str()?.to_owned())).collect(),
        }
    }

    /// The place of the stored entry, in order where several have the origin.
    ///
    /// # Errors
    ///
    /// Where some of several were left out, so that nobody can tell which.
    fn take(&mut self, url: &str) -> Result<Option<usize>, &'static str> {
        let stored = self.stored.iter().filter(|(origin, _)| origin == url).count();
        let sent = self.sent.iter().filter(|sent| *sent == url).count();
        if stored == 0 {
            return Ok(None);
        }
        if sent < stored {
            return Err("Several entries have this origin, so which of them is meant is not clear. Send whole urls.");
        }
        let place = self.stored.iter().position(|(origin, taken)| origin == url && !taken);
        if let Some((_, taken)) = place.and_then(|place| self.stored.get_mut(place)) {
            *taken = true;
        }
        Ok(place)
    }
}

/// Where in the object something stands.
struct At(String);

impl At {
    fn field(&self, name: &str) -> Self {
        Self(format!("{}.{name}", self.0))
    }

    fn item(&self, place: usize) -> Self {
        Self(format!("{}[{place}]", self.0))
    }
}

/// Reads, and collects what is wrong.
struct Reader {
    errors: Vec<FieldError>,
}

impl Reader {
    fn wrong(&mut self, at: &At, message: impl Into<String>) {
        self.errors.push(FieldError::new(at.0.clone(), message));
    }

    fn object<'v>(&mut self, at: &At, value: &'v Value, known: &[&str]) -> Option<&'v Map<String, Value>> {
        let Some(object) = value.as_object() else {
            self.wrong(at, format!("This is an object with {}.", known.join(", ")));
            return None;
        };
        for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
            let name: String = name.escape_default().take(100).collect();
            self.wrong(&at.field(&name), format!("There are {} here; not {name}.", known.join(", ")));
        }
        Some(object)
    }

    fn list<T>(
        &mut self,
        at: &At,
        object: &Map<String, Value>,
        name: &str,
        most: usize,
        mut read: impl FnMut(&mut Self, &At, &Value) -> Option<T>,
    ) -> Vec<T> {
        let at = at.field(name);
        match object.get(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) if items.len() <= most => {
                items.iter().enumerate().filter_map(|(place, item)| read(self, &at.item(place), item)).collect()
            }
            Some(_) => {
                self.wrong(&at, format!("This is a list of at most {most}."));
                Vec::new()
            }
        }
    }

    fn boolean(&mut self, at: &At, object: &Map<String, Value>, name: &str) -> bool {
        match object.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                self.wrong(&at.field(name), "This is true or false.");
                false
            }
        }
    }

    /// A text that may be left out.
    fn text(&mut self, at: &At, object: &Map<String, Value>, name: &str, longest: usize) -> Option<String> {
        match object.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text))
                if !text.is_empty() && text.len() <= longest && !text.chars().any(char::is_control) =>
            {
                Some(text.clone())
            }
            Some(_) => {
                self.wrong(&at.field(name), format!("This is a text of at most {longest} bytes, without line breaks."));
                None
            }
        }
    }

    fn email(&mut self, at: &At, value: &Value) -> Option<String> {
        match email::normalize(value.as_str().unwrap_or_default()) {
            Ok(address) => Some(address),
            Err(error) => {
                self.wrong(at, error.message);
                None
            }
        }
    }

    fn preset<T: Copy>(
        &mut self,
        at: &At,
        object: &Map<String, Value>,
        all: &[T],
        code: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.text(at, object, "preset", 100)?;
        let found = all.iter().copied().find(|preset| code(*preset) == text);
        if found.is_none() {
            let codes: Vec<_> = all.iter().map(|preset| code(*preset)).collect();
            self.wrong(&at.field("preset"), format!("The presets are {}.", codes.join(", ")));
        }
        found
    }

    /// The url, and the place of the stored entry that it stands for.
    fn url(&mut self, at: &At, object: &Map<String, Value>, kept: &mut Kept) -> Option<(String, Option<usize>)> {
        let at = at.field("url");
        let Some(url) = object.get("url").and_then(Value::as_str) else {
            self.wrong(&at, "The url is missing.");
            return None;
        };
        match check_url(url).and_then(|()| kept.take(url)) {
            Ok(place) => Some((url.to_owned(), place)),
            Err(message) => {
                self.wrong(&at, message);
                None
            }
        }
    }

    /// A secret: sent, or kept where the url is, too.
    fn secret(&mut self, at: &At, object: &Map<String, Value>, name: &str, stored: Option<&Secret>) -> Option<Secret> {
        match (self.text(at, object, name, LONGEST_SECRET), stored) {
            (None, stored) => stored.cloned(),
            (Some(sent), _) if sent != SET => Some(Secret::new(sent)),
            (Some(_), Some(stored)) => Some(stored.clone()),
            (Some(_), None) => {
                self.wrong(&at.field(name), "Nothing is stored for this url. Send it again.");
                None
            }
        }
    }

    fn webhook(&mut self, at: &At, value: &Value, kept: &mut Kept, stored: &Channels) -> Option<Webhook> {
        let object = self.object(at, value, &["url", "secret", "preset"])?;
        let preset = self.preset(at, object, &WebhookPreset::ALL, WebhookPreset::code);
        let (url, place) = self.url(at, object, kept)?;
        let stored = place.and_then(|place| stored.webhook.get(place));
        let secret = self.secret(at, object, "secret", stored.and_then(|hook| hook.secret.as_ref()));
        if secret.as_ref().is_some_and(|secret| !secret.reveal().starts_with(WEBHOOK_SECRET)) {
            self.wrong(&at.field("secret"), "A secret begins with whsec_. Leave it out to have one made.");
        }
        Some(Webhook { url: stored.map_or_else(|| Secret::new(url), |hook| hook.url.clone()), secret, preset })
    }

    fn sms(&mut self, at: &At, value: &Value, kept: &mut Kept, stored: &Channels) -> Option<Sms> {
        let object = self.object(at, value, &["url", "to", "from", "auth", "preset"])?;
        let preset = self.preset(at, object, &SmsPreset::ALL, SmsPreset::code);
        let from = self.text(at, object, "from", 100);
        let to = self.text(at, object, "to", 20).unwrap_or_default();
        let digits = to.strip_prefix('+').unwrap_or_default();
        // E.164: at most fifteen digits.
        if !(3..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.wrong(&at.field("to"), "The number is written as +491701234567.");
        }
        let (url, place) = self.url(at, object, kept)?;
        let stored = place.and_then(|place| stored.sms.get(place));
        let auth = self.secret(at, object, "auth", stored.and_then(|sms| sms.auth.as_ref()));
        Some(Sms { url: stored.map_or_else(|| Secret::new(url), |sms| sms.url.clone()), to, from, auth, preset })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(value: &Value) -> Channels {
        Channels::read(value, &Channels::default()).unwrap_or_else(|errors| panic!("{value}: {errors:?}"))
    }

    fn full() -> Value {
        json!({
            "email": ["Ops@Example.org"],
            "webhook": [
                {"url": "https://hooks.example.org/T1/hunter2?key=hunter2", "secret": "whsec_hunter2"},
                {"url": "https://hooks.example.org/T2/hunter2", "preset": "slack"},
            ],
            "sms": [{"url": "https://sms.example.org/hunter2", "to": "+491701234567", "auth": "user:hunter2", "preset": "twilio"}],
            "in_app": true,
        })
    }

    #[test]
    fn nothing_secret_is_shown() {
        let channels = read(&full());
        let public = channels.public();
        assert!(!public.to_string().contains("hunter2") && !format!("{channels:?}").contains("hunter2"), "{public}");
        assert_eq!(
            public,
            json!({
                "email": ["ops@example.org"],
                "webhook": [
                    {"url": "https://hooks.example.org", "secret": "set"},
                    {"url": "https://hooks.example.org", "preset": "slack"},
                ],
                "sms": [{"url": "https://sms.example.org", "to": "+491701234567", "auth": "set", "preset": "twilio"}],
                "in_app": true,
            })
        );
        assert_eq!(read(&channels.to_json()), channels);
    }

    #[test]
    fn what_is_written_back_keeps_what_is_stored() {
        let stored = read(&full());
        assert_eq!(Channels::read(&stored.public(), &stored), Ok(stored.clone()));

        let mut without_sms = stored.public();
        without_sms["sms"] = json!([]);
        without_sms["email"] = json!(["other@example.org"]);
        let changed = Channels::read(&without_sms, &stored).expect("channels");
        assert_eq!((changed.webhook, changed.sms.len()), (stored.webhook.clone(), 0));

        // One of two at the same origin: which?
        let mut one_less = stored.public();
        one_less["webhook"].as_array_mut().expect("a list").remove(0);
        let errors = Channels::read(&one_less, &stored).expect_err("unclear");
        assert_eq!(errors[0].field, "notification_channels.webhook[0].url");
    }

    #[test]
    fn a_stored_secret_does_not_go_to_another_url() {
        let stored = read(&full());
        for url in ["https://evil.example", "https://hooks.example.org/else", "http://hooks.example.org"] {
            let value = json!({"webhook": [{"url": url, "secret": "set"}]});
            let errors = Channels::read(&value, &stored).expect_err(url);
            assert_eq!(errors[0].field, "notification_channels.webhook[0].secret", "{url}");
            let value = json!({"sms": [{"url": url, "to": "+491701234567", "auth": "set"}]});
            assert!(Channels::read(&value, &stored).is_err(), "{url}");
        }
    }

    #[test]
    fn a_webhook_that_signs_gets_a_secret_once() {
        let mut channels = read(&json!({"webhook": [
            {"url": "https://a.example/1"}, {"url": "https://b.example/2", "preset": "ntfy"},
        ]}));
        assert_eq!(channels.make_secrets(|| Secret::new("whsec_made")), [0]);
        assert_eq!(channels.public_with(&[0])["webhook"][0]["secret"], "whsec_made");
        assert_eq!(channels.public()["webhook"][0]["secret"], "set");
        assert!(channels.make_secrets(|| Secret::new("whsec_again")).is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_named_without_secrets() {
        for (value, field) in [
            (json!([]), "notification_channels"),
            (json!({"pager": 1}), "notification_channels.pager"),
            (json!({"email": "a@example.org"}), "notification_channels.email"),
            (json!({"email": ["hunter2"]}), "notification_channels.email[0]"),
            (json!({"email": [7]}), "notification_channels.email[0]"),
            (json!({"email": vec!["a@example.org"; 21]}), "notification_channels.email"),
            (json!({"in_app": "yes"}), "notification_channels.in_app"),
            (json!({"webhook": [5]}), "notification_channels.webhook[0]"),
            (json!({"webhook": [{}]}), "notification_channels.webhook[0].url"),
            (json!({"webhook": [{"url": "ftp://h/hunter2"}]}), "notification_channels.webhook[0].url"),
            (json!({"webhook": [{"url": "https://user:hunter2@h/"}]}), "notification_channels.webhook[0].url"),
            (json!({"webhook": [{"url": "https:///hunter2"}]}), "notification_channels.webhook[0].url"),
            (json!({"webhook": [{"url": "https://h:99999/"}]}), "notification_channels.webhook[0].url"),
            (json!({"webhook": [{"url": "https://h/a b"}]}), "notification_channels.webhook[0].url"),
            (
                json!({"webhook": [{"url": "https://h/", "secret": "hunter2"}]}),
                "notification_channels.webhook[0].secret",
            ),
            (json!({"webhook": [{"url": "https://h/", "preset": "fax"}]}), "notification_channels.webhook[0].preset"),
            (json!({"sms": [{"url": "https://h/", "to": "0170"}]}), "notification_channels.sms[0].to"),
            (
                json!({"sms": [{"url": "https://h/", "to": "+49170", "auth": "a\r\nhunter2"}]}),
                "notification_channels.sms[0].auth",
            ),
        ] {
            let errors = Channels::read(&value, &Channels::default()).expect_err(field);
            assert_eq!(errors[0].field, field, "{value}");
            assert!(!format!("{errors:?}").contains("hunter2"), "{errors:?}");
        }
    }

    proptest! {
        #[test]
        fn an_origin_is_a_part_of_any_url_that_is_taken(url in "https?://[^ ]{0,40}") {
            if check_url(&url).is_ok() {
                prop_assert!(url.starts_with(origin(&url)));
                prop_assert!(check_url(origin(&url)).is_ok());
            }
        }
    }
}
