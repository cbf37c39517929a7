use super::super::ledger::tests::ring;
use super::*;
use crate::common::test_host::TestHost;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_holder_that_was_looked_up_before_is_found_under_a_new_account_and_at_another_tenant() {
    let (host, people) = people();
    let (keys, places) = (keys(&["ada@n.example"]), Places::default());
    let standing = |tenant: &str, account: Option<&str>| {
        let of = Holder { keys: &keys, session: Some("s"), account, issued: host.now(), places: &places };
        people.look(&host, tenant, &of).unwrap().standing
    };
    assert_eq!(standing("t", None), Standing::Clear);
    people.block_account(&host, "t", "u-1").unwrap();
    assert_eq!([standing("t", None), standing("t", Some("u-1"))], [Standing::Clear, Standing::Blocked]);
    people.end_session(&host, "other", ("s", UnixMillis(1))).unwrap();
    assert_eq!([standing("t", None), standing("other", None)], [Standing::Clear, Standing::Ended]);
    people.block(&host, "t", &keys).unwrap();
    assert_eq!(standing("t", None), Standing::Blocked, "looked up each time, where was worked out once");
}

/// Whether the shards are looked at: without them nothing is known but what is remembered.
fn looks(host: &TestHost, people: &People, places: &Places) -> bool {
    let shards = host.shared.take();
    host.shared.replace(
        shards
            .iter()
            .filter(|(name, _)| name.ends_with("/turn"))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect(),
    );
    let keys = keys(&["ada"]);
    let of = Holder { keys: &keys, session: Some("s"), account: None, issued: UnixMillis(1), places };
    let looked = people.look(host, "t", &of).is_err();
    host.shared.replace(shards);
    looked
}

#[test]
fn what_a_further_look_finds_is_remembered_for_further_looks_only_and_until_the_table_changes() {
    let (host, people) = people();
    let (keys, places) = (keys(&["ada"]), Places::default());
    let of =
        Holder { keys: &keys, session: Some("s"), account: None, issued: UnixMillis(1), places: &places };
    let asked = Cell::new(0);
    let further = || {
        asked.set(asked.get() + 1);
        people
            .is_index_ended(&host, "t", ("ada", "_1"), UnixMillis(1))
            .map(|ended| if ended { Standing::Ended } else { Standing::Clear })
    };
    let look = || people.look_further(&host, "t", &of, &further).unwrap().standing;
    assert_eq!(people.look(&host, "t", &of).unwrap().standing, Standing::Clear);
    assert_eq!([look(), look()], [Standing::Clear; 2]);
    assert_eq!(asked.get(), 1, "what was found without it does not stand for it");
    people.end_index(&host, "t", "ada", "_1").unwrap();
    assert_eq!([look(), look()], [Standing::Ended; 2]);
    assert_eq!(asked.get(), 2);
    assert_eq!(people.look(&host, "t", &of).unwrap().standing, Standing::Clear);
    people.block(&host, "t", &keys).unwrap();
    assert_eq!(look(), Standing::Blocked);
    assert_eq!(asked.get(), 2, "what is certain needs no further look");
    let unreadable = || Err(LedgerError::Unreadable);
    people.unblock(&host, "other", &keys).unwrap();
    let fresh = Places::default();
    let of = Holder { places: &fresh, issued: UnixMillis(u64::MAX), ..of };
    people.unblock(&host, "t", &keys).unwrap();
    assert_eq!(people.look_further(&host, "t", &of, &unreadable), Err(LedgerError::Unreadable));
}

fn again(host: &TestHost, people: &People, places: &Places) -> Result<Standing, LedgerError> {
    let keys = keys(&["ada"]);
    let of = Holder { keys: &keys, session: Some("s"), account: None, issued: UnixMillis(1), places };
    people.look(host, "t", &of).map(|look| look.standing)
}

