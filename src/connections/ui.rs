//! The pages that add, change and delete a connection.
//!
//! The form is one for adding and changing. It posts without JavaScript; with it, a pasted address fills the
//! fields, a preview without the password follows what is typed, and a test shows its phases in place.

use leptos::{ev, html, prelude::*};
use leptos_router::hooks::use_params_map;

use super::{
    DEFAULT_INTERVAL_S, DEFAULT_SLOW_THRESHOLD_MS, Provider,
    api::{DeleteConnection, SaveConnection, TestConnection, connection_for_edit, new_connection_form},
    form::{ConnectionForm, FormStart, Submitted},
    settings::{Settings, TlsMode, default_tls},
    url,
};
use crate::{
    error::AppError,
    ids::ConnectionId,
    probe::{ProbeReport, ui::PhaseList},
    ui::{
        Button, ButtonKind, ButtonLink, Card, CheckField, Choices, ErrorState, FormError, IconName, NoticeBox, Page,
        PageHeader, SelectField, SkeletonText, TextArea, TextField, Tone,
    },
};

/// `/connections/new`.
#[component]
pub fn NewConnectionPage() -> impl IntoView {
    let start = Resource::new_blocking(|| (), |()| new_connection_form());
    view! {
        <Page title="Add a connection" narrow=true>
            <PageHeader title="Add a connection" back=("/".to_owned(), "Board".to_owned()) />
            <Suspense fallback=|| view! { <SkeletonText /> }>
                {move || Suspend::new(async move {
                    match start.await {
                        Ok(start) => view! { <Editor start cancel="/" /> }.into_any(),
                        Err(error) => {
                            view! { <ErrorState error title="The form could not be opened." /> }.into_any()
                        }
                    }
                })}
            </Suspense>
        </Page>
    }
}

/// `/connections/:id/edit`.
#[component]
pub fn EditConnectionPage() -> impl IntoView {
    let start = connection_of_path();
    view! {
        <Page title="Edit a connection" narrow=true>
            <Suspense fallback=|| view! { <SkeletonText /> }>
                {move || Suspend::new(async move {
                    match start.await {
                        Ok(start) => {
                            let (name, home) = name_and_home(&start);
                            let delete = format!("{home}/delete");
                            view! {
                                <PageHeader title=format!("Edit {name}") back=(home.clone(), name) />
                                <Editor start cancel=home />
                                <div class="connection-delete">
                                    <p>"Deleting takes its history with it."</p>
                                    <ButtonLink href=delete kind=ButtonKind::Danger icon=IconName::Bin>
                                        "Delete…"
                                    </ButtonLink>
                                </div>
                            }
                                .into_any()
                        }
                        Err(error) => {
                            view! { <ErrorState error title="The connection could not be opened." /> }.into_any()
                        }
                    }
                })}
            </Suspense>
        </Page>
    }
}

/// `/connections/:id/delete`: asks before it deletes, and names what goes.
#[component]
pub fn DeleteConnectionPage() -> impl IntoView {
    let start = connection_of_path();
    let delete = ServerAction::<DeleteConnection>::new();
    let error = Signal::derive(move || delete.value().get().and_then(Result::err));
    view! {
        <Page title="Delete a connection" narrow=true>
            <Suspense fallback=|| view! { <SkeletonText /> }>
                {move || Suspend::new(async move {
                    match start.await {
                        Ok(start) => {
                            let (name, home) = name_and_home(&start);
                            let endpoint = start.connection.map(|connection| connection.settings.endpoint());
                            view! {
                                <PageHeader title=format!("Delete {name}?") back=(home.clone(), name.clone()) />
                                <FormError error />
                                <Card title=name.clone() note=endpoint.unwrap_or_default()>
                                    <div class="card-body">
                                        <p>
                                            "Its stored credentials, its checks, its errors and its alert rules are deleted with it. This cannot be undone. The database itself is not touched."
                                        </p>
                                        <ActionForm action=delete attr:class="form-actions">
                                            <input type="hidden" name="id" value=start.form.id />
                                            <Button kind=ButtonKind::Danger icon=IconName::Bin busy=delete.pending()>
                                                {format!("Delete {name}")}
                                            </Button>
                                            <ButtonLink href=home>"Keep it"</ButtonLink>
                                        </ActionForm>
                                    </div>
                                </Card>
                            }
                                .into_any()
                        }
                        Err(error) => {
                            view! { <ErrorState error title="The connection could not be opened." /> }.into_any()
                        }
                    }
                })}
            </Suspense>
        </Page>
    }
}

