//! Holds the walls of the house: reads every import and every path in `src/` and refuses those that cross.
//!
//! 1. `scim`, `saml` and `access` do not know one another, `common` knows nothing of ours, `crypto` only `common`.
//! 2. Only `host` knows proxy-wasm.
//! 3. Only `crypto` knows cipher, hash and RSA crates.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

#[path = "walls/imports.rs"]
mod imports;
#[path = "walls/lexer.rs"]
mod lexer;

use imports::{Import, imports};
use std::fs;
use std::path::Path;

/// Which rooms a room may import, itself aside. A directory of `src/` that is not named here fails the test.
const ROOMS: [(&str, &[&str]); 8] = [
    ("common", &[]),
    ("crypto", &["common"]),
    ("config", &["common", "crypto"]),
    ("scim", &["common", "crypto", "config"]),
    ("saml", &["common", "crypto", "config"]),
    ("access", &["common", "crypto", "config"]),
    ("gateway", &["common", "crypto", "config", "scim", "saml", "access"]),
    ("host", &["common", "crypto", "config", "scim", "saml", "access", "gateway"]),
];

/// Crates that only `crypto` imports: those in use, and those that somebody might reach for.
const CRYPTO_CRATES: [&str; 42] = [
    "aead",
    "aes",
    "aes_gcm",
    "aws_lc_rs",
    "blake2",
    "blake3",
    "boring",
    "cbc",
    "chacha20",
    "chacha20poly1305",
    "cipher",
    "const_oid",
    "crypto_bigint",
    "crypto_common",
    "der",
    "digest",
    "ecdsa",
    "ed25519_dalek",
    "elliptic_curve",
    "ghash",
    "hkdf",
    "hmac",
    "k256",
    "md5",
    "openssl",
    "p256",
    "p384",
    "p521",
    "pbkdf2",
    "pkcs1",
    "pkcs8",
    "poly1305",
    "ring",
    "rsa",
    "sha1",
    "sha2",
    "sha3",
    "signature",
    "spki",
    "subtle",
    "x509_cert",
    "x509_parser",
];

/// Crates that any room may import. A dependency in neither list fails the test: it must be put on one side.
const GENERAL_CRATES: [&str; 11] = [
    "base64",
    "getrandom",
    "memchr",
    "miniz_oxide",
    "proptest",
    "quick_xml",
    "regex_lite",
    "serde",
    "serde_json",
    "granit_parser",
    "zeroize",
];

/// Crates that only the command line may import: they are in no Wasm.
const COMMAND_LINE_CRATES: [&str; 5] = ["clap", "clap_complete", "rustls", "ureq", "webpki_roots"];

/// The imports of one file that cross a wall, in words.
fn violations(path: &str, source: &str) -> Vec<String> {
    let room = imports::room_of(path);
    let allowed = ROOMS.iter().find(|(name, _)| *name == room).map(|(_, allowed)| *allowed);
    if allowed.is_none() && !["lib", "bin"].contains(&room.as_str()) {
        return vec![format!("{path}: the room `{room}` has no rule in tests/walls.rs")];
    }
    let mut found = Vec::new();
    for import in imports(path, source) {
        let crossing = match (&import, allowed) {
            (Import::External(name), _) if name == "proxy_wasm" => room != "host",
            (Import::External(name), _) if COMMAND_LINE_CRATES.contains(&name.as_str()) => room != "bin",
            (Import::External(name), _) => CRYPTO_CRATES.contains(&name.as_str()) && room != "crypto",
            // The whole crate, or something of its root that is no room: a way around every wall.
            (Import::Ours(_) | Import::Everything, None) => false,
            (Import::Everything | Import::TextOf(_), _) => true,
            (Import::Ours(target), Some(allowed)) => *target != room && !allowed.contains(&target.as_str()),
        };
        if crossing {
            found.push(format!("{path}: `{room}` may not import {import}"));
        }
    }
    found
}

