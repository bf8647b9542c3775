//! What is in the form's fields: one signal for each, as the design system's fields take them.

use leptos::prelude::*;

use crate::connections::{form::ConnectionForm, paste};

macro_rules! fields {
    ($($name:ident),* ; $($ticked:ident),*) => {
        /// One signal for each field.
        #[derive(Clone, Copy)]
        pub(super) struct Fields {
            id: StoredValue<String>,
            $(pub(super) $name: RwSignal<String>,)*
            $(pub(super) $ticked: RwSignal<bool>,)*
        }

        impl Fields {
            pub(super) fn new(form: ConnectionForm) -> Self {
                Self {
                    id: StoredValue::new(form.id),
                    $($name: RwSignal::new(form.$name),)*
                    $($ticked: RwSignal::new(!form.$ticked.is_empty()),)*
                }
            }

            /// What is in the fields now; follows them.
            pub(super) fn form(self) -> ConnectionForm {
                ConnectionForm {
                    id: self.id.get_value(),
                    intent: String::new(),
                    $($name: self.$name.get(),)*
                    $($ticked: if self.$ticked.get() { "true".to_owned() } else { String::new() },)*
                }
            }

            /// Puts `form` into the fields, and leaves alone what is the same.
            pub(super) fn set(self, form: ConnectionForm) {
                $(if self.$name.with_untracked(|value| *value != form.$name) {
                    self.$name.set(form.$name);
                })*
                $(if self.$ticked.get_untracked() == form.$ticked.is_empty() {
                    self.$ticked.set(!form.$ticked.is_empty());
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
    tags;
    srv,
    remove_password,
    remove_service_account,
    remove_api_key,
    remove_anon_key,
    remove_service_role_key
);

impl Fields {
    /// Takes what is pasted apart into the fields; it stays in its own. Gives back what is to be told of it.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn unpack(self) -> Result<Option<&'static str>, String> {
        let mut form = untrack(|| self.form());
        let found = paste::read(form.provider.parse().ok(), &form.pasted).map_err(|error| error.message)?;
        form.fill(found.provider, &found.settings);
        self.set(form);
        Ok(found.note)
    }

    /// Changes the form as `change` says.
    pub(super) fn change(self, change: impl FnOnce(&mut ConnectionForm)) {
        let mut form = untrack(|| self.form());
        change(&mut form);
        self.set(form);
    }
}