#[test]
fn the_table_is_looked_at_anew_after_every_kind_of_change_by_any_worker_and_not_before() {
    let (host, here) = people();
    let there = People::with_capacity(ring(1), Duration::from_secs(3600), 4, 8);
    let of_bob = keys(&["bob"]);
    let changes: [(&str, &dyn Fn()); 9] = [
        ("block", &|| _ = there.block(&host, "t", &of_bob).unwrap()),
        ("unblock", &|| there.unblock(&host, "t", &of_bob).unwrap()),
        ("end_sessions", &|| _ = there.end_sessions(&host, "t", &of_bob).unwrap()),
        ("block_account", &|| there.block_account(&host, "t", "u").unwrap()),
        ("end_session", &|| _ = there.end_session(&host, "t", ("other", UnixMillis(1))).unwrap()),
        ("end_index", &|| there.end_index(&host, "t", "bob", "1").unwrap()),
        ("make_account_stale", &|| _ = there.make_account_stale(&host, "t", "u").unwrap()),
        ("cast_doubt", &|| there.cast_doubt(&host, "t").unwrap()),
        ("raise_epoch", &|| there.raise_epoch(&host, "t").unwrap()),
    ];
    for (name, change) in changes {
        let places = Places::default();
        again(&host, &here, &places).unwrap();
        assert!(!looks(&host, &here, &places), "nothing changed before {name}");
        change();
        assert!(looks(&host, &here, &places), "{name}");
    }
}

#[test]
fn who_is_locked_out_at_another_worker_is_out_here_at_once() {
    let (host, here) = people();
    let there = People::with_capacity(ring(1), Duration::from_secs(3600), 4, 8);
    let places = Places::default();
    assert_eq!(again(&host, &here, &places), Ok(Standing::Clear));
    assert_eq!(again(&host, &here, &places), Ok(Standing::Clear));
    there.block(&host, "t", &keys(&["ada"])).unwrap();
    assert_eq!(again(&host, &here, &places), Ok(Standing::Blocked));
    there.unblock(&host, "t", &keys(&["ada"])).unwrap();
    assert_eq!(again(&host, &here, &places), Ok(Standing::Ended));
}

#[test]
fn what_was_found_is_believed_for_a_second_at_most_and_not_where_the_clock_was_set_back() {
    let (host, people) = people();
    let places = Places::default();
    let began = host.time.get();
    again(&host, &people, &places).unwrap();
    for (time, looked) in [(began + 999, false), (began + 1000, true), (began - 1, true), (began, false)] {
        host.time.set(time);
        assert_eq!(looks(&host, &people, &places), looked, "{time}");
    }
}

#[test]
fn a_block_is_lifted_also_where_its_shard_has_more_rows_than_it_may() {
    let host = TestHost::at(1_000_000);
    let people = People::with_capacity(ring(1), Duration::from_secs(3600), 1, 1);
    people.prepare(&host).unwrap();
    people.block(&host, "t", &keys(&["ada"])).unwrap();
    people.raise_epoch(&host, "t").unwrap();
    people.unblock(&host, "t", &keys(&["ada"])).unwrap();
    assert_eq!(standing(&host, &people, &["ada"], 1_000_001), Standing::Clear);
}

#[test]
fn who_goes_by_the_turn_hears_of_a_change_only_when_a_look_sees_it() {
    let (host, people) = people();
    let before = people.turn(&host).unwrap();
    assert!(before.is_some());
    people.block(&host, "t", &keys(&["ada"])).unwrap();
    assert_ne!(people.turn(&host).unwrap(), before);
}

#[test]
fn an_old_turn_that_somebody_puts_back_does_not_bring_the_old_time_back() {
    let (host, people) = people();
    let places = Places::default();
    again(&host, &people, &places).unwrap();
    let name = "vestibule/people/turn";
    let old = host.shared_get(name).unwrap().unwrap().0;
    people.block(&host, "t", &keys(&["ada"])).unwrap();
    host.shared_set(name, &old, None).unwrap();
    assert_eq!(again(&host, &people, &places), Ok(Standing::Blocked));
}

