//! Runs a message through the service provider, and says what came out in the words of `shapes.json`.

use std::cell::Cell;
use std::time::Duration;

use vestibule::common::{Host, HostError, Level, NativeSignature, NativeVerdict, UnixMillis};
use vestibule::crypto::{DecryptionKey, PublicKey};
use vestibule::saml::response::{Accept, Accepted, Expectations, Required, decode_post, validate};

use crate::random::Random;
use crate::seeds::{CERTIFICATES, DECRYPTION_KEY, SETTING, Values};

/// A host that can do nothing: all cryptography is the service provider's own.
#[derive(Default)]
pub struct NoHost(Cell<u64>);

impl Host for NoHost {
    fn now(&self) -> UnixMillis {
        UnixMillis::default()
    }
    fn random(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        // Blinds decryption and stands in for keys that could not be unwrapped; it decides nothing.
        let mut random = Random::of_mutant(self.0.get());
        self.0.set(self.0.get() + 1);
        buffer.iter_mut().for_each(|octet| *octet = random.bits() as u8);
        Ok(())
    }
    fn shared_get(&self, _: &str) -> Result<Option<(Vec<u8>, u32)>, HostError> {
        Err(HostError::Unavailable)
    }
    fn shared_set(&self, _: &str, _: &[u8], _: Option<u32>) -> Result<(), HostError> {
        Err(HostError::Unavailable)
    }
    fn verify_natively(&self, _: &NativeSignature<'_>) -> NativeVerdict {
        NativeVerdict::Unavailable
    }
    fn request_body(&self, _: usize) -> Result<Vec<u8>, HostError> {
        Err(HostError::Unavailable)
    }
    fn response_body(&self, _: usize) -> Result<Vec<u8>, HostError> {
        Err(HostError::Unavailable)
    }
    fn property(&self, _: &[&str]) -> Option<Vec<u8>> {
        None
    }
    fn count(&self, _: &str) {}
    fn log(&self, _: Level, _: &str) {}
}

/// A message as it arrives.
pub enum Message {
    /// Decoded.
    Octets(Vec<u8>),
    /// The form parameter of the POST binding.
    Form(String),
}

impl Message {
    /// How long it is.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Octets(octets) => octets.len(),
            Self::Form(form) => form.len(),
        }
    }
}

/// The service provider that the seeds are meant for.
pub struct Judge {
    keys: Vec<PublicKey>,
    decryption: [DecryptionKey; 1],
    requests: Vec<String>,
    now: UnixMillis,
}

impl Default for Judge {
    fn default() -> Self {
        Self {
            keys: CERTIFICATES.iter().map(|pem| PublicKey::from_certificate(pem).unwrap()).collect(),
            decryption: [DecryptionKey::from_pem(DECRYPTION_KEY).unwrap()],
            requests: vec!["_of_another_tab".to_owned(), SETTING.request.clone()],
            now: UnixMillis::parse_rfc3339(&SETTING.now).unwrap(),
        }
    }
}

impl Judge {
    /// Judges with these relaxations. The error is the stable code of the refusal.
    ///
    /// # Errors
    /// Where the message is refused.
    pub fn judge(&self, message: &Message, relaxed: &[&str]) -> Result<Values, &'static str> {
        let decoded;
        let octets = match message {
            Message::Octets(octets) => octets,
            Message::Form(form) => {
                decoded = decode_post(form).map_err(|rejection| rejection.code())?;
                &decoded
            }
        };
        let accepted = validate(&NoHost::default(), octets, &self.expectations(relaxed));
        accepted.map(values).map_err(|rejection| rejection.code())
    }

    /// What messages are measured against.
    #[must_use]
    pub fn expectations(&self, relaxed: &[&str]) -> Expectations<'_> {
        let mut expect = Expectations {
            idp_entity_id: &SETTING.idp_entity_id,
            audience: &SETTING.audience,
            acs_url: &SETTING.acs_url,
            request_ids: &self.requests,
            allow_unsolicited: false,
            keys: &self.keys,
            decryption_keys: &self.decryption,
            decryptions: None,
            skew: Duration::ZERO,
            now: self.now,
            requires: Required::Any,
            accept: Accept::default(),
        };
        relaxed.iter().for_each(|name| assert!(expect.relax(name), "{name}"));
        expect
    }
}

fn values(accepted: Accepted) -> Values {
    let time = |moment: UnixMillis| Some(moment.to_rfc3339());
    let Accepted { identity, .. } = accepted;
    let single = [
        ("issuer", Some(identity.issuer)),
        ("name_id", Some(identity.name_id)),
        ("name_id_format", identity.name_id_format),
        ("session_index", identity.session_index),
        ("authn_context", identity.authn_context),
        ("assertion_id", Some(accepted.assertion_id)),
        ("in_response_to", accepted.in_response_to),
        ("not_on_or_after", time(accepted.not_on_or_after)),
        ("conditions_end", accepted.conditions_end),
        ("session_not_on_or_after", accepted.session_not_on_or_after.and_then(time)),
        ("authn_instant", accepted.authn_instant.and_then(time)),
    ];
    Values { single: single.into_iter().collect(), attributes: identity.attributes.into_iter().collect() }
}