fn source_files(directory: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn no_file_of_the_house_crosses_a_wall() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    source_files(&root.join("src"), &mut files);
    assert!(files.len() > 10, "only {} source files found: is the layout another?", files.len());
    let found: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let name = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            violations(&name, &fs::read_to_string(file).unwrap())
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_dependency_stands_on_one_side_of_the_crypto_wall() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let mut section = "";
    let mut unsorted = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]") && !section.contains("dev-") {
            let name = line.split(['=', '.', ' ']).next().unwrap().replace('-', "_");
            let known = name.is_empty()
                || name.starts_with('#')
                || GENERAL_CRATES.contains(&name.as_str())
                || COMMAND_LINE_CRATES.contains(&name.as_str())
                || CRYPTO_CRATES.contains(&name.as_str());
            if !known {
                unsorted.push(name);
            }
        }
    }
    assert!(unsorted.is_empty(), "put into one of the lists of crates of tests/walls.rs: {unsorted:?}");
}

// What follows proves that the checker sees a planted import.

fn refuses(path: &str, source: &str) {
    assert!(!violations(path, source).is_empty(), "{path} was let through with: {source}");
}

fn allows(path: &str, source: &str) {
    assert_eq!(violations(path, source), Vec::<String>::new(), "{path} with: {source}");
}

#[test]
fn every_forbidden_direction_between_rooms_is_refused() {
    for (room, allowed) in ROOMS {
        for (target, _) in ROOMS {
            let source = format!("use crate::{target}::Thing;");
            let path = format!("src/{room}/part.rs");
            if room == target || allowed.contains(&target) {
                allows(&path, &source);
            } else {
                refuses(&path, &source);
            }
        }
    }
}

#[test]
fn rooms_do_not_import_one_another_in_any_spelling_of_use() {
    for source in [
        "use crate::saml::Assertion;",
        "pub use crate::saml;",
        "pub(crate) use crate::saml::xml as other;",
        "use crate::{common::Headers, saml::{xml, Response}};",
        "use crate::{config::Tenant, saml};",
        "use {crate::common, crate::saml::Response};",
        "use super::saml::Response;",
        "use super::{saml::Response};",
        "use self::super::saml::Response;",
        "use crate :: saml\n :: Response ;",
        "use r#crate::saml; use crate::r#saml::Response;",
        "use vestibule::saml::Response;",
        "use crate::*;",
        "use super::*;",
        "use crate::Reexported;",
    ] {
        refuses("src/scim/mod.rs", source);
    }
    refuses("src/scim/patch.rs", "use super::super::saml::Response;");
    refuses("src/scim/patch/paths.rs", "use super::super::super::access::Session;");
    refuses("src/scim/patch.rs", "mod tests { use super::super::super::saml::Response; }");
    refuses("src/scim/patch.rs", "fn f() { mod deep { fn g() { use super::super::super::saml as s; } } }");
}

#[test]
fn a_fully_qualified_path_in_code_is_an_import_too() {
    refuses("src/saml/mod.rs", "fn f() -> u8 { crate::scim::rules() }");
    refuses("src/saml/xml.rs", "type A = super::super::access::Session;");
    refuses("src/saml/xml.rs", "impl From<crate::access::Session> for X {}");
    refuses("src/saml/xml.rs", "macro_rules! m { () => { $crate::access::open() } }");
    refuses("src/saml/xml.rs", "fn f() { let s = \"text\"; crate::access::open() }");
    refuses("src/saml/xml.rs", "fn f() { let c = '\"'; crate::access::open(); let d = '\"'; }");
    refuses("src/saml/xml.rs", "fn f<'a>(x: &'a str) { crate::access::open() }");
    refuses("src/saml/xml.rs", "fn f() { let s = r#\"a \" b\"#; crate::access::open() }");
    refuses("src/saml/xml.rs", "/* a /* nested */ comment */ fn f() { crate::access::open() }");
}

