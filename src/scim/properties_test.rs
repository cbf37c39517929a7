//! Properties that hold for every request, tried on requests made of the pieces that Entra, harnesses and attackers use.

use proptest::prelude::*;

use super::change::account_change;
use super::*;

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "active", "Active", " active ", "active.value", "userName", "title", "name.givenName", "displayName", "manager",
            "Manager.value", "members", "members.value", "emails", "roles", "externalId", "badge",
            r#"emails[type eq "work"].value"#, r#"emails[Type eq work].Primary"#, r#"roles[primary eq "True"].value"#,
            r#"members[value eq "u"]"#, r#"members[value eq "a"b"]"#, "a..b", "x y",
        ]).prop_map(str::to_owned),
        2 => prop::sample::select(vec![
            format!("{CORE}:active"), format!("{CORE}.active"), CORE.replace("User", "active"), CORE.replace(":User", ""), CORE.replace("2.0:User", "active"), format!("{}:Active", CORE.to_uppercase()),
            CORE.to_owned(), ENTERPRISE.to_owned(), format!("{ENTERPRISE}:manager"), format!("{ENTERPRISE}.department"),
            "urn:ietf:params:scim:schemas:extension:Northwind:2.0:User:active".to_owned(),
            "urn:northwind:active".to_owned(),
        ]),
    ]
}

fn leaf() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "true",
        "false",
        "null",
        "0",
        "1",
        "[]",
        "{}",
        r#""""#,
        r#""True""#,
        r#"" False ""#,
        r#""false""#,
        r#""u-1""#,
        r#""{\"id\":\"1\",\"value\":\"a\"}""#,
        r#"{"value":""}"#,
        r#"{"value":"u-1"}"#,
        r#"["u-1","u-1"]"#,
        r#"[{"$ref":null,"value":"False"}]"#,
        r#"[{"$ref":null,"value":"u-1"},{"value":"u-1"}]"#,
        r#"{"active":"False"}"#,
        r#"[{"Value":"u-1","displayName":"U","primary":"True"}]"#,
        r#""0""#,
        r#"{"value":null}"#,
    ])
    .prop_map(str::to_owned)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn map() -> impl Strategy<Value = String> {
    let member = (
        names(),
        prop_oneof![3 => leaf(), 1 => (names(), leaf()).prop_map(|(name, value)| format!("{{{}:{value}}}", quoted(&name)))],
    );
    prop::collection::vec(member, 0..4).prop_map(|members| {
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
        format!("{{{}}}", members.join(","))
    })
}

