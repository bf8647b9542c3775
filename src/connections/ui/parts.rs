//! The form's fields, part by part. A part that belongs to some providers only names them in its class.

use leptos::{html, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

use super::fields::Fields;
use crate::{
    connections::{
        DEFAULT_INTERVAL_S, DEFAULT_SLOW_THRESHOLD_MS,
        settings::{AuthMechanism, PublicSettings, PublicSpecial, Settings, TlsMode},
        url,
    },
    health::quiet::QuietMode,
    ui::{CheckField, SelectField, TextArea, TextField},
};

/// The message for a field, where there is one.
pub(super) type Errors = Callback<&'static str, Signal<Option<String>>>;

const STORED: &str = "One is stored. Leave this empty to keep it.";
const SEALED: &str = "Stored sealed, and never shown again.";

const fn secret_hint(is_stored: bool) -> &'static str {
    if is_stored { STORED } else { SEALED }
}

/// A box to tick, below a secret that is stored.
#[component]
fn Forget(is_stored: bool, name: &'static str, label: &'static str, ticked: RwSignal<bool>) -> impl IntoView {
    is_stored.then(|| view! { <CheckField name=name label=label checked=ticked /> })
}

/// Firebase: the project, and how to log in to it.
#[component]
pub(super) fn FirebaseFields(fields: StoredValue<Fields>, of: Errors, stored: PublicSettings) -> impl IntoView {
    let fields = fields.get_value();
    let (has_account, has_key) = match &stored.special {
        PublicSpecial::Firebase(firebase) => (firebase.has_service_account, firebase.has_api_key),
        _ => (false, false),
    };
    view! {
        <div class="form provider-part for-firebase">
            <TextArea
                name="serviceAccount"
                label="Service account"
                value=fields.service_account
                error=of.run("serviceAccount")
                hint=if has_account {
                    STORED
                } else {
                    "The JSON file of its key, whole. Stored sealed, and never shown again."
                }
                placeholder="{ \"type\": \"service_account\", …"
                mono=true
            />
            <Upload into=fields.service_account label="Read the JSON file…" accept=".json,application/json" />
            <Forget
                is_stored=has_account
                name="removeServiceAccount"
                label="Forget the stored service account"
                ticked=fields.remove_service_account
            />
            <div class="form-row">
                <TextField
                    name="projectId"
                    label="Project ID"
                    value=fields.project_id
                    error=of.run("projectId")
                    hint="Empty: the service account's"
                    autocomplete="off"
                    mono=true
                />
                <TextField
                    name="databaseId"
                    label="Firestore database"
                    value=fields.database_id
                    error=of.run("databaseId")
                    placeholder="(default)"
                    autocomplete="off"
                    mono=true
                />
            </div>
            <TextField
                name="databaseURL"
                label="Address of the Realtime Database"
                value=fields.database_url
                error=of.run("databaseURL")
                placeholder="https://….firebaseio.com"
                optional=true
                autocomplete="off"
                mono=true
            />
            <div class="form-row">
                <TextField
                    name="apiKey"
                    label="Web API key"
                    r#type="password"
                    value=fields.api_key
                    error=of.run("apiKey")
                    hint=secret_hint(has_key)
                    optional=true
                    autocomplete="off"
                    mono=true
                />
                <TextField
                    name="emulatorHost"
                    label="Emulator"
                    value=fields.emulator_host
                    error=of.run("emulatorHost")
                    hint="host:port, for development only"
                    placeholder="localhost:8080"
                    optional=true
                    autocomplete="off"
                    mono=true
                />
            </div>
            <Forget
                is_stored=has_key
                name="removeApiKey"
                label="Forget the stored web API key"
                ticked=fields.remove_api_key
            />
        </div>
    }
}

/// Supabase: the project and its keys. Its Postgres is in the fields that all databases share.
#[component]
pub(super) fn SupabaseFields(fields: StoredValue<Fields>, of: Errors, stored: PublicSettings) -> impl IntoView {
    let fields = fields.get_value();
    let (has_anon, has_service) = match &stored.special {
        PublicSpecial::Supabase(supabase) => (supabase.has_anon_key, supabase.has_service_role_key),
        _ => (false, false),
    };
    view! {
        <div class="form provider-part for-supabase">
            <TextField
                name="url"
                label="Project URL"
                value=fields.url
                error=of.run("url")
                placeholder="https://abcdefghijklmnopqrst.supabase.co"
                autocomplete="off"
                mono=true
            />
            <div class="form-row">
                <TextField
                    name="anonKey"
                    label="Anon or publishable key"
                    r#type="password"
                    value=fields.anon_key
                    error=of.run("anonKey")
                    hint=secret_hint(has_anon)
                    autocomplete="off"
                    mono=true
                />
                <TextField
                    name="serviceRoleKey"
                    label="Service-role or secret key"
                    r#type="password"
                    value=fields.service_role_key
                    error=of.run("serviceRoleKey")
                    hint=if has_service { STORED } else { "Checks do as well without it." }
                    optional=true
                    autocomplete="off"
                    mono=true
                />
            </div>
            <Forget
                is_stored=has_anon
                name="removeAnonKey"
                label="Forget the stored anon key"
                ticked=fields.remove_anon_key
            />
            <Forget
                is_stored=has_service
                name="removeServiceRoleKey"
                label="Forget the stored service-role key"
                ticked=fields.remove_service_role_key
            />
            <p class="connection-part">"Its Postgres, direct or through the pooler (optional)"</p>
        </div>
    }
}

