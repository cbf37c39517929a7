//! The provisioning job: what is known of the application's objects, and the steps of a cycle.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::Serialize;
use serde_json::Value;

use crate::{
    directory::{Directory, Group, User},
    random,
    scim::{
        attributes::Mapped,
        client::{Answer, Deliver, Exchange},
        health::{self, Health, HealthReport},
        job::judge::{Expect, judge},
        log::{Entry, Outcome, SentRequest},
        requests::{self, Dialect, RawRequest, TenantUrl},
        task::{Task, Verb},
    },
};

mod groups;
mod judge;
mod references;
mod users;

/// In the words of Entra's log.
const NOT_IN_SCOPE: &str = "This object is not assigned to the application, disabled or deleted, and was never provisioned. \
If you did not expect the object to be skipped, assign the object to the application.";
const NOT_CHANGED: &str =
    "The object is in the same state in the source and the target system. No change has to be made.";

/// *Provision on demand* takes at most this many members of a group.
const ON_DEMAND_MEMBERS: usize = 5;

#[derive(Debug, Clone)]
struct UserLink {
    id: String,
    sent: Mapped,
    active: bool,
    /// Object id of the manager that was sent.
    manager: Option<String>,
}

#[derive(Debug, Clone)]
struct GroupLink {
    id: String,
    display_name: String,
    /// Object id of each member that was sent, with its identifier in the application.
    members: BTreeMap<String, String>,
}

/// What lives on between cycles.
#[derive(Debug)]
pub struct Job {
    url: TenantUrl,
    users: HashMap<String, UserLink>,
    groups: HashMap<String, GroupLink>,
    cycles: u32,
    health: Health,
    progress: Arc<health::Progress>,
}

/// The result of one run, with the log entries it made.
#[derive(Debug, Serialize)]
pub struct Report {
    /// "success", or "failure" if any step failed.
    pub outcome: Outcome,
    /// Number of cycles since the last restart.
    pub cycle: u32,
    /// Why the job would be in quarantine now.
    pub quarantine: Option<String>,
    /// What was done, in order.
    pub entries: Vec<Entry>,
}

impl Job {
    /// A job that has never run.
    #[must_use]
    pub fn new(url: TenantUrl) -> Self {
        Self {
            url,
            users: HashMap::new(),
            groups: HashMap::new(),
            cycles: 0,
            health: Health::default(),
            progress: Arc::default(),
        }
    }

    /// *Restart provisioning*: forgets everything about the application, and the quarantine.
    pub fn restart(&mut self) {
        self.users.clear();
        self.groups.clear();
        self.cycles = 0;
        self.health.restart();
    }

    /// Provisions to another tenant URL; what is known of the application stays.
    pub fn set_url(&mut self, url: TenantUrl) {
        self.url = url;
    }

    /// How far a run has come, to be read while it runs.
    #[must_use]
    pub fn progress(&self) -> Arc<health::Progress> {
        Arc::clone(&self.progress)
    }

    /// Whether the job is in quarantine, and when Entra would try again.
    #[must_use]
    pub fn health(&self) -> HealthReport {
        self.health.report()
    }

    /// From when on failures count.
    pub fn set_thresholds(&mut self, thresholds: health::Thresholds) {
        self.health.thresholds = thresholds;
    }

    /// Number of cycles since the last restart.
    #[must_use]
    pub const fn cycles(&self) -> u32 {
        self.cycles
    }

    /// The identifiers by which the application knows the users, by object id.
    pub fn user_ids(&self) -> HashMap<String, String> {
        self.users.iter().map(|(object, link)| (object.clone(), link.id.clone())).collect()
    }

    /// *Test Connection*.
    ///
    /// # Errors
    /// No random numbers.
    pub fn test_connection(
        &mut self,
        client: &mut dyn Deliver,
        record: &mut Recorder<'_>,
    ) -> Result<Report, String> {
        let mut run = Run::new(self, client, record, Directory::default(), false);
        let _ = run.check_health([Verb::TestOfUsers, Verb::TestOfGroups])?;
        let mut report = run.report();
        if report.quarantine.is_some() {
            report.quarantine = self.health.judge(0, 0, report.quarantine);
        }
        Ok(report)
    }