#[test]
fn without_a_turn_or_with_a_strange_one_the_table_is_looked_at_each_time() {
    let (host, people) = people();
    for strange in [None, Some(&b""[..]), Some(b"short"), Some(&[7; 17])] {
        let places = Places::default();
        host.shared.borrow_mut().remove("vestibule/people/turn");
        if let Some(value) = strange {
            host.shared_set("vestibule/people/turn", value, None).unwrap();
        }
        assert_eq!(again(&host, &people, &places), Ok(Standing::Clear));
        assert!(looks(&host, &people, &places), "{strange:?}");
    }
}

#[test]
fn a_lock_out_of_which_others_could_not_be_told_is_an_error_and_coming_again_tells_them() {
    let (host, people) = people();
    let places = Places::default();
    assert_eq!(again(&host, &people, &places), Ok(Standing::Clear));
    host.unwritable.replace("vestibule/people/turn".to_owned());
    let of = keys(&["ada"]);
    assert!(people.block(&host, "t", &of).is_err());
    assert!(people.raise_epoch(&host, "t").is_err());
    assert!(people.end_session(&host, "t", ("s", UnixMillis(1))).is_err());
    host.unwritable.take();
    people.block(&host, "t", &of).unwrap();
    assert_eq!(again(&host, &people, &places), Ok(Standing::Blocked));
}

#[test]
fn where_the_turn_cannot_be_read_nobody_is_let_in_by_what_was_remembered() {
    let (host, people) = people();
    let places = Places::default();
    assert_eq!(again(&host, &people, &places), Ok(Standing::Clear));
    host.shared_fails.set(true);
    assert!(again(&host, &people, &places).is_err());
}

fn people() -> (TestHost, People) {
    let host = TestHost::at(1_000_000);
    let people = People::with_capacity(ring(1), Duration::from_secs(3600), 4, 8);
    people.prepare(&host).unwrap();
    (host, people)
}

fn keys(keys: &[&str]) -> PersonKeys {
    keys.iter().copied().collect()
}

fn standing(host: &TestHost, people: &People, of: &[&str], issued: u64) -> Standing {
    people.standing(host, "t", &keys(of), None, UnixMillis(issued)).unwrap()
}

#[test]
fn a_blocked_person_is_recognised_by_any_key_in_any_case() {
    let (host, people) = people();
    people.block(&host, "t", &keys(&["Ada@N.example", "oid-1"])).unwrap();
    for of in [&["ada@n.example"][..], &["OID-1"], &["other", "oid-1"]] {
        assert_eq!(standing(&host, &people, of, 2_000_000), Standing::Blocked);
    }
    assert_eq!(standing(&host, &people, &["bob@n.example"], 0), Standing::Clear);
}

#[test]
fn a_block_of_one_tenant_means_nothing_in_another() {
    let (host, people) = people();
    people.block(&host, "t", &keys(&["ada"])).unwrap();
    let other = people.standing(&host, "u", &keys(&["ada"]), None, UnixMillis(0)).unwrap();
    assert_eq!(other, Standing::Clear);
}

#[test]
fn after_reactivation_older_sessions_stay_void_and_new_ones_live() {
    let (host, people) = people();
    people.block(&host, "t", &keys(&["ada"])).unwrap();
    host.time.set(1_100_000);
    people.unblock(&host, "t", &keys(&["ada"])).unwrap();
    assert_eq!(standing(&host, &people, &["ada"], 1_050_000), Standing::Ended);
    assert_eq!(standing(&host, &people, &["ada"], 1_100_000), Standing::Ended);
    assert_eq!(standing(&host, &people, &["ada"], 1_100_001), Standing::Clear);
}

#[test]
fn reactivating_somebody_who_was_not_blocked_ends_nothing() {
    let (host, people) = people();
    people.unblock(&host, "t", &keys(&["ada"])).unwrap();
    assert_eq!(standing(&host, &people, &["ada"], 1), Standing::Clear);
}

