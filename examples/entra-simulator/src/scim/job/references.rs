//! References between objects, which Entra sends only when both ends are there.

use std::collections::BTreeMap;

use super::{Expect, GroupLink, Progress, Run, UserLink};
use crate::{
    directory::{Deletion, Group, User},
    scim::{
        requests,
        task::{Task, Verb},
    },
};

impl Run<'_> {
    pub(super) fn manager(&mut self, user: &User) -> Progress {
        let Some(link) = self.job.users.get(&user.object_id).cloned() else { return Ok(()) };
        let wanted =
            user.manager.as_deref().and_then(|name| self.directory.user(name)).map(|m| m.object_id.clone());
        if wanted == link.manager || !user.is_active() {
            return Ok(());
        }
        let id =
            wanted.as_ref().and_then(|object| self.job.users.get(object)).map(|manager| manager.id.clone());
        if wanted.is_some() && id.is_none() {
            self.skip(Task::of(Verb::ConsiderManager, &user.name), "the manager is not provisioned yet");
            return Ok(());
        }
        let operation = requests::set_manager(link.manager.is_some(), id.as_deref(), self.dialect);
        let request = requests::patch(&self.job.url, "Users", &link.id, vec![operation]);
        if self.send(Task::of(Verb::SetManager, &user.name), &request, Expect::Changed)?.is_some() {
            let link = UserLink { manager: wanted, ..link };
            self.job.users.insert(user.object_id.clone(), link);
        }
        Ok(())
    }

    /// Brings the members of a group up to date; only as far as one user is concerned if `only` is given.
    pub(super) fn members(&mut self, group: &Group, only: Option<&str>) -> Progress {
        let Some(link) = self.job.groups.get(&group.object_id).cloned() else { return Ok(()) };
        let wanted = self.wanted_members(group);
        let concerns = |object: &str| only.is_none_or(|only| only == object);
        let pick = |from: &BTreeMap<String, String>, without: &BTreeMap<String, String>| {
            from.iter()
                .filter(|(object, _)| concerns(object) && !without.contains_key(*object))
                .map(|(object, id)| (object.clone(), id.clone()))
                .collect::<BTreeMap<_, _>>()
        };
        let added = pick(&wanted, &link.members);
        // A user that is gone from the application is gone from its groups as well.
        let removed: BTreeMap<_, _> = pick(&link.members, &wanted)
            .into_iter()
            .filter(|(object, _)| self.job.users.contains_key(object))
            .collect();
        let mut operations = requests::add_members(&ids(&added), self.dialect);
        operations.extend(requests::remove_members(&ids(&removed), self.dialect));
        if operations.is_empty() {
            return Ok(());
        }
        let request = requests::patch(&self.job.url, "Groups", &link.id, operations);
        if self.send(Task::of(Verb::ChangeMembers, &group.name), &request, Expect::Changed)?.is_some() {
            let mut members = link.members.clone();
            members.extend(added);
            members.retain(|object, _| !removed.contains_key(object));
            self.job.groups.insert(group.object_id.clone(), GroupLink { members, ..link });
        }
        Ok(())
    }

    fn wanted_members(&self, group: &Group) -> BTreeMap<String, String> {
        let in_scope = |user: &&User| user.assigned && user.deletion == Deletion::None;
        group
            .members
            .iter()
            .filter_map(|name| self.directory.user(name))
            .filter(in_scope)
            .filter_map(|user| {
                let link = self.job.users.get(&user.object_id)?;
                Some((user.object_id.clone(), link.id.clone()))
            })
            .collect()
    }
}

fn ids(members: &BTreeMap<String, String>) -> Vec<String> {
    members.values().cloned().collect()
}
