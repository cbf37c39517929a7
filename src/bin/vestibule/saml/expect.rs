//! What the response is judged by: the flags, the configuration, and where neither says anything, the message itself.

use std::path::Path;
use std::time::{Duration, SystemTime};

use vestibule::common::UnixMillis;
use vestibule::config::{Configuration, RequiredSignatures, SamlSettings, Unsolicited};
use vestibule::crypto::{DecryptionKey, PublicKey};
use vestibule::saml::response::{Accept, Expectations, Rejection, Required};

use super::{Inspect, Usage};

/// Everything that [`Expectations`] borrows.
pub(super) struct Expected {
    idp_entity_id: String,
    audience: String,
    acs_url: String,
    request_ids: Vec<String>,
    keys: Vec<PublicKey>,
    decryption_keys: Vec<DecryptionKey>,
    skew: Duration,
    requires: Required,
    accept: Accept,
    unsolicited: bool,
    relaxations: Vec<String>,
    pub(super) now: UnixMillis,
    pub(super) warnings: Vec<(&'static str, String)>,
}

impl Expected {
    /// Reads flags and files.
    pub(super) fn read(inspect: &Inspect) -> Result<Self, Usage> {
        let settings = match &inspect.config {
            Some(path) => Some(configured(path, inspect.tenant.as_deref())?),
            None => None,
        };
        let given = |flag: &Option<String>, configured: fn(&SamlSettings) -> &str| {
            flag.clone()
                .or_else(|| settings.as_ref().map(|saml| configured(saml).to_owned()))
                .unwrap_or_default()
        };
        let now = inspect.at.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            UnixMillis(0).after(since)
        });
        let mut expected = Self {
            idp_entity_id: given(&inspect.idp_entity_id, |saml| &saml.identity_provider.entity_id),
            audience: given(&inspect.audience, |saml| &saml.entity_id),
            acs_url: given(&inspect.acs, |saml| &saml.acs_url),
            request_ids: inspect
                .request_id
                .iter()
                .filter(|id| !matches!(id.as_str(), "none" | ""))
                .cloned()
                .collect(),
            keys: Vec::new(),
            decryption_keys: Vec::new(),
            skew: Duration::from_secs(60),
            requires: Required::Any,
            accept: Accept::default(),
            unsolicited: false,
            relaxations: inspect.accept.clone(),
            now,
            warnings: Vec::new(),
        };
        if !inspect.accept.is_empty() {
            // The filter pins by key and only warns about dates; without any relaxation the strict profile is shown.
            expected.accept = Accept::outdated_certificates();
        }
        if let Some(saml) = settings {
            expected.skew = saml.clock_skew;
            // Of metadata from an address nothing is known here: --idp-cert says which keys count.
            expected.keys = vestibule::gateway::configured_keys(&saml);
            // As the filter does: the pinned key decides, the date is only warned about.
            expected.accept = Accept::outdated_certificates();
            expected.relaxations.extend(saml.accept);
            expected.unsolicited = matches!(saml.unsolicited, Unsolicited::Accept(_));
            expected.decryption_keys = saml.decryption.keys;
            expected.requires = match saml.requires {
                RequiredSignatures::Any => Required::Any,
                RequiredSignatures::Assertion => Required::Assertion,
                RequiredSignatures::Response => Required::Response,
                RequiredSignatures::Both => Required::Both,
            };
        }
        if let Some(seconds) = inspect.skew {
            expected.skew = Duration::from_secs(seconds);
        }
        for path in &inspect.idp_cert {
            expected.certificate(path)?;
        }
        for path in &inspect.decryption_key {
            expected.decryption_key(path)?;
        }
        if expected.keys.is_empty() {
            let why =
                "no usable certificate of the identity provider was given, so no signature can be verified";
            expected.warnings.push(("no_certificate", why.to_owned()));
        }
        Ok(expected)
    }

    fn certificate(&mut self, path: &Path) -> Result<(), Usage> {
        let name = path.display();
        let text = crate::output::read_raw(path).map_err(|error| Usage(format!("{name}: {error}")))?;
        match PublicKey::from_certificate_even_short(&String::from_utf8_lossy(&text)) {
            Ok(key) => self.keys.push(key),
            // Not a wrong usage: that a certificate cannot be used is what somebody may be looking for.
            Err(error) => self.warnings.push((error.code(), format!("{name}: {error}"))),
        }
        Ok(())
    }

    fn decryption_key(&mut self, path: &Path) -> Result<(), Usage> {
        let name = path.display();
        let usage = |why: String| Usage(format!("{name}: {why}"));
        let text = crate::output::read_raw(path).map_err(|error| usage(error.to_string()))?;
        let key = DecryptionKey::from_pem(&String::from_utf8_lossy(&text))
            .map_err(|error| usage(error.to_string()))?;
        if key.is_short() {
            let why = format!("{name}: the key has fewer than 2048 bit; make a new one");
            self.warnings.push(("decryption_key_short", why));
        }
        self.decryption_keys.push(key);
        Ok(())
    }

    /// Calls `judge` with the expectations as they are now.
    pub(super) fn with<T>(&self, judge: impl FnOnce(&Expectations<'_>) -> T) -> T {
        let mut expectations = Expectations {
            idp_entity_id: &self.idp_entity_id,
            audience: &self.audience,
            acs_url: &self.acs_url,
            request_ids: &self.request_ids,
            allow_unsolicited: self.unsolicited,
            keys: &self.keys,
            decryption_keys: &self.decryption_keys,
            decryptions: None,
            skew: self.skew,
            now: self.now,
            requires: self.requires,
            accept: self.accept,
        };
        for name in &self.relaxations {
            // Every name was checked when the arguments were read; one that is unknown after all relaxes nothing.
            let _ = expectations.relax(name);
        }
        judge(&expectations)
    }

    /// Takes from a refusal what nobody gave; `None` where everything was given, so that the refusal stands.
    pub(super) fn learn(&mut self, rejection: &Rejection) -> Option<(&'static str, String)> {
        let (place, flag, found) = match rejection {
            Rejection::Issuer(_, found) => (&mut self.idp_entity_id, "idp-entity-id", found),
            Rejection::Audience(found) => (&mut self.audience, "audience", found),
            Rejection::Destination(found) | Rejection::Recipient(found) => (&mut self.acs_url, "acs", found),
            _ => return None,
        };
        if !place.is_empty() || found.is_empty() {
            return None;
        }
        found.clone_into(place);
        let shown: String = found.chars().map(|c| if c.is_control() { '?' } else { c }).take(200).collect();
        Some(("not_checked", format!("--{flag} was not given and is not checked; the message says {shown}")))
    }
}

