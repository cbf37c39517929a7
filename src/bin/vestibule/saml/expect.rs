//! What the response is judged by: the flags, the configuration, and where neither says anything, the message itself.

use std::path::Path;
use std::time::{Duration, SystemTime};

use vestibule::common::UnixMillis;
use vestibule::config::{Configuration, IdentityProvider, RequiredSignatures, Tenant, Unsolicited};
use vestibule::crypto::{DecryptionKey, PublicKey};
use vestibule::gateway::{RuledOut, house_rules};
use vestibule::saml::response::{Accept, Accepted, Checks, Expectations, Rejection, Required};

use super::{Inspect, Usage};

/// Everything that [`Expectations`] borrows, but what an [`Attempt`] finds out.
pub(super) struct Expected {
    /// Whose answer it may be; never empty.
    issuers: Vec<Issuer>,
    audience: String,
    acs_url: String,
    /// `None` where nobody said.
    request_ids: Option<Vec<String>>,
    /// Of `--idp-cert`: they count whoever the issuer is.
    keys: Vec<PublicKey>,
    decryption_keys: Vec<DecryptionKey>,
    skew: Duration,
    requires: Required,
    accept: Accept,
    unsolicited: bool,
    relaxations: Vec<String>,
    tenant: Option<Tenant>,
    pub(super) now: UnixMillis,
    pub(super) warnings: Vec<(&'static str, String)>,
}

/// An identity provider.
#[derive(Default)]
struct Issuer {
    /// Empty where nobody said.
    entity_id: String,
    keys: Vec<PublicKey>,
    /// Its place in the configuration.
    at: Option<usize>,
}

impl Expected {
    /// Reads flags and files.
    pub(super) fn read(inspect: &Inspect) -> Result<Self, Usage> {
        let tenant = match &inspect.config {
            Some(path) => Some(configured(path, inspect.tenant.as_deref())?),
            None => None,
        };
        let now = inspect.at.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            UnixMillis(0).after(since)
        });
        let given = |ids: &String| -> Vec<String> {
            if matches!(ids.as_str(), "none" | "") { Vec::new() } else { vec![ids.clone()] }
        };
        let mut expected = Self {
            issuers: Vec::new(),
            audience: inspect.audience.clone().unwrap_or_default(),
            acs_url: inspect.acs.clone().unwrap_or_default(),
            request_ids: inspect.request_id.as_ref().map(given),
            keys: Vec::new(),
            decryption_keys: Vec::new(),
            skew: Duration::from_secs(60),
            requires: Required::Any,
            accept: Accept::default(),
            unsolicited: false,
            relaxations: inspect.accept.clone(),
            tenant: None,
            now,
            warnings: Vec::new(),
        };
        if !inspect.accept.is_empty() {
            // The filter pins by key and only warns about dates; without any relaxation the strict profile is shown.
            expected.accept = Accept::outdated_certificates();
        }
        if let Some(tenant) = tenant {
            expected.configure(tenant, inspect);
        }
        if expected.issuers.is_empty() {
            let entity_id = inspect.idp_entity_id.clone().unwrap_or_default();
            expected.issuers.push(Issuer { entity_id, ..Issuer::default() });
        }
        if let Some(seconds) = inspect.skew {
            expected.skew = Duration::from_secs(seconds);
        }
        for path in &inspect.idp_cert {
            expected.certificate(path)?;
        }
        for issuer in &mut expected.issuers {
            issuer.keys.extend(expected.keys.iter().cloned());
        }
        for path in &inspect.decryption_key {
            expected.decryption_key(path)?;
        }
        Ok(expected)
    }

    /// Takes from a configuration what no flag says.
    fn configure(&mut self, mut tenant: Tenant, inspect: &Inspect) {
        let Some(saml) = &mut tenant.saml else { return };
        if let Some(seconds) = inspect.skew {
            saml.clock_skew = Duration::from_secs(seconds);
        }
        self.skew = saml.clock_skew;
        if inspect.audience.is_none() {
            saml.entity_id.clone_into(&mut self.audience);
        }
        if inspect.acs.is_none() {
            saml.acs_url.clone_into(&mut self.acs_url);
        }
        let wanted = |entity_id: &String| inspect.idp_entity_id.as_ref().is_none_or(|id| id == entity_id);
        let providers = saml.identity_providers.iter().enumerate();
        self.issuers = providers
            .filter(|(_, provider)| wanted(&provider.entity_id))
            .map(|(at, provider)| Issuer {
                entity_id: provider.entity_id.clone(),
                // Of metadata from an address nothing is known here: --idp-cert says which keys count.
                keys: vestibule::gateway::configured_keys(provider),
                at: Some(at),
            })
            .collect();
        // As the filter does: the pinned key decides, the date is only warned about.
        self.accept = Accept::outdated_certificates();
        self.relaxations.extend(saml.accept.iter().cloned());
        self.unsolicited = matches!(saml.unsolicited, Unsolicited::Accept(_));
        if !self.unsolicited && inspect.accept.iter().any(|name| name == "unsolicited") {
            // As if the configuration said so; how old it may be, nobody said.
            saml.unsolicited = Unsolicited::Accept(Duration::MAX);
        }
        self.decryption_keys = std::mem::take(&mut saml.decryption.keys);
        self.requires = match saml.requires {
            RequiredSignatures::Any => Required::Any,
            RequiredSignatures::Assertion => Required::Assertion,
            RequiredSignatures::Response => Required::Response,
            RequiredSignatures::Both => Required::Both,
        };
        self.tenant = Some(tenant);
    }

    /// One for each identity provider whose answer it may be, as the filter tries them.
    pub(super) fn attempts(&self) -> impl Iterator<Item = Attempt<'_>> {
        self.issuers.iter().map(|issuer| Attempt {
            expected: self,
            issuer,
            idp_entity_id: issuer.entity_id.clone(),
            audience: self.audience.clone(),
            acs_url: self.acs_url.clone(),
            request_ids: self.request_ids.clone(),
        })
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
}

