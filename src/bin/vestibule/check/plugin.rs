//! The plugin configuration itself: what the filter says of it, which clusters and variables it names, and its dates.

use std::time::Duration;

use vestibule::common::UnixMillis;
use vestibule::config::{Configuration, IdentityProvider, Metadata, Problem, Trust};
use vestibule::crypto::PublicKey;
use vestibule::gateway::Gateway;
use vestibule::saml::idp_metadata::{self, Wanted};

use super::document::{self, Located, Place, Tree};
use super::envoy::is_empty;
use super::finding::{Finding, Findings, Severity};

/// A certificate or token that ends within this time is warned about.
pub(crate) const SOON: Duration = Duration::from_secs(30 * 86_400);

/// A plugin configuration with its place in the file.
#[derive(Debug)]
pub(crate) struct OurConfiguration {
    tree: Option<Located>,
    /// Lines of the file before the first line of the text; `None` where all of it stands in one line.
    before: Option<usize>,
    line: usize,
    /// What it means; `None` where it has errors.
    pub(crate) settings: Option<Configuration>,
}

/// What a cluster is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The application's own SCIM server.
    Application,
    /// Metadata whose signature is checked against a pinned certificate.
    PinnedMetadata,
    /// Metadata that is believed because of where it comes from.
    Metadata,
    /// Keys that tokens are verified with.
    Keys,
    /// Answers to the question whether a token is good.
    Introspection,
    /// Which assertions were used.
    ReplayStore,
    /// Anything else whose answer decides who gets in.
    Decision,
}

impl Purpose {
    /// Whether whoever answers in the cluster's place decides who gets in.
    pub(crate) fn decides(self) -> bool {
        !matches!(self, Self::Application | Self::PinnedMetadata)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Application => "the application's SCIM server",
            Self::PinnedMetadata | Self::Metadata => "the identity provider's metadata",
            Self::Keys => "keys that tokens are verified with",
            Self::Introspection => "the introspection of tokens",
            Self::ReplayStore => "the store of used assertions",
            Self::Decision => "answers that decide who gets in",
        }
    }
}

/// A name in the configuration, with where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) line: usize,
}

/// What there is to know of the environment where none of Envoy's is at hand: a variable that is not set here may well be
/// set there.
pub(crate) fn environment(name: &str) -> Option<String> {
    Some(std::env::var(name).unwrap_or_else(|_| vestibule::config::STAND_IN.to_owned()))
}

impl OurConfiguration {
    /// Reads a whole file, or what a `StringValue` holds: a literal block begins in its own line.
    pub(crate) fn of_text(text: &str, holder: Option<&Place<'_>>, findings: &mut Findings) -> Self {
        let (before, line) = match holder.map(|place| (&place.node.value, place.line())) {
            None => (Some(0), 1),
            Some((Tree::Text { literal: true, .. }, line)) => (Some(line.saturating_sub(1)), line),
            Some((_, line)) => (None, line),
        };
        let tree = document::read(text).ok().and_then(|documents| documents.into_iter().next());
        let mut made = Self { tree, before, line, settings: None };
        made.examine(text.as_bytes(), findings);
        made
    }

    /// Reads a configuration that is part of the file's own tree: a `Struct`, or a manifest's field.
    pub(crate) fn of_tree(place: &Place<'_>, findings: &mut Findings) -> Self {
        let mut made =
            Self { tree: Some(place.node.clone()), before: Some(0), line: place.line(), settings: None };
        made.examine(place.node.json().to_string().as_bytes(), findings);
        made
    }

    fn examine(&mut self, text: &[u8], findings: &mut Findings) {
        match Gateway::examine(text, &environment) {
            Ok((gateway, warnings)) => {
                for problem in &warnings {
                    findings.push(self.finding(Severity::Warning, problem));
                }
                let now = now();
                for warning in gateway.warnings_at(now) {
                    let (what, remedy) = warning.split_once("; ").unwrap_or((&warning, ""));
                    self.warn(findings, "", what, remedy);
                }
                self.settings = Configuration::read(text, &environment).ok().map(|(settings, _)| settings);
                self.certificates(now, findings);
            }
            Err(errors) => {
                for problem in &errors {
                    findings.push(self.finding(Severity::Error, problem));
                }
            }
        }
    }

