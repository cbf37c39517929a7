//! *Attributes & Claims*: which attribute of the user becomes which claim.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    directory::{Directory, Group, User},
    keys::Hash,
    saml::{SignOnSettings, context::Context},
    xml::{ASSERTION, Element, is_xml_text},
};

/// Above this number Entra sends a link instead of the groups.
pub const MAX_GROUPS: usize = 150;
const MAX_CLAIMS: usize = 40;
const IDENTITY: &str = "http://schemas.microsoft.com/identity/claims";
const PERSON: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";
const MICROSOFT: &str = "http://schemas.microsoft.com/ws/2008/06/identity";
const ROLE: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";

/// The attributes that a claim can be made of.
pub const SOURCES: [&str; 13] = [
    "user.userprincipalname",
    "user.mail",
    "user.givenname",
    "user.surname",
    "user.displayname",
    "user.objectid",
    "user.mailnickname",
    "user.jobtitle",
    "user.department",
    "user.employeeid",
    "user.preferredlanguage",
    "user.telephonenumber",
    "user.assignedroles",
];

/// One row of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRule {
    /// Name with namespace, as the application sees it.
    pub name: String,
    /// One of `SOURCES`, text in double quotes, or `ToLowercase(…)`, `ExtractMailPrefix(…)` of a source.
    pub source: String,
}

/// Which groups are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Emit {
    /// "None".
    None,
    /// "Security groups".
    #[default]
    All,
    /// "Groups assigned to the application".
    Assigned,
}

/// By what a group is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupValue {
    /// "Group ID".
    #[default]
    ObjectId,
    /// "Cloud-only group display names".
    DisplayName,
}

/// The groups claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupRule {
    pub emit: Emit,
    pub value: GroupValue,
    /// "Emit groups as role claims": the roles are not told then.
    pub as_roles: bool,
    /// The link that Entra sends for more than 150 groups, however many there are.
    pub overage: bool,
}

/// Format of the name identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameIdFormat {
    #[default]
    EmailAddress,
    /// Opaque, another one for each application.
    Persistent,
    Unspecified,
    Transient,
}

impl NameIdFormat {
    /// Its name.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::EmailAddress => "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
            Self::Persistent => "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
            Self::Unspecified => "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
            Self::Transient => "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
        }
    }

    /// The format that a request asks for, if Entra knows it.
    #[must_use]
    pub fn of_uri(uri: &str) -> Option<Self> {
        [Self::EmailAddress, Self::Persistent, Self::Unspecified, Self::Transient]
            .into_iter()
            .find(|format| format.uri() == uri)
    }
}

/// The whole page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClaimSettings {
    pub name_id_source: String,
    pub name_id_format: NameIdFormat,
    pub rules: Vec<ClaimRule>,
    pub groups: GroupRule,
}

impl Default for ClaimSettings {
    fn default() -> Self {
        let rule = |name: String, source: &str| ClaimRule { name, source: source.into() };
        Self {
            name_id_source: "user.userprincipalname".into(),
            name_id_format: NameIdFormat::EmailAddress,
            rules: vec![
                rule(ROLE.into(), "user.assignedroles"),
                rule(format!("{PERSON}/givenname"), "user.givenname"),
                rule(format!("{PERSON}/surname"), "user.surname"),
                rule(format!("{PERSON}/emailaddress"), "user.mail"),
                rule(format!("{PERSON}/name"), "user.userprincipalname"),
            ],
            groups: GroupRule::default(),
        }
    }
}

/// Whether a list can be used.
///
/// # Errors
/// A name or source that cannot be; which one is said.
pub fn check(rules: &[ClaimRule]) -> Result<(), String> {
    if rules.len() > MAX_CLAIMS {
        return Err(format!("more than {MAX_CLAIMS} claims"));
    }
    for rule in rules {
        let good = (1..=300).contains(&rule.name.len()) && is_xml_text(&rule.name);
        if !good {
            return Err(format!("'{}' cannot be the name of a claim", rule.name));
        }
        check_source(&rule.source)?;
    }
    Ok(())
}

/// Whether a source is known.
///
/// # Errors
/// It is not.
pub fn check_source(source: &str) -> Result<(), String> {
    let inner = ["ToLowercase(", "ExtractMailPrefix("]
        .iter()
        .find_map(|function| source.strip_prefix(function)?.strip_suffix(')'))
        .unwrap_or(source);
    let constant = source.len() >= 2 && source.starts_with('"') && source.ends_with('"');
    if (constant && source.len() <= 1000 && is_xml_text(source)) || SOURCES.contains(&inner) {
        return Ok(());
    }
    Err(format!("'{source}' is no source; one is user.mail, or \"a text\" in double quotes"))
}

