//! What a write means for somebody's sessions, as the application answers it.

use super::event::Step;
use super::reports_test::{ADA, Scene, active, answer, answered, called, patched};
use crate::access::{Holder, Places, Standing};
use crate::common::{PersonKeys, UnixMillis};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const BO_AND_ON: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"userName","value":"bo@n.example"},{"op":"Replace","path":"active","value":"True"}]}"#;
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

impl Scene {
    /// How a session stands that was issued before the write, and knows its holder by a name.
    fn of_name(&self, name: &str) -> Standing {
        let keys = PersonKeys::from_iter([name]);
        self.gateway.people.standing(&self.host, "t", &keys, None, self.before()).unwrap()
    }

    /// The same of one that knows the account only.
    fn of_account(&self, id: &str) -> Standing {
        let (keys, places) = (PersonKeys::none(), Places::default());
        let holder =
            Holder { keys: &keys, session: None, account: Some(id), issued: self.before(), places: &places };
        self.gateway.people.standing_of(&self.host, "t", &holder).unwrap()
    }

    fn before(&self) -> UnixMillis {
        UnixMillis(self.host.time.get())
    }

    fn lock_out(&self, name: &str, account: &str) {
        let people = &self.gateway.people;
        people.block(&self.host, "t", &PersonKeys::from_iter([name])).unwrap();
        people.block_account(&self.host, "t", account).unwrap();
    }

    /// A write to `u-1`, which the application says is `known`, and its answer.
    fn write(&self, (method, body): (&str, &str), known: (u16, &str), (status, body_of_it): (&str, &str)) {
        let (mut exchange, step) = self.provision(method, "/scim/Users/u-1", body);
        called(&step);
        let step = exchange.on(answer(known.0, known.1), &self.host);
        assert!(matches!(step, Step::Continue(_)), "{step:?}");
        // What is no SCIM is replaced, never its status.
        if let Step::Answer(reply) = self.respond(&mut exchange, status, body_of_it) {
            assert_eq!(reply.status.to_string(), status);
        }
    }
}

