//! What all requests share.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::{
    directory::Directory,
    keys::SigningKey,
    saml::SignOnSettings,
    scim::{
        client::Client,
        job::{Job, Recorder, Report},
        log::{Entry, Log},
    },
};

/// The simulator.
pub struct App {
    /// Sign-on settings.
    pub settings: SignOnSettings,
    /// Signing key of the tenant.
    pub key: SigningKey,
    /// Tenant URL as typed, to be shown.
    pub tenant_url: String,
    directory: Mutex<Directory>,
    log: Mutex<Log>,
    provisioning: Mutex<Provisioning>,
}

struct Provisioning {
    job: Job,
    client: Client,
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
        tenant_url: String,
        job: Job,
        client: Client,
    ) -> Self {
        Self {
            settings,
            key,
            tenant_url,
            directory: Mutex::new(Directory::with_examples()),
            log: Mutex::new(Log::default()),
            provisioning: Mutex::new(Provisioning { job, client }),
        }
    }

    /// The directory, locked.
    pub fn directory(&self) -> MutexGuard<'_, Directory> {
        lock(&self.directory)
    }

    /// The provisioning log, oldest first.
    pub fn log(&self) -> Vec<Entry> {
        lock(&self.log).entries().cloned().collect()
    }

    /// Runs one provisioning action; only one at a time.
    ///
    /// # Errors
    /// Another one is under way.
    pub fn provision<T>(
        &self,
        action: impl FnOnce(&mut Job, &mut Client, &mut Recorder<'_>) -> T,
    ) -> Result<T, Busy> {
        let mut provisioning = match self.provisioning.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(Busy),
        };
        let Provisioning { job, client } = &mut *provisioning;
        Ok(action(job, client, &mut |entry| lock(&self.log).push(entry)))
    }

    /// One whole cycle with the directory as it is now.
    ///
    /// # Errors
    /// Another run is under way; inside, no random numbers.
    pub fn cycle(&self) -> Result<Result<Report, String>, Busy> {
        let directory = self.directory().clone();
        self.provision(|job, client, record| job.cycle(client, record, directory))
    }

    /// Provisions one user on demand; none if there is no such user.
    ///
    /// # Errors
    /// Another run is under way.
    pub fn user_on_demand(&self, name: &str) -> Result<Option<Report>, Busy> {
        let directory = self.directory().clone();
        let Some(user) = directory.user(name).cloned() else { return Ok(None) };
        self.provision(|job, client, record| Some(job.user_on_demand(client, record, directory, &user)))
    }

    /// Provisions one group on demand; none if there is no such group.
    ///
    /// # Errors
    /// Another run is under way.
    pub fn group_on_demand(&self, name: &str) -> Result<Option<Report>, Busy> {
        let directory = self.directory().clone();
        let Some(group) = directory.group(name).cloned() else { return Ok(None) };
        self.provision(|job, client, record| Some(job.group_on_demand(client, record, directory, &group)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