/// The sign-on settings of a tenant.
fn configured(path: &Path, tenant: Option<&str>) -> Result<SamlSettings, Usage> {
    let usage = |why: String| Usage(format!("{}: {why}", path.display()));
    let text = crate::output::read_raw(path).map_err(|error| usage(error.to_string()))?;
    // Secrets decide nothing here, and are seldom set where somebody looks for a fault.
    let environment =
        |name: &str| Some(std::env::var(name).unwrap_or_else(|_| vestibule::config::STAND_IN.to_owned()));
    let (configuration, _) = Configuration::read(&text, &environment)
        .map_err(|problems| usage(format!("{} problems; see vestibule check", problems.len())))?;
    let names: Vec<String> = configuration.tenants.iter().map(|tenant| tenant.name.clone()).collect();
    let mut wanted =
        configuration.tenants.into_iter().filter(|have| tenant.is_none_or(|name| have.name == name));
    match (wanted.next(), wanted.next()) {
        (Some(one), None) => one.saml.ok_or_else(|| usage(format!("tenant {} has no sign-on", one.name))),
        (None, _) => Err(usage(format!("no such tenant; there are {}", names.join(", ")))),
        (Some(_), Some(_)) => Err(usage(format!("give --tenant, one of {}", names.join(", ")))),
    }
}
