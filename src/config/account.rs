//! What a session has to do with the person's account at the application.

use std::time::Duration;

use super::node::{Fields, Node};
use super::scim::{Credential, ScimSettings};
use super::template::claim_name;

/// See the module.
#[derive(Debug, Default)]
pub struct AccountSettings {
    /// How often sessions are checked against the application's SCIM server; `None`: never.
    pub recheck: Option<Recheck>,
    /// How the account of a person who signs in is found, in this order.
    pub matches: Vec<Match>,
    /// Whether only somebody with an active account may sign in.
    pub required: bool,
    /// What a change of a group's members means for their sessions.
    pub on_group_change: OnGroupChange,
    /// How long a stream of somebody signed in may stay open; `None`: as long as the session.
    pub max_stream_age: Option<Duration>,
}

/// Checks of sessions against the application's SCIM server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recheck {
    /// How long an answer counts.
    pub every: Duration,
    /// How long it counts on while the application cannot be asked; `None`: not at all.
    pub grace: Option<Duration>,
}

/// A SCIM attribute and what of the assertion it must be equal to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// `externalId`, `userName` or `emails.value`.
    pub attribute: &'static str,
    /// The attribute of the assertion; `None` for the name identifier.
    pub claim: Option<String>,
}

/// See [`AccountSettings::on_group_change`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnGroupChange {
    /// Nothing: the groups are those of the sign-in.
    #[default]
    Ignore,
    /// The next page that the person asks for takes them through a sign-in; what an open page asks for in the background
    /// goes on for a while.
    Refresh,
    /// Their sessions end.
    End,
}

/// Names of the fields in the `access` section.
pub(super) const FIELDS: [&str; 4] =
    ["recheck", "require_provisioned", "on_group_change", "max_stream_age_seconds"];

const EVERY: Duration = Duration::from_secs(300);
const MOST_MATCHES: usize = 4;
const ON_GROUP_CHANGE: &[(&str, OnGroupChange)] =
    &[("ignore", OnGroupChange::Ignore), ("refresh", OnGroupChange::Refresh), ("end", OnGroupChange::End)];
const ATTRIBUTES: &[(&str, &str)] =
    &[("externalId", "externalId"), ("userName", "userName"), ("emails.value", "emails.value")];

/// What the configuration says, before it is known whether the application can be asked.
pub(super) struct Said {
    settings: AccountSettings,
    /// Whether it says anything of re-checks.
    recheck: bool,
}

pub(super) fn read(fields: &Fields<'_>) -> Option<Said> {
    let recheck_node = fields.get("recheck");
    let (recheck, matches) = match &recheck_node {
        Some(node) => read_recheck(node)?,
        None => (Some(Recheck { every: EVERY, grace: Some(EVERY) }), usual_matches()),
    };
    let flag = |name: &str| fields.get(name).map_or(Some(false), |node| node.flag());
    let on_group_change = match fields.get("on_group_change") {
        Some(node) => node.choice(ON_GROUP_CHANGE)?,
        None => OnGroupChange::default(),
    };
    let max_stream_age = match fields.get("max_stream_age_seconds") {
        Some(node) => Some(Duration::from_secs(node.number(1..=7 * 86_400)?)),
        None => None,
    };
    let required = flag("require_provisioned")?;
    let settings = AccountSettings { recheck, matches, required, on_group_change, max_stream_age };
    Some(Said { settings, recheck: recheck_node.is_some() })
}

fn read_recheck(node: &Node<'_>) -> Option<(Option<Recheck>, Vec<Match>)> {
    let fields = node.fields(&["enabled", "seconds", "unreachable", "match"]);
    let enabled = fields.get("enabled").map_or(Some(true), |node| node.flag())?;
    let every = match fields.get("seconds") {
        Some(node) => Duration::from_secs(node.number(1..=86_400)?),
        None => EVERY,
    };
    let grace = match fields.get("unreachable") {
        Some(node) if node.is_text() => match node.choice(&[("refuse", ())]) {
            Some(()) => None,
            None => return None,
        },
        Some(node) => {
            let fields = node.fields(&["grace_seconds"]);
            let seconds = fields.need("grace_seconds", "write seconds, or `unreachable: refuse`")?;
            Some(Duration::from_secs(seconds.number(1..=7 * 86_400)?))
        }
        None => Some(every),
    };
    let matches = match fields.get("match") {
        Some(node) => read_matches(&node)?,
        None => usual_matches(),
    };
    Some((enabled.then_some(Recheck { every, grace }), matches))
}