/// What is stored of the connection that the page's path names.
fn connection_of_path() -> Resource<Result<FormStart, AppError>> {
    let params = use_params_map();
    let id = move || params.with(|params| params.get("id").and_then(|id| id.parse::<ConnectionId>().ok()));
    Resource::new_blocking(id, |id| async move {
        match id {
            Some(id) => connection_for_edit(id).await,
            None => Err(AppError::NotFound),
        }
    })
}

/// The stored name, and the page of the connection.
fn name_and_home(start: &FormStart) -> (String, String) {
    start
        .connection
        .as_ref()
        .map(|connection| (connection.name.clone(), format!("/connections/{}", connection.id)))
        .unwrap_or_default()
}

macro_rules! fields {
    ($($name:ident),*) => {
        /// One signal for each field, as the design system's fields take them.
        #[derive(Clone, Copy)]
        struct Fields {
            id: StoredValue<String>,
            remove_password: RwSignal<bool>,
            $($name: RwSignal<String>,)*
        }

        impl Fields {
            fn new(form: ConnectionForm) -> Self {
                Self {
                    id: StoredValue::new(form.id),
                    remove_password: RwSignal::new(!form.remove_password.is_empty()),
                    $($name: RwSignal::new(form.$name),)*
                }
            }

            /// What is in the fields now; follows them.
            fn form(self) -> ConnectionForm {
                ConnectionForm {
                    id: self.id.get_value(),
                    remove_password: if self.remove_password.get() { "true".to_owned() } else { String::new() },
                    intent: String::new(),
                    $($name: self.$name.get(),)*
                }
            }

            /// Puts `form` into the fields, and leaves alone what is the same.
            fn set(self, form: ConnectionForm) {
                $(if self.$name.with_untracked(|value| *value != form.$name) {
                    self.$name.set(form.$name);
                })*
            }
        }
    };
}

fields!(
    provider,
    name,
    pasted,
    host,
    port,
    database,
    username,
    password,
    tls,
    ca_certificate,
    client_certificate,
    client_key,
    connect_timeout_ms,
    srv,
    replica_set,
    auth_source,
    auth_mechanism,
    direct_connection,
    project_id,
    database_id,
    database_url,
    service_account,
    api_key,
    emulator_host,
    url,
    anon_key,
    service_role_key,
    interval_s,
    slow_threshold_ms,
    quiet_mode,
    environment,
    tags
);

impl Fields {
    /// Takes a pasted address apart into the fields; it stays in its own.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn unpack(self) -> Result<(), String> {
        let mut form = untrack(|| self.form());
        let (provider, settings) = url::parse_url(&form.pasted).map_err(|error| error.message)?;
        form.fill(provider, &settings);
        self.set(form);
        Ok(())
    }
}

/// The fields that stand in the part that is folded away.
const ADVANCED: [&str; 6] =
    ["caCertificate", "clientCertificate", "clientKey", "connectTimeoutMs", "intervalS", "slowThresholdMs"];