    fn finding(&self, severity: Severity, problem: &Problem) -> Finding {
        let in_syntax = problem.remedy.strip_prefix("mend the syntax in line ");
        let line = match (in_syntax.and_then(|line| line.parse().ok()), self.before) {
            (Some(line), Some(before)) => before.saturating_add(line),
            _ => self.line_of(&problem.path),
        };
        Finding {
            severity,
            line,
            path: problem.path.clone(),
            what: problem.what.clone(),
            why: String::new(),
            remedy: problem.remedy.clone(),
        }
    }

    fn warn(&self, findings: &mut Findings, path: &str, what: &str, remedy: &str) {
        let problem = Problem { path: path.to_owned(), what: what.to_owned(), remedy: remedy.to_owned() };
        findings.push(self.finding(Severity::Warning, &problem));
    }

    /// The line of the file in which a path of the configuration stands.
    pub(crate) fn line_of(&self, path: &str) -> usize {
        match (&self.tree, self.before) {
            (Some(tree), Some(before)) => before.saturating_add(tree.line_of(path)),
            _ => self.line,
        }
    }

    fn places(&self) -> Vec<Place<'_>> {
        self.tree.as_ref().map(|tree| Place::top(tree).all()).unwrap_or_default()
    }

    fn named(&self, place: &Place<'_>, name: &str) -> Named {
        let line = match self.before {
            Some(before) => before.saturating_add(place.line()),
            None => self.line,
        };
        Named { name: name.to_owned(), path: place.path.clone(), line }
    }

    /// The clusters that are called, each with what for.
    pub(crate) fn clusters(&self) -> Vec<(Named, Purpose)> {
        let places = self.places();
        let pinned: Vec<String> = places
            .iter()
            .filter(|place| place.get("metadata").is_some() && place.get("pinned").is_some())
            .map(|place| place.path_of("metadata"))
            .collect();
        let clusters = places.iter().filter_map(|place| {
            let cluster = place.get("cluster")?;
            let name = cluster.text().filter(|name| !name.is_empty())?;
            let purpose =
                if pinned.contains(&place.path) { Purpose::PinnedMetadata } else { purpose(&place.path) };
            Some((self.named(&cluster, name), purpose))
        });
        clusters.collect()
    }

    /// Whether sessions of some tenant are checked against the application's SCIM server.
    pub(crate) fn rechecks(&self) -> bool {
        let tenants = self.settings.iter().flat_map(|settings| &settings.tenants);
        tenants.into_iter().any(|tenant| tenant.access.account.recheck.is_some())
    }

    /// The places of names that people ask for in the TLS handshake, by which tenants are told apart.
    pub(crate) fn handshake_names(&self) -> Option<Named> {
        let tenants = self.tree.as_ref().map(|tree| Place::top(tree).each("tenants")).unwrap_or_default();
        let place = tenants.iter().find_map(|tenant| tenant.get("sni").filter(|names| !is_empty(names)))?;
        Some(self.named(&place, "sni"))
    }

    /// The environment variables that secrets are taken from.
    pub(crate) fn variables(&self) -> Vec<Named> {
        let places = self.places();
        let secrets = places.iter().filter_map(|place| {
            let variable = place.get("env")?;
            Some(self.named(&variable, variable.text()?))
        });
        secrets.collect()
    }

    /// The text of `keys`, to compare with another's.
    pub(crate) fn key_text(&self) -> String {
        let keys = self.tree.as_ref().and_then(|tree| tree.get("keys"));
        keys.map(|keys| keys.json().to_string()).unwrap_or_default()
    }

    /// Whether the filter was told that held headers still get body callbacks; the default is yes.
    pub(crate) fn stop_iteration(&self) -> bool {
        let flag = self.tree.as_ref().and_then(|tree| {
            Place::top(tree).get("host")?.text_of("stop_iteration").map(str::to_ascii_lowercase)
        });
        flag.as_deref() != Some("false")
    }

    /// The largest body that any tenant's provisioning holds; `None` without provisioning.
    pub(crate) fn largest_body(&self) -> Option<usize> {
        let tenants = self.settings.as_ref()?.tenants.iter();
        tenants
            .filter_map(|tenant| Some(tenant.scim.as_ref()?.max_body.max(tenant.scim.as_ref()?.max_response)))
            .max()
    }

    /// Warns of certificates that have ended or soon will.
    fn certificates(&self, now: UnixMillis, findings: &mut Findings) {
        let tenants = self.settings.iter().flat_map(|settings| &settings.tenants).enumerate();
        let mut found = Vec::new();
        for (at, saml) in tenants.filter_map(|(at, tenant)| Some((at, tenant.saml.as_ref()?))) {
            let of_provider = |provider: &'_ IdentityProvider| -> (String, Vec<PublicKey>) {
                let place = &provider.place;
                match &provider.trust {
                    Trust::Pinned { keys, .. } => (format!("{place}.certificates"), keys.clone()),
                    Trust::Metadata(Metadata::Published(source)) => {
                        (format!("{place}.pinned.certificates"), source.pinned.clone())
                    }
                    // One that cannot be read has been reported already.
                    Trust::Metadata(Metadata::Text { text, place }) => {
                        let wanted =
                            Wanted { entity_id: &provider.entity_id, short_keys: provider.short_keys };
                        let read = idp_metadata::read(text.as_bytes(), wanted);
                        (place.clone(), read.map(|metadata| metadata.keys).unwrap_or_default())
                    }
                }
            };
            for (place, keys) in saml.identity_providers.iter().map(of_provider) {
                let lasting =
                    keys.iter().filter(|key| ends(key).is_none_or(|end| end > now.after(SOON))).count();
                for (index, key) in keys.iter().enumerate() {
                    let remedy = if lasting > 0 {
                        "remove it once the identity provider signs with the other"
                    } else {
                        "make a new one at the identity provider, list it beside this one, and then make it the active one"
                    };
                    if let Some(what) = ending(ends(key), now) {
                        found.push((format!("{place}[{index}]"), what, remedy));
                    }
                }
            }
            let own = saml.request.signing.iter().map(|signing| &signing.certificate);
            let own = own.map(|text| ("request.sign.certificate".to_owned(), text));
            let decryption = saml.decryption.certificates.iter().enumerate().filter_map(|(index, text)| {
                Some((format!("decryption_keys[{index}].certificate"), text.as_ref()?))
            });
            for (field, text) in own.chain(decryption) {
                let key = PublicKey::from_certificate(text).ok();
                if let Some(what) = key.and_then(|key| ending(ends(&key), now)) {
                    let remedy = "make a new one for the key, and upload our metadata anew";
                    found.push((format!("tenants[{at}].saml.{field}"), what, remedy));
                }
            }
        }
        for (path, what, remedy) in found {
            self.warn(findings, &path, &what, remedy);
        }
    }
}

