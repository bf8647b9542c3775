//! What every request and job of one process shares.

use std::{fmt, sync::Arc};

use axum::extract::FromRef;
use leptos::config::LeptosOptions;

use crate::{
    health::server::Watch,
    ids::WorkerId,
    server::{
        clock::Clock, config::Config, db::Database, egress::Egress, limits::Limits, live::Live, metrics::Metrics,
        vault::Vault,
    },
};

/// The process's state; cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    services: Services,
    watch: Watch,
    limits: Limits,
    metrics: Metrics,
}

/// The parts that [`AppState`] shares.
pub struct Services {
    /// What the operator set.
    pub config: Config,
    /// Our own database.
    pub database: Database,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Seals and opens credentials.
    pub vault: Vault,
    /// The way out to every target.
    pub egress: Egress,
    /// Changes as they are announced to pages.
    pub live: Live,
    /// This process, as the owner of leases.
    pub worker: WorkerId,
    /// How Leptos finds the site's files.
    pub leptos: LeptosOptions,
}

impl AppState {
    /// Puts the parts together.
    #[must_use]
    pub fn new(services: Services) -> Self {
        let watch = Watch::new(services.config.check_concurrency, services.config.control_targets.clone());
        let limits = Limits::new(&services.clock);
        Self(Arc::new(Shared { services, watch, limits, metrics: Metrics::default() }))
    }

    /// What the operator set.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.services.config
    }

    /// Our own database, for guards and start-up; see [`Database`].
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.0.services.database
    }

    /// Where the time comes from.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.services.clock
    }

    /// Seals and opens credentials.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.0.services.vault
    }

    /// The way out to every target.
    #[must_use]
    pub fn egress(&self) -> &Egress {
        &self.0.services.egress
    }

    /// Changes as they are announced to pages.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.0.services.live
    }

    /// What the checks of this process share.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        &self.0.watch
    }

    /// How often this process may be asked.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What this process counts.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// How Leptos finds the site's files.
    #[must_use]
    pub fn leptos(&self) -> &LeptosOptions {
        &self.0.services.leptos
    }

    /// This process, as the owner of leases.
    #[must_use]
    pub fn worker(&self) -> WorkerId {
        self.0.services.worker
    }
}

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppState").field("worker", &self.0.services.worker).finish_non_exhaustive()
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.0.services.leptos.clone()
    }
}
