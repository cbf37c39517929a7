//! Secrets: named by environment variable, or inline with a warning.

use zeroize::Zeroizing;

use super::node::Node;

/// A secret text. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

/// What a reader of configurations outside of Envoy gives in the place of a variable that is only set there. Nothing that
/// depends on the text itself can then be checked, but it has the form of every kind of secret there is, `account:key`
/// among them.
pub const STAND_IN: &str = "a stand-in: the secret is only set in Envoy";

impl Secret {
    /// Whether the text is not known here.
    #[must_use]
    pub(super) fn is_stand_in(&self) -> bool {
        self.expose() == STAND_IN
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// How the configuration reads environment variables.
pub(super) type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Reads `{env: NAME}` or `{value: "..."}`.
pub(super) fn read(node: &Node<'_>, environment: Environment<'_>) -> Option<Secret> {
    let fields = node.fields(&["env", "value"]);
    match (fields.get("env"), fields.get("value")) {
        (Some(env), None) => {
            let name = env.text()?;
            match environment(name).filter(|value| !value.is_empty()) {
                Some(value) => Some(Secret(Zeroizing::new(value))),
                None => {
                    env.error(
                        format!("the environment variable `{name}` is not set in Envoy"),
                        "set it for the Envoy process and list it under vm_config.environment_variables.host_env_keys",
                    );
                    None
                }
            }
        }
        (None, Some(value)) => {
            value.warn(
                "a secret in the configuration can be read by anybody who sees Envoy's /config_dump",
                "name an environment variable instead: {env: NAME}",
            );
            value.text().map(Secret::from)
        }
        _ => {
            node.error("is not a secret", "write {env: NAME}, or {value: \"...\"}");
            None
        }
    }
}
