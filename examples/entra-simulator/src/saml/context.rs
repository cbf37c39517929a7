//! How somebody signed in: the authentication context class, the methods, and how long ago.

use serde::{Deserialize, Serialize};

const METHOD: &str = "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod";
const CLASSES: [(&str, &str, &str); 5] = [
    ("password", "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", "Password"),
    (
        "password_protected_transport",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
        "Password, over TLS",
    ),
    ("x509", "urn:oasis:names:tc:SAML:2.0:ac:classes:X509", "Certificate"),
    ("multi_factor", "http://schemas.microsoft.com/claims/multipleauthn", "Several factors"),
    ("unspecified", "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified", "Unspecified"),
];

/// What the person did to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Context {
    /// A word of ours or the name of a class.
    #[serde(rename = "class")]
    class: String,
    /// Whether a second factor was used.
    pub mfa: bool,
    /// Minutes since then.
    pub age_minutes: u32,
}

impl Default for Context {
    fn default() -> Self {
        Self { class: "password".into(), mfa: true, age_minutes: 15 }
    }
}

impl Context {
    /// All words with the label of each.
    pub fn words() -> impl Iterator<Item = (&'static str, &'static str)> {
        CLASSES.iter().map(|(word, _, label)| (*word, *label))
    }

    /// A context.
    #[must_use]
    pub fn new(class: &str, mfa: bool, age_minutes: u32) -> Self {
        let class = if class.is_empty() { "password" } else { class };
        Self { class: class.into(), mfa, age_minutes }
    }

    /// The name of the class.
    ///
    /// # Errors
    /// Neither a word of ours nor a URI.
    pub fn class(&self) -> Result<&str, String> {
        let known = CLASSES.iter().find(|(word, ..)| *word == self.class).map(|(_, uri, _)| *uri);
        match known {
            Some(uri) => Ok(uri),
            None if self.class.contains(':') && self.class.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(&self.class)
            }
            None => Err(format!("'{}' is no authentication context", self.class)),
        }
    }

    /// The values of `authnmethodsreferences`.
    #[must_use]
    pub fn methods(&self) -> Vec<String> {
        let first = if self.class == "x509" { "x509" } else { "password" };
        let mut out = vec![format!("{METHOD}/{first}")];
        if self.mfa {
            out.push("http://schemas.microsoft.com/claims/multipleauthn".to_owned());
        }
        out
    }
}
