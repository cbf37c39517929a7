//! A case whose request is no single exchange: the requests that we make ourselves, as far as the case has answers.

use serde_json::{Map, Value, json};

use super::super::errand::{Answered, Ended, ErrandStep, Planned};
use super::super::error::MEDIA_TYPE;
use super::super::rule::Settings;
use super::context::Surroundings;
use super::{Explained, Outcome, Trail, message, unusable};
use crate::common::json::parse;

/// The application as the case describes it: by its answers in order, by one answer, or by the resource it has.
enum Application<'c> {
    Answers(std::slice::Iter<'c, Value>),
    Resource(Value),
    Unknown,
}

impl<'c> Application<'c> {
    fn of(case: &'c Value) -> Self {
        let around = Surroundings::of(case);
        if let Some(answers) = around.get("/upstream_responses").and_then(Value::as_array) {
            return Self::Answers(answers.iter());
        }
        match (case.get("upstream_response"), around.get("/upstream_resource")) {
            (Some(answer), _) => Self::Answers(std::slice::from_ref(answer).iter()),
            (None, Some(resource)) => Self::Resource(json!({"status": 200, "headers": {}, "body": resource})),
            (None, None) => Self::Unknown,
        }
    }

    fn answer(&mut self, method: &str) -> Option<Value> {
        match self {
            Self::Answers(answers) => answers.next().cloned(),
            // A list is no resource, but then the errand says so itself.
            Self::Resource(answer) if method == "GET" => Some(answer.clone()),
            Self::Resource(_) | Self::Unknown => None,
        }
    }
}

/// Plays the application.
pub(super) fn explain(case: &Value, planned: Planned, settings: &Settings, mut trail: Trail) -> Explained {
    let mut application = Application::of(case);
    let is_read = planned.exclusive().is_none();
    let Planned { first, errand, shape, .. } = planned;
    let mut sent = Vec::new();
    let mut step = ErrandStep::Call(first, Box::new(errand));
    let mut latest = Value::Null;
    let ended = loop {
        let (call, next) = match step {
            ErrandStep::Call(call, next) => (call, next),
            ErrandStep::Done(ended) => break Some(ended),
        };
        trail.add("request", &call.applied);
        sent.push(message::request(
            call.method,
            &call.path,
            call.headers().into_iter(),
            call.body.as_deref(),
        ));
        let Some(answer) = application.answer(call.method) else {
            trail.note("what comes next depends on the application's answer");
            break None;
        };
        step = took(*next, &answer, settings);
        latest = answer;
    };
    let mut members = Map::from_iter([("upstream_requests".to_owned(), Value::Array(sent))]);
    let (last, is_shown) = match ended {
        None => (None, false),
        Some(Ended::Latest) => {
            let is_success = message::status(&latest).is_some_and(|status| (200..300).contains(&status));
            // The application's own success says nothing that the requests do not.
            (Some(latest), is_read || !is_success)
        }
        Some(Ended::Made { status, body, applied, .. }) => {
            trail.add("response", &applied);
            let headers = if body.is_empty() { json!({}) } else { json!({"Content-Type": MEDIA_TYPE}) };
            let body = match parse(&body) {
                Ok(body) => body,
                Err(_) => String::from_utf8_lossy(&body).into_owned().into(),
            };
            let body = if body.as_str() == Some("") { Value::Null } else { body };
            (Some(json!({"status": status, "headers": headers, "body": body})), true)
        }
        Some(Ended::Refused { error, .. }) => {
            trail.note(format!("refused: {}", error.code()));
            members.insert("response".into(), message::reply(&error.reply()));
            return trail.end(Outcome::Refused, Value::Object(members));
        }
    };
    if let Some(last) = last.filter(|_| is_shown) {
        let Some(response) = message::answered(&shape, &last, settings, &mut trail) else {
            return unusable("case_status", "An answer of the application needs a `status`.");
        };
        members.insert("response".into(), response);
    }
    trail.end(Outcome::Forwarded, Value::Object(members))
}

fn took(errand: super::super::errand::Errand, answer: &Value, settings: &Settings) -> ErrandStep {
    let headers = message::headers(answer);
    let body = message::body(answer).unwrap_or_default();
    let answered = Answered {
        status: message::status(answer).unwrap_or(0),
        etag: headers.text("etag"),
        content_type: headers.text("content-type"),
        location: headers.text("location"),
        body: &body,
    };
    errand.answered(&answered, settings)
}

#[cfg(test)]
mod tests {
    use super::super::explain_case;
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn explained(config: &Value, request: &Value, around: &Value) -> (Outcome, Value) {
        let mut context = around.clone();
        context["config"] = config.clone();
        let explained = explain_case(&json!({"request": request, "context": context}));
        (explained.outcome, explained.json)
    }

