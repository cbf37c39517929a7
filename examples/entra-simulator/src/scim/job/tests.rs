use serde_json::{Value, json};

use super::{Job, Report};
use crate::{
    directory::{Directory, GroupChange, UserChange},
    scim::{
        client::{Answer, Deliver},
        health::Thresholds,
        log::{Log, Outcome},
        requests::{RawRequest, TenantUrl},
        task::{Action, Step},
    },
};

/// An application that agrees to everything, or answers as told.
#[derive(Default)]
struct Application {
    requests: Vec<RawRequest>,
    next_id: u32,
    always: Option<(u16, Value)>,
}

impl Deliver for Application {
    fn deliver(&mut self, request: &RawRequest) -> Result<Answer, String> {
        self.requests.push(request.clone());
        let (status, body) = match (&self.always, request.method) {
            (Some(told), _) => told.clone(),
            (None, "GET") if !request.url.contains("filter=") => (200, json!({"id": "a-1"})),
            (None, "GET") => (200, json!({"totalResults": 0, "Resources": []})),
            (None, "POST") => {
                self.next_id += 1;
                (201, json!({"id": format!("a-{}", self.next_id)}))
            }
            (None, _) => (204, Value::Null),
        };
        Ok(Answer { status, is_json: !body.is_null(), body })
    }
}

fn job(query: &str) -> Job {
    Job::new(TenantUrl::new(&format!("http://h.example/scim/{query}"), false))
}

fn cycle(job: &mut Job, application: &mut Application, directory: &Directory) -> Report {
    let mut log = Log::default();
    application.requests.clear();
    job.cycle(application, &mut |entry| log.push(entry), directory.clone()).unwrap()
}

fn steps(report: &Report) -> Vec<&str> {
    report.entries.iter().filter(|e| e.outcome != Outcome::Skipped).map(|entry| entry.what.as_str()).collect()
}

fn user_change(json: &str) -> UserChange {
    serde_json::from_str(json).unwrap()
}

#[test]
fn the_first_cycle_creates_users_then_groups_then_references() {
    let report = cycle(&mut job(""), &mut Application::default(), &Directory::with_examples());
    assert_eq!(report.outcome, Outcome::Success);
    let expected = [
        "health check: users",
        "health check: groups",
        "match user mira",
        "create user mira",
        "match user ada",
        "create user ada",
        "match user bo",
        "create user bo",
        "match group orchard-crew",
        "create group orchard-crew",
        "set manager of ada",
        "set manager of bo",
        "change members of orchard-crew",
    ];
    assert_eq!(steps(&report), expected);
}

#[test]
fn a_second_cycle_sends_only_what_has_changed() {
    let (mut job, mut application) = (job(""), Application::default());
    let mut directory = Directory::with_examples();
    cycle(&mut job, &mut application, &directory);
    assert_eq!(steps(&cycle(&mut job, &mut application, &directory)).len(), 2, "health check only");

    directory.change_user("bo", user_change(r#"{"accountEnabled":false}"#)).unwrap();
    let change: GroupChange = serde_json::from_str(r#"{"members":["ada"]}"#).unwrap();
    directory.change_group("orchard-crew", change).unwrap();
    let report = cycle(&mut job, &mut application, &directory);
    assert_eq!(steps(&report)[2..], ["disable user bo", "change members of orchard-crew"]);
    let bodies: Vec<_> = application.requests.iter().filter_map(|request| request.body.clone()).collect();
    assert_eq!(bodies[0]["Operations"], json!([{"op": "Replace", "path": "active", "value": "False"}]));
    assert_eq!(
        bodies[1]["Operations"],
        json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "a-3"}]}])
    );
}