#[test]
fn blocking_nobody_in_particular_voids_everything_issued_before() {
    let (host, people) = people();
    people.block(&host, "t", &PersonKeys::none()).unwrap();
    assert_eq!(standing(&host, &people, &["bob"], 1_000_000), Standing::Ended);
    assert_eq!(standing(&host, &people, &["bob"], 1_000_001), Standing::Clear);
}

#[test]
fn an_ended_session_is_void_and_others_of_the_person_are_not() {
    let (host, people) = people();
    people.end_session(&host, "t", ("s1", UnixMillis(1))).unwrap();
    let of = |id| people.standing(&host, "t", &keys(&["ada"]), Some(id), UnixMillis(1)).unwrap();
    assert_eq!(of("s1"), Standing::Ended);
    assert_eq!(of("s2"), Standing::Clear);
}

#[test]
fn a_session_is_ended_also_where_the_clock_was_set_back_since_it_was_issued() {
    let (host, people) = people();
    host.time.set(10);
    people.end_session(&host, "t", ("s", UnixMillis(1_000_000))).unwrap();
    let of = |id| people.standing(&host, "t", &keys(&["ada"]), Some(id), UnixMillis(1_000_000)).unwrap();
    assert_eq!([of("s"), of("another")], [Standing::Ended, Standing::Clear]);
}

#[test]
fn somebody_renamed_signs_in_anew_but_a_block_stays() {
    let (host, people) = people();
    people.block(&host, "t", &keys(&["bob"])).unwrap();
    people.end_sessions(&host, "t", &keys(&["ada", "bob"])).unwrap();
    assert_eq!(standing(&host, &people, &["ada"], 1_000_000), Standing::Ended);
    assert_eq!(standing(&host, &people, &["ada"], 1_000_001), Standing::Clear);
    assert_eq!(standing(&host, &people, &["bob"], 2_000_000), Standing::Blocked);
}

#[test]
fn a_clock_that_is_set_back_revives_nothing() {
    let (host, people) = people();
    people.block(&host, "t", &keys(&["ada"])).unwrap();
    people.raise_epoch(&host, "t").unwrap();
    host.time.set(500_000);
    people.unblock(&host, "t", &keys(&["ada"])).unwrap();
    people.raise_epoch(&host, "t").unwrap();
    assert_eq!(standing(&host, &people, &["ada"], 900_000), Standing::Ended);
    assert_eq!(standing(&host, &people, &["bob"], 900_000), Standing::Ended);
}

#[test]
fn a_block_that_cannot_be_recorded_is_an_error() {
    let (host, people) = people();
    host.shared_fails.set(true);
    assert!(people.block(&host, "t", &keys(&["ada"])).is_err());
    assert!(people.block(&host, "t", &PersonKeys::none()).is_err());
}

#[test]
fn more_keys_than_can_be_one_person_raise_the_epoch() {
    let (host, people) = people();
    let many: Vec<String> = (0..100).map(|at| format!("mail-{at}")).collect();
    let keys: PersonKeys = many.iter().map(String::as_str).collect();
    assert_eq!(people.block(&host, "t", &keys), Ok(false));
    assert_eq!(standing(&host, &people, &["mail-99"], 1_000_000), Standing::Ended);
}

#[test]
fn the_epoch_of_one_tenant_pushes_nobody_out_of_a_full_table() {
    let (host, people) = people();
    let mut names = Vec::new();
    for at in 0..200 {
        let name = format!("user-{at}");
        if people.block(&host, "t", &keys(&[&name])).unwrap() {
            names.push(name);
        }
    }
    people.raise_epoch(&host, "another").unwrap();
    for name in &names {
        assert_eq!(standing(&host, &people, &[name], 2_000_000), Standing::Blocked);
    }
}

