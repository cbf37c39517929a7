//! The users and groups of the simulated tenant, in memory. All names are invented.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{random, xml};

const DOMAIN: &str = "meadow.example";
const MAX_OBJECTS: usize = 1000;
const MAX_TEXT: usize = 1024;

/// How far a deletion has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deletion {
    /// The object is there.
    #[default]
    None,
    /// In the recycle bin: Entra sends `active` = false.
    Soft,
    /// Gone: Entra sends a DELETE.
    Hard,
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Short name by which the simulator's own interface addresses the user.
    pub name: String,
    pub object_id: String,
    pub user_principal_name: String,
    pub display_name: String,
    pub given_name: Option<String>,
    pub surname: Option<String>,
    pub mail: Option<String>,
    pub mail_nickname: Option<String>,
    pub job_title: Option<String>,
    pub department: Option<String>,
    pub employee_id: Option<String>,
    pub preferred_language: Option<String>,
    pub business_phone: Option<String>,
    /// Short name of another user.
    pub manager: Option<String>,
    /// Application roles, as the role claim carries them.
    pub roles: Vec<String>,
    pub account_enabled: bool,
    /// Whether the user is assigned to the enterprise application.
    pub assigned: bool,
    pub deletion: Deletion,
}

impl User {
    /// What Entra maps to `active`: `Not([IsSoftDeleted])`, which is also false for disabled and unassigned users.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.account_enabled && self.assigned && self.deletion == Deletion::None
    }
}

/// One security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Short name by which the simulator's own interface addresses the group.
    pub name: String,
    pub object_id: String,
    pub display_name: String,
    /// Short names of users.
    pub members: Vec<String>,
    pub assigned: bool,
    pub deletion: Deletion,
}

/// A change of a user, or the properties of a new one. What is absent stays as it is; `null` empties.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UserChange {
    pub name: Option<String>,
    pub user_principal_name: Option<String>,
    pub display_name: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub given_name: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub surname: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub mail: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub mail_nickname: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub job_title: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub department: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub employee_id: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub preferred_language: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub business_phone: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub manager: Option<Option<String>>,
    pub roles: Option<Vec<String>>,
    pub account_enabled: Option<bool>,
    pub assigned: Option<bool>,
    pub deletion: Option<Deletion>,
}

/// A change of a group, or the properties of a new one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GroupChange {
    pub name: Option<String>,
    pub display_name: Option<String>,
    pub members: Option<Vec<String>>,
    pub assigned: Option<bool>,
    pub deletion: Option<Deletion>,
}

/// For fields in which `null` means something else than absence.
///
/// # Errors
/// Those of the deserialiser.
pub fn nullable<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(input).map(Some)
}

/// All objects of the tenant.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// In the order of creation.
    pub users: Vec<User>,
    /// In the order of creation.
    pub groups: Vec<Group>,
}

impl Directory {
    /// A tenant with a few people in it.
    #[must_use]
    pub fn with_examples() -> Self {
        let user = |name: &str, id: &str, given: &str, surname: &str, title: &str, roles: &[&str]| User {
            name: name.into(),
            object_id: id.into(),
            user_principal_name: format!("{name}@{DOMAIN}"),
            display_name: format!("{given} {surname}"),
            given_name: Some(given.into()),
            surname: Some(surname.into()),
            mail: Some(format!("{name}.{}@{DOMAIN}", surname.to_lowercase())),
            mail_nickname: Some(name.into()),
            job_title: Some(title.into()),
            department: Some("Orchards".into()),
            employee_id: Some(format!("M-{}", 100 + name.len())),
            preferred_language: Some("en-GB".into()),
            business_phone: Some("+44 20 7946 0123".into()),
            manager: None,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            account_enabled: true,
            assigned: true,
            deletion: Deletion::None,
        };
        let mut users = vec![
            user(
                "mira",
                "6a4c1f0e-2b7d-4c55-9e0a-0d3b5f7a9c01",
                "Mira",
                "Oakhollow",
                "Head of Orchards",
                &["admin"],
            ),
            user("ada", "b1d7e3a2-58c4-4f6b-8a19-7c2e4d6f8b02", "Ada", "Ferngrove", "Grafter", &["member"]),
            user(
                "bo",
                "c9f2a4b6-1e3d-4a7c-b5d8-9e0f1a2b3c03",
                "Bo",
                "Thistlemark",
                "Cider maker",
                &["member"],
            ),
            user("zoe", "d3e5f7a9-6b8c-4d0e-a1f2-3b4c5d6e7f04", "Zoë", "Brambleford", "Beekeeper", &[]),
        ];
        for user in users.iter_mut().filter(|user| user.name == "ada" || user.name == "bo") {
            user.manager = Some("mira".into());
        }
        for user in users.iter_mut().filter(|user| user.name == "zoe") {
            user.assigned = false;
        }
        let groups = vec![Group {
            name: "orchard-crew".into(),
            object_id: "e7a1b3c5-d9f2-4e68-8b0d-2f4a6c8e0b05".into(),
            display_name: "Orchard crew".into(),
            members: vec!["ada".into(), "bo".into()],
            assigned: true,
            deletion: Deletion::None,
        }];
        Self { users, groups }
    }

