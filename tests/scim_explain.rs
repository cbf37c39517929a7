//! The built `vestibule scim` over the shared fixtures, over a few cases of our own, and over what is no case.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

fn vestibule(arguments: &[&str], input: &[u8]) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_vestibule"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // A command that reads no input closes it.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn explain(case: &Path) -> (i32, Value) {
    let (code, text) = vestibule(&["scim", "explain", case.to_str().unwrap()], b"");
    (code, serde_json::from_str(&text).unwrap())
}

fn cases(folder: &Path) -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    cases.sort();
    cases
}

/// What is wrong with the explanation of each case that is not explained as expected.
fn wrong(folder: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for path in cases(folder) {
        let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let (code, mut got) = explain(&path);
        let members = got.as_object_mut().unwrap();
        assert!(members.shift_remove("rules").unwrap().is_array());
        assert!(members.shift_remove("notes").unwrap().is_array());
        let others = case.get("alternatives").and_then(Value::as_array).into_iter().flatten();
        let mut accepted = std::iter::once(&case["expected_normalized"]).chain(others);
        let refused = got["decision"]["allow"] == false
            || got["decision"]["token_response"]["status"].as_u64().is_some_and(|status| status >= 400)
            || got["short_circuit"]["status"].as_u64().is_some_and(|status| status >= 400);
        if !accepted.any(|want| *want == got) || code != i32::from(refused) {
            wrong.push(format!("{} exits {code}: {got}", path.display()));
        }
    }
    wrong
}

#[test]
fn every_shared_fixture_is_explained_as_it_expects() {
    let root = match std::env::var_os("VESTIBULE_FIXTURES") {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures"),
    };
    let folder = root.join("scim");
    if !folder.is_dir() {
        println!("skipped: no shared fixtures (set VESTIBULE_FIXTURES)");
        return;
    }
    let wrong = wrong(&folder);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_cases_of_our_own_are_explained_as_they_expect() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/scim");
    assert!(cases(&folder).len() >= 5);
    let wrong = wrong(&folder);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_case_is_read_from_standard_input_too() {
    let (code, text) =
        vestibule(&["scim", "explain", "-"], br#"{"request":{"method":"GET","path":"//Users"}}"#);
    let got: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, got["path"].as_str()), (0, Some("/Users")));
}

#[test]
fn what_is_no_case_is_answered_with_json_and_exit_code_2() {
    let missing = ["scim", "explain", "no-such-file.json"];
    for (arguments, input) in [
        (&missing, &b""[..]),
        (&["scim", "explain", "-"], b""),
        (&["scim", "explain", "-"], b"{"),
        (&["scim", "explain", "-"], b"[]"),
        (&["scim", "explain", "-"], b"\xff"),
        (&["scim", "explain", "-"], br#"{"request":{"method":"GET"}}"#),
        (&["scim", "replay", "-"], b""),
        (&["scim", "replay", "-"], br#"{"log":{"entries":[]}}"#),
    ] {
        let (code, text) = vestibule(arguments, input);
        let got: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(code, 2, "{arguments:?} {text}");
        assert!(
            got["error"]["code"].is_string() && got["rules"].is_array() && got["notes"].is_array(),
            "{text}"
        );
    }
}

#[test]
fn a_captured_session_gives_a_line_for_each_request_and_the_worst_exit_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/scim");
    let (code, text) = vestibule(&["scim", "replay", folder.join("session.har").to_str().unwrap()], b"");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, lines.len()), (1, 3), "{text}");
    assert_eq!(lines[0]["request"]["method"], "GET");
    assert_eq!(lines[0]["response"]["body"]["totalResults"], 0);
    assert_eq!(lines[1]["body"]["Operations"][0]["value"], false);
    assert_eq!(lines[2]["short_circuit"]["body"]["scimType"], "invalidSyntax");
}
