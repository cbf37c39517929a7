//! Wrong input of every kind gets the SCIM error that RFC 7644 section 3.12 names for it.

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn refused(method: &str, path: &str, content_type: Option<&str>, body: &[u8]) -> (u16, Option<String>) {
    let body = (!body.is_empty()).then_some(body);
    let incoming = Incoming { method, path, accept: None, content_type, content_encoding: None, body };
    let reply = match normalise(&incoming, &Settings::default()) {
        Err(error) => error.reply(),
        other => panic!("{method} {path} is not refused: {other:?}"),
    };
    let told = crate::common::json::parse(&reply.body).unwrap();
    assert_eq!(told["schemas"], serde_json::json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(told["status"], reply.status.to_string());
    assert!(told["detail"].as_str().is_some_and(|detail| detail.len() > 10));
    assert!(reply.headers.iter().any(|(name, value)| name == "content-type" && value == MEDIA_TYPE));
    (reply.status, told["scimType"].as_str().map(str::to_owned))
}

#[test]
fn a_query_that_is_wrong() {
    for (query, status, scim_type) in [
        ("filter=nonsense", 400, Some("invalidFilter")),
        ("filter=userName+eq", 400, Some("invalidFilter")),
        ("filter=(userName+eq+%22a%22", 400, Some("invalidFilter")),
        ("filter=userName+is+%22a%22", 400, Some("invalidFilter")),
        ("filter=", 400, Some("invalidFilter")),
        ("filter=userName+eq+%22a%22&filter=id+pr", 400, Some("invalidFilter")),
        ("filter=userName+eq+%22%ff%22", 400, None),
        ("startIndex=one", 400, Some("invalidValue")),
        ("startIndex=", 400, Some("invalidValue")),
        ("count=1.5", 400, Some("invalidValue")),
        ("Count=-", 400, Some("invalidValue")),
        ("startIndex=1&startindex=6", 400, Some("invalidValue")),
        ("filter=password+eq+%22secret%22", 400, Some("sensitive")),
        ("filter=urn:ietf:params:scim:schemas:core:2.0:User:Password+sw+%22s%22", 400, Some("sensitive")),
    ] {
        let (got, kind) = refused("GET", &format!("/Users?{query}"), None, b"");
        assert_eq!((got, kind.as_deref()), (status, scim_type), "{query}");
    }
}

#[test]
fn a_patch_that_is_wrong() {
    for (operations, scim_type) in [
        (r#"[{"op":"replace","path":"emails[type eq","value":"a"}]"#, "invalidPath"),
        (r#"[{"op":"replace","path":"/active","value":true}]"#, "invalidPath"),
        (r#"[{"op":"replace","path":7,"value":true}]"#, "invalidPath"),
        (r#"[{"op":"copy","path":"title","value":"a"}]"#, "invalidSyntax"),
        (r#"[{"op":1,"path":"title","value":"a"}]"#, "invalidSyntax"),
        (r#"[{"path":"title","value":"a"}]"#, "invalidSyntax"),
        (r#"["add"]"#, "invalidSyntax"),
        ("{}", "invalidSyntax"),
        ("null", "invalidSyntax"),
        (r#"[{"op":"add","path":"title"}]"#, "invalidValue"),
        (r#"[{"op":"replace","path":"title"}]"#, "invalidValue"),
        (r#"[{"op":"add"}]"#, "invalidValue"),
        (r#"[{"op":"remove"}]"#, "noTarget"),
        (r#"[{"op":"remove","value":{"title":"a"}}]"#, "noTarget"),
        (r#"[{"op":"replace","path":"id","value":"x"}]"#, "mutability"),
        (
            r#"[{"op":"remove","path":"urn:ietf:params:scim:schemas:core:2.0:User:Meta.created"}]"#,
            "mutability",
        ),
    ] {
        let body = format!(r#"{{"Operations":{operations}}}"#);
        let got = refused("PATCH", "/Users/u", None, body.as_bytes());
        assert_eq!(got, (400, Some(scim_type.to_owned())), "{operations}");
    }
    let vague = br#"{"Operations":[{"op":"remove","path":"members","value":[{"display":"U"}]}]}"#;
    assert_eq!(refused("PATCH", "/Groups/g", None, vague), (400, Some("invalidValue".into())));
}

#[test]
fn a_body_that_is_wrong() {
    for body in [
        &b"{"[..],
        b"[]",
        b"7",
        b"null",
        b"{\"userName\":\"a\",\"userName\":\"b\"}",
        b"{\"userName\":\"a\",\"USERNAME\":\"b\"}",
        b"{\"userName\":\"\xff\"}",
        b"{} {}",
    ] {
        for (method, path) in [("POST", "/Users"), ("PUT", "/Users/u"), ("PATCH", "/Users/u")] {
            let got = refused(method, path, None, body);
            assert_eq!(
                got,
                (400, Some("invalidSyntax".into())),
                "{method} {}",
                String::from_utf8_lossy(body)
            );
        }
    }
    let deep = format!("{}1{}", r#"{"a":"#.repeat(70), "}".repeat(70));
    assert_eq!(refused("POST", "/Users", None, deep.as_bytes()), (400, Some("invalidSyntax".into())));
    assert_eq!(refused("POST", "/Users", None, b""), (400, Some("invalidSyntax".into())));
    assert_eq!(refused("DELETE", "/Users/u", None, b"{}"), (400, Some("invalidSyntax".into())));
}

#[test]
fn another_endpoint_method_version_or_media_type() {
    for (method, path, status, scim_type) in [
        ("DELETE", "/Users", 405, None),
        ("PATCH", "/Schemas/x", 405, None),
        ("TRACE", "/Users/u", 405, None),
        ("POST", "/Bulk", 501, None),
        ("PATCH", "/Me", 501, None),
        ("PATCH", "/User/u", 404, None),
        ("GET", "/Us%20ers", 404, None),
        ("PATCH", "/Users/u/active", 404, None),
        ("GET", "/v1/Users", 400, Some("invalidVers")),
        ("GET", "/Users/a%2fb", 400, None),
    ] {
        let body: &[u8] = if expects_body(method) { b"{}" } else { b"" };
        let (got, kind) = refused(method, path, None, body);
        assert_eq!((got, kind.as_deref()), (status, scim_type), "{method} {path}");
    }
    for content_type in ["text/plain", "application/json; charset=latin1", "multipart/form-data"] {
        assert_eq!(refused("POST", "/Users", Some(content_type), b"{}"), (415, None), "{content_type}");
    }
}

/// An application could take any of these for false, and a deactivation can destroy data.
#[test]
fn an_activity_that_is_neither_true_nor_false() {
    for value in [
        "0",
        "1",
        "\"\"",
        "\"no\"",
        "\"0\"",
        "\"Falsch\"",
        "{\"x\":false}",
        "[true,false]",
        "[0]",
        "{\"value\":\"off\"}",
    ] {
        for operation in [
            format!(r#"{{"op":"replace","path":"active","value":{value}}}"#),
            format!(r#"{{"op":"add","value":{{"displayName":"a","active":{value}}}}}"#),
            format!(
                r#"{{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:Active","value":{value}}}"#
            ),
        ] {
            let body = format!(r#"{{"Operations":[{operation}]}}"#);
            let (status, kind) = refused("PATCH", "/Users/u", None, body.as_bytes());
            assert_eq!((status, kind.as_deref()), (400, Some("invalidValue")), "{body}");
        }
        for method in ["POST", "PUT"] {
            let body = format!(r#"{{"userName":"a","active":{value}}}"#);
            let path = if method == "PUT" { "/Users/u" } else { "/Users" };
            let (status, kind) = refused(method, path, None, body.as_bytes());
            assert_eq!((status, kind.as_deref()), (400, Some("invalidValue")), "{method} {body}");
        }
    }
    for value in ["true", "false", "\"True\"", "\" false \"", "null", "[\"False\"]", "{\"value\":false}"] {
        let body = format!(r#"{{"Operations":[{{"op":"replace","path":"active","value":{value}}}]}}"#);
        let incoming = Incoming {
            method: "PATCH",
            path: "/Users/u",
            accept: None,
            content_type: None,
            content_encoding: None,
            body: Some(body.as_bytes()),
        };
        assert!(normalise(&incoming, &Settings::default()).is_ok(), "{body}");
    }
}