fn put(rest: &str) -> String {
    format!(r#"{{"schemas":["{USER}"],"id":"u-1",{rest}}}"#)
}

#[test]
fn a_new_name_beside_a_reactivation_ends_the_sessions_by_the_old_one() {
    let replaced = put(r#""userName":"bo@n.example","active":true"#);
    let bo = ADA.replace("ada@", "bo@");
    for (write, answer) in [
        (("PATCH", BO_AND_ON), ("204", "")),
        (("PATCH", BO_AND_ON), ("200", bo.as_str())),
        (("PUT", &replaced), ("200", &bo)),
        // It may have been applied.
        (("PATCH", BO_AND_ON), ("500", "")),
    ] {
        let scene = Scene::new();
        scene.write(write, (200, ADA), answer);
        let stand = (scene.of_name("ada@n.example"), scene.of_account("u-1"));
        assert_eq!(stand, (Standing::Ended, Standing::Ended), "{write:?} {answer:?}");
        assert_eq!(scene.of_name("eve@n.example"), Standing::Clear, "nobody else's");
        assert_eq!((scene.counted("revocation.renamed"), scene.counted("scim.person_unknown")), (1, 0));
    }
    let scene = Scene::new();
    scene.write(("PATCH", BO_AND_ON), (200, ADA), ("400", ""));
    assert_eq!(scene.of_name("ada@n.example"), Standing::Clear, "nothing was changed");
}

#[test]
fn a_reactivation_without_a_new_name_ends_nothing() {
    let same = put(r#""userName":"ADA@n.example","active":true"#);
    for (write, known) in [
        (("PATCH", active(true)), (200, ADA)),
        (("PATCH", active(true)), (404, "")),
        (("PUT", same), (200, ADA)),
    ] {
        for answer in [("204", ""), ("200", ADA), ("500", "")] {
            let scene = Scene::new();
            scene.write((write.0, &write.1), known, answer);
            let stand = (scene.of_name("ada@n.example"), scene.of_account("u-1"));
            assert_eq!(stand, (Standing::Clear, Standing::Clear), "{write:?} {answer:?}");
            assert_eq!((scene.counted("revocation.renamed"), scene.counted("scim.person_unknown")), (0, 0));
        }
    }
}

#[test]
fn somebody_reactivated_under_a_new_name_may_come_in_by_it() {
    let scene = Scene::new();
    scene.lock_out("ada@n.example", "u-1");
    let inactive = ADA.replace(r#""id""#, r#""active":false,"id""#);
    scene.write(("PATCH", BO_AND_ON), (200, &inactive), ("204", ""));
    for stand in [scene.of_name("ada@n.example"), scene.of_name("bo@n.example"), scene.of_account("u-1")] {
        assert_eq!(stand, Standing::Ended, "what was issued before is void, and nobody is locked out");
    }
}

#[test]
fn a_reactivation_that_may_have_failed_locks_nobody_out_who_has_the_new_name() {
    for locked_out in [false, true] {
        let scene = Scene::new();
        if locked_out {
            scene.lock_out("ada@n.example", "u-1");
        }
        let inactive = ADA.replace(r#""id""#, r#""active":false,"id""#);
        scene.write(("PATCH", BO_AND_ON), (200, &inactive), ("500", ""));
        assert_eq!(scene.of_name("bo@n.example"), Standing::Ended, "Bo may sign in anew");
        let ada = if locked_out { Standing::Blocked } else { Standing::Ended };
        assert_eq!((scene.of_name("ada@n.example"), scene.of_account("u-1")), (ada, ada));
    }
}

#[test]
fn a_new_name_beside_a_reactivation_of_nobody_knows_whom_casts_doubt() {
    let scene = Scene::new();
    scene.write(("PATCH", BO_AND_ON), (500, ""), ("204", ""));
    assert_eq!(scene.of_name("eve@n.example"), Standing::Ended, "doubt is on everybody");
    assert_eq!(scene.counted("scim.person_unknown"), 1);
}

#[test]
fn an_account_that_is_not_there_to_be_deleted_locks_its_holder_out() {
    for status in ["404", "410"] {
        for body in ["", r#"{"detail":"gone"}"#] {
            let scene = Scene::new();
            scene.write(("DELETE", ""), (200, ADA), (status, body));
            let stand = (scene.of_name("ada@n.example"), scene.of_account("u-1"));
            assert_eq!(stand, (Standing::Blocked, Standing::Blocked), "{status}");
            assert_eq!(scene.of_name("eve@n.example"), Standing::Clear);
            assert_eq!(scene.counted("revocation.deactivated"), 1);
        }
    }
    for (write, status) in [
        (("DELETE", String::new()), "412"),
        (("DELETE", String::new()), "409"),
        (("PATCH", active(false)), "404"),
    ] {
        let scene = Scene::new();
        scene.write((write.0, &write.1), (200, ADA), (status, ""));
        assert_eq!(scene.of_name("ada@n.example"), Standing::Clear, "{write:?} {status}: a refusal");
    }
}

#[test]
fn a_deactivation_by_deletion_of_an_account_that_is_not_there_locks_its_holder_out() {
    for (more, method, body) in [
        ("      abilities: {deactivate: delete}", "PATCH", active(false)),
        ("      abilities: {deactivate: delete}", "PUT", put(r#""userName":"ada@n.example","active":false"#)),
        ("      abilities: {delete: deactivate}", "DELETE", String::new()),
        ("      abilities: {delete: deactivate, patch: put}", "DELETE", String::new()),
    ] {
        for status in [404, 410] {
            let scene = Scene::with(more);
            let (mut exchange, step) = scene.provision(method, "/scim/Users/u-1", &body);
            called(&step);
            called(&exchange.on(answer(200, ADA), &scene.host));
            let step = exchange.on(answer(status, ""), &scene.host);
            assert_eq!(answered(step), status, "the client is told what it always was");
            let stand = (scene.of_name("ada@n.example"), scene.of_account("u-1"));
            assert_eq!(stand, (Standing::Blocked, Standing::Blocked), "{more} {method} {status}");
        }
    }
}

#[test]
fn a_deletion_of_what_was_gone_before_locks_the_account_out_and_casts_no_doubt_on_others() {
    for again in [false, true] {
        let scene = Scene::new();
        if again {
            scene.lock_out("ada@n.example", "u-1");
        }
        scene.write(("DELETE", ""), (404, ""), ("404", ""));
        assert_eq!(scene.of_name("eve@n.example"), Standing::Clear);
        assert_eq!(scene.of_account("u-1"), Standing::Blocked);
        let ada = if again { Standing::Blocked } else { Standing::Clear };
        assert_eq!(scene.of_name("ada@n.example"), ada);
        assert_eq!(scene.counted("scim.person_unknown"), 0);
    }
}

/// What is created or changed may have an address that is somebody else's.
#[test]
fn an_address_of_somebody_else_in_a_request_neither_locks_out_nor_lets_in() {
    let made = |active: &str| {
        put(&format!(
            r#""userName":"adm-ada","active":{active},"emails":[{{"type":"work","value":"adm@n.example"}},{{"type":"other","value":"ada@n.example"}}]"#
        ))
    };
    let create = |scene: &Scene, active: &str| {
        let (mut exchange, step) = scene.provision("POST", "/scim/Users", &made(active));
        assert!(matches!(step, Step::Continue(_)), "{step:?}");
        scene.respond(&mut exchange, "201", &made(active).replace("u-1", "u-9"));
    };
    let scene = Scene::new();
    create(&scene, r#""False""#);
    let stand = ["adm-ada", "adm@n.example", "ada@n.example"].map(|name| scene.of_name(name));
    assert_eq!(stand, [Standing::Blocked, Standing::Blocked, Standing::Clear]);

    let scene = Scene::new();
    scene.lock_out("ada@n.example", "u-1");
    create(&scene, "true");
    let other = patched(r#""path":"emails[type eq \"other\"].value","value":"ada@n.example""#);
    let (mut exchange, step) = scene.provision("PATCH", "/scim/Users/u-9", &other);
    assert!(!matches!(step, Step::Call(_)), "nobody is renamed by it");
    scene.respond(&mut exchange, "204", "");
    assert_eq!(scene.of_name("ada@n.example"), Standing::Blocked);
}
