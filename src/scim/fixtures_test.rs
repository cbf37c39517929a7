//! Runs the worked cases of the shared fixtures through `explain`, and prints what became of each rule.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::explain::{Outcome, explain_case};

fn folder() -> Option<PathBuf> {
    let root = match std::env::var_os("VESTIBULE_FIXTURES") {
        Some(root) => PathBuf::from(root),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures"),
    };
    let folder = root.join("scim");
    folder.is_dir().then_some(folder)
}

/// What was explained, without what a case does not have.
fn explained(case: &Value) -> (Value, Value, Outcome) {
    let mut explained = explain_case(case);
    let members = explained.json.as_object_mut().unwrap();
    members.shift_remove("notes");
    let rules = members.shift_remove("rules").unwrap();
    (explained.json, rules, explained.outcome)
}

fn judge(case: &Value) -> Result<(), String> {
    let (got, _, _) = explained(case);
    let others = case.get("alternatives").and_then(Value::as_array).into_iter().flatten();
    let want = &case["expected_normalized"];
    if !std::iter::once(want).chain(others).any(|want| *want == got) {
        return Err(format!("got  {got}\n  want {want}"));
    }
    if got.get("method").is_none() {
        return Ok(());
    }
    let mut second = case.clone();
    second["request"] = got.clone();
    let (again, rules, _) = explained(&second);
    if again != got || rules != json!([]) {
        return Err(format!("not idempotent, {rules}: {got}\n  then {again}"));
    }
    Ok(())
}

#[test]
fn the_shared_cases_come_out_as_they_should() {
    let Some(folder) = folder() else {
        println!("skipped: no shared fixtures (set VESTIBULE_FIXTURES)");
        return;
    };
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut table: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for name in names {
        let case = crate::common::json::parse(&std::fs::read(&name).unwrap()).unwrap();
        let rules = case["rule"].as_str().unwrap().to_owned();
        let id = case["id"].as_str().unwrap().to_owned();
        let shown = match judge(&case) {
            Ok(()) => format!("{id} right"),
            Err(what) => {
                wrong.push(format!("{id} ({rules}): {what}"));
                format!("{id} WRONG")
            }
        };
        table.entry(rules).or_default().push(shown);
    }
    for (rule, cases) in &table {
        println!("{rule:12} {}", cases.join("; "));
    }
    println!("{} cases, {} wrong", table.values().map(Vec::len).sum::<usize>(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
