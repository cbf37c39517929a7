//! The four scenarios: what stands in `docs/scenarios.md` is there, and what is there stands in it.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../docs/scenarios.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sections of the page: the file of tests each names first, and the tests that its table names.
fn sections() -> Vec<(String, BTreeSet<String>)> {
    let mut found = Vec::new();
    for section in PAGE.split("\n## ").skip(1) {
        let file = section.split('`').find(|word| word.starts_with("test_scenario_")).unwrap().to_owned();
        let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| line "));
        let mut tests = BTreeSet::new();
        for row in rows {
            let shown = row.rsplit_once(" | ").unwrap().1;
            let names: Vec<&str> = shown.split('`').filter(|word| word.starts_with("test_")).collect();
            assert!(!names.is_empty(), "nothing shows: {row}");
            tests.extend(names.iter().map(|name| (*name).to_owned()));
        }
        found.push((file, tests));
    }
    found
}

/// The functions of a file that pytest takes for tests.
fn tests_of(file: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("tests/envoy").join(file)).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("def test_")?.split('(').next());
    names.map(|name| format!("test_{name}")).collect()
}

#[test]
fn every_line_names_tests_that_there_are_and_every_test_is_named() {
    let sections = sections();
    assert_eq!(sections.len(), 5, "four scenarios and what they have in common");
    for (file, named) in &sections {
        assert_eq!(*named, tests_of(file), "docs/scenarios.md (left) and tests/envoy/{file} differ");
    }
    let files = std::fs::read_dir(root().join("tests/envoy")).unwrap();
    let files = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> = files.filter(|name| name.starts_with("test_scenario_")).collect();
    assert_eq!(sections.into_iter().map(|(file, _)| file).collect::<BTreeSet<_>>(), files);
}

/// `vestibule*.yaml` of every scenario, with the `envoy*.yaml` beside it.
fn shipped() -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for folder in ["securesafe", "sendsafely", "sosafe", "securelogin"] {
        for entry in std::fs::read_dir(root().join("examples/scenarios").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if let Some(rest) = name.strip_prefix("vestibule") {
                found.push((path.clone(), path.with_file_name(format!("envoy{rest}"))));
            }
        }
    }
    found
}

#[test]
fn envoys_file_has_the_plugin_configuration_inside_to_the_letter() {
    let shipped = shipped();
    assert_eq!(shipped.len(), 5);
    for (plugin, envoy) in shipped {
        let plugin_text = std::fs::read_to_string(&plugin).unwrap();
        let envoy_text = std::fs::read_to_string(&envoy).unwrap();
        let (before, rest) = envoy_text.split_once("value: |\n").unwrap();
        let indent = " ".repeat(before.lines().last().unwrap().len() + 2);
        let inside = rest.lines().take_while(|line| line.is_empty() || line.starts_with(&indent));
        let inside: Vec<&str> =
            inside.map(|line| line.strip_prefix(indent.as_str()).unwrap_or(line)).collect();
        assert_eq!(inside, plugin_text.lines().collect::<Vec<_>>(), "{}", envoy.display());
    }
}
