//! The life of a user: matched, created, changed, disabled, deleted.

use serde_json::Value;

use super::{Expect, NOT_CHANGED, NOT_IN_SCOPE, Progress, Run, UserLink, first_resource};
use crate::{
    directory::{Deletion, User},
    scim::{
        attributes::{Mapped, map, read},
        requests,
        task::{Task, Verb},
    },
};

impl Run<'_> {
    pub(super) fn user(&mut self, user: &User) -> Progress {
        match (self.job.users.get(&user.object_id).cloned(), user.deletion) {
            (Some(link), Deletion::Hard) => {
                let request = requests::delete(&self.job.url, "Users", &link.id);
                if self.send(Task::of(Verb::DeleteUser, &user.name), &request, Expect::Gone)?.is_some() {
                    self.job.users.remove(&user.object_id);
                }
                Ok(())
            }
            (Some(link), _) if self.on_demand => self.reread_user(user, link),
            (Some(link), _) => self.update_user(user, link),
            (None, _) if !user.is_active() => {
                self.skip(Task::of(Verb::ConsiderUser, &user.name), NOT_IN_SCOPE);
                Ok(())
            }
            (None, _) => self.first_sight_of_user(user),
        }
    }

    /// On demand, Entra looks at the object before it changes it.
    fn reread_user(&mut self, user: &User, link: UserLink) -> Progress {
        let request = requests::read_user(&self.job.url, &link.id);
        if self.send(Task::of(Verb::ReadUser, &user.name), &request, Expect::Resource)?.is_some() {
            return self.update_user(user, link);
        }
        if self.entries.last().is_some_and(|entry| entry.status == Some(404)) {
            self.job.users.remove(&user.object_id);
        }
        Ok(())
    }

    fn first_sight_of_user(&mut self, user: &User) -> Progress {
        let request = requests::match_user(&self.job.url, &user.user_principal_name);
        let Some(found) = self.send(Task::of(Verb::MatchUser, &user.name), &request, Expect::Match)? else {
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
        let created = self.send(Task::of(Verb::CreateUser, &user.name), &request, Expect::Resource)?;
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
            self.skip(Task::of(Verb::ConsiderUser, &user.name), NOT_CHANGED);
            return Ok(());
        }
        let verb = match (link.active, active) {
            (true, false) => Verb::DisableUser,
            (false, true) => Verb::RestoreUser,
            _ => Verb::UpdateUser,
        };
        let request = requests::patch(&self.job.url, "Users", &link.id, operations);
        if self.send(Task::of(verb, &user.name), &request, Expect::Changed)?.is_some() {
            let link = UserLink { sent: mapped, active, ..link };
            self.job.users.insert(user.object_id.clone(), link);
        } else if self.entries.last().is_some_and(|entry| entry.status == Some(404)) {
            // Gone in the application: matched or created anew in the next cycle.
            self.job.users.remove(&user.object_id);
        }
        Ok(())
    }
}