fn purpose(path: &str) -> Purpose {
    let has = |step: &str| path.split('.').any(|have| have.split('[').next() == Some(step));
    match () {
        () if path.ends_with(".scim.application") => Purpose::Application,
        () if has("metadata") => Purpose::Metadata,
        () if has("replay_store") => Purpose::ReplayStore,
        () if has("introspection") => Purpose::Introspection,
        () if has("keys") || has("jwks") => Purpose::Keys,
        () => Purpose::Decision,
    }
}

fn ends(key: &PublicKey) -> Option<UnixMillis> {
    key.validity().map(|validity| validity.not_after)
}

/// What to say of an end that has come or is near.
pub(crate) fn ending(end: Option<UnixMillis>, now: UnixMillis) -> Option<String> {
    let end = end.filter(|end| *end <= now.after(SOON))?;
    let what = if end <= now { "the certificate has expired" } else { "the certificate expires soon" };
    Some(format!("{what} ({})", end.to_rfc3339()))
}

/// The time of this computer.
pub(crate) fn now() -> UnixMillis {
    UnixMillis::default().after(std::time::UNIX_EPOCH.elapsed().unwrap_or_default())
}

/// The plugin configurations in a text: the text itself, or those inside of Envoy's configuration or a manifest.
pub(crate) fn embedded(text: &str) -> Vec<String> {
    let Ok(documents) = document::read(text) else { return Vec::new() };
    let ours = |node: &Located| node.get("tenants").is_some();
    if let [only] = documents.as_slice()
        && ours(only)
    {
        return vec![text.to_owned()];
    }
    let mut found = Vec::new();
    for place in documents.iter().flat_map(|document| Place::top(document).all()) {
        match &place.node.value {
            Tree::Map(_) if ours(place.node) => found.push(place.node.json().to_string()),
            Tree::Text { text, .. } if text.contains("tenants") => {
                let inside = document::read(text).unwrap_or_default();
                if inside.iter().any(ours) {
                    found.push(text.clone());
                } else if inside.iter().any(|it| super::envoy::is_envoy(&Place::top(it))) {
                    found.extend(embedded(text));
                }
            }
            _ => {}
        }
    }
    found
}