/// The form with its test.
#[component]
fn Editor(
    /// What it begins with.
    start: FormStart,
    /// Where "Cancel" leads.
    #[prop(into)]
    cancel: String,
) -> impl IntoView {
    let FormStart { form, connection, report: earlier } = start;
    let stored = StoredValue::new(connection.map(|connection| connection.settings));
    let has_password = stored.with_value(|stored| stored.as_ref().is_some_and(|stored| stored.has_password));
    let has_client_key = stored.with_value(|stored| stored.as_ref().is_some_and(|stored| stored.has_client_key));
    let has_certificates = !form.ca_certificate.is_empty() || !form.client_certificate.is_empty();
    let id = form.id.clone();
    let fields = Fields::new(form);

    let save = ServerAction::<SaveConnection>::new();
    let test = ServerAction::<TestConnection>::new();
    let error = Signal::derive(move || {
        let saved = save.value().get().and_then(Result::err);
        saved.or_else(|| test.value().get().and_then(Result::err))
    });
    let of = move |field: &'static str| {
        Signal::derive(move || error.with(|error| error.as_ref().and_then(|error| error.for_field(field))))
    };
    let report = Signal::derive(move || {
        let posted = match save.value().get() {
            Some(Ok(Submitted::Tested(report))) => Some(*report),
            _ => earlier.clone(),
        };
        test.value().get().and_then(Result::ok).or(posted)
    });
    let password_error = Signal::derive(move || {
        of("password").get().or_else(|| {
            let form = fields.form();
            let moved = stored.with_value(|stored| stored.as_ref().is_some_and(|stored| form.has_moved(stored)));
            (has_password && moved && form.password.is_empty() && form.remove_password.is_empty()).then(|| {
                "The host, port or TLS changed: the stored password is only used where it was given for. Enter it again."
                    .to_owned()
            })
        })
    });
    let advanced = NodeRef::<html::Details>::new();
    Effect::new(move |_| {
        let wrong = error.with(|error| {
            error.as_ref().is_some_and(|error| ADVANCED.iter().any(|field| error.for_field(field).is_some()))
        });
        if let Some(advanced) = advanced.get().filter(|_| wrong) {
            advanced.set_open(true);
        }
    });
    let try_settings = move |event: ev::MouseEvent| {
        event.prevent_default();
        save.clear();
        test.dispatch(TestConnection { form: untrack(|| fields.form()) });
    };

    view! {
        <ActionForm action=save attr:class="form connection-form" on:submit=move |_| test.clear()>
            <FormError error />
            <input type="hidden" name="id" value=id />
            <PasteAddress fields error=of("pasted") />
            <Card title="What to connect to">
                <div class="card-body form">
                    <Choices
                        name="provider"
                        legend="Provider"
                        options=Provider::AVAILABLE
                            .map(|provider| (provider.code().to_owned(), provider.label().to_owned(), provider.badge()))
                            .to_vec()
                        value=fields.provider
                    />
                    <ProviderError error=of("provider") />
                    <TextField
                        name="name"
                        label="Name"
                        value=fields.name
                        error=of("name")
                        hint="What you and the board call it."
                        autocomplete="off"
                    />
                    <div class="connection-address">
                        <TextField
                            name="host"
                            label="Host"
                            value=fields.host
                            error=of("host")
                            placeholder="db.example.com"
                            autocomplete="off"
                            mono=true
                        />
                        <TextField
                            name="port"
                            label="Port"
                            value=fields.port
                            error=of("port")
                            hint="Empty: the usual one"
                            autocomplete="off"
                            inputmode="numeric"
                            mono=true
                        />
                    </div>
                    <div class="form-row">
                        <TextField
                            name="database"
                            label="Database"
                            value=fields.database
                            error=of("database")
                            hint="Empty: the user's own"
                            autocomplete="off"
                            mono=true
                        />
                        <TextField
                            name="username"
                            label="User"
                            value=fields.username
                            error=of("username")
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
                        hint=if has_password {
                            "One is stored. Leave this empty to keep it."
                        } else {
                            "Stored sealed, and never shown again."
                        }
                        autocomplete="new-password"
                        mono=true
                    />
                    {has_password
                        .then(|| {
                            view! {
                                <CheckField
                                    name="removePassword"
                                    label="Forget the stored password"
                                    checked=fields.remove_password
                                />
                            }
                        })}
                    <TlsChoice fields error=of("tls") />
                    <Preview fields has_password />
                </div>
            </Card>
            <details class="card connection-advanced" node_ref=advanced open=has_certificates>
                <summary class="disclose">"Certificates, time limits and schedule"</summary>
                <div class="card-body form">
                    <div class="form-row">
                        <TextField
                            name="intervalS"
                            label="Seconds between checks"
                            value=fields.interval_s
                            error=of("intervalS")
                            placeholder=DEFAULT_INTERVAL_S.to_string()
                            inputmode="numeric"
                            autocomplete="off"
                        />
                        <TextField
                            name="slowThresholdMs"
                            label="Slow from, in milliseconds"
                            value=fields.slow_threshold_ms
                            error=of("slowThresholdMs")
                            placeholder=DEFAULT_SLOW_THRESHOLD_MS.to_string()
                            inputmode="numeric"
                            autocomplete="off"
                        />
                        <TextField
                            name="connectTimeoutMs"
                            label="Time to connect, in milliseconds"
                            value=fields.connect_timeout_ms
                            error=of("connectTimeoutMs")
                            placeholder=Settings::DEFAULT_CONNECT_TIMEOUT_MS.to_string()
                            inputmode="numeric"
                            autocomplete="off"
                        />
                    </div>
                    <TextArea
                        name="caCertificate"
                        label="Certificate of the authority"
                        value=fields.ca_certificate
                        error=of("caCertificate")
                        hint="PEM. Needed where the server's certificate comes from an authority of your own, or is self-signed."
                        placeholder="-----BEGIN CERTIFICATE-----"
                        mono=true
                    />
                    <TextArea
                        name="clientCertificate"
                        label="Client certificate"
                        value=fields.client_certificate
                        error=of("clientCertificate")
                        hint="PEM. Only where the server asks for one."
                        placeholder="-----BEGIN CERTIFICATE-----"
                        mono=true
                    />
                    <TextArea
                        name="clientKey"
                        label="Key of the client certificate"
                        value=fields.client_key
                        error=of("clientKey")
                        hint=if has_client_key {
                            "One is stored. Leave this empty to keep it."
                        } else {
                            "PEM, not encrypted. Stored sealed, and never shown again."
                        }
                        placeholder="-----BEGIN PRIVATE KEY-----"
                        mono=true
                    />
                </div>
            </details>
            <div class="form-actions">
                <Button kind=ButtonKind::Primary busy=save.pending()>
                    "Save"
                </Button>
                <Button name="intent" value="test" icon=IconName::Pulse busy=test.pending() on:click=try_settings>
                    "Test"
                </Button>
                <ButtonLink href=cancel kind=ButtonKind::Quiet>
                    "Cancel"
                </ButtonLink>
            </div>
            <TestResult report pending=test.pending() />
        </ActionForm>
    }
}