#[test]
fn a_renamed_import_does_not_hide_what_it_is() {
    refuses("src/access/mod.rs", "use crate as house; fn f() { house::saml::read() }");
    refuses("src/access/mod.rs", "use crate::{self as house}; use house::scim::Rule;");
    refuses("src/access/mod.rs", "use super as up; fn f() { up::saml::read() }");
    refuses("src/access/mod.rs", "use crate as a; use a as b; fn f() { b::saml::read() }");
    refuses("src/access/mod.rs", "extern crate self as house; fn f() { house::saml::read() }");
    refuses("src/access/mod.rs", "use rsa as numbers;");
    refuses("src/access/mod.rs", "extern crate sha2 as sums;");
}

#[test]
fn text_of_another_room_cannot_be_pulled_in() {
    refuses("src/access/mod.rs", "#[path = \"../saml/mod.rs\"] mod other;");
    refuses("src/access/mod.rs", "include!(\"../saml/xml.rs\");");
    allows("src/access/mod.rs", "const PAGE: &str = include_str!(\"page.html\");");
}

#[test]
fn only_host_imports_proxy_wasm() {
    for path in [
        "src/gateway/mod.rs",
        "src/common/host.rs",
        "src/scim/mod.rs",
        "src/lib.rs",
        "src/bin/vestibule/main.rs",
    ] {
        refuses(path, "use proxy_wasm::hostcalls;");
        refuses(path, "fn f() { ::proxy_wasm::set_log_level() }");
        refuses(path, "extern crate proxy_wasm;");
    }
    allows("src/host/mod.rs", "use proxy_wasm::{hostcalls, types::Action};");
}

#[test]
fn only_crypto_imports_cryptographic_crates() {
    for (room, _) in ROOMS {
        for name in CRYPTO_CRATES {
            let path = format!("src/{room}/part.rs");
            let checked = if room == "crypto" { allows } else { refuses };
            checked(&path, &format!("use {name}::Thing;"));
            checked(&path, &format!("fn f() {{ {name}::thing() }}"));
        }
    }
    refuses("src/saml/mod.rs", "use {serde::Serialize, sha2::{Digest, Sha256}};");
    refuses("src/lib.rs", "pub use rsa;");
    refuses("src/bin/vestibule/main.rs", "use sha2::Sha256;");
}

#[test]
fn only_the_command_line_imports_what_no_wasm_has() {
    for name in COMMAND_LINE_CRATES {
        for path in ["src/lib.rs", "src/gateway/mod.rs", "src/crypto/mod.rs", "src/host/mod.rs"] {
            refuses(path, &format!("use {name}::Thing;"));
        }
        allows("src/bin/vestibule/doctor/client.rs", &format!("use {name}::Thing;"));
    }
}

#[test]
fn comments_texts_and_names_are_no_imports() {
    for source in [
        "// use crate::saml::X;",
        "/// [`crate::saml`] and `rsa::Key`\nfn f() {}",
        "/* crate::saml::x() /* crate::access::y() */ rsa::z() */",
        "const A: &str = \"crate::saml::x and \\\" rsa::y\";",
        "const A: &str = r##\"use crate::saml; \"# rsa::x\"##;",
        "const A: &[u8] = b\"crate::saml::x\"; const C: &CStr = c\"rsa::x\";",
        "fn f(saml: u8, rsa: u8) -> u8 { saml + rsa }",
        "enum Kind { saml, sha2 } fn f() { Kind::saml; own::saml::x; }",
        "pub(crate) fn f() {}",
        "mod saml; use self::saml::Local;",
        "mod tests { use super::*; }",
        "use std::collections::HashMap; use serde::Deserialize;",
    ] {
        allows("src/scim/mod.rs", source);
    }
}

#[test]
fn a_room_without_a_rule_is_refused() {
    refuses("src/attic/mod.rs", "");
    refuses("src/attic.rs", "");
}
