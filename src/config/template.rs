//! Templates of identity headers: literal text with `{name_id}` and `{claim:NAME}`.

use super::node::Node;

/// A compiled template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(pub Vec<Piece>);

/// One part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text as written.
    Literal(String),
    /// The subject's `NameID`.
    NameId,
    /// All values of this attribute.
    Claim(String),
    /// `AuthnContextClassRef`.
    AuthnContext,
}

const ALIASES: &[(&str, &str)] = &[
    ("email", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"),
    ("given_name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname"),
    ("surname", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname"),
    ("name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"),
    ("upn", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"),
    ("display_name", "http://schemas.microsoft.com/identity/claims/displayname"),
    ("object_id", "http://schemas.microsoft.com/identity/claims/objectidentifier"),
    ("tenant_id", "http://schemas.microsoft.com/identity/claims/tenantid"),
    ("groups", "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"),
    ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"),
    ("authn_methods", "http://schemas.microsoft.com/claims/authnmethodsreferences"),
];

/// The attribute name behind one of Entra's well-known aliases, or `name` itself.
#[must_use]
pub fn claim_name(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, full)| full)
}

pub(super) fn read(node: &Node<'_>) -> Option<Template> {
    let text = node.text()?;
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((literal, tail)) = rest.split_once('{') {
        let Some((name, after)) = tail.split_once('}') else {
            node.error("has a `{` without `}`", "close the placeholder");
            return None;
        };
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.to_owned()));
        }
        pieces.push(match name.split_once(':') {
            Some(("claim", claim)) if !claim.is_empty() => Piece::Claim(claim_name(claim).to_owned()),
            None if name == "name_id" => Piece::NameId,
            None if name == "authn_context" => Piece::AuthnContext,
            _ => {
                node.error(
                    format!("`{{{name}}}` is not a placeholder"),
                    "write {name_id}, {authn_context} or {claim:NAME}",
                );
                return None;
            }
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_owned()));
    }
    let printable = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if pieces.iter().any(|piece| matches!(piece, Piece::Literal(text) if !printable(text))) {
        node.error("holds characters that cannot stand in a header", "use printable ASCII");
        return None;
    }
    Some(Template(pieces))
}
