//! What the application is told where one rule decides.

use super::IdentitySettings;
use super::header::{self, IdentityHeader, is_spelling_of};
use crate::config::node::{Node, Problem};

/// What the application is told where this rule decides, in place of what the tenant says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Headers.
    pub headers: Vec<IdentityHeader>,
    /// Whether it gets the credentials.
    pub basic: bool,
    /// Whether it gets the signed assertion.
    pub assertion: bool,
}

/// The header that carries credentials.
const AUTHORIZATION: &str = "authorization";

/// Reads `rules[].identity_headers`: the word `none`, or a mapping of `set` and `remove`.
pub(in crate::config) fn read(node: &Node<'_>, tenant: &IdentitySettings) -> Option<Told> {
    if node.is_text() {
        node.choice(&[("none", ())])?;
        return Some(Told::default());
    }
    let fields = node.fields(&["set", "remove"]);
    let set = fields.get("set").map(|node| header::read_all(&node)).unwrap_or_default();
    let own_assertion = tenant.assertion.as_ref().map(|assertion| assertion.header.as_str());
    for header in
        set.iter().filter(|header| own_assertion.is_some_and(|own| is_spelling_of(own, &header.name)))
    {
        let what = format!("sets `{}`, which carries the signed assertion", header.name);
        node.error(what, "give one of them another name");
    }
    let mut told = Told {
        headers: tenant
            .headers
            .iter()
            .filter(|header| !set.iter().any(|it| it.name == header.name))
            .cloned()
            .collect(),
        basic: tenant.basic.is_some(),
        assertion: tenant.assertion.is_some(),
    };
    for entry in fields.get("remove").map(|node| node.list()).unwrap_or_default() {
        let name = entry.text()?.to_ascii_lowercase();
        let before = told.headers.len();
        told.headers.retain(|header| header.name != name);
        if told.headers.len() != before {
            continue;
        }
        if told.basic && name == AUTHORIZATION {
            told.basic = false;
        } else if told.assertion && own_assertion == Some(name.as_str()) {
            told.assertion = false;
        } else {
            let credentials = tenant.basic.as_ref().map(|_| AUTHORIZATION);
            let known: Vec<&str> = tenant.names().chain(credentials).collect();
            let unknown = Problem::not_one_of(entry.path.clone(), &name, "header that would be sent", &known);
            entry.error(unknown.what, unknown.remedy);
        }
    }
    told.headers.extend(set);
    Some(told)
}

/// Whether a rule says anything of its own; it makes no sense where nobody is known.
pub(in crate::config) fn wants(node: Option<&Node<'_>>, identified: bool) {
    if let Some(node) = node.filter(|_| !identified) {
        node.error(
            "is about a person, and the rule lets everybody or nobody pass",
            "write access: signed_in or optional, or remove it",
        );
    }
}
