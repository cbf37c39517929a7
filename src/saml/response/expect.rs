//! What a response is measured against, and what an accepted one yields.

use std::time::Duration;

use crate::common::{Budget, Identity, UnixMillis};
use crate::crypto::{DecryptionKey, PublicKey};
use crate::saml::signature::{Relaxed, Trust};

/// What this service provider expects of a response.
#[derive(Clone, Debug)]
pub struct Expectations<'a> {
    /// Entity ID of the identity provider; compared exactly.
    pub idp_entity_id: &'a str,
    /// Entity ID of this service provider; compared exactly.
    pub audience: &'a str,
    /// URL of this service provider's assertion consumer; compared exactly with recipient and destination.
    pub acs_url: &'a str,
    /// Identifiers of the requests this browser has pending; empty for none.
    pub request_ids: &'a [String],
    /// Whether a response that answers no request is accepted (anybody can then sign a browser in as themselves).
    pub allow_unsolicited: bool,
    /// The identity provider's keys; the first sixteen are tried.
    pub keys: &'a [PublicKey],
    /// Keys that messages are encrypted to; the first four are tried, each once at most.
    pub decryption_keys: &'a [DecryptionKey],
    /// How many private-key operations this second has left; `None` where nobody counts.
    pub decryptions: Option<&'a Budget>,
    /// How far the clocks may be apart.
    pub skew: Duration,
    /// The time.
    pub now: UnixMillis,
    /// Which signatures must be there. One that is there must be right in any case.
    pub requires: Required,
    /// Named relaxations; none by default.
    pub accept: Accept,
}

impl Expectations<'_> {
    /// Whose signatures count.
    pub(super) fn trust(&self) -> Trust<'_> {
        Trust {
            keys: self.keys,
            now: self.now,
            relaxed: Relaxed {
                sha1_signature: self.accept.sha1_signature,
                sha1_digest: self.accept.sha1_digest,
                short_rsa: self.accept.rsa_1024,
                inclusive: self.accept.inclusive_c14n,
                empty_reference: self.accept.empty_reference_uri,
            },
        }
    }

    /// Switches on the relaxation of this name; `false` where there is none of it (see [`Accept::NAMES`]).
    #[must_use]
    pub fn relax(&mut self, name: &str) -> bool {
        if name == "unsolicited" {
            self.allow_unsolicited = true;
            return true;
        }
        self.accept.relax(name)
    }
}

/// Which signatures must be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Required {
    /// That of the response or that of the assertion.
    #[default]
    Any,
    /// That of the assertion.
    Assertion,
    /// That of the response.
    Response,
    /// Both.
    Both,
}

/// Relaxations, each for an identity provider that cannot do better. The default has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    /// A response without `Destination`.
    pub no_destination: bool,
    /// A response without `Issuer`.
    pub no_response_issuer: bool,
    /// Conditions without `AudienceRestriction`.
    pub no_audience_restriction: bool,
    /// Conditions without `NotBefore`.
    pub no_conditions_not_before: bool,
    /// Conditions without `NotOnOrAfter`.
    pub no_conditions_not_on_or_after: bool,
    /// An assertion without `AuthnStatement`.
    pub no_authn_statement: bool,
    /// A subject without `NameID`; the name in the identity is then empty.
    pub no_name_id: bool,
    /// A `NameID` qualified for another service provider.
    pub sp_name_qualifier_mismatch: bool,
    /// Several attributes of one name; their values are joined in order.
    pub duplicate_attribute: bool,
    /// A signature by a key whose certificate is outside its dates. Entra goes on signing with an expired
    /// certificate, and trust is by key: without this, an expiry nobody noticed locks everybody out.
    pub certificate_outside_validity: bool,
    /// Signatures over a SHA-1 hash: whoever finds a collision can have one text signed and show another.
    pub sha1_signature: bool,
    /// SHA-1 as digest of the signed element.
    pub sha1_digest: bool,
    /// Signing keys of 1024 to 2047 bit.
    pub rsa_1024: bool,
    /// Inclusive canonicalisation 1.0 and 1.1 beside the exclusive one.
    pub inclusive_c14n: bool,
    /// A response whose signature refers to the whole document instead of to its identifier.
    pub empty_reference_uri: bool,
    /// Encryption with AES-CBC, whose changed messages only the signature inside finds out.
    pub cbc: bool,
    /// A subject named by an `EncryptedID`. It is decrypted where a key is left and the algorithms are allowed;
    /// otherwise the name in the identity is empty, and a warning tells.
    pub encrypted_name_id: bool,
    /// Attributes that are encrypted each by itself, as many as there are keys left. Otherwise they refuse the message.
    pub encrypted_attributes: bool,
    /// An encrypted assertion that uses namespace prefixes declared around it. It must then be signed itself.
    pub encrypted_inherits_namespaces: bool,
}