    /// A whole cycle: users, then groups, then managers and members.
    ///
    /// # Errors
    /// No random numbers, or the job is switched off.
    pub fn cycle(
        &mut self,
        client: &mut dyn Deliver,
        record: &mut Recorder<'_>,
        directory: Directory,
    ) -> Result<Report, String> {
        if self.health.is_disabled() {
            return Err(
                "the job was in quarantine for 28 days and is switched off: restart provisioning".into()
            );
        }
        self.cycles += 1;
        let mut run = Run::new(self, client, record, directory, false);
        if run.check_health([Verb::HealthOfUsers, Verb::HealthOfGroups])?.is_ok() {
            let _ = run.whole_cycle();
        }
        let (objects, failed) = (run.objects, run.failed);
        let mut report = run.report();
        report.quarantine = self.health.judge(objects, failed, report.quarantine);
        Ok(report)
    }

    /// *Provision on demand* for a user: ignores the compatibility flag, as Entra does.
    pub fn user_on_demand(
        &mut self,
        client: &mut dyn Deliver,
        record: &mut Recorder<'_>,
        directory: Directory,
        user: &User,
    ) -> Report {
        let mut run = Run::new(self, client, record, directory, true);
        let _ = run.one_user(user);
        run.report()
    }

    /// *Provision on demand* for a group and its first members.
    pub fn group_on_demand(
        &mut self,
        client: &mut dyn Deliver,
        record: &mut Recorder<'_>,
        directory: Directory,
        group: &Group,
    ) -> Report {
        let mut run = Run::new(self, client, record, directory, true);
        let mut few = group.clone();
        few.members.truncate(ON_DEMAND_MEMBERS);
        let _ = run.one_group(&few);
        run.report()
    }
}

/// Numbers and keeps an entry.
pub type Recorder<'a> = dyn FnMut(Entry) -> Entry + 'a;

/// The run is over, because the job is in quarantine.
struct Stopped;

/// Whether to go on with the next object.
type Progress = Result<(), Stopped>;

struct Run<'a> {
    job: &'a mut Job,
    client: &'a mut dyn Deliver,
    record: &'a mut Recorder<'a>,
    directory: Directory,
    dialect: Dialect,
    on_demand: bool,
    entries: Vec<Entry>,
    quarantine: Option<String>,
    /// How many objects were looked at, and how many of them failed.
    objects: usize,
    failed: usize,
}

impl<'a> Run<'a> {
    fn new<'b: 'a>(
        job: &'a mut Job,
        client: &'a mut dyn Deliver,
        record: &'a mut Recorder<'b>,
        directory: Directory,
        on_demand: bool,
    ) -> Self {
        // On demand, the compatibility flag is ignored.
        let dialect = if on_demand { Dialect::Default } else { job.url.dialect() };
        let (entries, quarantine, objects, failed) = (Vec::new(), None, 0, 0);
        Self { job, client, record, directory, dialect, on_demand, entries, quarantine, objects, failed }
    }

    fn report(self) -> Report {
        let failed = self.entries.iter().any(|entry| entry.outcome == Outcome::Failure);
        let outcome = if failed { Outcome::Failure } else { Outcome::Success };
        Report { outcome, cycle: self.job.cycles, quarantine: self.quarantine, entries: self.entries }
    }

    fn check_health(&mut self, [users, groups]: [Verb; 2]) -> Result<Progress, String> {
        let [of_users, of_groups] = requests::test_connection(&self.job.url, &random::guid()?);
        let first = self.send(Task::of(users, ""), &of_users, Expect::List);
        if first.is_err() {
            return Ok(Err(Stopped));
        }
        let second = self.send(Task::of(groups, ""), &of_groups, Expect::List);
        Ok(second.map(|_| ()))
    }

    fn whole_cycle(&mut self) -> Progress {
        let (users, groups) = (self.directory.users.clone(), self.directory.groups.clone());
        self.job.progress.expect(2 * (users.len() + groups.len()));
        for user in &users {
            self.object(&user.object_id, |run| run.user(user))?;
        }
        for group in &groups {
            self.object(&group.object_id, |run| run.group(group))?;
        }
        for user in &users {
            self.object(&user.object_id, |run| run.manager(user))?;
        }
        for group in &groups {
            self.object(&group.object_id, |run| run.members(group, None))?;
        }
        Ok(())
    }