/// What a source gives for a user; nothing where the attribute is empty.
#[must_use]
pub fn values(source: &str, user: &User) -> Vec<String> {
    let inside = |function: &str| source.strip_prefix(function).and_then(|rest| rest.strip_suffix(')'));
    if let Some(inner) = inside("ToLowercase(") {
        return values(inner, user).into_iter().map(|value| value.to_lowercase()).collect();
    }
    if let Some(inner) = inside("ExtractMailPrefix(") {
        let prefix = |value: String| value.split('@').next().unwrap_or_default().to_owned();
        return values(inner, user).into_iter().map(prefix).collect();
    }
    if let Some(text) = source.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return vec![text.to_owned()];
    }
    let one = |value: &Option<String>| value.iter().cloned().collect();
    match source {
        "user.userprincipalname" => vec![user.user_principal_name.clone()],
        "user.displayname" => vec![user.display_name.clone()],
        "user.objectid" => vec![user.object_id.clone()],
        "user.assignedroles" => user.roles.clone(),
        "user.mail" => one(&user.mail),
        "user.givenname" => one(&user.given_name),
        "user.surname" => one(&user.surname),
        "user.mailnickname" => one(&user.mail_nickname),
        "user.jobtitle" => one(&user.job_title),
        "user.department" => one(&user.department),
        "user.employeeid" => one(&user.employee_id),
        "user.preferredlanguage" => one(&user.preferred_language),
        "user.telephonenumber" => one(&user.business_phone),
        _ => Vec::new(),
    }
}

/// A user's groups as they are told.
#[must_use]
pub fn groups_told(rule: GroupRule, directory: &Directory, name: &str) -> Vec<String> {
    let told = |group: &&Group| match rule.emit {
        Emit::None => false,
        Emit::All => true,
        Emit::Assigned => group.assigned,
    };
    let value = |group: &Group| match rule.value {
        GroupValue::ObjectId => group.object_id.clone(),
        GroupValue::DisplayName => group.display_name.clone(),
    };
    directory.groups_of(name).filter(told).map(value).collect()
}

/// The name identifier of a user; none where its source is empty.
#[must_use]
pub fn name_id(settings: &SignOnSettings, format: NameIdFormat, user: &User) -> Option<String> {
    let opaque = |of: &str| URL_SAFE_NO_PAD.encode(Hash::Sha256.of(of.as_bytes()));
    match format {
        NameIdFormat::Persistent => Some(opaque(&format!("{}\n{}", user.object_id, settings.identifier))),
        NameIdFormat::Transient => Some(opaque(&crate::random::guid().ok()?)),
        _ => values(&settings.claims.name_id_source, user).into_iter().find(|value| !value.is_empty()),
    }
}

/// The claims of an assertion. `groups` are already as they are to be told.
#[must_use]
pub fn statement(settings: &SignOnSettings, user: &User, groups: &[String], context: &Context) -> Element {
    let tenant = &settings.tenant_id;
    let one = std::slice::from_ref;
    let mut out = vec![
        claim(&format!("{IDENTITY}/tenantid"), one(tenant)),
        claim(&format!("{IDENTITY}/objectidentifier"), one(&user.object_id)),
        claim(&format!("{IDENTITY}/displayname"), one(&user.display_name)),
    ];
    let rule = settings.claims.groups;
    if rule.overage || groups.len() > MAX_GROUPS {
        let link = format!("https://graph.windows.net/{tenant}/users/{}/getMemberObjects", user.object_id);
        out.push(claim("http://schemas.microsoft.com/claims/groups.link", &[link]));
    } else if !groups.is_empty() {
        let name = if rule.as_roles { ROLE.to_owned() } else { format!("{MICROSOFT}/claims/groups") };
        out.push(claim(&name, groups));
    }
    out.push(claim(&format!("{IDENTITY}/identityprovider"), &[settings.issuer()]));
    out.push(claim("http://schemas.microsoft.com/claims/authnmethodsreferences", &context.methods()));
    for rule in &settings.claims.rules {
        let values = values(&rule.source, user);
        let crowded_out = settings.claims.groups.as_roles && rule.source == "user.assignedroles";
        if !values.is_empty() && !crowded_out {
            out.push(claim(&rule.name, &values));
        }
    }
    Element::new(ASSERTION, "AttributeStatement").children(out)
}

fn claim(name: &str, values: &[String]) -> Element {
    Element::new(ASSERTION, "Attribute")
        .with("Name", name)
        .children(values.iter().map(|value| Element::new(ASSERTION, "AttributeValue").text(value.clone())))
}

#[cfg(test)]
mod tests {
    use super::{ClaimRule, check, values};
    use crate::directory::Directory;

    #[test]
    fn sources_are_attributes_texts_and_functions() {
        let directory = Directory::with_examples();
        let ada = directory.user("ada").unwrap();
        assert_eq!(values("user.jobtitle", ada), ["Grafter"]);
        assert_eq!(values("\"a text\"", ada), ["a text"]);
        assert_eq!(values("ExtractMailPrefix(user.userprincipalname)", ada), ["ada"]);
        assert_eq!(values("ToLowercase(user.displayname)", ada), ["ada ferngrove"]);
        assert!(values("user.assignedroles", directory.user("zoe").unwrap()).is_empty());
    }

    #[test]
    fn an_unusable_list_is_refused_by_name() {
        let rule = |name: &str, source: &str| vec![ClaimRule { name: name.into(), source: source.into() }];
        assert!(check(&rule("email", "user.mail")).is_ok());
        assert!(check(&rule("email", "ToLowercase(user.mail)")).is_ok());
        for (name, source) in [("", "user.mail"), ("a", "user.nothing"), ("a", "\""), ("a", "Do(user.mail)")]
        {
            assert!(check(&rule(name, source)).is_err(), "{name} {source}");
        }
    }
}
