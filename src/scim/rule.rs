//! What a rule is: one quirk of one side, one name, one function, one record.

use std::collections::BTreeSet;

use super::ability::{Abilities, Discovery, Mode};
use super::error::ScimError;
use super::learnt::KnownAttributes;
use super::schema::{DeclaredTypes, ResourceKind};

/// How many records one message can leave; a message of many thousand operations must not fill the log.
const MOST_RECORDS: usize = 200;

/// One rewrite that happened: the audit record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Identifier of the rule.
    pub rule: &'static str,
    /// Where: a path into the message, never a value of it.
    pub place: String,
}

/// How sure a rewrite is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// The RFC fixes the form, and the client's intention is documented or has one reading.
    Certain,
    /// A second form is defensible, and both mean the same to a server that keeps the RFC.
    Harmless,
    /// A second answer is defensible, and what the request does depends on which; [`Mode::Strict`] refuses instead.
    Judgement,
    /// Certain in some cases, a judgement in others; the rule tells which with each record.
    Partly,
    /// Neither: an operator asked for it.
    Chosen,
}

impl Certainty {
    /// The word for it in documents and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Harmless => "harmless",
            Self::Judgement => "judgement",
            Self::Partly => "partly judgement",
            Self::Chosen => "chosen",
        }
    }
}

/// One line of the catalogue of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleSummary {
    /// Identifier.
    pub id: &'static str,
    /// What it does, for the operator.
    pub says: &'static str,
    /// How sure its rewrites are.
    pub certainty: Certainty,
}

/// What an operator decides about provisioning.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What Entra calls, scheme and host included, without trailing slash: `https://host/scim/v2/entra`.
    pub public_base: String,
    /// Path of the SCIM root at the application, without trailing slash: `/app-scim/v2`.
    pub application_base: String,
    /// The same where Envoy rewrites the prefix on the way: what the application itself believes.
    pub cluster_base: Option<String>,
    /// Identifiers of the rules that are switched off.
    pub off: BTreeSet<String>,
    /// Types of attributes beyond the core and enterprise schemas.
    pub declared_types: DeclaredTypes,
    /// Schemas that the application knows, where that has been learnt or configured.
    pub known_schemas: Option<BTreeSet<String>>,
    /// Attributes that the application knows, where that has been learnt or configured; what is not among them is
    /// treated as [`Abilities::unknown_attributes`] says.
    pub known_attributes: KnownAttributes,
    /// The application has no groups: their queries are answered with an empty list (R1), all else about them is refused
    /// here (X3).
    pub without_groups: bool,
    /// The operator has said whether the application has groups; what it publishes changes nothing about it.
    pub groups_are_decided: bool,
    /// Who answers schema discovery.
    pub discovery: Discovery,
    /// The application is called with a credential of its own rather than the client's token (R11, R14).
    pub own_credential: bool,
    /// Schema discovery is cut to what Microsoft's validator takes (R13).
    pub validator_mode: bool,
    /// Backslashes in filter literals are data, never escapes (F6).
    pub literal_backslash: bool,
    /// How far the rules reach.
    pub mode: Mode,
    /// What the application is helped with.
    pub abilities: Abilities,
}

impl Settings {
    /// Whether the rule is switched on.
    ///
    /// A judgement rule that is switched off neither repairs nor refuses.
    #[must_use]
    pub fn is_on(&self, rule: &str) -> bool {
        !self.off.contains(rule)
    }
}

/// What a rule may know besides the message.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) kind: &'a ResourceKind,
    pub(crate) settings: &'a Settings,
}

/// One rule over one kind of subject.
pub(crate) struct Rule<S> {
    /// Identifier, as in the catalogue.
    pub(crate) id: &'static str,
    /// What it does, for the operator.
    pub(crate) says: &'static str,
    /// How sure its rewrites are.
    pub(crate) certainty: Certainty,
    pub(crate) apply: fn(&mut S, &Context<'_>, &mut Notes<'_>),
}

/// Where a rule leaves its records, and its refusal if it has one.
pub(crate) struct Notes<'a> {
    rule: &'static str,
    certainty: Certainty,
    /// Whether judgements are refused rather than made.
    strict: bool,
    trail: &'a mut Vec<Applied>,
    refusal: Option<ScimError>,
}

impl Notes<'_> {
    /// Records that the rule changed something at `place`. A rule that is partly judgement says [`Notes::judge`] where
    /// it judged.
    pub(crate) fn mark(&mut self, place: impl Into<String>) {
        if self.certainty == Certainty::Judgement {
            return self.judge(place);
        }
        record(self.trail, self.rule, place);
    }

    /// Records a change that is a matter of judgement; where those are not wanted, the message is refused.
    pub(crate) fn judge(&mut self, place: impl Into<String>) {
        let place = place.into();
        if self.strict {
            self.refuse(ScimError::Judgement { rule: self.rule, place: place.clone() });
        }
        record(self.trail, self.rule, place);
    }

    /// Refuses the message: carrying on would be guessing.
    pub(crate) fn refuse(&mut self, error: ScimError) {
        self.refusal.get_or_insert(error);
    }
}

/// Leaves a record of what `rule` owns but the reader does; once for a place, and not without end.
pub(crate) fn record(trail: &mut Vec<Applied>, rule: &'static str, place: impl Into<String>) {
    let applied = Applied { rule, place: place.into() };
    if trail.len() < MOST_RECORDS && !trail.contains(&applied) {
        trail.push(applied);
    }
}

/// Runs the rules that are switched on, in their order, over what the client sends. In [`Mode::Strict`] a judgement is
/// a refusal.
pub(crate) fn run<S>(
    rules: &[&Rule<S>],
    subject: &mut S,
    context: &Context<'_>,
    trail: &mut Vec<Applied>,
) -> Result<(), ScimError> {
    let strict = context.settings.mode == Mode::Strict;
    for rule in rules.iter().filter(|rule| context.settings.is_on(rule.id)) {
        let mut notes = Notes { rule: rule.id, certainty: rule.certainty, strict, trail, refusal: None };
        (rule.apply)(subject, context, &mut notes);
        if let Some(refusal) = notes.refusal {
            return Err(refusal);
        }
    }
    Ok(())
}

/// The same over what the application answers: its faults are not the client's, and nobody gains by a worse answer.
/// Rules of answers refuse nothing.
pub(crate) fn mend<S>(rules: &[&Rule<S>], subject: &mut S, context: &Context<'_>, trail: &mut Vec<Applied>) {
    for rule in rules.iter().filter(|rule| context.settings.is_on(rule.id)) {
        let mut notes =
            Notes { rule: rule.id, certainty: rule.certainty, strict: false, trail, refusal: None };
        (rule.apply)(subject, context, &mut notes);
    }
}