fn operation() -> impl Strategy<Value = String> {
    let op = prop::sample::select(vec!["Add", "add", "Replace", "replace", "Remove", "remove"]);
    (op, prop::option::of(names()), prop::option::of(prop_oneof![leaf(), map()])).prop_map(
        |(op, path, value)| {
            let path = path.map(|path| format!(r#","path":{}"#, quoted(&path))).unwrap_or_default();
            let value = value.map(|value| format!(r#","value":{value}"#)).unwrap_or_default();
            format!(r#"{{"op":"{op}"{path}{value}}}"#)
        },
    )
}

fn request() -> impl Strategy<Value = (&'static str, &'static str, String)> {
    let patch = prop::collection::vec(operation(), 0..4)
        .prop_map(|operations| format!(r#"{{"schemas":[],"Operations":[{}]}}"#, operations.join(",")));
    prop_oneof![
        3 => (prop::sample::select(vec!["/Users/u", "/groups/g", "/Devices/d"]), patch).prop_map(|(path, body)| ("PATCH", path, body)),
        1 => (prop::sample::select(vec![("POST", "/Users"), ("PUT", "//users/u/"), ("POST", "/Groups")]), map())
            .prop_map(|((method, path), body)| (method, path, body)),
    ]
}

fn incoming<'a>(method: &'a str, path: &'a str, body: &'a [u8]) -> Incoming<'a> {
    Incoming {
        method,
        path,
        accept: Some(MEDIA_TYPE),
        content_type: Some(MEDIA_TYPE),
        content_encoding: None,
        body: (!body.is_empty()).then_some(body),
    }
}

fn change_of(method: &str, path: &str, body: &[u8]) -> Option<AccountChange> {
    let body = crate::common::json::parse(body).ok()?;
    account_change(&url::target(method, path, true).ok()?, Some(&body))
}

/// Paths that a server may take for members, and no path at all; as a member of an operation.
fn members_paths() -> impl Strategy<Value = String> {
    const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
    let name = (
        prop::sample::select(vec!["", "urn:northwind:2.0:Crew:", "urn:northwind:"]),
        prop::sample::select(vec!["members", "Members", " members "]),
        prop::sample::select(vec![
            "",
            ".value",
            ".Value",
            ".display",
            ".$ref",
            ".type",
            "[value pr]",
            r#"[type eq "User"]"#,
            r#"[value eq "u"]"#,
            r#"[type eq "User"].value"#,
            r#"[value eq "u" or type eq "User"]"#,
            r#"[value eq "u" and type eq "User"].display"#,
            r#"[Value eq u]"#,
            r#"[not (value eq "u")]"#,
        ]),
    );
    let name = name.prop_map(|(urn, name, rest)| match urn {
        "" => format!("{name}{rest}"),
        urn => format!("{urn}{}{rest}", name.trim()),
    });
    let core = prop::sample::select(vec![
        GROUP.to_owned(),
        format!("{GROUP}:members"),
        format!("{GROUP}.Members.display"),
    ]);
    prop_oneof![
        8 => prop_oneof![5 => name, 1 => core].prop_map(|path| format!(r#","path":{}"#, quoted(&path))),
        1 => prop::sample::select(vec![String::new(), r#","path":"""#.to_owned(), r#","path":null"#.to_owned()]),
    ]
}

/// `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn normalising_twice_changes_nothing_more((method, path, body) in request()) {
        let settings = Settings::default();
        if let Ok(Normalised::Forward(first)) = normalise(&incoming(method, path, body.as_bytes()), &settings) {
            let written = first.body.clone().unwrap_or_default();
            match normalise(&incoming(&first.method, &first.path, &written), &settings) {
                Ok(Normalised::Forward(second)) => {
                    prop_assert_eq!(String::from_utf8(second.body.unwrap_or_default()), String::from_utf8(written));
                    prop_assert_eq!(second.path, first.path);
                    prop_assert_eq!(second.applied, vec![]);
                }
                other => prop_assert!(false, "{:?} of {}", other, String::from_utf8_lossy(&written)),
            }
        }
    }

    #[test]
    fn no_rewrite_makes_or_hides_a_change_of_access((method, path, body) in request(), off in prop::collection::btree_set(prop::sample::select(catalogue().iter().map(|rule| rule.id.to_owned()).collect::<Vec<_>>()), 0..6)) {
        let settings = Settings { off, ..Settings::default() };
        if let Ok(Normalised::Forward(outgoing)) = normalise(&incoming(method, path, body.as_bytes()), &settings) {
            let written = outgoing.body.clone().unwrap_or_default();
            let after = change_of(&outgoing.method, &outgoing.path, &written);
            let kind = |change: &Option<AccountChange>| change.as_ref().map(|change| change.kind).filter(|kind| *kind != ChangeKind::Rename);
            prop_assert_eq!(kind(&outgoing.change), kind(&after), "{}", String::from_utf8_lossy(&written));
        }
    }

    #[test]
    fn a_group_is_never_emptied_by_a_removal_that_names_members(endpoint in prop::sample::select(vec!["Groups", "groups", "Teams"]), path in members_paths(), op in prop::sample::select(vec!["Remove", "remove"]), value in prop_oneof![leaf(), map()]) {
        let body = format!(r#"{{"Operations":[{{"op":"{op}"{path},"value":{value}}}]}}"#);
        if value != "null" && let Ok(Normalised::Forward(outgoing)) = normalise(&incoming("PATCH", &format!("/{endpoint}/g"), body.as_bytes()), &Settings::default()) {
            let written = crate::common::json::parse(&outgoing.body.unwrap_or_default()).unwrap();
            for operation in written["Operations"].as_array().unwrap() {
                let path = operation["path"].as_str().unwrap_or_default();
                prop_assert!(path.to_lowercase().contains("[value eq "), "{body} became {written}");
            }
        }
    }

    #[test]
    fn members_are_never_removed_by_what_is_no_removal(endpoint in prop::sample::select(vec!["Groups", "Teams"]), path in members_paths(), op in prop::sample::select(vec!["Add", "replace"]), value in prop_oneof![leaf(), map()]) {
        let body = format!(r#"{{"Operations":[{{"op":"{op}"{path},"value":{value}}}]}}"#);
        if let Ok(Normalised::Forward(outgoing)) = normalise(&incoming("PATCH", &format!("/{endpoint}/g"), body.as_bytes()), &Settings::default()) {
            let written = crate::common::json::parse(&outgoing.body.unwrap_or_default()).unwrap();
            for operation in written["Operations"].as_array().unwrap() {
                let path = operation["path"].as_str().unwrap_or_default().to_lowercase();
                prop_assert!(operation["op"] != "remove" || !path.contains("members"), "{body} became {written}");
            }
        }
    }

    #[test]
    fn no_octets_make_it_panic(method in "(GET|POST|PUT|PATCH|DELETE|HEAD|X)", path in "/(Users|Groups|Me|%55sers|[a-z]{0,3})?/?[ -~é]{0,20}", body in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = normalise(&incoming(&method, &path, &body), &Settings::default());
    }

    #[test]
    fn no_answer_makes_it_panic(status in 100u16..600, body in prop_oneof![map(), leaf(), prop::collection::vec(operation(), 0..3).prop_map(|items| format!(r#"{{"totalResults":"1","resources":[{}]}}"#, items.join(",")))], path in prop::sample::select(vec!["/Users", "/Users?filter=userName+eq+%22a%22", "/Groups/g", "/Schemas"])) {
        let settings = Settings { public_base: "https://edge.example/scim".into(), ..Settings::default() };
        let Ok(Normalised::Forward(outgoing)) = normalise(&incoming("GET", path, b""), &settings) else { return Ok(()) };
        let upstream = Upstream { status, content_type: None, location: Some("/Users/1"), body: body.as_bytes() };
        let repaired = repair(&outgoing.shape, &upstream, &settings);
        if let Some(body) = repaired.body.filter(|body| !body.is_empty()) {
            prop_assert!(crate::common::json::parse(&body).is_ok());
        }
    }
}
