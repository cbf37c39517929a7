//! The interface for scripts. What it takes and gives is in the README.

mod directory;
pub mod provisioning;
pub mod sign_on;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::web::{
    app::{App, Busy},
    http::{Request, Response},
};

/// Answers a request below `/api/`.
#[must_use]
pub fn api(app: &Arc<App>, method: &str, segments: &[&str], request: &Request) -> Response {
    match segments {
        ["users" | "groups", ..] => directory::answer(app, method, segments, request),
        ["provision", rest @ ..] => provisioning::answer(app, method, rest, request),
        _ => sign_on::answer(app, method, segments, request),
    }
}

fn with_body<T: DeserializeOwned>(request: &Request, answer: impl FnOnce(T) -> Response) -> Response {
    match serde_json::from_slice(&request.body) {
        Ok(body) => answer(body),
        Err(error) => Response::refusal(400, "bad_body", &error.to_string()),
    }
}

fn done<T: serde::Serialize>(status: u16, result: Result<T, String>) -> Response {
    match result {
        Ok(object) => Response::json(status, &json!(object)),
        Err(detail) => Response::refusal(400, "refused", &detail),
    }
}

fn or_busy<T>(result: Result<T, Busy>, answer: impl FnOnce(T) -> Response) -> Response {
    match result {
        Ok(value) => answer(value),
        Err(Busy) => Response::refusal(409, "busy", "another run is under way"),
    }
}

fn not_found() -> Response {
    Response::refusal(404, "not_found", "there is no such resource")
}

fn found(object: &Value) -> Response {
    if object.is_null() { not_found() } else { Response::json(200, object) }
}

#[cfg(test)]
pub(crate) mod tests;
