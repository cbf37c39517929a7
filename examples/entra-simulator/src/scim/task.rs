//! What one line of the provisioning log is about, and how Entra's log puts it.

use serde::Serialize;

/// *Action* of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    Update,
    Disable,
    Delete,
    Other,
}

/// The step of Entra's *Steps* tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The credential, and whether the application is there.
    Connection,
    /// "Determine if user is in scope".
    Scoping,
    /// "Match user between source and target system".
    Matching,
    /// "Resolve references".
    References,
    /// "Perform action".
    Export,
}

/// A thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    HealthOfUsers,
    HealthOfGroups,
    TestOfUsers,
    TestOfGroups,
    Token,
    ConsiderUser,
    MatchUser,
    ReadUser,
    CreateUser,
    UpdateUser,
    DisableUser,
    RestoreUser,
    DeleteUser,
    ConsiderManager,
    SetManager,
    ConsiderGroup,
    MatchGroup,
    CreateGroup,
    RenameGroup,
    DeleteGroup,
    ChangeMembers,
}

/// A thing to do with somebody or something.
#[derive(Debug, Clone)]
pub struct Task {
    pub verb: Verb,
    /// Short name; empty for the connection.
    pub name: String,
}

impl Task {
    /// Of an object.
    pub fn of(verb: Verb, name: &str) -> Self {
        Self { verb, name: name.to_owned() }
    }

    /// Such as "create user ada".
    #[must_use]
    pub fn what(&self) -> String {
        let words = match self.verb {
            Verb::HealthOfUsers => return "health check: users".into(),
            Verb::HealthOfGroups => return "health check: groups".into(),
            Verb::TestOfUsers => return "test connection: users".into(),
            Verb::TestOfGroups => return "test connection: groups".into(),
            Verb::Token => return "get a token".into(),
            Verb::ConsiderUser => "user",
            Verb::MatchUser => "match user",
            Verb::ReadUser => "read user",
            Verb::CreateUser => "create user",
            Verb::UpdateUser => "update user",
            Verb::DisableUser => "disable user",
            Verb::RestoreUser => "restore user",
            Verb::DeleteUser => "delete user",
            Verb::ConsiderManager => "manager of",
            Verb::SetManager => "set manager of",
            Verb::ConsiderGroup => "group",
            Verb::MatchGroup => "match group",
            Verb::CreateGroup => "create group",
            Verb::RenameGroup => "rename group",
            Verb::DeleteGroup => "delete group",
            Verb::ChangeMembers => "change members of",
        };
        format!("{words} {}", self.name)
    }

    /// Entra's word for it.
    #[must_use]
    pub const fn action(&self) -> Action {
        match self.verb {
            Verb::CreateUser | Verb::CreateGroup => Action::Create,
            Verb::DisableUser => Action::Disable,
            Verb::DeleteUser | Verb::DeleteGroup => Action::Delete,
            Verb::UpdateUser
            | Verb::RestoreUser
            | Verb::SetManager
            | Verb::RenameGroup
            | Verb::ChangeMembers => Action::Update,
            _ => Action::Other,
        }
    }

    /// Entra's word for where it is.
    #[must_use]
    pub const fn step(&self) -> Step {
        match self.verb {
            Verb::HealthOfUsers
            | Verb::HealthOfGroups
            | Verb::TestOfUsers
            | Verb::TestOfGroups
            | Verb::Token => Step::Connection,
            Verb::ConsiderUser | Verb::ConsiderGroup => Step::Scoping,
            Verb::MatchUser | Verb::MatchGroup | Verb::ReadUser => Step::Matching,
            Verb::ConsiderManager => Step::References,
            _ => Step::Export,
        }
    }

    /// What the log says when it went well.
    #[must_use]
    pub fn success(&self) -> String {
        let (kind, name) = (self.kind(), &self.name);
        match self.verb {
            Verb::HealthOfUsers | Verb::HealthOfGroups | Verb::TestOfUsers | Verb::TestOfGroups => {
                "The supplied credentials are authorized to enable provisioning".into()
            }
            Verb::Token => "An access token was issued".into(),
            Verb::MatchUser | Verb::MatchGroup => format!("{kind} '{name}' was looked for in customappsso"),
            Verb::ReadUser => format!("{kind} '{name}' was read from customappsso"),
            Verb::CreateUser | Verb::CreateGroup => format!("{kind} '{name}' was created in customappsso"),
            Verb::DisableUser => format!("{kind} '{name}' was disabled in customappsso"),
            Verb::DeleteUser | Verb::DeleteGroup => format!("{kind} '{name}' was deleted in customappsso"),
            _ => format!("{kind} '{name}' was updated in customappsso"),
        }
    }

    const fn kind(&self) -> &'static str {
        match self.verb {
            Verb::ConsiderGroup
            | Verb::MatchGroup
            | Verb::CreateGroup
            | Verb::RenameGroup
            | Verb::DeleteGroup
            | Verb::ChangeMembers => "Group",
            _ => "User",
        }
    }
}
