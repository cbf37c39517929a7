//! What is asked of the identity provider, and how.

use super::keys::{self, RequestSigning};
use crate::config::node::Node;
use crate::config::secret::Environment;

/// What every request of ours says. The default asks for nothing in particular.
#[derive(Debug, Default)]
pub struct RequestSettings {
    /// Whether people must prove who they are anew.
    pub force_authn: bool,
    /// Whether the identity provider must not show anything.
    pub is_passive: bool,
    /// Parameters beside the request: name and value.
    pub hints: Vec<(String, String)>,
    /// The format of the name that is asked for.
    pub name_id_format: Option<String>,
    /// Ways of signing in, one of which is asked for, and must then be what the assertion says.
    pub authn_context: Vec<String>,
    /// How the request travels.
    pub binding: RequestBinding,
    /// What it is signed with, where it is.
    pub signing: Option<RequestSigning>,
}

/// How a request travels to the identity provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestBinding {
    /// In the URL of a redirect (Bindings 3.4).
    #[default]
    Redirect,
    /// In a form that the browser submits (Bindings 3.5).
    Post,
}

/// The parameters that identity providers know; another could be one of SAML's own.
const HINTS: &[&str] = &["domain_hint", "hd", "kc_idp_hint", "login_hint", "username", "whr"];

const FORMATS: &[(&str, &str)] = &[
    ("persistent", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
    ("transient", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"),
    ("email", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
    ("unspecified", "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"),
];

pub(super) fn read(node: &Node<'_>, environment: Environment<'_>) -> Option<RequestSettings> {
    let fields = node.fields(&[
        "force_authn",
        "is_passive",
        "hints",
        "name_id_format",
        "authn_context",
        "binding",
        "sign",
    ]);
    let flag = |name: &str| fields.get(name).map_or(Some(false), |node| node.flag());
    let (force_authn, is_passive) = (flag("force_authn"), flag("is_passive"));
    if (force_authn, is_passive) == (Some(true), Some(true)) {
        node.error(
            "asks people to prove themselves anew and the identity provider not to ask them",
            "choose one of force_authn and is_passive",
        );
    }
    let hints = fields.get("hints").map(|node| read_hints(&node)).unwrap_or_default();
    let name_id_format = match fields.get("name_id_format") {
        Some(node) => read_format(&node).map(Some),
        None => Some(None),
    };
    let authn_context = fields.get("authn_context").map(|node| read_contexts(&node)).unwrap_or_default();
    let binding = match fields.get("binding") {
        Some(node) => node.choice(&[("redirect", RequestBinding::Redirect), ("post", RequestBinding::Post)]),
        None => Some(RequestBinding::Redirect),
    };
    let signing = match fields.get("sign") {
        Some(node) => keys::read_signing(&node, environment).map(Some),
        None => Some(None),
    };
    Some(RequestSettings {
        force_authn: force_authn?,
        is_passive: is_passive?,
        hints,
        name_id_format: name_id_format?,
        authn_context,
        binding: binding?,
        signing: signing?,
    })
}

fn read_hints(node: &Node<'_>) -> Vec<(String, String)> {
    let fields = node.fields(HINTS);
    let known = fields.names().into_iter().filter(|name| HINTS.contains(name));
    known.filter_map(|name| Some((name.to_owned(), fields.get(name)?.text()?.to_owned()))).collect()
}

fn read_format(node: &Node<'_>) -> Option<String> {
    let text = node.text()?;
    if text.starts_with("urn:oasis:names:tc:SAML:") && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(text.to_owned());
    }
    node.choice(FORMATS).map(str::to_owned)
}

fn read_contexts(node: &Node<'_>) -> Vec<String> {
    let classes: Vec<String> =
        node.list().iter().filter_map(|entry| entry.text().map(str::to_owned)).collect();
    if !classes.is_empty() {
        node.warn(
            "makes Entra refuse whoever signed in in another way than this (AADSTS75011)",
            "leave it out, and demand the way of signing in by Conditional Access",
        );
    }
    classes
}