#[test]
fn an_account_is_locked_out_apart_from_the_names_of_its_holder() {
    let (host, people) = people();
    people.block_account(&host, "t", "u-1").unwrap();
    assert_eq!(people.is_account_blocked(&host, "t", "u-1"), Ok(true));
    assert_eq!(people.is_account_blocked(&host, "u", "u-1"), Ok(false));
    assert_eq!(standing(&host, &people, &["u-1"], 1), Standing::Clear, "an identifier is no name");
    people.unblock_account(&host, "t", "u-1").unwrap();
    assert_eq!(people.is_account_blocked(&host, "t", "u-1"), Ok(false));
}

#[test]
fn a_full_table_casts_doubt_rather_than_forget() {
    let (host, people) = people();
    let mut at = 0u32;
    let full = loop {
        at += 1;
        let name = format!("user-{at}");
        if !people.block(&host, "t", &keys(&[&name])).unwrap() {
            break name;
        }
    };
    assert_eq!(standing(&host, &people, &["user-1"], 2_000_000), Standing::Blocked);
    assert_eq!(standing(&host, &people, &[&full], 1_000_000), Standing::Ended);
    assert_eq!(standing(&host, &people, &["somebody else"], 1_000_000), Standing::Ended);
}

fn look(host: &TestHost, people: &People, account: Option<&str>, issued: u64) -> Look {
    let keys = keys(&["ada"]);
    let places = Places::default();
    let of = Holder { keys: &keys, session: None, account, issued: UnixMillis(issued), places: &places };
    people.look(host, "t", &of).unwrap()
}

#[test]
fn a_session_is_recognised_by_its_account_whatever_name_its_holder_goes_by() {
    let (host, people) = people();
    people.block_account(&host, "t", "u-1").unwrap();
    assert_eq!(look(&host, &people, Some("u-1"), 2_000_000).standing, Standing::Blocked);
    assert_eq!(look(&host, &people, Some("u-2"), 2_000_000).standing, Standing::Clear);
    assert_eq!(look(&host, &people, None, 2_000_000).standing, Standing::Clear);
    people.unblock_account(&host, "t", "u-1").unwrap();
    assert_eq!(look(&host, &people, Some("u-1"), 1_000_000).standing, Standing::Ended, "stays void");
    assert_eq!(look(&host, &people, Some("u-1"), 1_000_001).standing, Standing::Clear);
}

#[test]
fn doubt_concerns_who_was_there_before_and_ends_nobody_by_itself() {
    let (host, people) = people();
    people.cast_doubt(&host, "t").unwrap();
    assert_eq!(look(&host, &people, None, 1_000_000).standing, Standing::Clear);
    assert_eq!(look(&host, &people, None, 1_000_000).doubt, Some(UnixMillis(1_000_000)));
    assert_eq!(look(&host, &people, None, 1_000_001).doubt, None);
    assert_eq!(standing(&host, &people, &["ada"], 1_000_000), Standing::Ended, "where nobody can be asked");
}

#[test]
fn groups_out_of_date_are_those_of_the_account_or_of_everybody() {
    let (host, people) = people();
    assert_eq!(people.make_account_stale(&host, "t", "u-1"), Ok(true));
    assert_eq!(look(&host, &people, Some("u-1"), 1_000_000).stale, Some(UnixMillis(1_000_000)));
    assert_eq!(look(&host, &people, Some("u-1"), 1_000_001).stale, None);
    assert_eq!(look(&host, &people, Some("u-2"), 1).stale, None);
    people.make_all_stale(&host, "t").unwrap();
    assert_eq!(look(&host, &people, None, 1).stale, Some(UnixMillis(1_000_000)));
    assert_eq!(look(&host, &people, None, 1).standing, Standing::Clear);
}

