//! What an application is helped with, where an operator asks for it; all of it is off by default.

use std::collections::BTreeSet;

/// How far the rules reach into what Entra sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is rewritten; the audit record says what would have been.
    Observe,
    /// Every rule that is switched on is applied.
    #[default]
    Normalise,
    /// The same, but what only a judgement rule could repair is refused.
    Strict,
}

/// In what form a PATCH goes to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PatchForm {
    /// As a PATCH.
    #[default]
    Patch,
    /// As GET and PUT, the operations applied here: for applications without PATCH, or with a broken one.
    Put,
}

/// In what form changes of a group's members go to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemberChanges {
    /// As RFC 7644 has them: a removal selects each member by its path.
    #[default]
    Selected,
    /// In a PATCH that lists the members, removals too, whatever becomes of other changes: for applications that know no
    /// selectors. One that keeps the RFC would take such a removal for that of all members.
    Listed,
}

/// Who evaluates the filter of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filtering {
    /// The application.
    #[default]
    Application,
    /// This filter, over the pages of the application's list.
    Local {
        /// Entries asked for at once.
        page: u64,
        /// More entries than this in the whole list are an error, never a silent "not found".
        most_entries: u64,
    },
}

/// What becomes of attributes that the application does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownAttributes {
    /// They go on to the application.
    #[default]
    Pass,
    /// They are left out.
    Drop,
    /// The request is refused.
    Refuse,
}

/// What becomes of the removal of all members of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptiedGroups {
    /// It goes on to the application.
    #[default]
    Pass,
    /// It is refused: Entra removes members by name and needs no other way.
    Refuse,
}

/// What becomes of a change of `userName`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserNameChange {
    /// It goes on to the application.
    #[default]
    Pass,
    /// It is left out; the rest of the request goes on.
    Drop,
    /// The request is refused (`mutability`).
    Refuse,
}

/// What a `DELETE` of a user becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deletion {
    /// A `DELETE`.
    #[default]
    Delete,
    /// A PATCH that sets `active` to false: the application keeps the account.
    Deactivate,
}

/// What setting `active` to false becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deactivation {
    /// What was sent.
    #[default]
    Deactivate,
    /// A `DELETE` of the account.
    Delete,
}

/// All of it, for one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Form of a PATCH.
    pub patch: PatchForm,
    /// Form of changes of a group's members.
    pub members: MemberChanges,
    /// Who evaluates filters.
    pub filter: Filtering,
    /// Attributes, in the spelling of the schema (`emails`, an extension's with its URN), whose value paths are made to
    /// select something after a look at the resource, before the PATCH is sent (P30, P31 in eager mode).
    pub eager: BTreeSet<String>,
    /// What becomes of the removal of all members of a group.
    pub emptied_groups: EmptiedGroups,
    /// What becomes of attributes that the application does not know.
    pub unknown_attributes: UnknownAttributes,
    /// What becomes of a change of `userName`.
    pub user_name_change: UserNameChange,
    /// What a `DELETE` of a user becomes.
    pub deletion: Deletion,
    /// What setting `active` to false becomes.
    pub deactivation: Deactivation,
}

/// Who answers `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas` (RFC 7644 section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Discovery {
    /// The application.
    #[default]
    Application,
    /// This filter, from its configuration: for applications that have none.
    Own,
}