/// The box for a whole address. It fills the fields as one types, and is emptied when one leaves it, so that
/// the password in it does not stay on the screen.
#[component]
fn PasteAddress(fields: Fields, error: Signal<Option<String>>) -> impl IntoView {
    let alive = RwSignal::new(false);
    Effect::new(move |_| alive.set(true));
    let own_error = RwSignal::new(None::<String>);
    let shown = Signal::derive(move || own_error.get().or_else(|| error.get()));
    let take = move || {
        if fields.pasted.with_untracked(|text| text.trim().is_empty()) {
            own_error.set(None);
            return;
        }
        match fields.unpack() {
            Ok(()) => {
                own_error.set(None);
                fields.pasted.set(String::new());
            }
            Err(message) => own_error.set(Some(message)),
        }
    };
    // What cannot be read while one types may be half an address; it is told when one leaves the box.
    let follow = move |_| {
        if fields.unpack().is_ok() {
            own_error.set(None);
        }
    };
    let enter = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
            take();
        }
    };
    view! {
        <div class="connection-paste">
            <TextField
                name="pasted"
                label="Paste a URL"
                value=fields.pasted
                error=shown
                hint="postgresql://user:password@host/database, mysql://…, or host=… user=…. It is taken apart into the fields below."
                autocomplete="off"
                mono=true
                on:input=follow
                on:change=move |_| take()
                on:keydown=enter
            />
            <Show when=move || alive.get()>
                <Button r#type="button" small=true on:click=move |_| take()>
                    "Fill in"
                </Button>
            </Show>
        </div>
    }
}

#[component]
fn ProviderError(error: Signal<Option<String>>) -> impl IntoView {
    view! { {move || error.get().map(|error| view! { <p class="field-error" role="alert">{error}</p> })} }
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
            let mode = default_tls(fields.host.get().trim());
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
fn Preview(fields: Fields, has_password: bool) -> impl IntoView {
    let text = move || {
        let form = fields.form();
        let (provider, mut settings) = form.public();
        settings.has_password |= has_password && form.remove_password.is_empty();
        url::preview(provider, &settings)
    };
    view! {
        <p class="connection-preview">
            <span class="field-label">"Connects to"</span>
            <code>{text}</code>
        </p>
    }
}

/// What the last test found.
#[component]
fn TestResult(report: Signal<Option<ProbeReport>>, pending: Memo<bool>) -> impl IntoView {
    view! {
        <div class="connection-test" aria-live="polite" aria-busy=move || pending.get().then_some("true")>
            {move || {
                if pending.get() {
                    return view! { <NoticeBox tone=Tone::Accent title="Testing: looking up, connecting, logging in, asking." /> }
                        .into_any();
                }
                report.get().map(|report| view! { <PhaseList report /> }).into_any()
            }}
        </div>
    }
}
