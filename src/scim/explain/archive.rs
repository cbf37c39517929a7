//! A captured session as cases: an HTTP archive (HAR 1.2), or one JSON object a line, each a case or an entry of one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{Explained, explain_case, unusable};
use crate::common::json::parse;

/// Endpoints by which the SCIM base of a URL is found (RFC 7644 section 3.2).
const ENDPOINTS: [&str; 8] =
    ["users", "groups", "schemas", "resourcetypes", "serviceproviderconfig", "me", "bulk", ".search"];

/// Explains every request of a captured session, in its order; each explanation has the `request` it is about.
///
/// `base` is the path (or URL) that Entra calls; without it a URL is cut before its first SCIM endpoint.
#[must_use]
pub fn replay(text: &[u8], base: Option<&str>) -> Vec<Explained> {
    if let Some(entries) = parse(text).ok().as_ref().and_then(|archive| archive.pointer("/log/entries")) {
        return entries.as_array().into_iter().flatten().map(|entry| report(entry, base)).collect();
    }
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace));
    lines
        .map(|line| match parse(line) {
            Ok(entry) => report(&entry, base),
            Err(error) => unusable(error.code(), &format!("The line is no strict JSON: {error}.")),
        })
        .collect()
}

fn report(entry: &Value, base: Option<&str>) -> Explained {
    let is_archived = entry.pointer("/request/url").is_some();
    let case = if is_archived { case_of(entry, base) } else { entry.clone() };
    let mut explained = explain_case(&case);
    let member = |name: &str| case.pointer(&format!("/request/{name}")).cloned().unwrap_or_default();
    let request = json!({"method": member("method"), "path": member("path")});
    if let Some(members) = explained.json.as_object_mut() {
        members.shift_insert(0, "request".into(), request);
    }
    explained
}

/// A case out of an archive's entry.
fn case_of(entry: &Value, base: Option<&str>) -> Value {
    let text = |path: &str| entry.pointer(path).and_then(Value::as_str);
    let mut request = json!({
        "method": text("/request/method").unwrap_or_default().to_ascii_uppercase(),
        "path": below(text("/request/url").unwrap_or_default(), base),
        "headers": headers(entry.pointer("/request/headers")),
    });
    let sent = text("/request/postData/text").filter(|body| !body.is_empty());
    if let (Some(request), Some(body)) = (request.as_object_mut(), sent) {
        request.insert("body".into(), body.into());
    }
    let mut case = json!({"request": request});
    let status = entry.pointer("/response/status").and_then(Value::as_u64).filter(|status| *status != 0);
    if let (Some(case), Some(status)) = (case.as_object_mut(), status) {
        let content = text("/response/content/text").unwrap_or_default();
        let body = match text("/response/content/encoding") {
            Some("base64") => STANDARD
                .decode(content)
                .map(|octets| String::from_utf8_lossy(&octets).into_owned())
                .unwrap_or_default(),
            _ => content.to_owned(),
        };
        let headers = headers(entry.pointer("/response/headers"));
        case.insert("upstream_response".into(), json!({"status": status, "headers": headers, "body": body}));
    }
    case
}

/// A list of `{name, value}` as a map; names that stand for the request line of HTTP/2 are left out. So is what says
/// that the body was compressed: an archive holds it plain.
fn headers(list: Option<&Value>) -> Map<String, Value> {
    let pairs = list.and_then(Value::as_array).into_iter().flatten();
    pairs
        .filter_map(|pair| Some((pair.get("name")?.as_str()?.to_owned(), pair.get("value")?.clone())))
        .filter(|(name, _)| !name.starts_with(':') && !name.eq_ignore_ascii_case("content-encoding"))
        .collect()
}

/// The part of a URL below the SCIM base.
fn below(url: &str, base: Option<&str>) -> String {
    let after_origin = |url: &str| match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/").to_owned(),
        None => url.to_owned(),
    };
    let path = after_origin(url);
    if let Some(base) = base {
        let base = after_origin(base);
        return match path.strip_prefix(base.trim_end_matches('/')) {
            Some(rest) if rest.starts_with('/') => rest.to_owned(),
            _ => path,
        };
    }
    let end = path.find('?').unwrap_or(path.len());
    let mut at = 0usize;
    for segment in path.get(..end).unwrap_or_default().split('/') {
        if ENDPOINTS.contains(&segment.to_ascii_lowercase().as_str()) {
            return format!("/{}", path.get(at..).unwrap_or_default());
        }
        at = at.saturating_add(segment.len()).saturating_add(1);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_url_is_cut_at_the_base_or_before_the_first_endpoint() {
        for (url, base, want) in [
            ("https://e.example/scim/v2/t/Users?filter=a", None, "/Users?filter=a"),
            ("https://e.example/scim/groups/Users", None, "/groups/Users"),
            ("https://e.example/users/scim/Users/u", Some("https://e.example/users/scim/"), "/Users/u"),
            ("https://e.example/users/scim/Users/u", Some("/users/scim"), "/Users/u"),
            ("https://e.example", None, "/"),
            ("/Me", None, "/Me"),
        ] {
            assert_eq!(below(url, base), want, "{url}");
        }
    }

    #[test]
    fn an_archive_and_lines_of_cases_are_explained_one_by_one() {
        let archive = br#"{"log":{"entries":[
            {"request":{"method":"GET","url":"https://e.example/s/Users/u-1?aadOptscim062020","headers":[{"name":":path","value":"/"}]},
             "response":{"status":200,"headers":[],"content":{"text":"eyJJZCI6MX0=","encoding":"base64"}}},
            {"request":{"method":"PATCH","url":"https://e.example/s/Users/u-1","headers":[],"postData":{"text":"{\"a\":1,\"a\":2}"}}}]}}"#;
        let reports = replay(archive, None);
        assert_eq!(
            reports.iter().map(|one| one.outcome).collect::<Vec<_>>(),
            [Outcome::Forwarded, Outcome::Refused]
        );
        assert_eq!(reports[0].json["request"]["path"], "/Users/u-1?aadOptscim062020");
        assert_eq!(reports[0].json["response"]["body"]["id"], "1");
        assert_eq!(reports[1].json["short_circuit"]["status"], 400);

        let lines = b"{\"request\":{\"method\":\"GET\",\"path\":\"//Users\"}}\n\nnot json\n";
        let reports = replay(lines, None);
        assert_eq!(
            reports.iter().map(|one| one.outcome).collect::<Vec<_>>(),
            [Outcome::Forwarded, Outcome::Unusable]
        );
        assert_eq!(reports[0].json["path"], "/Users");
    }
}