fn read_matches(node: &Node<'_>) -> Option<Vec<Match>> {
    let entries = node.list();
    if entries.is_empty() || entries.len() > MOST_MATCHES {
        node.error(
            format!("has {} entries", entries.len()),
            format!("list one to {MOST_MATCHES}, such as {{attribute: externalId, claim: object_id}}"),
        );
        return None;
    }
    let one = |entry: &Node<'_>| {
        let fields = entry.fields(&["attribute", "claim"]);
        let attribute = fields
            .need("attribute", "write externalId, userName or emails.value")
            .and_then(|node| node.choice(ATTRIBUTES));
        let claim = fields
            .need("claim", "write name_id, or the attribute of the assertion, such as object_id")
            .and_then(|node| node.text());
        Some(Match {
            attribute: attribute?,
            claim: claim.map(|name| (name != "name_id").then(|| claim_name(name).to_owned()))?,
        })
    };
    entries.iter().map(one).collect()
}

/// What Microsoft advises, and what its defaults come to: the object identifier as `externalId`, the name by which people
/// sign in as `userName`.
fn usual_matches() -> Vec<Match> {
    let claim = |attribute, claim: &str| Match { attribute, claim: Some(claim_name(claim).to_owned()) };
    vec![
        claim("externalId", "object_id"),
        Match { attribute: "userName", claim: None },
        claim("userName", "name"),
    ]
}

impl Default for Said {
    fn default() -> Self {
        let recheck = Some(Recheck { every: EVERY, grace: Some(EVERY) });
        let settings = AccountSettings { recheck, matches: usual_matches(), ..AccountSettings::default() };
        Self { settings, recheck: false }
    }
}

impl Said {
    /// What comes of it for a tenant with this provisioning; `node` is the tenant's.
    pub(super) fn settle(
        self,
        node: &Node<'_>,
        scim: Option<&ScimSettings>,
        signs_in: bool,
    ) -> AccountSettings {
        let Self { mut settings, recheck: said } = self;
        if !signs_in {
            return AccountSettings { max_stream_age: settings.max_stream_age, ..AccountSettings::default() };
        }
        let Some(scim) = scim else {
            if said && settings.recheck.is_some() || settings.required {
                node.error(
                    "asks the application about accounts, but has no `scim` section",
                    "add `scim`, or remove access.recheck and access.require_provisioned",
                );
            }
            settings.recheck = None;
            settings.on_group_change = OnGroupChange::Ignore;
            return settings;
        };
        if !can_ask(scim) {
            let remedy = "give scim.application.own_credential, or set access.recheck: {enabled: false}";
            if said && settings.recheck.is_some() || settings.required {
                node.error(
                    "asks the application about accounts, but has no credential of its own for it",
                    remedy,
                );
            } else if settings.recheck.is_some() {
                node.warn(
                    "cannot ask the application about accounts: a deactivation that another Envoy saw, or this one before \
                     it was restarted, ends no session here",
                    remedy,
                );
            }
            settings.recheck = None;
        }
        if settings.on_group_change != OnGroupChange::Ignore && settings.recheck.is_none() {
            node.error(
                "wants sessions to follow changes of groups, but they do not know their account",
                "a session learns it by access.recheck: enable it, or set access.on_group_change: ignore",
            );
        }
        settings
    }
}

/// Whether a request of our own has something to show that is not the provisioning client's.
fn can_ask(scim: &ScimSettings) -> bool {
    scim.application.own_credential.is_some()
        || matches!(scim.application.credential, Credential::Set(_) | Credential::Remove)
}
