//! Properties that hold for every request, tried on requests made of the pieces that Entra, harnesses and attackers use.

use proptest::prelude::*;

use super::fuzzing::account_change;
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

fn modes() -> impl Strategy<Value = Mode> {
    prop::sample::select(vec![Mode::Observe, Mode::Normalise, Mode::Strict])
}

fn statuses() -> impl Strategy<Value = u16> {
    prop_oneof![3 => Just(404), 1 => prop::sample::select(vec![400, 401, 403, 429, 500, 503]), 1 => 400u16..600]
}

/// What servers, proxies and attackers say when something is wrong.
fn error_bodies() -> impl Strategy<Value = String> {
    const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
    const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
    let status = prop::sample::select(vec![
        "",
        r#","status":"404""#,
        r#","status":404"#,
        r#","status":"500""#,
        r#","status":"none""#,
        r#","status":null"#,
    ]);
    prop_oneof![
        status.clone().prop_map(|status| format!(r#"{{"schemas":["{ERROR}"]{status}}}"#)),
        status.prop_map(|status| format!(
            r#"{{"schemas":["{LIST}"],"totalResults":0,"Resources":[]{status}}}"#
        )),
        prop::sample::select(vec![
            "",
            " ",
            "<html>404</html>",
            "[]",
            "{}",
            "null",
            "not found",
            "[null]",
            r#"{"Resources":[]}"#,
            r#"{"error":"x"}"#,
            r#"{"schemas":[]}"#
        ])
        .prop_map(str::to_owned),
    ]
}

/// Requests whose every value and selector holds a secret.
fn secretive() -> impl Strategy<Value = (&'static str, String, String)> {
    let name = prop::sample::select(vec![
        "active",
        "userName",
        "title",
        "manager",
        "members",
        "roles",
        "nickName",
        "badge",
        "name.givenName",
        r#"emails[type eq "s3cret"].value"#,
        r#"emails[value eq "s3cret"]"#,
        "members[value eq s3cret]",
        r#"roles[value eq "a"s3cret"].value"#,
        "name",
    ]);
    let value = prop::sample::select(vec![
        r#""s3cret""#,
        r#"{"value":"s3cret"}"#,
        r#"[{"value":"s3cret","displayName":"S3cret"},{"value":"s3cret"}]"#,
        r#"["s3cret"]"#,
        r#"[{"value":"{\"id\":\"1\",\"value\":\"s3cret\"}"}]"#,
        r#""""#,
        "null",
        r#"{"givenName":"s3cret"}"#,
        r#"{"value":""}"#,
    ]);
    let op = prop::sample::select(vec!["Add", "replace", "Remove"]);
    let operation = (op, name.clone(), value.clone(), any::<bool>()).prop_map(|(op, name, value, bare)| {
        if bare {
            format!(r#"{{"op":"{op}","value":{{{}:{value}}}}}"#, quoted(name))
        } else {
            format!(r#"{{"op":"{op}","path":{},"value":{value}}}"#, quoted(name))
        }
    });
    let patch = (
        prop::sample::select(vec!["/Users/s3cret", "/Groups/s3cret"]),
        prop::collection::vec(operation, 1..4),
    )
        .prop_map(|(path, all)| {
            ("PATCH", path.to_owned(), format!(r#"{{"Operations":[{}]}}"#, all.join(",")))
        });
    let create = prop::collection::btree_map(name, value, 1..5).prop_map(|all| {
        let members: Vec<String> =
            all.into_iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
        ("POST", "/Users".to_owned(), format!("{{{}}}", members.join(",")))
    });
    let query = prop::sample::select(vec![
        "userName+eq+%22s3cret%22",
        "externalId+eq+s3cret",
        "emails[type+eq+%22s3cret%22].value+eq+%22s3cret%22",
        "displayName+eq+%22a%22s3cret%22",
        "manager+eq+%22s3cret%22",
        "s3cret",
        "password+eq+%22s3cret%22",
    ])
    .prop_map(|filter| ("GET", format!("//Users?s3cret=s3cret&Count=1&filter={filter}"), String::new()));
    prop_oneof![3 => patch, 2 => create, 1 => query]
}

fn audited() -> impl Strategy<Value = Settings> {
    (
        modes(),
        prop::sample::select(vec![
            UnknownAttributes::Pass,
            UnknownAttributes::Drop,
            UnknownAttributes::Refuse,
        ]),
        prop::sample::select(vec![UserNameChange::Pass, UserNameChange::Drop, UserNameChange::Refuse]),
    )
        .prop_map(|(mode, unknown_attributes, user_name_change)| Settings {
            mode,
            known_attributes: KnownAttributes::of(["userName", "title", "emails.value", "name.familyName"]),
            abilities: Abilities { unknown_attributes, user_name_change, ..Abilities::default() },
            ..Settings::default()
        })
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
            let after = account_change(&outgoing.method, &outgoing.path, &written);
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

    #[test]
    fn an_error_never_becomes_a_list(status in statuses(), body in error_bodies(), content_type in prop::sample::select(vec!["application/scim+json", "application/json", "text/html", ""]), path in prop::sample::select(vec!["/Users", "/Users?filter=userName+eq+%22a%22", "/Groups?filter=displayName+eq+%22a%22&excludedAttributes=members", "/Users/u", "/Groups/g", "/Schemas", "/ResourceTypes", "/Devices?filter=id+pr", "/Users?count=0"]), own_credential in any::<bool>(), mode in modes()) {
        let settings = Settings { own_credential, mode, ..Settings::default() };
        let Ok(Normalised::Forward(outgoing)) = normalise(&incoming("GET", path, b""), &settings) else { return Ok(()) };
        let content_type = (!content_type.is_empty()).then_some(content_type);
        let repaired = repair(&outgoing.shape, &Upstream { status, content_type, location: None, body: body.as_bytes() }, &settings);
        let is_own_word = status == 404 && path.contains("filter=") && mode != Mode::Observe && {
            let body = crate::common::json::parse(body.as_bytes()).unwrap_or_default();
            let said = &body["status"];
            body["schemas"] == serde_json::json!(["urn:ietf:params:scim:api:messages:2.0:Error"]) && (said.is_null() || *said == 404 || *said == "404")
        };
        prop_assert_eq!(repaired.status < 400, is_own_word, "{} became {}", status, repaired.status);
        if own_credential && mode != Mode::Observe && matches!(status, 401 | 403) {
            prop_assert_eq!(repaired.status, 502);
        }
    }

    #[test]
    fn an_unread_success_never_becomes_a_list(status in 200u16..300, body in prop_oneof![error_bodies(), map(), leaf()], filtered in any::<bool>()) {
        let path = if filtered { "/Users?filter=userName+eq+%22a%22" } else { "/Users" };
        let Ok(Normalised::Forward(outgoing)) = normalise(&incoming("GET", path, b""), &Settings::default()) else { return Ok(()) };
        let repaired = repair(&outgoing.shape, &Upstream { status, content_type: Some(MEDIA_TYPE), location: None, body: body.as_bytes() }, &Settings::default());
        let read = crate::common::json::parse(body.as_bytes()).unwrap_or_default();
        let is_list = read.is_array() || read.get("Resources").is_some_and(serde_json::Value::is_array) || read.get("totalResults") == Some(&serde_json::json!(0));
        let says_none = status == 204 && body.trim().is_empty();
        prop_assert!(is_list || says_none || status == 204 || repaired.status == 502, "{status} {body} became {}", repaired.status);
    }

    #[test]
    fn observing_changes_nothing_and_misses_no_deactivation((method, path, body) in request()) {
        let observe = Settings { mode: Mode::Observe, ..Settings::default() };
        let observed = match normalise(&incoming(method, path, body.as_bytes()), &observe) {
            Ok(Normalised::Forward(outgoing)) => outgoing,
            other => { prop_assert!(false, "{:?} of {}", other, body); return Ok(()) }
        };
        prop_assert_eq!((observed.method.as_str(), observed.path.as_str(), observed.body.as_deref()), (method, path, Some(body.as_bytes())));
        prop_assert!(observed.headers.is_empty());
        let kind = observed.change.as_ref().map(|change| change.kind);
        match normalise(&incoming(method, path, body.as_bytes()), &Settings::default()) {
            Ok(Normalised::Forward(outgoing)) => {
                prop_assert_eq!(kind, outgoing.change.map(|change| change.kind));
                prop_assert_eq!(observed.applied, outgoing.applied);
            }
            Ok(Normalised::Answer { applied, .. }) => prop_assert_eq!(observed.applied, applied),
            Err(error) => {
                prop_assert_eq!(observed.observed.and_then(|observed| observed.refusal), Some(error));
                let seen = account_change(method, path, body.as_bytes()).map(|change| change.kind);
                prop_assert!(seen != Some(ChangeKind::Deactivate) || kind == Some(ChangeKind::Deactivate));
            }
        }
    }

    #[test]
    fn no_record_and_no_refusal_holds_a_value((method, path, body) in secretive(), settings in audited()) {
        let (applied, refusal) = match normalise(&incoming(method, &path, body.as_bytes()), &settings) {
            Ok(Normalised::Forward(outgoing)) => (outgoing.applied, None),
            Ok(Normalised::Answer { applied, .. }) => (applied, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        for one in applied {
            prop_assert!(!one.place.to_lowercase().contains("s3cret"), "{:?}", one);
        }
        if let Some(error) = refusal {
            prop_assert!(!error.to_string().to_lowercase().contains("s3cret"), "{}", error);
        }
    }

    #[test]
    fn what_the_operator_chose_is_idempotent_and_hides_no_change_of_access((method, path, body) in request(), settings in audited()) {
        let settings = Settings { mode: Mode::Normalise, ..settings };
        let Ok(Normalised::Forward(first)) = normalise(&incoming(method, path, body.as_bytes()), &settings) else { return Ok(()) };
        let written = first.body.clone().unwrap_or_default();
        match normalise(&incoming(&first.method, &first.path, &written), &settings) {
            Ok(Normalised::Forward(second)) if method == "PATCH" => {
                prop_assert_eq!(String::from_utf8(second.body.unwrap_or_default()), String::from_utf8(written.clone()));
                prop_assert_eq!(second.applied, vec![]);
            }
            // In a create, two members may contend for one place; the other takes it once the unknown one is gone.
            Ok(Normalised::Forward(_)) => {}
            other => prop_assert!(false, "{:?} of {}", other, String::from_utf8_lossy(&written)),
        }
        let kind = |change: Option<AccountChange>| change.map(|change| change.kind).filter(|kind| *kind != ChangeKind::Rename);
        prop_assert_eq!(kind(account_change(method, path, body.as_bytes())), kind(first.change), "{} became {}", body, String::from_utf8_lossy(&written));
        prop_assert_eq!(kind(account_change(method, path, body.as_bytes())), kind(account_change(&first.method, &first.path, &written)));
    }

    #[test]
    fn an_answer_of_our_own_hides_no_change_of_access((method, path, body) in request(), settings in audited()) {
        let settings = Settings { mode: Mode::Normalise, ..settings };
        if let Ok(Normalised::Answer { .. }) = normalise(&incoming(method, path, body.as_bytes()), &settings) {
            let seen = account_change(method, path, body.as_bytes()).map(|change| change.kind);
            prop_assert!(seen.is_none_or(|kind| kind == ChangeKind::Rename), "{}", body);
        }
    }
}
