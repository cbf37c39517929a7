//! Provisioning: runs, the log, the credential, where it goes.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::{not_found, or_busy, with_body};
use crate::{
    arguments::{guid, url},
    scim::{credential::Credential, health::Thresholds, job::Report, requests::TenantUrl},
    web::{
        app::{App, Busy},
        http::{Request, Response},
    },
};

pub(super) fn answer(app: &Arc<App>, method: &str, segments: &[&str], request: &Request) -> Response {
    match (method, segments) {
        ("POST", ["test-connection"]) => report(app.test_connection().map(|run| run.map(Some))),
        ("POST", ["cycle"]) if request.query.split('&').any(|part| part == "wait=false") => {
            or_busy(app.start_cycle(), |()| Response::json(202, &json!(app.status())))
        }
        ("POST", ["cycle"]) => report(app.cycle().map(|run| run.map(Some))),
        ("POST", ["on-demand"]) => with_body(request, |order| on_demand(app, &order)),
        ("POST", ["restart"]) => {
            or_busy(app.provision(|job, _, _| job.restart()), |()| Response::json(200, &json!({})))
        }
        ("GET", ["status"]) => Response::json(200, &json!(app.status())),
        ("GET", ["log"]) => Response::json(200, &json!(app.log())),
        ("GET", ["ids"]) => {
            or_busy(app.provision(|job, _, _| job.user_ids()), |ids| Response::json(200, &json!(ids)))
        }
        ("GET", ["credential"]) => Response::json(200, &app.status().credential),
        ("PUT", ["credential"]) => with_body(request, |credential| choose(app, credential)),
        ("GET", ["settings"]) => Response::json(200, &json!(app.target())),
        ("PATCH", ["settings"]) => with_body(request, |change| change_target(app, change)),
        _ => not_found(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnDemandOrder {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    group: Option<String>,
}

fn on_demand(app: &App, order: &OnDemandOrder) -> Response {
    match (&order.user, &order.group) {
        (Some(user), None) => report(app.user_on_demand(user).map(Ok)),
        (None, Some(group)) => report(app.group_on_demand(group).map(Ok)),
        _ => Response::refusal(400, "bad_body", "either user or group has to be given"),
    }
}

fn report(result: Result<Result<Option<Report>, String>, Busy>) -> Response {
    or_busy(result, |run| match run {
        Ok(Some(report)) => Response::json(200, &json!(report)),
        Ok(None) => not_found(),
        Err(detail) => Response::refusal(500, "not_run", &detail),
    })
}

/// Chooses a credential, which is never told again.
pub fn choose(app: &App, credential: Credential) -> Response {
    if let Err(detail) = credential.check() {
        return Response::refusal(400, "refused", &detail);
    }
    let shown = credential.shown();
    or_busy(app.provision(|_, client, _| client.set_credential(credential)), |()| Response::json(200, &shown))
}

/// What may be changed of where objects go.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetChange {
    pub tenant_url: Option<String>,
    /// Puts `aadOptscim062020` into the URL, or takes it out.
    pub compatibility: Option<bool>,
    pub double_slash: Option<bool>,
    pub application_id: Option<String>,
    pub service_principal_id: Option<String>,
    pub thresholds: Option<Thresholds>,
}

/// Changes it.
pub fn change_target(app: &App, change: TargetChange) -> Response {
    let mut target = app.target();
    if let Some(flag) = change.compatibility {
        let typed = change.tenant_url.as_deref().unwrap_or(&target.tenant_url);
        target.tenant_url = TenantUrl::with_flag(typed, flag);
    } else if let Some(typed) = change.tenant_url {
        target.tenant_url = typed;
    }
    target.double_slash = change.double_slash.unwrap_or(target.double_slash);
    let ids = [
        (&mut target.application_id, change.application_id),
        (&mut target.service_principal_id, change.service_principal_id),
    ];
    for (field, value) in ids {
        match value.map(guid).transpose() {
            Ok(Some(value)) => *field = value,
            Ok(None) => {}
            Err(detail) => return Response::refusal(400, "refused", &detail),
        }
    }
    if let Err(detail) = url(target.tenant_url.clone()) {
        return Response::refusal(400, "refused", &detail);
    }
    let shown = json!(target);
    let thresholds = change.thresholds;
    let set = app.set_target(target).and_then(|()| {
        app.provision(|job, _, _| {
            thresholds.into_iter().for_each(|thresholds| job.set_thresholds(thresholds))
        })
    });
    or_busy(set, |()| Response::json(200, &shown))
}
