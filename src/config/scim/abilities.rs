//! What an application is helped with, as it is written.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::node::{Fields, Node, Problem, Problems};
use super::ability::{
    Abilities, Deactivation, Deletion, Discovery, EmptiedGroups, Filtering, MemberChanges, PatchForm,
    UnknownAttributes, UserNameChange,
};
use super::schemas::read_name;

/// The abilities, and what else stands in the same block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AbilitySettings {
    /// What an application is helped with.
    pub abilities: Abilities,
    /// Whether the application has groups; none where it is not said.
    pub groups: Option<bool>,
    /// Who answers schema discovery.
    pub discovery: Discovery,
}

impl AbilitySettings {
    /// The fields of the block.
    pub const FIELDS: &[&str] = FIELDS;

    /// Reads the block by itself.
    ///
    /// # Errors
    /// All problems found.
    pub fn read(value: &Value) -> Result<Self, Vec<Problem>> {
        Problems::reading(value, read)
    }
}

const FIELDS: &[&str] = &[
    "patch",
    "members",
    "remove_all_members",
    "filter",
    "eager",
    "unknown_attributes",
    "user_name",
    "groups",
    "delete",
    "deactivate",
    "discovery",
];

pub(super) fn read(node: &Node<'_>) -> AbilitySettings {
    let fields = node.fields(FIELDS);
    let patch = choose(&fields, "patch", &[("patch", PatchForm::Patch), ("put", PatchForm::Put)]);
    let members = choose(
        &fields,
        "members",
        &[("selected", MemberChanges::Selected), ("listed", MemberChanges::Listed)],
    );
    let emptied_groups = choose(
        &fields,
        "remove_all_members",
        &[("pass", EmptiedGroups::Pass), ("refuse", EmptiedGroups::Refuse)],
    );
    let unknown_attributes = choose(
        &fields,
        "unknown_attributes",
        &[
            ("pass", UnknownAttributes::Pass),
            ("drop", UnknownAttributes::Drop),
            ("refuse", UnknownAttributes::Refuse),
        ],
    );
    let user_name_change = choose(
        &fields,
        "user_name",
        &[("pass", UserNameChange::Pass), ("drop", UserNameChange::Drop), ("refuse", UserNameChange::Refuse)],
    );
    let deletion =
        choose(&fields, "delete", &[("delete", Deletion::Delete), ("deactivate", Deletion::Deactivate)]);
    let deactivation = choose(
        &fields,
        "deactivate",
        &[("deactivate", Deactivation::Deactivate), ("delete", Deactivation::Delete)],
    );
    let discovery =
        choose(&fields, "discovery", &[("application", Discovery::Application), ("own", Discovery::Own)]);
    if (deletion, deactivation) == (Deletion::Deactivate, Deactivation::Delete) {
        node.error(
            "turns deletion into deactivation and deactivation into deletion",
            "choose one of delete: deactivate and deactivate: delete",
        );
    }
    let eager = fields.get("eager").map(|node| read_eager(&node)).unwrap_or_default();
    let filter = fields.get("filter").map(|node| read_filter(&node)).unwrap_or_default();
    AbilitySettings {
        abilities: Abilities {
            patch,
            members,
            filter,
            eager,
            emptied_groups,
            unknown_attributes,
            user_name_change,
            deletion,
            deactivation,
        },
        groups: fields.get("groups").and_then(|node| node.flag()),
        discovery,
    }
}

fn choose<T: Copy + Default>(fields: &Fields<'_>, name: &str, choices: &[(&str, T)]) -> T {
    fields.get(name).and_then(|node| node.choice(choices)).unwrap_or_default()
}

fn read_eager(node: &Node<'_>) -> BTreeSet<String> {
    let mut eager = BTreeSet::new();
    for entry in node.list() {
        let Some(name) = entry.text().and_then(|text| read_name(&entry, text)) else { continue };
        // The URN's own version has a dot.
        if name.rsplit(':').next().is_some_and(|last| last.contains('.')) {
            entry.error(
                format!("`{name}` is a part of an attribute"),
                "write the attribute whose elements are selected, such as emails",
            );
            continue;
        }
        eager.insert(name);
    }
    eager
}

/// `application`, or `{local: {page, most_entries}}`.
fn read_filter(node: &Node<'_>) -> Filtering {
    const LOCAL: Filtering = Filtering::Local { page: 100, most_entries: 50_000 };
    if !node.is_mapping() {
        let choices = [("application", Filtering::Application), ("local", LOCAL)];
        return node.choice(&choices).unwrap_or_default();
    }
    let fields = node.fields(&["local"]);
    let Some(local) = fields.need("local", "write local: {page: 100, most_entries: 50000}") else {
        return Filtering::Application;
    };
    let fields = local.fields(&["page", "most_entries"]);
    let page = fields.get("page").map_or(Some(100), |node| node.number(1..=1_000));
    let most_entries = fields.get("most_entries").map_or(Some(50_000), |node| node.number(1..=1_000_000));
    let (Some(page), Some(most_entries)) = (page, most_entries) else { return Filtering::Application };
    if most_entries < page {
        local.error("has a page that is larger than most_entries", "let most_entries be the larger one");
    }
    Filtering::Local { page, most_entries }
}