    /// The user with a short name.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    /// The group with a short name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// Adds a user; what is not given is made up from the name.
    ///
    /// # Errors
    /// No name, a name that is taken, or values that no directory would take.
    pub fn add_user(&mut self, change: UserChange) -> Result<User, String> {
        let name = checked_name(change.name.as_deref())?;
        if self.user(&name).is_some() || self.users.len() >= MAX_OBJECTS {
            return Err("the name is taken, or the directory is full".into());
        }
        let user = User {
            object_id: random::guid()?,
            user_principal_name: format!("{name}@{DOMAIN}"),
            display_name: name.clone(),
            given_name: None,
            surname: None,
            mail: Some(format!("{name}@{DOMAIN}")),
            mail_nickname: Some(name.clone()),
            job_title: None,
            department: None,
            employee_id: None,
            preferred_language: None,
            business_phone: None,
            manager: None,
            roles: Vec::new(),
            account_enabled: true,
            assigned: true,
            deletion: Deletion::None,
            name: name.clone(),
        };
        self.users.push(user);
        let changed = self.change_user(&name, UserChange { name: None, ..change });
        if changed.is_err() {
            self.users.retain(|user| user.name != name);
        }
        changed
    }

    /// Changes a user.
    ///
    /// # Errors
    /// No such user, or values that no directory would take.
    pub fn change_user(&mut self, name: &str, change: UserChange) -> Result<User, String> {
        if change.name.is_some() {
            return Err("the short name cannot be changed".into());
        }
        if let Some(Some(manager)) = &change.manager
            && (manager == name || self.user(manager).is_none())
        {
            return Err("the manager has to be another user of this directory".into());
        }
        let current = self.users.iter_mut().find(|user| user.name == name).ok_or("no such user")?;
        let mut user = current.clone();
        set(&mut user.user_principal_name, change.user_principal_name);
        set(&mut user.display_name, change.display_name);
        set(&mut user.given_name, change.given_name);
        set(&mut user.surname, change.surname);
        set(&mut user.mail, change.mail);
        set(&mut user.mail_nickname, change.mail_nickname);
        set(&mut user.job_title, change.job_title);
        set(&mut user.department, change.department);
        set(&mut user.employee_id, change.employee_id);
        set(&mut user.preferred_language, change.preferred_language);
        set(&mut user.business_phone, change.business_phone);
        set(&mut user.manager, change.manager);
        set(&mut user.roles, change.roles);
        set(&mut user.account_enabled, change.account_enabled);
        set(&mut user.assigned, change.assigned);
        set(&mut user.deletion, change.deletion);
        check_texts(&user)?;
        *current = user.clone();
        Ok(user)
    }

    /// Adds a group.
    ///
    /// # Errors
    /// As for users.
    pub fn add_group(&mut self, change: GroupChange) -> Result<Group, String> {
        let name = checked_name(change.name.as_deref())?;
        if self.group(&name).is_some() || self.groups.len() >= MAX_OBJECTS {
            return Err("the name is taken, or the directory is full".into());
        }
        self.groups.push(Group {
            object_id: random::guid()?,
            display_name: name.clone(),
            members: Vec::new(),
            assigned: true,
            deletion: Deletion::None,
            name: name.clone(),
        });
        let changed = self.change_group(&name, GroupChange { name: None, ..change });
        if changed.is_err() {
            self.groups.retain(|group| group.name != name);
        }
        changed
    }