#[test]
fn a_hard_deletion_is_sent_once() {
    let (mut job, mut application) = (job(""), Application::default());
    let mut directory = Directory::with_examples();
    cycle(&mut job, &mut application, &directory);
    directory.change_user("bo", user_change(r#"{"deletion":"hard"}"#)).unwrap();
    assert_eq!(steps(&cycle(&mut job, &mut application, &directory))[2..], ["delete user bo"]);
    assert_eq!(steps(&cycle(&mut job, &mut application, &directory)).len(), 2);
}

#[test]
fn an_existing_user_is_linked_and_only_differences_are_sent() {
    let mut application = Application::default();
    let resource = json!({"id": "x-9", "active": true, "displayName": "Ada Ferngrove", "title": "Old"});
    application.always = Some((200, json!({"totalResults": 1, "Resources": [resource]})));
    let directory = Directory::with_examples();
    let mut job = job("");
    let mut log = Log::default();
    let ada = directory.user("ada").unwrap().clone();
    let report = job.user_on_demand(&mut application, &mut |entry| log.push(entry), directory, &ada);
    assert_eq!(steps(&report)[..2], ["match user ada", "update user ada"]);
    let operations = application.requests[1].body.as_ref().unwrap()["Operations"].clone();
    assert!(
        operations
            .as_array()
            .unwrap()
            .contains(&json!({"op": "Replace", "path": "title", "value": "Grafter"}))
    );
    assert!(!operations.to_string().contains("displayName"));
    assert_eq!(application.requests[1].url, "http://h.example/scim/Users/x-9");
}

#[test]
fn on_demand_ignores_the_flag() {
    let (mut job, mut application) = (job("?aadOptscim062020"), Application::default());
    let mut directory = Directory::with_examples();
    cycle(&mut job, &mut application, &directory);
    let ada = directory.change_user("ada", user_change(r#"{"accountEnabled":false}"#)).unwrap();
    application.requests.clear();
    let mut log = Log::default();
    job.user_on_demand(&mut application, &mut |entry| log.push(entry), directory, &ada);
    assert_eq!(application.requests[0].method, "GET", "the object is read first");
    let body = application.requests.last().unwrap().body.clone().unwrap();
    assert_eq!(body["Operations"][0], json!({"op": "Replace", "path": "active", "value": "False"}));
}

#[test]
fn a_refused_credential_stops_the_cycle() {
    let mut application = Application { always: Some((401, json!({}))), ..Application::default() };
    let report = cycle(&mut job(""), &mut application, &Directory::with_examples());
    assert!(report.quarantine.unwrap().starts_with("InvalidCredentials"));
    assert!(report.entries.len() <= 2);
}

#[test]
fn a_quarantine_lasts_until_a_cycle_goes_well() {
    let (mut job, mut application) = (job(""), Application::default());
    let directory = Directory::with_examples();
    application.always = Some((403, json!({})));
    cycle(&mut job, &mut application, &directory);
    cycle(&mut job, &mut application, &directory);
    assert_eq!(job.health().state, "quarantine");
    application.always = None;
    assert_eq!(cycle(&mut job, &mut application, &directory).quarantine, None);
    assert_eq!((job.health().state, job.cycles()), ("healthy", 3));
}

#[test]
fn objects_that_fail_wait_and_may_put_the_job_into_quarantine() {
    struct Refusing(Application);
    impl Deliver for Refusing {
        fn deliver(&mut self, request: &RawRequest) -> Result<Answer, String> {
            self.0.always = (request.method == "POST").then(|| (500, json!({"detail": "no"})));
            self.0.deliver(request)
        }
    }
    let mut job = job("");
    let mut log = Log::default();
    let mut run = |job: &mut Job| {
        let mut application = Refusing(Application::default());
        job.cycle(&mut application, &mut |entry| log.push(entry), Directory::with_examples()).unwrap()
    };
    let report = run(&mut job);
    assert_eq!((report.outcome, report.quarantine), (Outcome::Failure, None));
    assert_eq!(job.health().escrows, 4, "three users and a group");
    job.set_thresholds(Thresholds { percent_from: 4, ..Thresholds::default() });
    assert!(run(&mut job).quarantine.unwrap().starts_with("EncounteredEscrow"));
}

#[test]
fn the_log_speaks_as_entras_does() {
    let report = cycle(&mut job(""), &mut Application::default(), &Directory::with_examples());
    let of = |what: &str| report.entries.iter().find(|entry| entry.what == what).unwrap();
    assert_eq!(of("create user ada").message, "User 'ada' was created in customappsso");
    assert_eq!((of("create user ada").action, of("create user ada").step), (Action::Create, Step::Export));
    assert!(of("user zoe").message.contains("not assigned to the application"));
    let mut refusing = Application { always: Some((401, json!({}))), ..Application::default() };
    let report = cycle(&mut job(""), &mut refusing, &Directory::with_examples());
    assert_eq!(report.entries[0].error_code.as_deref(), Some("InvalidCredentials"));
    assert_eq!(report.entries[0].outcome, Outcome::Failure);
}

#[test]
fn progress_can_be_read_while_a_cycle_runs() {
    let mut job = job("");
    let progress = job.progress();
    progress.begin();
    cycle(&mut job, &mut Application::default(), &Directory::with_examples());
    let position = progress.position();
    assert_eq!((position.done, position.total, position.running), (10, 10, true));
    progress.end();
    assert!(!progress.position().running);
}

#[test]
fn a_wrong_tenant_url_stops_the_cycle() {
    let mut application = Application { always: Some((404, Value::Null)), ..Application::default() };
    assert!(cycle(&mut job(""), &mut application, &Directory::with_examples()).quarantine.is_some());
}

#[test]
fn two_matches_and_unreadable_answers_fail_the_object_only() {
    for body in [json!({"totalResults": 2, "Resources": [{}, {}]}), json!("text")] {
        let mut application = Application { always: Some((200, body)), ..Application::default() };
        let directory = Directory::with_examples();
        let ada = directory.user("ada").unwrap().clone();
        let mut log = Log::default();
        let report = job("").user_on_demand(&mut application, &mut |entry| log.push(entry), directory, &ada);
        assert_eq!((report.outcome, report.quarantine), (Outcome::Failure, None));
        assert_eq!(application.requests.len(), 1);
    }
}