/// Host, database, login and TLS: everything but Firebase has them.
#[component]
pub(super) fn DatabaseFields(
    fields: StoredValue<Fields>,
    of: Errors,
    stored: PublicSettings,
    password_error: Signal<Option<String>>,
) -> impl IntoView {
    let fields = fields.get_value();
    let has_password = stored.has_password;
    view! {
        <div class="form provider-part for-database">
            <div class="connection-address">
                <TextField
                    name="host"
                    label="Host"
                    value=fields.host
                    error=of.run("host")
                    placeholder="db.example.com"
                    autocomplete="off"
                    mono=true
                />
                <TextField
                    name="port"
                    label="Port"
                    value=fields.port
                    error=of.run("port")
                    hint="Empty: the usual one"
                    autocomplete="off"
                    inputmode="numeric"
                    mono=true
                />
            </div>
            <div class="form provider-part for-mongodb">
                <CheckField
                    name="srv"
                    label="The host is an SRV name (mongodb+srv)"
                    checked=fields.srv
                    hint="Otherwise several hosts may be named, with commas: a:27017, b:27017."
                />
            </div>
            <div class="form-row">
                <TextField
                    name="database"
                    label="Database"
                    value=fields.database
                    error=of.run("database")
                    hint="Empty: the user's own"
                    autocomplete="off"
                    mono=true
                />
                <TextField
                    name="username"
                    label="User"
                    value=fields.username
                    error=of.run("username")
                    autocomplete="off"
                    mono=true
                />
            </div>
            <TextField
                name="password"
                label="Password"
                r#type="password"
                value=fields.password
                error=password_error
                hint=secret_hint(has_password)
                autocomplete="new-password"
                mono=true
            />
            <Forget
                is_stored=has_password
                name="removePassword"
                label="Forget the stored password"
                ticked=fields.remove_password
            />
            <MongoDbFields fields of />
            <TlsChoice fields error=of.run("tls") />
        </div>
    }
}

/// What only MongoDB has.
#[component]
fn MongoDbFields(fields: Fields, of: Errors) -> impl IntoView {
    let mut mechanisms = vec![(String::new(), "What the server offers".to_owned())];
    mechanisms.extend(AuthMechanism::ALL.map(|mechanism| (mechanism.code().to_owned(), mechanism.code().to_owned())));
    let direct = [("", "As the servers say"), ("false", "Follow the replica set"), ("true", "The named server alone")];
    view! {
        <div class="form provider-part for-mongodb">
            <div class="form-row">
                <TextField
                    name="authSource"
                    label="Authentication database"
                    value=fields.auth_source
                    error=of.run("authSource")
                    placeholder="admin"
                    autocomplete="off"
                    mono=true
                />
                <SelectField
                    name="authMechanism"
                    label="Login by"
                    options=mechanisms
                    value=fields.auth_mechanism
                    error=of.run("authMechanism")
                />
            </div>
            <div class="form-row">
                <TextField
                    name="replicaSet"
                    label="Replica set"
                    value=fields.replica_set
                    error=of.run("replicaSet")
                    optional=true
                    autocomplete="off"
                    mono=true
                />
                <SelectField
                    name="directConnection"
                    label="Which servers"
                    options=direct.map(|(code, words)| (code.to_owned(), words.to_owned())).to_vec()
                    value=fields.direct_connection
                    error=of.run("directConnection")
                />
            </div>
        </div>
    }
}

/// The TLS mode, with what it means for the host that is typed.
#[component]
fn TlsChoice(fields: Fields, error: Signal<Option<String>>) -> impl IntoView {
    let mut options = vec![(String::new(), "As the host needs it".to_owned())];
    options.extend(TlsMode::ALL.map(|mode| (mode.code().to_owned(), format!("{} ({})", mode.label(), mode.code()))));
    let meaning = move || match TlsMode::from_code(&fields.tls.get()) {
        Some(mode) => mode.explanation().to_owned(),
        None if fields.host.with(|host| host.trim().is_empty()) => {
            "Verified on the internet; on private networks and this machine, encrypted where the server offers it."
                .to_owned()
        }
        None => {
            let mode = fields.form().public().1.effective_tls();
            format!("For this host that is {}. {}", mode.code(), mode.explanation())
        }
    };
    view! {
        <div class="field">
            <SelectField name="tls" label="Encryption (TLS)" options value=fields.tls error />
            <p class="field-hint">{meaning}</p>
        </div>
    }
}

