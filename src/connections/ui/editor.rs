//! The form with its judgement and its test.

use leptos::{ev, html, prelude::*};

use super::{
    fields::Fields,
    parts::{AdvancedFields, DatabaseFields, Errors, FirebaseFields, Preview, SupabaseFields},
    paste::PasteBox,
};
use crate::{
    config_check::{Change, Subject, api::ValidateConfig, ui::ConfigValidation},
    connections::{
        Provider,
        api::{SaveConnection, TestConnection},
        form::{FormStart, Submitted},
        settings::PublicSettings,
    },
    probe::{ProbeReport, ui::PhaseList},
    provider_docs::guide_path,
    ui::{Button, ButtonKind, ButtonLink, Card, Choices, FormError, IconName, NoticeBox, TextField, Tone},
};

/// The fields that stand in the part that is folded away.
const ADVANCED: [&str; 7] = [
    "caCertificate",
    "clientCertificate",
    "clientKey",
    "connectTimeoutMs",
    "intervalS",
    "slowThresholdMs",
    "quietMode",
];

/// The form with its judgement and its test.
#[component]
pub(super) fn Editor(
    /// What it begins with.
    start: FormStart,
    /// Where "Cancel" leads.
    #[prop(into)]
    cancel: String,
) -> impl IntoView {
    let FormStart { form, connection, report: earlier, secrets, known } = start;
    let stored = connection.map(|connection| connection.settings).unwrap_or_default();
    let has_certificates = !form.ca_certificate.is_empty() || !form.client_certificate.is_empty();
    let id = form.id.clone();
    let fields = Fields::new(form);
    let all = StoredValue::new(fields);

    let save = ServerAction::<SaveConnection>::new();
    let test = ServerAction::<TestConnection>::new();
    let error = Signal::derive(move || {
        let saved = save.value().get().and_then(Result::err);
        saved.or_else(|| test.value().get().and_then(Result::err))
    });
    let of = Callback::new(move |field: &'static str| {
        Signal::derive(move || error.with(|error| error.as_ref().and_then(|error| error.for_field(field))))
    });
    let report = Signal::derive(move || {
        let posted = match save.value().get() {
            Some(Ok(Submitted::Tested(report))) => Some(*report),
            _ => earlier.clone(),
        };
        test.value().get().and_then(Result::ok).or(posted)
    });
    let before = StoredValue::new(stored.clone());
    let password_error = Signal::derive(move || {
        of.run("password").get().or_else(|| {
            let form = fields.form();
            let lost = before.with_value(|stored| stored.has_password && form.has_moved(stored));
            (lost && form.password.is_empty() && form.remove_password.is_empty()).then(|| {
                "The host, port or TLS changed: the stored password is only used where it was given for. Enter it again."
                    .to_owned()
            })
        })
    });

    // The rules run here at every keystroke; what only the server knows is asked for when a password was typed.
    let ask = ServerAction::<ValidateConfig>::new();
    let known = Signal::derive(move || ask.value().get().and_then(Result::ok).unwrap_or_else(|| known.clone()));
    let subject = Memo::new(move |_| {
        let subject =
            before.with_value(|stored| known.with(|known| Subject::of_form(&fields.form(), stored, &secrets, known)));
        subject.is_judgeable().then_some(subject)
    });
    let apply = Callback::new(move |change: Change| fields.change(|form| change.apply(form)));
    let typed = Signal::derive(move || fields.form());
    let ask_server = move |_: ev::Event| {
        if !fields.password.with_untracked(String::is_empty) {
            ask.dispatch(ValidateConfig { form: untrack(|| fields.form()) });
        }
    };

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
        <ActionForm
            action=save
            attr:class="connection-editor"
            on:submit=move |_| test.clear()
            on:change=ask_server
        >
            <div class="form connection-form">
                <FormError error />
                <input type="hidden" name="id" value=id />
                <PasteBox fields=all error=of.run("pasted") />
                <ConnectTo fields=all of stored=stored.clone() password_error />
                <details class="card connection-advanced" node_ref=advanced open=has_certificates>
                    <summary class="disclose">"Certificates, time limits and schedule"</summary>
                    <AdvancedFields fields=all of stored />
                </details>
            </div>
            <aside class="connection-review" aria-label="What the settings are worth">
                <ConfigValidation subject typed apply />
            </aside>
            <div class="form connection-end">
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
                <TestResult report provider=fields.provider pending=test.pending() />
            </div>
        </ActionForm>
    }
}

/// The provider, the name, and where to connect.
#[component]
fn ConnectTo(
    fields: StoredValue<Fields>,
    of: Errors,
    stored: PublicSettings,
    password_error: Signal<Option<String>>,
) -> impl IntoView {
    let all = fields;
    let fields = all.get_value();
    let preview = stored.clone();
    view! {
        <Card title="What to connect to">
            <div class="card-body form">
                <Choices
                    name="provider"
                    legend="Provider"
                    options=Provider::ALL
                        .map(|provider| (provider.code().to_owned(), provider.label().to_owned(), provider.badge()))
                        .to_vec()
                    value=fields.provider
                />
                <ProviderError error=of.run("provider") />
                <GuideLinks />
                <TextField
                    name="name"
                    label="Name"
                    value=fields.name
                    error=of.run("name")
                    hint="What you and the board call it."
                    autocomplete="off"
                />
                <div class="form-row">
                    <TextField
                        name="environment"
                        label="Environment"
                        value=fields.environment
                        error=of.run("environment")
                        placeholder="production"
                        optional=true
                        autocomplete="off"
                    />
                    <TextField
                        name="tags"
                        label="Tags"
                        value=fields.tags
                        error=of.run("tags")
                        placeholder="billing, europe"
                        optional=true
                        autocomplete="off"
                    />
                </div>
                <FirebaseFields fields=all of stored=stored.clone() />
                <SupabaseFields fields=all of stored=stored.clone() />
                <DatabaseFields fields=all of stored=stored.clone() password_error />
                <Preview fields=all stored=preview />
            </div>
        </Card>
    }
}

/// The guide to the provider that is chosen. All five are in the page, like the providers' fields.
#[component]
fn GuideLinks() -> impl IntoView {
    Provider::ALL
        .map(|provider| {
            let part = format!("connection-guide provider-part for-{}", provider.code());
            view! {
                <p class=part>
                    <span>
                        <a href=guide_path(provider)>{format!("{} guide", provider.label())}</a>
                        ": where to find these settings, TLS, pooling, limits"
                    </span>
                </p>
            }
        })
        .collect_view()
}

#[component]
fn ProviderError(error: Signal<Option<String>>) -> impl IntoView {
    view! { {move || error.get().map(|error| view! { <p class="field-error" role="alert">{error}</p> })} }
}

/// What the last test found.
#[component]
fn TestResult(report: Signal<Option<ProbeReport>>, provider: RwSignal<String>, pending: Memo<bool>) -> impl IntoView {
    view! {
        <div class="connection-test" aria-live="polite" aria-busy=move || pending.get().then_some("true")>
            {move || {
                if pending.get() {
                    return view! { <NoticeBox tone=Tone::Accent title="Testing: looking up, connecting, logging in, asking." /> }
                        .into_any();
                }
                let provider = provider.with_untracked(|code| code.parse::<Provider>().ok());
                report.get().map(|report| view! { <PhaseList report provider /> }).into_any()
            }}
        </div>
    }
}
