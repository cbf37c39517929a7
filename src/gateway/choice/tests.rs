use super::*;
use crate::common::test_host::TestHost;
use crate::config::Configuration;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const RULES: &str = "access: {rules: [{path: {prefix: /}, access: public}]}";

/// Tenants, each a name and the fields that choose it.
fn choice(top: &str, tenants: &[(&str, &str)]) -> Choice {
    let tenants: String = tenants
        .iter()
        .map(|(name, fields)| {
            format!("  - {{name: {name}, public_url: \"https://a.example\", {fields}, {RULES}}}\n")
        })
        .collect();
    let text = format!(
        "keys: [{{id: k, secret: {{value: 0123456789abcdef0123456789abcdef}}}}]\n{top}\ntenants:\n{tenants}"
    );
    let (read, _) =
        Configuration::read(text.as_bytes(), &|_| None).unwrap_or_else(|errors| panic!("{errors:#?}"));
    Choice::new(&read.tenants, read.selection)
}

struct Request<'r> {
    authority: &'r str,
    path: &'r str,
    sni: Option<&'r str>,
    metadata: Option<&'r str>,
    source: &'r str,
    headers: &'r [(&'r str, &'r str)],
}

const GET: Request<'static> = Request {
    authority: "a.example",
    path: "/",
    sni: None,
    metadata: None,
    source: "192.0.2.1:4711",
    headers: &[],
};

fn chosen(choice: &Choice, request: &Request<'_>) -> Result<usize, Nobody> {
    let host = TestHost::at(0);
    let mut properties = host.properties.borrow_mut();
    for (path, value) in [
        ("connection/requested_server_name", request.sni),
        ("xds/route_metadata/filter_metadata/vestibule/tenant", request.metadata),
        ("source/address", Some(request.source)),
    ] {
        properties.extend(value.map(|value| (path.to_owned(), value.as_bytes().to_vec())));
    }
    drop(properties);
    let mut headers =
        Headers::from([(":method", "GET"), (":path", request.path), (":authority", request.authority)]);
    for (name, value) in request.headers {
        headers.apply(&HeaderEdit::add(name, value));
    }
    let forged = choice.strip(&headers, &host);
    let head = Head::read(headers, forged).unwrap();
    choice.of(&head, head.path_only(), &host).map(|chosen| chosen.tenant)
}

#[test]
fn a_host_of_its_own_chooses_the_tenant_and_an_unknown_one_chooses_nobody() {
    let choice = choice("", &[("one", "hosts: [a.example, b.example]")]);
    assert_eq!(chosen(&choice, &GET), Ok(0));
    assert_eq!(chosen(&choice, &Request { authority: "B.example:8443", ..GET }), Ok(0));
    assert_eq!(chosen(&choice, &Request { authority: "c.example", ..GET }), Err(Nobody::UnknownHost));
}

#[test]
fn a_path_prefix_chooses_by_whole_segments_and_the_longest_wins() {
    let choice = choice(
        "",
        &[("one", "path_prefix: /acme"), ("two", "path_prefix: /acme/eu/"), ("rest", "hosts: [a.example]")],
    );
    for (path, tenant) in [
        ("/acme", 0),
        ("/acme/", 0),
        ("/acme/x?/acme/eu", 0),
        ("/acme/eu", 1),
        ("/acme/eu/x/y/z/a/b", 1),
        ("/acme/europe", 0),
        ("/acmes", 2),
        ("/", 2),
        ("/x/acme", 2),
    ] {
        assert_eq!(chosen(&choice, &Request { path, ..GET }), Ok(tenant), "{path}");
    }
}

#[test]
fn another_spelling_of_a_prefix_is_refused_and_not_given_to_the_rest_of_the_host() {
    let choice = choice("", &[("one", "path_prefix: /acme"), ("rest", "hosts: [a.example]")]);
    for path in ["/ACME", "/Acme/x", "/\u{61}cmE/"] {
        assert_eq!(chosen(&choice, &Request { path, ..GET }), Err(Nobody::Spelling), "{path}");
    }
}

#[test]
fn a_path_that_no_prefix_claims_is_nobodys_where_no_tenant_has_the_rest() {
    let choice = choice("", &[("one", "path_prefix: /acme")]);
    assert_eq!(chosen(&choice, &Request { path: "/other", ..GET }), Err(Nobody::UnknownTenant));
}