impl Accept {
    /// The names of all relaxations there are.
    pub const NAMES: [&'static str; 20] = [
        "unsolicited",
        "no-destination",
        "no-response-issuer",
        "no-audience-restriction",
        "no-conditions-notbefore",
        "no-conditions-notonorafter",
        "no-authnstatement",
        "no-nameid",
        "spnamequalifier-mismatch",
        "duplicate-attribute",
        "cert-outside-validity",
        "sha1-signature",
        "sha1-digest",
        "rsa-1024",
        "inclusive-c14n",
        "empty-reference-uri",
        "cbc",
        "encrypted-nameid",
        "encrypted-attributes",
        "encrypted-inherits-namespaces",
    ];

    /// Switches on the relaxation of this name; `false` where there is none of it.
    #[must_use]
    pub fn relax(&mut self, name: &str) -> bool {
        let switch = match name {
            "no-destination" => &mut self.no_destination,
            "no-response-issuer" => &mut self.no_response_issuer,
            "no-audience-restriction" => &mut self.no_audience_restriction,
            "no-conditions-notbefore" => &mut self.no_conditions_not_before,
            "no-conditions-notonorafter" => &mut self.no_conditions_not_on_or_after,
            "no-authnstatement" => &mut self.no_authn_statement,
            "no-nameid" => &mut self.no_name_id,
            "spnamequalifier-mismatch" => &mut self.sp_name_qualifier_mismatch,
            "duplicate-attribute" => &mut self.duplicate_attribute,
            "cert-outside-validity" => &mut self.certificate_outside_validity,
            "sha1-signature" => &mut self.sha1_signature,
            "sha1-digest" => &mut self.sha1_digest,
            "rsa-1024" => &mut self.rsa_1024,
            "inclusive-c14n" => &mut self.inclusive_c14n,
            "empty-reference-uri" => &mut self.empty_reference_uri,
            "cbc" => &mut self.cbc,
            "encrypted-nameid" => &mut self.encrypted_name_id,
            "encrypted-attributes" => &mut self.encrypted_attributes,
            "encrypted-inherits-namespaces" => &mut self.encrypted_inherits_namespaces,
            _ => return false,
        };
        *switch = true;
        true
    }

    /// Nothing but an outdated certificate, which becomes a warning: what an operator without special needs wants.
    #[must_use]
    pub fn outdated_certificates() -> Self {
        Self { certificate_outside_validity: true, ..Self::default() }
    }
}

/// A response that met all expectations.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Who signed in.
    pub identity: Identity,
    /// `ID` of the assertion; with the issuer it names the assertion for the replay check.
    pub assertion_id: String,
    /// When the identity provider made the assertion.
    pub issued: UnixMillis,
    /// The request that was answered; `None` where unsolicited.
    pub in_response_to: Option<String>,
    /// Until when the assertion could be presented again, clock skew included.
    pub not_on_or_after: UnixMillis,
    /// `NotOnOrAfter` of the conditions, as the identity provider wrote it.
    pub conditions_end: Option<String>,
    /// When the identity provider wants the session to end.
    pub session_not_on_or_after: Option<UnixMillis>,
    /// When the person proved who they are to the identity provider.
    pub authn_instant: Option<UnixMillis>,
    /// What an operator should look at although the sign-in went well.
    pub warnings: Vec<Warning>,
}

/// What an operator should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The signing key's certificate is outside its dates.
    CertificateOutsideValidity,
    /// The subject's name is encrypted and was not read; the identity has none.
    NameIdUnread,
}

impl Warning {
    /// Stable public code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::CertificateOutsideValidity => "certificate_outside_validity",
            Self::NameIdUnread => "name_id_unread",
        }
    }
}
