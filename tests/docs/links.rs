//! Links, anchors, paths and flags in the documents lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Folders that hold no documents of ours.
const NOT_OURS: &[&str] = &["target", ".tools", ".git", "node_modules", "corpus", "artifacts"];

/// All Markdown files, by their paths from the root.
pub(crate) fn documents() -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !path.is_symlink() && !NOT_OURS.contains(&name) {
                folders.push(path);
            } else if name.ends_with(".md") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.insert(path.strip_prefix(root()).unwrap().to_owned(), text);
            }
        }
    }
    found
}

/// A document without its blocks of code.
fn prose(text: &str) -> String {
    let mut out = String::new();
    let mut fence = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fence = !fence;
        } else if !fence {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The anchor of a heading, as forges make it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim();
    let mut plain = String::new();
    let mut rest = text;
    // Of a link only its text counts.
    while let Some((before, after)) = rest.split_once('[') {
        let Some((label, after)) = after.split_once("](") else { break };
        plain.push_str(before);
        plain.push_str(label);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    let kept = plain
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
        .collect::<String>();
    kept.replace(' ', "-")
}

fn anchors(text: &str) -> BTreeSet<String> {
    let prose = prose(text);
    let mut all = BTreeSet::new();
    for heading in prose.lines().filter(|line| line.starts_with('#')) {
        let base = anchor(heading);
        let mut name = base.clone();
        let mut count = 0;
        while !all.insert(name.clone()) {
            count += 1;
            name = format!("{base}-{count}");
        }
    }
    all.extend(prose.split("<a id=\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    all
}

/// Targets of links and pictures; what stands in code is none.
fn targets(text: &str) -> Vec<String> {
    let prose = prose(text);
    let outside: String = prose.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let mut all: Vec<String> =
        outside.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect();
    for mark in ["src=\"", "href=\""] {
        all.extend(outside.split(mark).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    }
    all
}

/// `a/b/../c` as `a/c`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

/// Where the links of a document lead that do not lead to the network.
fn led_to(from: &Path, text: &str) -> Vec<(String, PathBuf, Option<String>)> {
    let inside =
        |target: &String| !["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme));
    let place = |target: String| {
        let (path, anchor) = target
            .split_once('#')
            .map_or((target.as_str(), None), |(path, anchor)| (path, Some(anchor.to_owned())));
        let path = if path.is_empty() { from.to_owned() } else { normal(&from.parent().unwrap().join(path)) };
        (target.clone(), path, anchor)
    };
    targets(text).into_iter().filter(inside).map(place).collect()
}

#[test]
fn every_link_and_every_anchor_leads_somewhere() {
    let documents = documents();
    let mut faults = Vec::new();
    let mut count = 0;
    for (from, text) in &documents {
        for (target, path, anchor) in led_to(from, text) {
            count += 1;
            if !root().join(&path).exists() {
                faults.push(format!("{}: {target}: there is no {}", from.display(), path.display()));
            }
            let Some(anchor) = anchor else { continue };
            let there = documents.get(&path).is_some_and(|text| anchors(text).contains(&anchor));
            if !there {
                faults.push(format!("{}: {target}: there is no such heading", from.display()));
            }
        }
    }
    assert!(count > 200, "{count} links");
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn every_page_can_be_found_from_the_index() {
    let documents = documents();
    let index = PathBuf::from("docs/README.md");
    let (mut seen, mut ahead) = (BTreeSet::new(), vec![index.clone()]);
    while let Some(page) = ahead.pop() {
        let Some(text) = documents.get(&page) else { continue };
        if seen.insert(page.clone()) {
            ahead.extend(led_to(&page, text).into_iter().map(|(_, path, _)| path));
        }
    }
    let lost: Vec<_> =
        documents.keys().filter(|page| page.starts_with("docs") && !seen.contains(*page)).collect();
    assert_eq!(lost, Vec::<&PathBuf>::new(), "no way leads there from docs/README.md");
    let readme = &documents[Path::new("README.md")];
    assert!(led_to(Path::new("README.md"), readme).iter().any(|(_, path, _)| *path == index));
}

/// What is written as code and looks like a file of ours.
fn named_files(text: &str) -> Vec<String> {
    let prose = prose(text);
    let begins = ["src/", "tests/", "tools/", "docs/", "envoy/", "examples/", "fuzz/", "benches/"];
    prose
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| begins.iter().any(|begin| code.starts_with(begin)))
        .filter(|code| code.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter)))
        // A name in capitals stands for any.
        .filter(|code| {
            !code
                .split(['/', '.'])
                .any(|part| part.len() > 1 && part == part.to_uppercase() && part != "README")
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_file_that_a_page_names_is_there() {
    let mut faults = Vec::new();
    let mut count = 0;
    for (from, text) in documents() {
        for name in named_files(&text) {
            count += 1;
            // A page below a folder may name files from there.
            let near = from.parent().unwrap().join(&name);
            let module = root().join(format!("{name}.rs"));
            if ![root().join(&name), root().join(near), module].iter().any(|path| path.exists()) {
                faults.push(format!("{}: there is no {name}", from.display()));
            }
        }
    }
    assert!(count > 20, "{count} files");
    assert_eq!(faults, Vec::<String>::new());
}

/// Our own programs beside `vestibule`, and where their flags are read.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("./test", &["test"]),
    ("./demo", &["demo", "examples/demo/demo.py"]),
    ("./mutate", &["mutate"]),
    ("./build", &["build"]),
    (".ci/run", &[".ci/run"]),
    ("fuzz/run", &["fuzz/run"]),
    ("tools/setup.sh", &["tools/setup.sh"]),
    ("tools/build-wasm.sh", &["tools/build-wasm.sh"]),
    ("tools/make-docs.sh", &["tools/make-docs.sh"]),
];

/// Lines and pieces of code that begin with one of our programs.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let lines =
        blocks.flat_map(|(block, _)| block.lines()).map(|line| line.split("  #").next().unwrap().to_owned());
    let prose = prose(text);
    let pieces = prose.split('`').skip(1).step_by(2).map(str::to_owned);
    let all = lines
        .chain(pieces)
        .flat_map(|line| line.split("&&").map(|part| part.trim().to_owned()).collect::<Vec<_>>());
    all.filter(|line| PROGRAMS.iter().any(|(name, _)| line.split(' ').next() == Some(name))).collect()
}

#[test]
fn every_program_of_ours_that_a_page_shows_is_there_and_takes_the_flags_that_are_shown() {
    let mut faults = Vec::new();
    let mut count = 0;
    for (from, text) in documents() {
        for command in commands(&text) {
            count += 1;
            let (_, files) =
                PROGRAMS.iter().find(|(name, _)| command.split(' ').next() == Some(name)).unwrap();
            let sources: Vec<String> =
                files.iter().filter_map(|file| std::fs::read_to_string(root().join(file)).ok()).collect();
            if sources.is_empty() {
                faults.push(format!("{}: `{command}`: there is no such program", from.display()));
            }
            for flag in command.split([' ', ',', ']', '[']).filter(|word| word.starts_with("--")) {
                let flag = flag.split('=').next().unwrap();
                let reads = |source: &String| {
                    let named = [
                        format!("{flag})"),
                        format!("{flag} |"),
                        format!("\"{flag}\""),
                        format!("= {flag} ]"),
                    ];
                    named.iter().any(|named| source.contains(named))
                };
                if !sources.iter().any(reads) {
                    faults.push(format!("{}: `{command}`: {flag} is not known", from.display()));
                }
            }
        }
    }
    assert!(count > 10, "{count} commands");
    assert_eq!(faults, Vec::<String>::new());
}

/// The page about testing names the stages that the script itself names.
#[test]
fn the_stages_of_the_tests_are_those_that_the_page_names() {
    let script = std::fs::read_to_string(root().join("test")).unwrap();
    let (_, stages) = script.split_once("stages: ").unwrap();
    let stages: BTreeSet<&str> = stages.lines().next().unwrap().split(' ').collect();
    let page = std::fs::read_to_string(root().join("docs/testing.md")).unwrap();
    let (_, row) = page.split_once("| `./test --only STAGE` | one of `").unwrap();
    let named: BTreeSet<&str> = row.split('`').next().unwrap().split(' ').collect();
    assert!(named.len() > 8);
    assert_eq!(named, stages, "docs/testing.md (left) and ./test");
}

fn fault(document: &str) -> Option<String> {
    let problem = vestibule::config::read_tree(document.as_bytes()).err()?;
    Some(format!("{problem}: {}", document.lines().next().unwrap_or_default()))
}

/// Blocks of configuration can be read: a comma too few is found by whoever copies them.
#[test]
fn every_block_of_yaml_and_json_can_be_read() {
    let mut faults = Vec::new();
    let mut count = 0;
    for (from, text) in documents() {
        let blocks = text.split("```").skip(1).step_by(2);
        for block in blocks.filter_map(|block| block.split_once('\n')) {
            let (language, block) = block;
            if !["yaml", "json"].contains(&language.trim()) {
                continue;
            }
            count += 1;
            // Several documents, or one value a line.
            let documents = block.split("\n---\n").filter(|document| !document.trim().is_empty());
            let whole: Vec<&str> = documents.filter(|document| fault(document).is_some()).collect();
            if whole.is_empty() || block.lines().all(|line| fault(line).is_none()) {
                continue;
            }
            faults.extend(
                whole
                    .iter()
                    .filter_map(|document| fault(document))
                    .map(|it| format!("{}: {it}", from.display())),
            );
        }
    }
    assert!(count >= 15, "{count} blocks");
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn a_link_that_leads_nowhere_is_noticed() {
    let text = "# A b\n\n## C, `d`: e\n\n[x](gone.md) [y](#c-d-e) `[z](no.md)`\n\n```sh\n[v](no.md)\n```\n<a id=\"own\"></a>\n";
    let led: Vec<_> = led_to(Path::new("docs/a.md"), text).into_iter().map(|(target, ..)| target).collect();
    assert_eq!(led, ["gone.md", "#c-d-e"]);
    assert_eq!(anchors(text).into_iter().collect::<Vec<_>>(), ["a-b", "c-d-e", "own"]);
    assert!(!root().join("docs/gone.md").exists());
}