#[test]
fn the_name_of_the_handshake_chooses_where_tenants_share_a_host() {
    let fields = |name: &str| format!("hosts: [shared.example, a.example], sni: [{name}]");
    let choice = choice("", &[("one", &fields("a.example")), ("two", &fields("b.example"))]);
    let ask = |sni| chosen(&choice, &Request { authority: "shared.example", sni, ..GET });
    assert_eq!(ask(Some("a.example")), Ok(0));
    assert_eq!(ask(Some("B.Example")), Ok(1));
    assert_eq!(ask(Some("c.example")), Err(Nobody::Misdirected));
    assert_eq!(ask(None), Err(Nobody::Misdirected));
}

#[test]
fn a_handshake_for_one_tenant_and_a_host_of_another_are_misdirected() {
    let choice = choice(
        "",
        &[("one", "hosts: [a.example]"), ("two", "hosts: [a.example, b.example], path_prefix: /two")],
    );
    let ask = |sni, authority, path| chosen(&choice, &Request { sni: Some(sni), authority, path, ..GET });
    assert_eq!(ask("a.example", "a.example", "/x"), Ok(0));
    assert_eq!(ask("a.example", "a.example", "/two/x"), Ok(1));
    assert_eq!(ask("a.example", "b.example", "/two/x"), Ok(1));
    assert_eq!(ask("b.example", "a.example", "/x"), Err(Nobody::Misdirected));
    assert_eq!(ask("b.example", "a.example", "/two/x"), Ok(1));
    assert_eq!(ask("elsewhere.example", "a.example", "/x"), Ok(0), "a name of nobody's says nothing");
}

#[test]
fn route_metadata_chooses_and_without_it_or_with_an_unknown_value_it_is_nobody() {
    let choice = choice("", &[("one", "route_metadata: first"), ("two", "route_metadata: second")]);
    let ask = |metadata| chosen(&choice, &Request { metadata, ..GET });
    assert_eq!((ask(Some("first")), ask(Some("second"))), (Ok(0), Ok(1)));
    assert_eq!((ask(Some("third")), ask(None)), (Err(Nobody::UnknownTenant), Err(Nobody::UnknownTenant)));
}

const BY_HEADER: &str = "tenant_selection: {header: {name: x-tenant, from: [10.0.0.0/8, \"2001:db8::/32\"]}}";

#[test]
fn a_header_chooses_only_where_a_trusted_peer_sends_it() {
    let choice = choice(BY_HEADER, &[("one", "header: first"), ("two", "header: second")]);
    let ask = |source, headers| chosen(&choice, &Request { source, headers, ..GET });
    let second: &[(&str, &str)] = &[("x-tenant", "second")];
    assert_eq!(ask("10.1.2.3:4711", second), Ok(1));
    assert_eq!(ask("[2001:db8::7]:4711", second), Ok(1));
    let nobody = Err(Nobody::UnknownTenant);
    assert_eq!(ask("192.0.2.1:4711", second), nobody);
    assert_eq!(ask("", second), nobody, "nothing is known of the peer");
    assert_eq!(ask("10.1.2.3:0", second), nobody, "an address out of x-forwarded-for has no port");
    assert_eq!(ask("10.1.2.3:4711", &[("x-tenant", "first"), ("x-tenant", "second")]), nobody);
    assert_eq!(ask("10.1.2.3:4711", &[("x-tenant", "third")]), nobody);
    assert_eq!(ask("10.1.2.3:4711", &[]), nobody);
}

#[test]
fn the_header_is_taken_away_from_strangers_and_its_other_spellings_from_everybody() {
    let choice = choice(BY_HEADER, &[("one", "header: first")]);
    let strip = |source: &str| {
        let host = TestHost::at(0);
        host.properties.borrow_mut().insert("source/address".to_owned(), source.as_bytes().to_vec());
        choice.strip(&Headers::from([("x-tenant", "first"), ("x_tenant", "first"), ("x-tenants", "")]), &host)
    };
    assert_eq!(strip("10.0.0.1:1"), [HeaderEdit::remove("x_tenant")]);
    assert_eq!(strip("192.0.2.1:1"), [HeaderEdit::remove("x-tenant"), HeaderEdit::remove("x_tenant")]);
}