#[test]
fn what_ends_sessions_takes_no_block_away() {
    let (host, people) = people();
    people.block(&host, "t", &keys(&["ada"])).unwrap();
    people.block_account(&host, "t", "u-1").unwrap();
    assert_eq!(people.end_sessions(&host, "t", &keys(&["ada"])), Ok(true));
    assert_eq!(people.end_account(&host, "t", "u-1"), Ok(true));
    assert_eq!(standing(&host, &people, &["ada"], 2_000_000), Standing::Blocked);
    assert_eq!(people.is_account_blocked(&host, "t", "u-1"), Ok(true));
}

#[test]
fn a_block_that_is_lifted_keeps_void_what_was_issued_before_it() {
    let (host, people) = people();
    people.block(&host, "t", &keys(&["ada"])).unwrap();
    people.block_account(&host, "t", "u-1").unwrap();
    assert_eq!(
        people.blocked_since(&host, "t", &keys(&["bob", "ada"]), None),
        Ok(Some(UnixMillis(1_000_000)))
    );
    host.time.set(1_500_000);
    // Somebody who is locked out once more meanwhile stays so.
    people.lift(&host, "t", &keys(&["ada"]), "u-1", UnixMillis(999_999)).unwrap();
    assert_eq!(standing(&host, &people, &["ada"], 2_000_000), Standing::Blocked);
    assert_eq!(people.is_account_blocked(&host, "t", "u-1"), Ok(true));
    people.lift(&host, "t", &keys(&["ada"]), "u-1", UnixMillis(1_000_000)).unwrap();
    assert_eq!(people.blocked_since(&host, "t", &keys(&["ada"]), None), Ok(None));
    assert_eq!(standing(&host, &people, &["ada"], 1_000_000), Standing::Ended);
    assert_eq!(look(&host, &people, Some("u-1"), 1_000_001).standing, Standing::Clear);
}

#[test]
fn an_account_that_finds_no_room_casts_doubt() {
    let (host, people) = people();
    let room = |at: u32| people.put(&host, &account_row("t", &at.to_string()), BLOCKED).unwrap();
    let full = (0..10_000).find(|at| !room(*at)).unwrap().to_string();
    people.block_account(&host, "t", &full).unwrap();
    assert_eq!(look(&host, &people, Some(&full), 1_000_000).doubt, Some(UnixMillis(1_000_000)));
}

#[test]
fn a_table_that_cannot_be_read_is_an_error() {
    let (host, people) = people();
    host.shared_fails.set(true);
    assert!(people.standing(&host, "t", &keys(&["ada"]), None, UnixMillis(0)).is_err());
}

#[test]
fn a_session_of_the_provider_ends_for_its_person_and_what_was_issued_until_then() {
    let (host, people) = people();
    people.end_index(&host, "t", "Ada@n.example", "_s1").unwrap();
    let ended = |tenant, name, index, issued| {
        people.is_index_ended(&host, tenant, (name, index), UnixMillis(issued)).unwrap()
    };
    assert!(ended("t", "ada@N.example", "_s1", 1_000_000));
    assert!(!ended("t", "ada@n.example", "_s1", 1_000_001), "who signs in anew is signed in");
    assert!(!ended("t", "bob@n.example", "_s1", 1_000_000));
    assert!(!ended("t", "ada@n.example", "_s2", 1_000_000));
    assert!(!ended("t", "ada@n.example", "_S1", 1_000_000), "an index is compared to the letter");
    assert!(!ended("u", "ada@n.example", "_s1", 1_000_000));
    assert!(!ended("t", "", "_s1", 1_000_000));
    assert_eq!(standing(&host, &people, &["ada@n.example"], 0), Standing::Clear, "other sessions live on");
}

#[test]
fn where_there_is_no_room_for_a_logout_everybody_signs_in_anew() {
    let (host, people) = people();
    let room = |at: u32| people.put(&host, &index_row("t", "n", &at.to_string()), BLOCKED).unwrap();
    let full = (0..10_000).find(|at| !room(*at)).unwrap();
    people.end_index(&host, "t", "n", &full.to_string()).unwrap();
    assert_eq!(standing(&host, &people, &["anybody"], 1_000_000), Standing::Ended);
}