/// A judgement by what is expected of one identity provider's answer, with what nobody gave taken from the message.
pub(super) struct Attempt<'e> {
    expected: &'e Expected,
    issuer: &'e Issuer,
    idp_entity_id: String,
    audience: String,
    acs_url: String,
    request_ids: Option<Vec<String>>,
}

impl Attempt<'_> {
    /// Calls `judge` with the expectations as they are now.
    pub(super) fn with<T>(&self, judge: impl FnOnce(&Expectations<'_>) -> T) -> T {
        let expected = self.expected;
        let mut expectations = Expectations {
            idp_entity_id: &self.idp_entity_id,
            audience: &self.audience,
            acs_url: &self.acs_url,
            request_ids: self.request_ids.as_deref().unwrap_or_default(),
            allow_unsolicited: expected.unsolicited,
            keys: &self.issuer.keys,
            decryption_keys: &expected.decryption_keys,
            decryptions: None,
            skew: expected.skew,
            now: expected.now,
            requires: expected.requires,
            accept: expected.accept,
        };
        for name in &expected.relaxations {
            // Every name was checked when the arguments were read; one that is unknown after all relaxes nothing.
            let _ = expectations.relax(name);
        }
        judge(&expectations)
    }

    /// Takes from a refusal what nobody gave; `None` where everything was given, so that the refusal stands.
    pub(super) fn learn(&mut self, rejection: &Rejection, checks: &Checks) -> Option<(&'static str, String)> {
        let (flag, found) = match rejection {
            Rejection::Issuer(_, found) => ("idp-entity-id", take(&mut self.idp_entity_id, found)?),
            Rejection::Audience(found) => ("audience", take(&mut self.audience, found)?),
            Rejection::Destination(found) | Rejection::Recipient(found) => {
                ("acs", take(&mut self.acs_url, found)?)
            }
            Rejection::UnknownRequest if self.request_ids.is_none() => {
                let found = checks.unknown_request()?;
                self.request_ids = Some(vec![found.to_owned()]);
                ("request-id", found)
            }
            _ => return None,
        };
        let shown: String = found.chars().map(|c| if c.is_control() { '?' } else { c }).take(200).collect();
        Some(("not_checked", format!("--{flag} was not given and is not checked; the message says {shown}")))
    }

    /// What an operator must know of this attempt whatever comes of it.
    pub(super) fn warnings(&self) -> Vec<(&'static str, String)> {
        if !self.issuer.keys.is_empty() {
            return Vec::new();
        }
        let why = "no usable certificate of the identity provider was given, so no signature can be verified";
        let whose = self.provider().map_or_else(String::new, |provider| {
            format!(
                "; the keys of {} are fetched by the filter and not known here: give --idp-cert",
                provider.name
            )
        });
        vec![("no_certificate", format!("{why}{whose}"))]
    }

    /// The conditions of the configuration, which the filter asks about as well; `None` where there is none.
    pub(super) fn rules(&self, accepted: &Accepted) -> Option<Result<Vec<&'static str>, RuledOut>> {
        let tenant = self.expected.tenant.as_ref()?;
        Some(house_rules(tenant, self.provider()?, accepted, self.expected.now))
    }

    /// What the filter knows by the login, and nobody does here.
    pub(super) fn unseen(&self, accepted: &Accepted) -> Vec<(&'static str, String)> {
        let saml = self.expected.tenant.as_ref().and_then(|tenant| tenant.saml.as_ref());
        let Some(saml) = saml.filter(|_| accepted.in_response_to.is_some()) else { return Vec::new() };
        let mut unseen = Vec::new();
        if let Some(provider) = self.provider().filter(|_| saml.identity_providers.len() > 1) {
            let name = &provider.name;
            let what = format!("the login must have been begun at {name}: an answer of another is refused");
            unseen.push(("not_checked", what));
        }
        if saml.request.force_authn {
            let what = "request.force_authn: whether the person proved who they are after the login began";
            unseen.push(("not_checked", what.to_owned()));
        }
        unseen
    }

    fn provider(&self) -> Option<&IdentityProvider> {
        self.expected.tenant.as_ref()?.saml.as_ref()?.identity_providers.get(self.issuer.at?)
    }
}

/// Puts what was found where nothing was given.
fn take<'f>(place: &mut String, found: &'f str) -> Option<&'f str> {
    if !place.is_empty() || found.is_empty() {
        return None;
    }
    found.clone_into(place);
    Some(found)
}

/// A tenant with sign-on.
fn configured(path: &Path, tenant: Option<&str>) -> Result<Tenant, Usage> {
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
        (Some(one), None) if one.saml.is_none() => Err(usage(format!("tenant {} has no sign-on", one.name))),
        (Some(one), None) => Ok(one),
        (None, _) => Err(usage(format!("no such tenant; there are {}", names.join(", ")))),
        (Some(_), Some(_)) => Err(usage(format!("give --tenant, one of {}", names.join(", ")))),
    }
}
