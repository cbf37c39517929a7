//! What an application is helped with, as its operator configures it.

pub use crate::config::{
    Abilities, Deactivation, Deletion, Discovery, EmptiedGroups, Filtering, MemberChanges, Mode, PatchForm,
    UnknownAttributes, UserNameChange,
};