    /// One step of one object, counted.
    fn object(&mut self, id: &str, step: impl FnOnce(&mut Self) -> Progress) -> Progress {
        let (failures, lines) = (self.failures(), self.entries.len());
        let progress = step(self);
        let failed = self.failures() > failures;
        if self.entries.len() > lines {
            self.objects += 1;
            self.failed += usize::from(failed);
            self.job.health.object(id, failed);
        }
        self.job.progress.step();
        progress
    }

    fn failures(&self) -> usize {
        self.entries.iter().filter(|entry| entry.outcome == Outcome::Failure).count()
    }

    fn one_user(&mut self, user: &User) -> Progress {
        self.user(user)?;
        self.manager(user)?;
        for group in self.directory.groups.clone() {
            self.members(&group, Some(&user.object_id))?;
        }
        Ok(())
    }

    fn one_group(&mut self, group: &Group) -> Progress {
        for member in &group.members {
            if let Some(user) = self.directory.user(member).cloned() {
                self.user(&user)?;
            }
        }
        self.group(group)?;
        self.members(group, None)
    }

    /// Sends a request and notes what became of it. None if the object failed.
    fn send(&mut self, task: Task, request: &RawRequest, expect: Expect) -> Result<Option<Answer>, Stopped> {
        self.job.progress.now_at(&task.what());
        if let Some(exchange) = self.client.prepare() {
            self.token(exchange)?;
        }
        let answer = self.client.deliver(request);
        let verdict = judge(request, &answer, expect);
        let (status, response) = match &answer {
            Ok(answer) => (Some(answer.status), Some(answer.body.clone())),
            Err(_) => (None, None),
        };
        let good = verdict.failure.is_none();
        self.note(entry(&task, Some(request.into()), status, response, verdict.failure.clone()));
        if verdict.quarantine {
            self.quarantine = verdict.failure;
            return Err(Stopped);
        }
        Ok(answer.ok().filter(|_| good))
    }

    /// Notes that a token was asked for; without one nothing can be sent.
    fn token(&mut self, exchange: Exchange) -> Progress {
        let Exchange { request, status, response, failure } = exchange;
        self.note(entry(&Task::of(Verb::Token, ""), Some(request), status, response, failure.clone()));
        match failure {
            None => Ok(()),
            Some(failure) => {
                self.quarantine = Some(failure);
                Err(Stopped)
            }
        }
    }

    fn skip(&mut self, task: Task, why: &str) {
        let mut skipped = entry(&task, None, None, None, None);
        skipped.outcome = Outcome::Skipped;
        why.clone_into(&mut skipped.detail);
        skipped.message = format!("'{}' will be skipped due to the following reasons: 1) {why}", task.name);
        self.note(skipped);
    }

    fn note(&mut self, entry: Entry) {
        let entry = (self.record)(entry);
        self.entries.push(entry);
    }
}

/// A line of the log; number and time are set where it is kept.
fn entry(
    task: &Task,
    request: Option<SentRequest>,
    status: Option<u16>,
    response: Option<Value>,
    failure: Option<String>,
) -> Entry {
    let code = failure.as_deref().and_then(|text| text.split_once(": ")).map(|(code, _)| code);
    let is_code = |code: &&str| code.len() > 8 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    Entry {
        number: 0,
        time: String::new(),
        what: task.what(),
        object: task.name.clone(),
        action: task.action(),
        step: task.step(),
        request,
        status,
        response,
        outcome: if failure.is_some() { Outcome::Failure } else { Outcome::Success },
        error_code: code.filter(is_code).map(str::to_owned),
        message: failure.clone().unwrap_or_else(|| task.success()),
        detail: failure.unwrap_or_default(),
    }
}

fn first_resource(list: &Value) -> Option<&Value> {
    list.get("Resources")?.as_array()?.first()
}

#[cfg(test)]
#[path = "job/tests.rs"]
mod tests;
