//! Relaxations of the profile, by name, each for an identity provider that cannot do better.

use crate::config::node::Node;

/// What one name costs; empty where it costs nothing that matters.
const RELAXATIONS: [(&str, &str); 19] = [
    ("no-destination", ""),
    ("no-response-issuer", ""),
    ("no-audience-restriction", "lets in who signed in to another application of the same identity provider"),
    ("no-conditions-notbefore", ""),
    ("no-conditions-notonorafter", "leaves the end of an assertion to its subject confirmation alone"),
    ("no-authnstatement", ""),
    ("no-nameid", "leaves people without a name; provisioning recognises them by other attributes only"),
    ("spnamequalifier-mismatch", "takes names that the identity provider made for another application"),
    ("duplicate-attribute", ""),
    ("cert-outside-validity", ""),
    ("sha1-signature", "takes signatures over SHA-1, of which collisions are known"),
    ("sha1-digest", "takes digests of SHA-1, of which collisions are known"),
    ("rsa-1024", "takes signatures by keys that somebody with enough machines can break"),
    ("inclusive-c14n", "takes a canonicalisation that makes much of the message's surroundings count"),
    ("empty-reference-uri", "takes signatures that do not name what they cover"),
    ("cbc", "takes encryption whose changes only the signature inside finds out"),
    ("encrypted-nameid", "signs people in without a name where it cannot be decrypted"),
    ("encrypted-attributes", ""),
    ("encrypted-inherits-namespaces", "reads encrypted assertions that are no documents of their own"),
];

/// Reads a list of names; each that costs something is warned about.
pub(super) fn read(node: &Node<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for entry in node.list() {
        let Some(name) = entry.text() else { continue };
        match RELAXATIONS.iter().find(|(have, _)| *have == name) {
            Some((_, cost)) => {
                if !cost.is_empty() {
                    entry.warn(
                        format!("`{name}` {cost}"),
                        "mend it at the identity provider, and take the name away here",
                    );
                }
                names.push(name.to_owned());
            }
            None if name == "unsolicited" => entry.error(
                "`unsolicited` is a setting of its own",
                "write allow_unsolicited: true, or better: bounce",
            ),
            None => {
                let names: Vec<&str> = RELAXATIONS.iter().map(|(name, _)| *name).collect();
                entry.error(
                    format!("`{name}` is nothing that can be accepted"),
                    format!("write one of {}", names.join(", ")),
                );
            }
        }
    }
    names
}