/// The address as it stands, without the password.
#[component]
pub(super) fn Preview(fields: StoredValue<Fields>, stored: PublicSettings) -> impl IntoView {
    let fields = fields.get_value();
    let text = move || {
        let form = fields.form();
        let (provider, settings) = form.public();
        url::preview(provider, &settings.keeping(&stored, &form.forget()))
    };
    view! {
        <p class="connection-preview">
            <span class="field-label">"Connects to"</span>
            <code>{text}</code>
        </p>
    }
}

/// Times, certificates, schedule: what most leave as it is.
#[component]
pub(super) fn AdvancedFields(fields: StoredValue<Fields>, of: Errors, stored: PublicSettings) -> impl IntoView {
    let fields = fields.get_value();
    view! {
        <div class="card-body form">
            <div class="form-row">
                <TextField
                    name="intervalS"
                    label="Seconds between checks"
                    value=fields.interval_s
                    error=of.run("intervalS")
                    placeholder=DEFAULT_INTERVAL_S.to_string()
                    inputmode="numeric"
                    autocomplete="off"
                />
                <TextField
                    name="slowThresholdMs"
                    label="Slow from, in milliseconds"
                    value=fields.slow_threshold_ms
                    error=of.run("slowThresholdMs")
                    placeholder=DEFAULT_SLOW_THRESHOLD_MS.to_string()
                    inputmode="numeric"
                    autocomplete="off"
                />
                <TextField
                    name="connectTimeoutMs"
                    label="Time to connect, in milliseconds"
                    value=fields.connect_timeout_ms
                    error=of.run("connectTimeoutMs")
                    placeholder=Settings::DEFAULT_CONNECT_TIMEOUT_MS.to_string()
                    inputmode="numeric"
                    autocomplete="off"
                />
            </div>
            // A check of the others cannot be quiet.
            <div class="provider-part for-postgresql for-mongodb for-supabase">
                <SelectField
                    name="quietMode"
                    label="Let it sleep"
                    options=QuietMode::ALL.map(|mode| (mode.code().to_owned(), mode.label().to_owned())).to_vec()
                    value=fields.quiet_mode
                    error=of.run("quietMode")
                    hint="A quiet check stops before the login, so that a database which sleeps while nobody uses it is not woken."
                />
            </div>
            <div class="form provider-part for-database">
                <TextArea
                    name="caCertificate"
                    label="Certificate of the authority"
                    value=fields.ca_certificate
                    error=of.run("caCertificate")
                    hint="PEM. Needed where the server's certificate comes from an authority of your own, or is self-signed."
                    placeholder="-----BEGIN CERTIFICATE-----"
                    mono=true
                />
                <Upload into=fields.ca_certificate label="Read the authority's file…" accept=PEM_FILES />
                <TextArea
                    name="clientCertificate"
                    label="Client certificate"
                    value=fields.client_certificate
                    error=of.run("clientCertificate")
                    hint="PEM. Only where the server asks for one."
                    placeholder="-----BEGIN CERTIFICATE-----"
                    mono=true
                />
                <Upload into=fields.client_certificate label="Read the certificate's file…" accept=PEM_FILES />
                <TextArea
                    name="clientKey"
                    label="Key of the client certificate"
                    value=fields.client_key
                    error=of.run("clientKey")
                    hint=if stored.has_client_key {
                        STORED
                    } else {
                        "PEM, not encrypted. Stored sealed, and never shown again."
                    }
                    placeholder="-----BEGIN PRIVATE KEY-----"
                    mono=true
                />
                <Upload into=fields.client_key label="Read the key's file…" accept=PEM_FILES />
            </div>
        </div>
    }
}

const PEM_FILES: &str = ".pem,.crt,.cer,.key,application/x-pem-file";

/// Bytes of a file that is read: more than any certificate or key has.
const LARGEST_FILE: f64 = 262_144.0;

/// Reads a file of the reader's machine into a field. The file itself is not sent.
#[component]
fn Upload(into: RwSignal<String>, label: &'static str, accept: &'static str) -> impl IntoView {
    let alive = RwSignal::new(false);
    Effect::new(move |_| alive.set(true));
    let input = NodeRef::<html::Input>::new();
    let too_large = RwSignal::new(false);
    let read = move |_| {
        let Some(input) = input.get_untracked() else { return };
        let Some(file) = input.files().and_then(|files| files.get(0)) else { return };
        input.set_value("");
        too_large.set(file.size() > LARGEST_FILE);
        if too_large.get_untracked() {
            return;
        }
        let text = JsFuture::from(file.unchecked_into::<web_sys::Blob>().text());
        spawn_local(async move {
            if let Some(text) = text.await.ok().and_then(|text| text.as_string()) {
                into.set(text);
            }
        });
    };
    view! {
        <Show when=move || alive.get()>
            <div class="connection-upload">
                <label class="button button-small">
                    {label}
                    <input node_ref=input class="visually-hidden" type="file" accept=accept on:change=read />
                </label>
                <span class="field-error" aria-live="polite">
                    {move || too_large.get().then_some("The file is larger than a certificate or key can be.")}
                </span>
            </div>
        </Show>
    }
}
