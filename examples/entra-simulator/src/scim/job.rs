//! The provisioning job: what is known of the application's objects, and the steps of a cycle.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::Value;

use crate::{
    directory::{Deletion, Directory, Group, User},
    random,
    scim::{
        attributes::{Mapped, map, read},
        client::{Answer, Deliver},
        job::judge::{Expect, judge},
        log::{Entry, Outcome},
        requests::{self, Dialect, RawRequest, TenantUrl},
    },
};

mod judge;
mod references;

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
        Self { url, users: HashMap::new(), groups: HashMap::new(), cycles: 0 }
    }

    /// *Restart provisioning*: forgets everything about the application.
    pub fn restart(&mut self) {
        *self = Self::new(self.url.clone());
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
        let _ = run.check_health("test connection")?;
        Ok(run.report())
    }

    /// A whole cycle: users, then groups, then managers and members.
    ///
    /// # Errors
    /// No random numbers.
    pub fn cycle(
        &mut self,
        client: &mut dyn Deliver,
        record: &mut Recorder<'_>,
        directory: Directory,
    ) -> Result<Report, String> {
        self.cycles += 1;
        let mut run = Run::new(self, client, record, directory, false);
        if run.check_health("health check")?.is_ok() {
            let _ = run.whole_cycle();
        }
        Ok(run.report())
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
        Self { job, client, record, directory, dialect, on_demand, entries: Vec::new(), quarantine: None }
    }

    fn report(self) -> Report {
        let failed = self.entries.iter().any(|entry| entry.outcome == Outcome::Failure);
        let outcome = if failed { Outcome::Failure } else { Outcome::Success };
        Report { outcome, cycle: self.job.cycles, quarantine: self.quarantine, entries: self.entries }
    }

    fn check_health(&mut self, what: &str) -> Result<Progress, String> {
        let [users, groups] = requests::test_connection(&self.job.url, &random::guid()?);
        let first = self.send(format!("{what}: users"), &users, Expect::List);
        let second = self.send(format!("{what}: groups"), &groups, Expect::List);
        Ok(first.and(second).map(|_| ()))
    }

    fn whole_cycle(&mut self) -> Progress {
        for user in self.directory.users.clone() {
            self.user(&user)?;
        }
        for group in self.directory.groups.clone() {
            self.group(&group)?;
        }
        for user in self.directory.users.clone() {
            self.manager(&user)?;
        }
        for group in self.directory.groups.clone() {
            self.members(&group, None)?;
        }
        Ok(())
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
    fn send(
        &mut self,
        what: String,
        request: &RawRequest,
        expect: Expect,
    ) -> Result<Option<Answer>, Stopped> {
        let answer = self.client.deliver(request);
        let verdict = judge(request, &answer, expect);
        let (status, response) = match &answer {
            Ok(answer) => (Some(answer.status), Some(answer.body.clone())),
            Err(_) => (None, None),
        };
        let outcome = if verdict.failure.is_some() { Outcome::Failure } else { Outcome::Success };
        let entry = Entry {
            number: 0,
            time: String::new(),
            what,
            request: Some(request.into()),
            status,
            response,
            outcome,
            detail: verdict.failure.clone().unwrap_or_default(),
        };
        self.note(entry);
        if verdict.quarantine {
            self.quarantine = verdict.failure;
            return Err(Stopped);
        }
        Ok(answer.ok().filter(|_| outcome == Outcome::Success))
    }

    fn skip(&mut self, what: String, why: &str) {
        let outcome = Outcome::Skipped;
        let (number, time, detail) = (0, String::new(), why.to_owned());
        self.note(Entry { number, time, what, request: None, status: None, response: None, outcome, detail });
    }

    fn note(&mut self, entry: Entry) {
        let entry = (self.record)(entry);
        self.entries.push(entry);
    }

    fn user(&mut self, user: &User) -> Progress {
        match (self.job.users.get(&user.object_id).cloned(), user.deletion) {
            (Some(link), Deletion::Hard) => {
                let request = requests::delete(&self.job.url, "Users", &link.id);
                if self.send(format!("delete user {}", user.name), &request, Expect::Gone)?.is_some() {
                    self.job.users.remove(&user.object_id);
                }
                Ok(())
            }
            (Some(link), _) if self.on_demand => self.reread_user(user, link),
            (Some(link), _) => self.update_user(user, link),
            (None, _) if !user.is_active() => {
                self.skip(
                    format!("user {}", user.name),
                    "not assigned, disabled or deleted, and never provisioned",
                );
                Ok(())
            }
            (None, _) => self.first_sight_of_user(user),
        }
    }

    /// On demand, Entra looks at the object before it changes it.
    fn reread_user(&mut self, user: &User, link: UserLink) -> Progress {
        let request = requests::read_user(&self.job.url, &link.id);
        if self.send(format!("read user {}", user.name), &request, Expect::Resource)?.is_some() {
            return self.update_user(user, link);
        }
        if self.entries.last().is_some_and(|entry| entry.status == Some(404)) {
            self.job.users.remove(&user.object_id);
        }
        Ok(())
    }

    fn first_sight_of_user(&mut self, user: &User) -> Progress {
        let request = requests::match_user(&self.job.url, &user.user_principal_name);
        let Some(found) = self.send(format!("match user {}", user.name), &request, Expect::Match)? else {
            return Ok(());
        };
        if let Some(resource) = first_resource(&found.body) {
            let Some(id) = resource.get("id").and_then(Value::as_str) else { return Ok(()) };
            let known: Mapped = map(user)
                .into_iter()
                .filter_map(|(path, _)| read(resource, &path).map(|value| (path.clone(), value.to_owned())))
                .collect();
            let active = resource.get("active").and_then(Value::as_bool).unwrap_or_default();
            let link = UserLink { id: id.to_owned(), sent: known, active, manager: None };
            self.job.users.insert(user.object_id.clone(), link.clone());
            return self.update_user(user, link);
        }
        let request = requests::create_user(&self.job.url, user, self.dialect);
        let created = self.send(format!("create user {}", user.name), &request, Expect::Resource)?;
        if let Some(id) = created.as_ref().and_then(|answer| answer.body.get("id")?.as_str()) {
            let link = UserLink { id: id.to_owned(), sent: map(user), active: true, manager: None };
            self.job.users.insert(user.object_id.clone(), link);
        }
        Ok(())
    }

    fn update_user(&mut self, user: &User, link: UserLink) -> Progress {
        let mapped = map(user);
        let mut operations = requests::changes(&link.sent, &mapped, self.dialect);
        let active = user.is_active();
        if active != link.active {
            operations.push(requests::set_active(active, self.dialect));
        }
        if operations.is_empty() {
            self.skip(format!("user {}", user.name), "nothing has changed");
            return Ok(());
        }
        let what = match (link.active, active) {
            (true, false) => "disable",
            (false, true) => "restore",
            _ => "update",
        };
        let request = requests::patch(&self.job.url, "Users", &link.id, operations);
        if self.send(format!("{what} user {}", user.name), &request, Expect::Changed)?.is_some() {
            let link = UserLink { sent: mapped, active, ..link };
            self.job.users.insert(user.object_id.clone(), link);
        } else if self.entries.last().is_some_and(|entry| entry.status == Some(404)) {
            // Gone in the application: matched or created anew in the next cycle.
            self.job.users.remove(&user.object_id);
        }
        Ok(())
    }

    fn group(&mut self, group: &Group) -> Progress {
        let link = self.job.groups.get(&group.object_id).cloned();
        let wanted = group.assigned && group.deletion == Deletion::None;
        match link {
            Some(link) if !wanted => {
                let request = requests::delete(&self.job.url, "Groups", &link.id);
                if self.send(format!("delete group {}", group.name), &request, Expect::Gone)?.is_some() {
                    self.job.groups.remove(&group.object_id);
                }
                Ok(())
            }
            Some(link) => self.rename_group(group, link),
            None if !wanted => {
                self.skip(format!("group {}", group.name), "not assigned or deleted, and never provisioned");
                Ok(())
            }
            None => self.first_sight_of_group(group),
        }
    }

    fn rename_group(&mut self, group: &Group, link: GroupLink) -> Progress {
        if link.display_name == group.display_name {
            return Ok(());
        }
        let name = group.display_name.as_str();
        let operation = requests::operation("Replace", "displayName", name, self.dialect);
        let request = requests::patch(&self.job.url, "Groups", &link.id, vec![operation]);
        if self.send(format!("rename group {}", group.name), &request, Expect::Changed)?.is_some() {
            let link = GroupLink { display_name: name.to_owned(), ..link };
            self.job.groups.insert(group.object_id.clone(), link);
        }
        Ok(())
    }

    fn first_sight_of_group(&mut self, group: &Group) -> Progress {
        let request = requests::match_group(&self.job.url, &group.display_name);
        let Some(found) = self.send(format!("match group {}", group.name), &request, Expect::Match)? else {
            return Ok(());
        };
        let mut id = first_resource(&found.body).and_then(|resource| resource.get("id")).cloned();
        if id.is_none() {
            let request = requests::create_group(&self.job.url, group);
            let created = self.send(format!("create group {}", group.name), &request, Expect::Resource)?;
            id = created.and_then(|answer| answer.body.get("id").cloned());
        }
        if let Some(Value::String(id)) = id {
            let link = GroupLink { id, display_name: group.display_name.clone(), members: BTreeMap::new() };
            self.job.groups.insert(group.object_id.clone(), link);
        }
        Ok(())
    }
}

fn first_resource(list: &Value) -> Option<&Value> {
    list.get("Resources")?.as_array()?.first()
}

#[cfg(test)]
#[path = "job/tests.rs"]
mod tests;
