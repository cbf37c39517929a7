//! `vestibule doctor` against the filter itself, behind a server of a few lines.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    missing_docs
)]

#[path = "support/browser.rs"]
mod browser;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use browser::Site;
use serde_json::Value;
use vestibule::common::Reply;

/// An identity provider of this name.
fn provider(name: &str) -> String {
    let certificate = include_str!("vectors/idp.crt").replace('\n', "\\n");
    format!(
        "{{name: {name}, entity_id: \"https://{name}.example/\", sso_url: \"https://{name}.example/sso\", \
         certificates: [\"{certificate}\"]}}"
    )
}

/// A tenant with these identity providers below this prefix, or with the host for itself.
fn tenant(name: &str, prefix: &str, providers: &[&str]) -> String {
    let providers: Vec<String> = providers.iter().map(|name| provider(name)).collect();
    let below = if prefix.is_empty() { String::new() } else { format!("path_prefix: {prefix}, ") };
    format!(
        "  - {{name: {name}, public_url: \"https://a.example\", {below}saml: {{entity_id: \"https://a.example/saml/{name}\", \
         identity_providers: [{}]}}, access: {{rules: [{{path: {{prefix: /}}, access: signed_in}}]}}}}\n",
        providers.join(", ")
    )
}

fn configuration(tenants: &[String]) -> String {
    format!(
        "keys: [{{id: k1, secret: {{value: \"0123456789abcdef0123456789abcdef\"}}}}]\ntenants:\n{}",
        tenants.concat()
    )
}

/// Serves a gateway, as long as this process lives, at an address of this machine. `change` is what stands in between.
fn serve(config: String, change: fn(&str, &mut Reply)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let told = address.clone();
    std::thread::spawn(move || {
        let site = Site::of(&config);
        for stream in listener.incoming().filter_map(Result::ok) {
            answer(&site, stream, &told, change);
        }
    });
    address
}

/// One request, one answer. The gateway believes in `https://a.example`, which stands for our address.
fn answer(site: &Site, mut stream: TcpStream, address: &str, change: fn(&str, &mut Reply)) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    // A connection that is only looked at.
    let Some(first) = lines.next() else { return };
    let _ = lines.take_while(|line| !line.is_empty()).count();
    let path = first.split(' ').nth(1).unwrap();
    let mut reply = site.browser().get(path).unwrap_or_else(|| Reply::status(204));
    change(path, &mut reply);
    let body = String::from_utf8(reply.body).unwrap().replace("https://a.example/", &format!("{address}/"));
    let mut text =
        format!("HTTP/1.1 {} x\r\nconnection: close\r\ncontent-length: {}\r\n", reply.status, body.len());
    for (name, value) in &reply.headers {
        write!(text, "{name}: {value}\r\n").unwrap();
    }
    let _ = stream.write_all(format!("{text}\r\n{body}").as_bytes());
}

/// Exit code, and verdict and finding of each line that answers this question.
fn ask(url: &str, question: &str) -> (i32, Vec<(String, String)>) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_vestibule")).args(["doctor", url, "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{url}: {}", String::from_utf8_lossy(&output.stderr)));
    let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
    let lines = report["lines"].as_array().unwrap().iter();
    let lines = lines.filter(|line| line["question"] == question);
    let lines = lines
        .map(|line| (text(line, "verdict"), format!("{} {}", text(line, "found"), text(line, "remedy"))));
    (output.status.code().unwrap(), lines.collect())
}

fn verdicts(lines: &[(String, String)]) -> Vec<&str> {
    lines.iter().map(|(verdict, _)| verdict.as_str()).collect()
}

#[test]
fn a_tenant_with_one_identity_provider_or_several_is_told_good_and_each_is_named() {
    let one = serve(configuration(&[tenant("t", "", &["staff"])]), |_, _| {});
    let (code, lines) = ask(&one, "sign-in");
    assert_eq!((code, verdicts(&lines)), (0, vec!["ok"]), "{lines:?}");
    let several = serve(configuration(&[tenant("t", "", &["staff", "guests"])]), |_, _| {});
    let (code, lines) = ask(&several, "sign-in");
    assert_eq!((code, verdicts(&lines)), (0, vec!["ok", "ok"]), "{lines:?}");
    assert!(lines[0].1.starts_with("staff: a browser is sent to https://staff.example/sso"), "{lines:?}");
    assert!(lines[1].1.starts_with("guests: a browser is sent to https://guests.example/sso"), "{lines:?}");
}

#[test]
fn one_identity_provider_of_several_that_nobody_is_sent_to_is_told_no() {
    let broken = |path: &str, reply: &mut Reply| {
        if path.contains("idp=guests") {
            *reply = Reply::status(503);
        }
    };
    let url = serve(configuration(&[tenant("t", "", &["staff", "guests"])]), broken);
    let (code, lines) = ask(&url, "sign-in");
    assert_eq!((code, verdicts(&lines)), (1, vec!["ok", "no"]), "{lines:?}");
    assert!(lines[1].1.starts_with("guests: answered 503"), "{lines:?}");
}

/// A page is anybody's: only the gateway's own links are followed.
#[test]
fn a_page_without_links_of_the_gateway_is_no_sign_in() {
    let elsewhere = |path: &str, reply: &mut Reply| {
        if path == "/.vestibule/sign-in" {
            let page = "<a href=\"https://evil.example/.vestibule/sign-in?idp=x\">x</a><a href=\"/other?idp=x\">x</a>";
            *reply = Reply::status(200).body("text/html", page.to_owned());
        }
    };
    let url = serve(configuration(&[tenant("t", "", &["staff", "guests"])]), elsewhere);
    let (code, lines) = ask(&url, "sign-in");
    assert_eq!((code, verdicts(&lines)), (1, vec!["no"]), "{lines:?}");
}

#[test]
fn a_tenant_below_a_path_is_asked_there_and_at_the_root_the_remedy_says_so() {
    let tenants = [tenant("acme", "/acme", &["staff", "guests"]), tenant("umbrella", "/umbrella", &["one"])];
    let url = serve(configuration(&tenants), |_, _| {});
    for (below, ways) in [("/acme", 2), ("/acme/", 2), ("/umbrella", 1)] {
        let (code, lines) = ask(&format!("{url}{below}"), "sign-in");
        assert_eq!((code, verdicts(&lines)), (0, vec!["ok"; ways]), "{below}: {lines:?}");
        let (_, lines) = ask(&format!("{url}{below}"), "metadata");
        let below = below.trim_end_matches('/');
        assert!(lines[0].1.contains(&format!("{url}{below}/.vestibule/saml/acs")), "{lines:?}");
    }
    for question in ["sign-in", "metadata"] {
        let (code, lines) = ask(&url, question);
        assert_eq!((code, verdicts(&lines)), (1, vec!["no"]), "{lines:?}");
        assert!(lines[0].1.contains("path_prefix"), "{lines:?}");
    }
}
