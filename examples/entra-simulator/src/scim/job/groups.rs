//! The life of a group, without its members.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Expect, GroupLink, NOT_IN_SCOPE, Progress, Run, first_resource};
use crate::{
    directory::{Deletion, Group},
    scim::{
        requests,
        task::{Task, Verb},
    },
};

impl Run<'_> {
    pub(super) fn group(&mut self, group: &Group) -> Progress {
        let link = self.job.groups.get(&group.object_id).cloned();
        let wanted = group.assigned && group.deletion == Deletion::None;
        match link {
            Some(link) if !wanted => {
                let request = requests::delete(&self.job.url, "Groups", &link.id);
                if self.send(Task::of(Verb::DeleteGroup, &group.name), &request, Expect::Gone)?.is_some() {
                    self.job.groups.remove(&group.object_id);
                }
                Ok(())
            }
            Some(link) => self.rename_group(group, link),
            None if !wanted => {
                self.skip(Task::of(Verb::ConsiderGroup, &group.name), NOT_IN_SCOPE);
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
        if self.send(Task::of(Verb::RenameGroup, &group.name), &request, Expect::Changed)?.is_some() {
            let link = GroupLink { display_name: name.to_owned(), ..link };
            self.job.groups.insert(group.object_id.clone(), link);
        }
        Ok(())
    }

    fn first_sight_of_group(&mut self, group: &Group) -> Progress {
        let request = requests::match_group(&self.job.url, &group.display_name);
        let Some(found) = self.send(Task::of(Verb::MatchGroup, &group.name), &request, Expect::Match)? else {
            return Ok(());
        };
        let mut id = first_resource(&found.body).and_then(|resource| resource.get("id")).cloned();
        if id.is_none() {
            let request = requests::create_group(&self.job.url, group);
            let created = self.send(Task::of(Verb::CreateGroup, &group.name), &request, Expect::Resource)?;
            id = created.and_then(|answer| answer.body.get("id").cloned());
        }
        if let Some(Value::String(id)) = id {
            let link = GroupLink { id, display_name: group.display_name.clone(), members: BTreeMap::new() };
            self.job.groups.insert(group.object_id.clone(), link);
        }
        Ok(())
    }
}