    /// Changes a group; `members` is the whole new list.
    ///
    /// # Errors
    /// No such group, or a member that is no user of this directory.
    pub fn change_group(&mut self, name: &str, change: GroupChange) -> Result<Group, String> {
        if change.name.is_some() {
            return Err("the short name cannot be changed".into());
        }
        let mut members = change.members;
        if let Some(list) = &mut members {
            if list.iter().any(|member| self.user(member).is_none()) {
                return Err("every member has to be a user of this directory".into());
            }
            let mut seen = std::collections::HashSet::new();
            list.retain(|member| seen.insert(member.clone()));
        }
        if change.display_name.as_deref().is_some_and(|text| !is_good_text(text) || text.is_empty()) {
            return Err("the display name is empty, too long, or has control characters".into());
        }
        let group = self.groups.iter_mut().find(|group| group.name == name).ok_or("no such group")?;
        set(&mut group.display_name, change.display_name);
        set(&mut group.members, members);
        set(&mut group.assigned, change.assigned);
        set(&mut group.deletion, change.deletion);
        Ok(group.clone())
    }

    /// The groups a user is in.
    pub fn groups_of(&self, name: &str) -> impl Iterator<Item = &Group> {
        let of_user =
            move |group: &&Group| group.deletion == Deletion::None && group.members.iter().any(|m| m == name);
        self.groups.iter().filter(of_user)
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn checked_name(name: Option<&str>) -> Result<String, String> {
    let name = name.unwrap_or_default();
    let good = (1..=40).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
    if good { Ok(name.to_owned()) } else { Err("a name of a-z, 0-9, '-' and '.' is needed".into()) }
}

fn check_texts(user: &User) -> Result<(), String> {
    let optional = [
        &user.given_name,
        &user.surname,
        &user.mail,
        &user.mail_nickname,
        &user.job_title,
        &user.department,
        &user.employee_id,
        &user.preferred_language,
        &user.business_phone,
    ];
    let all_good = optional.into_iter().flatten().chain(&user.roles).all(|text| is_good_text(text));
    let required = [&user.user_principal_name, &user.display_name];
    if all_good && user.roles.len() <= 100 && required.into_iter().all(|t| is_good_text(t) && !t.is_empty()) {
        Ok(())
    } else {
        Err("a value is missing, too long, or has control characters".into())
    }
}

fn is_good_text(text: &str) -> bool {
    text.len() <= MAX_TEXT && xml::is_xml_text(text)
}

#[cfg(test)]
mod tests {
    use super::{Directory, UserChange};

    fn change(json: &str) -> UserChange {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn null_empties_and_absence_keeps() {
        let mut directory = Directory::with_examples();
        let user = directory.change_user("ada", change(r#"{"manager":null,"jobTitle":"Lead"}"#)).unwrap();
        assert_eq!(user.manager, None);
        assert_eq!(user.job_title.as_deref(), Some("Lead"));
        assert_eq!(user.department.as_deref(), Some("Orchards"));
    }

    #[test]
    fn unknown_properties_are_refused() {
        assert!(serde_json::from_str::<UserChange>(r#"{"enabled":false}"#).is_err());
    }

    #[test]
    fn a_refused_new_user_leaves_no_trace() {
        let mut directory = Directory::with_examples();
        assert!(directory.add_user(change(r#"{"name":"ivo","manager":"nobody"}"#)).is_err());
        assert!(directory.user("ivo").is_none());
        assert!(directory.add_user(change(r#"{"name":"ivo","manager":"mira"}"#)).is_ok());
        assert!(directory.add_user(change(r#"{"name":"ivo"}"#)).is_err());
        assert!(directory.add_user(change(r#"{"name":"I vo"}"#)).is_err());
        assert!(directory.change_user("ivo", change(r#"{"displayName":"a\u0000"}"#)).is_err());
    }

    #[test]
    fn a_user_is_active_only_while_enabled_assigned_and_present() {
        let mut directory = Directory::with_examples();
        assert!(directory.user("ada").unwrap().is_active());
        for json in [r#"{"accountEnabled":false}"#, r#"{"assigned":false}"#, r#"{"deletion":"soft"}"#] {
            let mut other = directory.clone();
            assert!(!other.change_user("ada", change(json)).unwrap().is_active(), "{json}");
        }
        assert_eq!(directory.groups_of("ada").count(), 1);
        assert!(directory.change_user("nobody", UserChange::default()).is_err());
    }
}