    fn lines(json: &Value) -> Vec<String> {
        let requests = json["upstream_requests"].as_array().unwrap();
        let text = |request: &Value, name: &str| request[name].as_str().unwrap().to_owned();
        requests
            .iter()
            .map(|request| format!("{} {}", text(request, "method"), text(request, "path")))
            .collect()
    }

    fn title() -> Value {
        let operation = json!({"op": "Replace", "path": "title", "value": "Chief"});
        json!({"method": "PATCH", "path": "/Users/u-1", "body": {"Operations": [operation]}})
    }

    #[test]
    fn a_put_is_shown_with_the_resource_or_the_answers_of_the_case() {
        let ada = json!({"id": "u-1", "userName": "ada", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]});
        let read = json!({"status": 200, "headers": {"ETag": "W/\"1\""}, "body": ada});
        let failed = json!({"status": 409, "body": {"detail": "no"}});
        let config = json!({"patch": "put"});
        let (_, shown) = explained(&config, &title(), &json!({"upstream_resource": ada}));
        assert_eq!(lines(&shown), ["GET /Users/u-1", "PUT /Users/u-1"]);
        assert_eq!(shown["upstream_requests"][1]["body"]["title"], "Chief");
        assert_eq!(shown.get("response"), None);
        let (outcome, shown) = explained(&config, &title(), &json!({"upstream_responses": [read, failed]}));
        assert_eq!((outcome, &shown["response"]["status"]), (Outcome::Forwarded, &json!(409)));
        assert_eq!(shown["upstream_requests"][1]["headers"]["If-Match"], "W/\"1\"");
        let (_, shown) = explained(&config, &title(), &json!({}));
        assert_eq!(lines(&shown), ["GET /Users/u-1"]);
        assert!(shown["notes"].to_string().contains("depends on the application's answer"));
    }

    #[test]
    fn a_refusal_is_the_outcome() {
        let operation = json!({"op": "remove", "path": "userName"});
        let request = json!({"method": "PATCH", "path": "/Users/u-1", "body": {"Operations": [operation]}});
        let ada = json!({"upstream_resource": {"id": "u-1", "userName": "ada"}});
        let (outcome, shown) = explained(&json!({"patch": "put"}), &request, &ada);
        assert_eq!(
            (outcome, &shown["response"]["body"]["scimType"]),
            (Outcome::Refused, &json!("mutability"))
        );
    }

    #[test]
    fn lists_deletions_and_eager_paths_are_shown() {
        let entry = json!({"id": "u-1", "userName": "ADA"});
        let list = json!({"status": 200, "body": {"totalResults": 1, "Resources": [entry],
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]}});
        let request = json!({"method": "GET", "path": "/Users?filter=userName+eq+%22ada%22"});
        let (_, shown) =
            explained(&json!({"filter": "local"}), &request, &json!({"upstream_responses": [list]}));
        assert_eq!(lines(&shown), ["GET /Users?startIndex=1&count=100"]);
        assert_eq!(shown["response"]["body"]["Resources"], json!([entry]));

        let request = json!({"method": "DELETE", "path": "/Users/u-1"});
        let done = json!({"upstream_responses": [{"status": 200, "body": {"id": "u-1", "active": false}}]});
        let (_, shown) = explained(&json!({"delete": "deactivate"}), &request, &done);
        assert_eq!(
            (lines(&shown), &shown["response"]["status"]),
            (vec!["PATCH /Users/u-1".to_owned()], &json!(204))
        );

        let operation = json!({"op": "Replace", "path": "active", "value": "False"});
        let request = json!({"method": "PATCH", "path": "/Users/u-1", "body": {"Operations": [operation]}});
        let done = json!({"upstream_responses": [{"status": 204}]});
        let (_, shown) = explained(&json!({"deactivate": "delete"}), &request, &done);
        assert_eq!(
            (lines(&shown), &shown["response"]["status"]),
            (vec!["DELETE /Users/u-1".to_owned()], &json!(204))
        );

        let operation = json!({"op": "Add", "path": "emails[type eq \"work\"].value", "value": "a"});
        let request = json!({"method": "PATCH", "path": "/Users/u-1", "body": {"Operations": [operation]}});
        let resource = json!({"upstream_resource": {"id": "u-1"}});
        let (_, shown) = explained(&json!({"eager": ["emails"]}), &request, &resource);
        assert_eq!(lines(&shown), ["GET /Users/u-1?attributes=emails", "PATCH /Users/u-1"]);
        assert_eq!(shown["upstream_requests"][1]["body"]["Operations"][0]["path"], "emails");
        assert!(shown["rules"].as_array().unwrap().contains(&json!("P30")), "{shown}");
    }
}
