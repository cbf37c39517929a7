//! Every command that the documentation and the help show is run.
#![cfg(all(unix, not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;

const BINARY: &str = env!("CARGO_BIN_EXE_vestibule");

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// A folder with the files that the examples name.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("docs-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    for (from, to) in [
        ("check/plugin.yaml", "config.yaml"),
        ("check/envoy.yaml", "envoy.yaml"),
        ("check/istio.yaml", "manifests.yaml"),
        ("saml/good-both-signed.xml", "response.xml"),
        ("scim/removal-of-members.json", "case.json"),
        ("scim/session.har", "session.har"),
        ("idp.crt", "ca.pem"),
        ("idp.crt", "entra.cer"),
    ] {
        std::fs::copy(vectors().join(from), folder.join(to)).unwrap();
    }
    let response = std::fs::read(vectors().join("saml/good-both-signed.xml")).unwrap();
    let form = format!(
        "SAMLResponse={}",
        base64::engine::general_purpose::STANDARD.encode(response).replace('+', "%2B")
    );
    let har = serde_json::json!({"log": {"entries": [{"request": {"postData": {"text": form}}}]}});
    std::fs::write(folder.join("sign-in.har"), har.to_string()).unwrap();
    std::fs::create_dir_all(folder.join("claims")).unwrap();
    std::fs::write(folder.join("claims/ada.yaml"), "name_id: ada@northwind.example\n").unwrap();
    std::fs::write(folder.join("token.txt"), "a-token-that-nobody-was-given\n").unwrap();
    folder
}

/// Runs a line as a shell does; `doctor` asks a port of this machine where nobody listens.
fn run(line: &str, folder: &Path) -> (i32, String) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let line = if line.contains(" doctor ") {
        let here = format!("https://127.0.0.1:{free}");
        line.replace("https://app.example.com", &here).replace("https://localhost:8443", &here)
    } else {
        line.to_owned()
    };
    let path = format!("{}:/usr/bin:/bin", Path::new(BINARY).parent().unwrap().display());
    let output = Command::new("/bin/sh")
        .args(["-c", &line])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder)
        .env("SCIM_TOKEN", "a-token-that-nobody-was-given")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
}

/// The exit code that an example must have: those that judge may say no, to what stands in our files.
fn check(line: &str, folder: &Path) {
    let (code, said) = run(line, folder);
    let expected: &[i32] = match () {
        () if line.contains(" doctor ") => &[1],
        () if [" saml inspect ", " scim ", " policy "].iter().any(|judge| line.contains(judge)) => &[0, 1],
        () => &[0],
    };
    assert!(expected.contains(&code), "{line}\n{code}: {said}");
}

/// Every page of the repository: its name for a folder, and its text.
fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join("docs"), root.join("examples"), root.join("envoy")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path);
            }
        }
    }
    found.push(root.join("README.md"));
    let name = |path: &Path| path.strip_prefix(root).unwrap().to_str().unwrap().replace(['/', '.'], "-");
    found.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_command_of_the_pages_is_run() {
    let mut count = 0;
    for (name, text) in pages() {
        let mut folder_of_page = None;
        for block in text.split("```sh\n").skip(1) {
            let block = block.split("```").next().unwrap().replace("\\\n", " ");
            for line in block.lines().filter(|line| line.starts_with("vestibule ")) {
                let folder = folder_of_page.get_or_insert_with(|| folder(&name));
                check(line.split("  #").next().unwrap().trim(), folder);
                count += 1;
            }
        }
    }
    assert!(count >= 20, "{count} commands");
}

/// What is named within a sentence is not run, but there must be such a command, and it must take the flags.
#[test]
fn every_command_that_a_sentence_names_is_there_with_its_flags() {
    let folder = folder("named");
    let mut helps: std::collections::BTreeMap<String, (i32, String)> = std::collections::BTreeMap::new();
    let mut count = 0;
    for (name, text) in pages() {
        let prose: String = text.split("```").step_by(2).collect();
        for code in prose.split('`').skip(1).step_by(2).filter(|code| code.starts_with("vestibule ")) {
            let words: Vec<&str> = code.split_whitespace().collect();
            let plain = |word: &&&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
            let group = ["token", "keys", "policy", "saml", "scim"].contains(&words[1]);
            let command = words[1..].iter().take(if group { 2 } else { 1 }).take_while(plain).copied();
            let command = command.collect::<Vec<_>>().join(" ");
            let help = helps
                .entry(command.clone())
                .or_insert_with(|| run(&format!("vestibule {command} --help"), &folder));
            assert_eq!(help.0, 0, "{name}: `{code}`: {}", help.1);
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                assert!(help.1.contains(*flag), "{name}: `{code}` does not take {flag}");
            }
            count += 1;
        }
    }
    assert!(count >= 30, "{count} commands");
}

/// Of the lines `  vestibule … two spaces or more … what it is for`.
#[test]
fn every_example_of_the_help_is_run() {
    let mut count = 0;
    for command in
        ["", "init", "entra", "doctor", "check", "token", "keys", "policy", "saml", "scim", "completions"]
    {
        let folder = folder(&format!("help-{command}"));
        std::fs::create_dir_all(folder.join(".local/share/bash-completion/completions")).unwrap();
        std::fs::create_dir_all(folder.join(".zfunc")).unwrap();
        std::fs::create_dir_all(folder.join(".config/fish/completions")).unwrap();
        let (_, help) = run(&format!("vestibule {command} --help"), &folder);
        let (_, examples) = help.split_once("Examples:\n").unwrap();
        let joined = examples.replace("\\\n      ", "");
        for line in joined.lines().filter_map(|line| line.strip_prefix("  ")) {
            if !line.starts_with("vestibule ") && !line.starts_with("export ") {
                continue;
            }
            let line = line.split("  ").next().unwrap().trim();
            // Some are asked for answers, which the end of standard input stands for.
            check(&format!("({line}) < /dev/null"), &folder);
            count += 1;
        }
    }
    assert!(count >= 25, "{count} examples");
}
