//! The messages that everything begins with, and what their identity providers wrote into them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../vectors/saml/", $name))
    };
}

macro_rules! shapes {
    ($($name:literal),* $(,)?) => {
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../vectors/saml/shapes/", $name, ".xml")))),*];
    };
}

shapes!(
    "entra-assertion",
    "entra-response",
    "entra-both",
    "entra-ecdsa",
    "entra-encrypted",
    "entra-encrypted-cbc",
    "adfs-assertion",
    "adfs-both-sha512",
    "adfs-pss256",
    "adfs-response-pss512",
    "okta-response",
    "okta-both",
    "okta-encrypted-both",
    "google-response",
    "google-encrypted-response",
    "keycloak-both",
    "keycloak-ecdsa384",
);

/// Certificates of the identity providers.
pub const CERTIFICATES: [&str; 3] =
    [vector!("idp.cert.pem"), vector!("idp-ec.cert.pem"), vector!("idp-ec384.cert.pem")];
/// The key of the service provider.
pub const DECRYPTION_KEY: &str = vector!("sp.key.pem");
/// Signed by a key that nobody trusts.
pub const OTHER_SIGNER: &str = vector!("bad-key.xml");
/// An assertion that nobody signed, encrypted to the service provider.
pub const ENCRYPTED_UNSIGNED: &str = vector!("bad-encrypted-unsigned.xml");

/// Everything that a signed assertion says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Single values by their names in `shapes.json`.
    pub single: BTreeMap<&'static str, Option<String>>,
    /// Attributes.
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// Names of the single values.
pub const SINGLE: [&str; 11] = [
    "issuer",
    "name_id",
    "name_id_format",
    "session_index",
    "authn_context",
    "assertion_id",
    "in_response_to",
    "not_on_or_after",
    "conditions_end",
    "session_not_on_or_after",
    "authn_instant",
];

/// One valid message.
pub struct Seed {
    /// Its name in `shapes.json`.
    pub name: String,
    /// The message.
    pub xml: &'static str,
    /// Whom it is about; part of all identifiers and personal values in it, and of nothing else.
    pub person: String,
    /// Whether the response is signed.
    pub response_signed: bool,
    /// Whether the assertion is encrypted.
    pub encrypted: bool,
    /// Relaxations without which it is refused.
    pub needs: Vec<String>,
    /// What was signed.
    pub values: Values,
}

/// What all messages are measured against.
pub struct Setting {
    /// Time of judgement.
    pub now: String,
    /// Entity ID of the identity provider.
    pub idp_entity_id: String,
    /// Entity ID of the service provider.
    pub audience: String,
    /// Its assertion consumer.
    pub acs_url: String,
    /// The pending request.
    pub request: String,
    /// The messages.
    pub seeds: Vec<Seed>,
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().map(|all| all.iter().filter_map(text).collect()).unwrap_or_default()
}

fn seed(shape: &Value) -> Seed {
    let name = text(&shape["name"]).unwrap();
    let expected = &shape["expected"];
    let single = SINGLE.into_iter().map(|field| (field, text(&expected[field]))).collect();
    let attributes = expected["attributes"].as_object().unwrap();
    let attributes = attributes.iter().map(|(name, values)| (name.clone(), strings(values))).collect();
    let values = Values { single, attributes };
    let assertion = values.single["assertion_id"].clone().unwrap();
    Seed {
        xml: FILES.iter().find(|(file, _)| *file == name).unwrap().1,
        name,
        person: assertion.rsplit('-').next().unwrap().to_owned(),
        response_signed: strings(&shape["signed"]).contains(&"response".to_owned()),
        encrypted: shape["encrypted"].as_bool().unwrap(),
        needs: strings(&shape["needs"]),
        values,
    }
}

/// All of `shapes.json`.
pub static SETTING: LazyLock<Setting> = LazyLock::new(|| {
    let file: Value = serde_json::from_str(vector!("shapes/shapes.json")).unwrap();
    let of = |field: &str| text(&file[field]).unwrap();
    let seeds: Vec<Seed> = file["shapes"].as_array().unwrap().iter().map(seed).collect();
    assert_eq!(seeds.len(), FILES.len());
    Setting {
        now: of("now"),
        idp_entity_id: of("idp_entity_id"),
        audience: of("audience"),
        acs_url: of("acs_url"),
        request: of("request"),
        seeds,
    }
});