fn refused(top: &str, tenants: &[&str]) -> Vec<String> {
    let tenants: String = tenants.iter().map(|tenant| format!("  - {{{tenant}, {RULES}}}\n")).collect();
    let text = format!(
        "keys: [{{id: k, secret: {{value: 0123456789abcdef0123456789abcdef}}}}]\n{top}\ntenants:\n{tenants}"
    );
    let problems = Configuration::read(text.as_bytes(), &|_| None).expect_err("must be refused");
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn tenants_that_a_request_could_not_tell_apart_are_refused_with_place_and_remedy() {
    let one = |more: &str| format!("name: one, public_url: \"https://a.example\"{more}");
    let two = |more: &str| format!("name: two, public_url: \"https://a.example\"{more}");
    for (top, first, second, said) in [
        (
            "",
            one(""),
            two(""),
            "tenants[1]: the host `a.example` belongs to tenant `one` already; a host belongs to",
        ),
        (
            "",
            one(", path_prefix: /x"),
            two(", path_prefix: /X"),
            "tenants[1]: on the host `a.example` the tenant `one` has the same path_prefix",
        ),
        (
            "",
            one(", path_prefix: /x"),
            two(", sni: [a.example]"),
            "tenants[1]: shares the host `a.example` with tenant `one`, which is told apart by path_prefix, not sni; tell all",
        ),
        (
            "",
            one(", sni: [a.example]"),
            two(", sni: [a.example]"),
            "the tenant `one` has the same sni (a.example); give each",
        ),
        ("", one(", route_metadata: x"), two(", route_metadata: x"), "has the same route_metadata (x)"),
        (BY_HEADER, one(", header: x"), two(", header: x"), "has the same header (x)"),
        (
            "",
            one(", header: x"),
            two(", header: y"),
            "is chosen by a header, but nobody may send it; write tenant_selection",
        ),
        (
            "",
            one(", header: x, sni: [a.example]"),
            two(", path_prefix: /y"),
            "tenants[0]: is told apart in several ways: sni, header; choose one",
        ),
        (
            "",
            one(", path_prefix: /x/../y"),
            two(""),
            "tenants[0].path_prefix: `/x/../y` is not a path prefix",
        ),
        (
            "tenant_selection: {header: {name: x-t, from: [10.0.0.1/8]}}",
            one(""),
            one(""),
            "tenant_selection.header.from[0]: `10.0.0.1/8` has bits behind its length",
        ),
        (
            "tenant_selection: {header: {name: x-t, from: []}}",
            one(""),
            one(""),
            "tenant_selection.header.from: is empty",
        ),
    ] {
        let errors = refused(top, &[&first, &second]);
        assert!(errors.iter().any(|error| error.contains(said)), "{said:?} is not in {errors:#?}");
    }
}

/// Envoy compares the host with its port: what is written there may lead to the application of another tenant.
#[test]
fn with_several_tenants_no_port_is_taken_but_that_of_the_address() {
    let two = |first: &str| {
        let text = format!(
            "keys: [{{id: k, secret: {{value: 0123456789abcdef0123456789abcdef}}}}]\ntenants:\n  \
             - {{name: one, public_url: \"{first}\", {RULES}}}\n  \
             - {{name: two, public_url: \"https://b.example\", {RULES}}}\n"
        );
        let (read, _) = Configuration::read(text.as_bytes(), &|_| None).unwrap();
        Choice::new(&read.tenants, read.selection)
    };
    for (url, good, bad) in [
        ("https://a.example", ":443", [":80", ":8443", ":1", ":0443", ":"]),
        ("https://a.example:8443", ":8443", [":443", ":80", ":1", ":08443", ":"]),
    ] {
        let choice = two(url);
        let of = |port: &str| chosen(&choice, &Request { authority: &format!("a.example{port}"), ..GET });
        assert_eq!((of(""), of(good)), (Ok(0), Ok(0)), "{url}");
        for port in bad {
            assert_eq!(of(port), Err(Nobody::UnknownHost), "{url} {port}");
        }
    }
}
