//! What all requests share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    thread,
};

use serde::Serialize;
use serde_json::Value;

use crate::{
    directory::Directory,
    keys::{SigningKey, token::TokenKey},
    saml::SignOnSettings,
    scim::{
        client::Client,
        health::{HealthReport, Position, Progress},
        job::{Job, Recorder, Report},
        log::{Entry, Log, Outcome},
        requests::TenantUrl,
    },
    web::sessions::Sessions,
};

/// The simulator.
pub struct App {
    /// Signing keys of the tenant.
    pub key: SigningKey,
    /// Signs Entra's own tokens.
    pub token_key: Arc<TokenKey>,
    settings: Mutex<SignOnSettings>,
    target: Mutex<Target>,
    directory: Mutex<Directory>,
    log: Mutex<Log>,
    provisioning: Mutex<Provisioning>,
    progress: Arc<Progress>,
    status: Mutex<Known>,
    sessions: Mutex<Sessions>,
    last_responses: Mutex<HashMap<String, (String, Option<String>)>>,
}

/// Where and as whom objects are provisioned.
#[derive(Debug, Clone, Serialize)]
pub struct Target {
    /// As typed.
    pub tenant_url: String,
    /// Whether a trailing slash stays, so that requests go to `//Users`.
    pub double_slash: bool,
    /// Application (client) id.
    pub application_id: String,
    /// Object id of the service principal.
    pub service_principal_id: String,
}

impl Target {
    /// The URL that requests go to.
    #[must_use]
    pub fn url(&self) -> TenantUrl {
        TenantUrl::new(&self.tenant_url, self.double_slash)
    }
}

struct Provisioning {
    job: Job,
    client: Client,
}

/// What was known after the last run; readable while the next one runs.
#[derive(Debug, Clone)]
struct Known {
    health: HealthReport,
    cycles: u32,
    credential: Value,
    outcome: Option<Outcome>,
}

/// How provisioning stands.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    #[serde(flatten)]
    pub position: Position,
    pub cycles: u32,
    /// Of the last run.
    pub last_outcome: Option<Outcome>,
    pub health: HealthReport,
    /// Without secrets.
    pub credential: Value,
}

/// Another run is under way.
#[derive(Debug)]
pub struct Busy;

impl App {
    /// A simulator with the example directory.
    #[must_use]
    pub fn new(
        settings: SignOnSettings,
        key: SigningKey,
        token_key: Arc<TokenKey>,
        target: Target,
        client: Client,
    ) -> Self {
        let job = Job::new(target.url());
        let known =
            Known { health: job.health(), cycles: 0, credential: client.credential().shown(), outcome: None };
        Self {
            key,
            token_key,
            settings: Mutex::new(settings),
            target: Mutex::new(target),
            directory: Mutex::new(Directory::with_examples()),
            log: Mutex::new(Log::default()),
            progress: job.progress(),
            provisioning: Mutex::new(Provisioning { job, client }),
            status: Mutex::new(known),
            sessions: Mutex::new(Sessions::default()),
            last_responses: Mutex::default(),
        }
    }

    /// The single sign-on settings as they are now.
    #[must_use]
    pub fn settings(&self) -> SignOnSettings {
        lock(&self.settings).clone()
    }

