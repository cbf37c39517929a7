//! The attribute mapping of a user, with the default target names of a custom application.

use serde_json::{Map, Value};

use crate::{directory::User, scim::ENTERPRISE};

/// Target attributes of a user in the order of the mapping: path and value. `active` and references are apart.
pub type Mapped = Vec<(String, String)>;

/// Applies the mapping. Values that are empty in the directory are not provisioned.
#[must_use]
pub fn map(user: &User) -> Mapped {
    let formatted = match (&user.given_name, &user.surname) {
        (Some(given), Some(surname)) => Some(format!("{given} {surname}")),
        _ => None,
    };
    let enterprise = |name: &str| format!("{ENTERPRISE}:{name}");
    let targets = [
        ("userName".to_owned(), Some(user.user_principal_name.clone())),
        ("displayName".to_owned(), Some(user.display_name.clone())),
        ("title".to_owned(), user.job_title.clone()),
        (r#"emails[type eq "work"].value"#.to_owned(), user.mail.clone()),
        ("preferredLanguage".to_owned(), user.preferred_language.clone()),
        ("name.givenName".to_owned(), user.given_name.clone()),
        ("name.familyName".to_owned(), user.surname.clone()),
        ("name.formatted".to_owned(), formatted),
        (r#"phoneNumbers[type eq "work"].value"#.to_owned(), user.business_phone.clone()),
        ("externalId".to_owned(), user.mail_nickname.clone()),
        (enterprise("employeeNumber"), user.employee_id.clone()),
        (enterprise("department"), user.department.clone()),
    ];
    targets.into_iter().filter_map(|(path, value)| Some((path, value?))).collect()
}

/// A target path, taken apart. Only the forms of the mapping above are known.
enum Target<'a> {
    Simple(&'a str),
    Sub(&'a str, &'a str),
    Typed { attribute: &'a str, kind: &'a str, sub: &'a str },
    Enterprise(&'a str),
}

fn target(path: &str) -> Target<'_> {
    if let Some(name) = path.strip_prefix(ENTERPRISE).and_then(|rest| rest.strip_prefix(':')) {
        return Target::Enterprise(name);
    }
    let typed = path.split_once(r#"[type eq ""#).and_then(|(attribute, rest)| {
        let (kind, sub) = rest.split_once(r#""]."#)?;
        Some(Target::Typed { attribute, kind, sub })
    });
    typed.unwrap_or_else(|| match path.split_once('.') {
        Some((attribute, sub)) => Target::Sub(attribute, sub),
        None => Target::Simple(path),
    })
}

/// Whether a path can be a key of a path-less operation: everything but a value path.
#[must_use]
pub fn fits_a_value_map(path: &str) -> bool {
    !matches!(target(path), Target::Typed { .. })
}

/// Puts a value where its path says in the body of a create request.
pub fn place(body: &mut Map<String, Value>, path: &str, value: &str) {
    let value = Value::from(value);
    match target(path) {
        Target::Simple(name) => {
            body.insert(name.to_owned(), value);
        }
        Target::Sub(attribute, sub) => insert(body, attribute, sub, value),
        Target::Enterprise(name) => insert(body, ENTERPRISE, name, value),
        Target::Typed { attribute, kind, sub } => {
            let mut element = Map::new();
            if attribute == "emails" {
                element.insert("primary".into(), true.into());
            }
            element.insert("type".into(), kind.into());
            element.insert(sub.to_owned(), value);
            body.insert(attribute.to_owned(), Value::Array(vec![element.into()]));
        }
    }
}

fn insert(body: &mut Map<String, Value>, outer: &str, inner: &str, value: Value) {
    let object = body.entry(outer).or_insert_with(|| Map::new().into());
    if let Some(object) = object.as_object_mut() {
        object.insert(inner.to_owned(), value);
    }
}

/// The value at a path of a resource that the application answered with.
#[must_use]
pub fn read<'a>(resource: &'a Value, path: &str) -> Option<&'a str> {
    let found = match target(path) {
        Target::Simple(name) => resource.get(name)?,
        Target::Sub(attribute, sub) => resource.get(attribute)?.get(sub)?,
        Target::Enterprise(name) => resource.get(ENTERPRISE)?.get(name)?,
        Target::Typed { attribute, kind, sub } => {
            let elements = resource.get(attribute)?.as_array()?;
            elements
                .iter()
                .find(|element| element.get("type").and_then(Value::as_str) == Some(kind))?
                .get(sub)?
        }
    };
    found.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::{fits_a_value_map, map, place, read};
    use crate::directory::Directory;

    #[test]
    fn what_is_placed_is_read_back() {
        let mapped = map(Directory::with_examples().user("ada").unwrap());
        let mut body = Map::new();
        for (path, value) in &mapped {
            place(&mut body, path, value);
        }
        let body = Value::Object(body);
        for (path, value) in &mapped {
            assert_eq!(read(&body, path), Some(value.as_str()), "{path}");
        }
        assert_eq!(body["emails"][0]["type"], "work");
    }

    #[test]
    fn empty_values_are_not_provisioned() {
        let mut user = Directory::with_examples().user("ada").unwrap().clone();
        user.job_title = None;
        assert!(map(&user).iter().all(|(path, _)| path != "title"));
    }

    #[test]
    fn only_value_paths_do_not_fit_a_map() {
        assert!(fits_a_value_map("name.givenName"));
        assert!(fits_a_value_map("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"));
        assert!(!fits_a_value_map(r#"emails[type eq "work"].value"#));
    }
}
