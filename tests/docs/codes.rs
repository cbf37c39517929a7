//! Every code that an operator or a program may meet has a row on docs/codes.md, and no row is about nothing.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;

const PAGE: &str = "docs/codes.md";

/// Folders whose words in code form are codes, unless they are [`NO_CODES`].
const SPEAKING: &[&str] = &[
    "src/gateway/sign_on/",
    "src/gateway/logout/",
    "src/gateway/recheck/",
    "src/gateway/route.rs",
    "src/gateway/policy.rs",
    "src/gateway/exchange.rs",
    "src/gateway/identity.rs",
    "src/gateway/authentication.rs",
    "src/gateway/ways_in.rs",
    "src/gateway/token_endpoint.rs",
    "src/gateway/introspection.rs",
    "src/gateway/documents.rs",
    "src/gateway/provider.rs",
    "src/gateway/choice.rs",
    "src/access/tell.rs",
];

/// What stands there in the form of a code and is none: outcomes, names of parameters, OAuth's own errors (RFC 6749).
const NO_CODES: &[&str] = &[
    "certificate_expires",
    "certificate_unusable",
    "client_id",
    "filter_metadata",
    "route_metadata",
    "sign_in",
    "invalid_request",
    "last_attempt",
    "login_hint",
    "name_id",
    "object_id",
    "requested_server_name",
    "resource_types",
    "route_name",
    "server_error",
    "session_index",
    "temporarily_unavailable",
    "tenant_id",
    "error_description",
];

/// Words of one syllable that are codes: they cannot be told from others by their form.
const SHORT: &[&str] = &[
    "claims",
    "exchange",
    "partial",
    "replayed",
    "revoked",
    "deactivated",
    "unsolicited",
    "status",
    "unsigned",
    "unreadable",
];

fn sources() -> BTreeMap<String, String> {
    let root = env!("CARGO_MANIFEST_DIR");
    super::source_files()
        .into_iter()
        .map(|(path, text)| {
            let code = text.split("mod tests {").next().unwrap().to_owned();
            (path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), code)
        })
        .filter(|(path, _)| !path.starts_with("src/bin/"))
        .collect()
}

/// The codes of all enumerations: what their `code` gives.
fn enumerated(sources: &BTreeMap<String, String>) -> BTreeSet<String> {
    let arm = Regex::new(r#"=> \{?\s*"([a-z0-9_.]+)""#).unwrap();
    let mut found = BTreeSet::new();
    for (path, text) in sources {
        // `Outcome` of a check is a word of `vestibule saml inspect`, not of an error.
        if path == "src/saml/response/checks.rs" {
            continue;
        }
        for body in text.split("fn code(").skip(1) {
            let body = body.split("\n    }\n").next().unwrap();
            found.extend(arm.captures_iter(body).map(|found| found[1].to_owned()));
        }
    }
    found
}

/// The codes that are written where they are told.
fn written(sources: &BTreeMap<String, String>) -> BTreeSet<String> {
    let word = Regex::new(r#""([a-z]+(?:[_.][a-z0-9]+)+)""#).unwrap();
    let line_of_log = Regex::new("[ \"]code=([a-z_]+) ").unwrap();
    let told = Regex::new(r"vestibule\.|\.vestibule").unwrap();
    let mut found = BTreeSet::new();
    for (path, text) in sources {
        found.extend(line_of_log.captures_iter(text).map(|found| found[1].to_owned()));
        if !SPEAKING.iter().any(|begin| path.starts_with(begin)) {
            continue;
        }
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let words = word.captures_iter(line).map(|found| found[1].to_owned());
            found.extend(words.filter(|word| !told.is_match(word)));
        }
        let short = SHORT.iter().filter(|short| text.contains(&format!("\"{short}\"")));
        found.extend(short.map(|short| (*short).to_owned()));
    }
    found.retain(|word| !NO_CODES.contains(&word.as_str()));
    found
}

/// Code, meaning and remedy of each row.
fn rows() -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(format!("{}/{PAGE}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let row = Regex::new(r#"^\| <a id="([a-z0-9_.]+)"></a>`([a-z0-9_.]+)` \| (.+) \| (.+) \|$"#).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| <a"));
    rows.map(|line| {
        let cells = row.captures(line).unwrap_or_else(|| panic!("no row: {line}"));
        assert_eq!(cells[1], cells[2], "anchor and code differ");
        (cells[1].to_owned(), cells[3].to_owned(), cells[4].to_owned())
    })
    .collect()
}

#[test]
fn every_public_code_has_an_anchor_that_says_what_it_means_and_who_must_change_what() {
    let sources = sources();
    let (enumerated, written) = (enumerated(&sources), written(&sources));
    assert!(enumerated.len() > 120 && written.len() > 40, "the sources were not read");
    let rows = rows();
    let documented: BTreeSet<String> = rows.iter().map(|(code, ..)| code.clone()).collect();
    assert_eq!(documented.len(), rows.len(), "a code has two rows");
    let codes: BTreeSet<String> = enumerated.union(&written).cloned().collect();
    let missing: Vec<_> = codes.difference(&documented).collect();
    let extra: Vec<_> = documented.difference(&codes).collect();
    assert_eq!((missing, extra), (vec![], vec![]), "{PAGE} lacks the first and has the second too much");
}

/// Whoever refuses in words of its own is looked at above.
#[test]
fn every_file_that_tells_of_a_refusal_is_read_for_codes() {
    let tells = Regex::new(
        r"(reports::(refused|sign_on|logout|scim_denied|scim_unknowable|token_denied)|\bproblem)\(",
    )
    .unwrap();
    let speaks = |path: &str| SPEAKING.iter().any(|begin| path.starts_with(begin));
    // Where they are defined.
    let defined = ["src/gateway/reports.rs", "src/gateway/pages.rs"];
    let told: Vec<String> = sources()
        .into_iter()
        .filter(|(path, text)| path.starts_with("src/gateway/") && tells.is_match(text))
        .map(|(path, _)| path)
        .filter(|path| !defined.contains(&path.as_str()))
        .collect();
    assert!(told.len() > 8, "the sources were not read: {told:?}");
    assert_eq!(told.iter().filter(|path| !speaks(path)).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// Entra's codes for which people read a text of their own.
#[test]
fn every_code_of_entra_that_people_read_a_text_for_is_explained() {
    let words = &sources()["src/gateway/pages/words.rs"];
    let (_, table) = words.split_once("of_entra").unwrap();
    let number = Regex::new(r#""([0-9]{5,7})""#).unwrap();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/troubleshoot.md")).unwrap();
    let known: BTreeSet<String> = number.captures_iter(table).map(|found| found[1].to_owned()).collect();
    assert!(known.len() > 15, "{known:?}");
    let missing: Vec<_> =
        known.iter().filter(|code| !page.contains(&format!("<a id=\"aadsts{code}\"></a>"))).collect();
    assert_eq!(missing, Vec::<&String>::new());
}