    /// The same, to be changed.
    pub fn settings_mut(&self) -> MutexGuard<'_, SignOnSettings> {
        lock(&self.settings)
    }

    /// Where objects are provisioned.
    #[must_use]
    pub fn target(&self) -> Target {
        lock(&self.target).clone()
    }

    /// Provisions elsewhere from now on.
    ///
    /// # Errors
    /// A run is under way.
    pub fn set_target(&self, target: Target) -> Result<(), Busy> {
        let principal = crate::scim::credential::Principal {
            tenant_id: self.settings().tenant_id,
            object_id: target.service_principal_id.clone(),
        };
        self.provision(|job, client, _| {
            job.set_url(target.url());
            client.set_principal(principal);
        })?;
        *lock(&self.target) = target;
        Ok(())
    }

    /// The directory, locked.
    pub fn directory(&self) -> MutexGuard<'_, Directory> {
        lock(&self.directory)
    }

    /// Who is signed in to the application, as far as Entra knows.
    pub fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }

    /// The response that was made last for a user, with its relay state.
    pub fn last_responses(&self) -> MutexGuard<'_, HashMap<String, (String, Option<String>)>> {
        lock(&self.last_responses)
    }

    /// The provisioning log, oldest first.
    pub fn log(&self) -> Vec<Entry> {
        lock(&self.log).entries().cloned().collect()
    }

    /// How provisioning stands.
    #[must_use]
    pub fn status(&self) -> Status {
        let known = lock(&self.status).clone();
        Status {
            position: self.progress.position(),
            cycles: known.cycles,
            last_outcome: known.outcome,
            health: known.health,
            credential: known.credential,
        }
    }

    /// Runs one provisioning action; only one at a time.
    ///
    /// # Errors
    /// Another one is under way.
    pub fn provision<T>(
        &self,
        action: impl FnOnce(&mut Job, &mut Client, &mut Recorder<'_>) -> T,
    ) -> Result<T, Busy> {
        let mut provisioning = self.claim()?;
        Ok(self.act(&mut provisioning, action))
    }

    fn claim(&self) -> Result<MutexGuard<'_, Provisioning>, Busy> {
        match self.provisioning.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Busy),
        }
    }

    fn act<T>(
        &self,
        provisioning: &mut Provisioning,
        action: impl FnOnce(&mut Job, &mut Client, &mut Recorder<'_>) -> T,
    ) -> T {
        let Provisioning { job, client } = provisioning;
        self.progress.begin();
        let result = action(job, client, &mut |entry| lock(&self.log).push(entry));
        let mut known = lock(&self.status);
        known.health = job.health();
        known.cycles = job.cycles();
        known.credential = client.credential().shown();
        drop(known);
        self.progress.end();
        result
    }

    fn noted(&self, report: Report) -> Report {
        lock(&self.status).outcome = Some(report.outcome);
        report
    }

    /// *Test Connection*.
    ///
    /// # Errors
    /// Another run is under way; inside, no random numbers.
    pub fn test_connection(&self) -> Result<Result<Report, String>, Busy> {
        let run = self.provision(|job, client, record| job.test_connection(client, record))?;
        Ok(run.map(|report| self.noted(report)))
    }

    /// One whole cycle with the directory as it is now.
    ///
    /// # Errors
    /// Another run is under way; inside, it could not be run.
    pub fn cycle(&self) -> Result<Result<Report, String>, Busy> {
        let directory = self.directory().clone();
        let run = self.provision(|job, client, record| job.cycle(client, record, directory))?;
        Ok(run.map(|report| self.noted(report)))
    }

    /// The same, behind the scenes.
    ///
    /// # Errors
    /// Another run is under way.
    pub fn start_cycle(self: &Arc<Self>) -> Result<(), Busy> {
        drop(self.claim()?);
        // Shown as running at once, so that a page that asks next does not take it for over.
        self.progress.begin();
        let app = Arc::clone(self);
        thread::spawn(move || {
            if app.cycle().is_err() {
                app.progress.end();
            }
        });
        Ok(())
    }

    /// Provisions one user on demand; none if there is no such user.
    ///
    /// # Errors
    /// Another run is under way.
    pub fn user_on_demand(&self, name: &str) -> Result<Option<Report>, Busy> {
        let directory = self.directory().clone();
        let Some(user) = directory.user(name).cloned() else { return Ok(None) };
        let run =
            self.provision(|job, client, record| job.user_on_demand(client, record, directory, &user))?;
        Ok(Some(self.noted(run)))
    }

    /// Provisions one group on demand; none if there is no such group.
    ///
    /// # Errors
    /// Another run is under way.
    pub fn group_on_demand(&self, name: &str) -> Result<Option<Report>, Busy> {
        let directory = self.directory().clone();
        let Some(group) = directory.group(name).cloned() else { return Ok(None) };
        let run =
            self.provision(|job, client, record| job.group_on_demand(client, record, directory, &group))?;
        Ok(Some(self.noted(run)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
