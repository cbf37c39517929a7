//! What a hostile message of full size costs. A replayed signature brings it past every cheap check.

use std::time::{Duration, Instant};

use super::response::{Expectations, validate};
use super::vectors_test::{BOTH_SIGNED, expectations, trusted};
use super::xml::{Document, Limits, Rules};
use crate::common::test_host::TestHost;
use crate::crypto::PublicKey;

/// Room for the message around the filling.
const ROOM: usize = Limits::MESSAGE.bytes - 12_000;

fn fill(item: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    let mut n = 0;
    loop {
        let next = item(n);
        if text.len() + next.len() > ROOM {
            return text;
        }
        text.push_str(&next);
        n += 1;
    }
}

/// Names that differ in their last characters only.
fn long(n: usize) -> String {
    format!("urn:{}{n}", "x".repeat(990))
}

fn fillings() -> Vec<(&'static str, String)> {
    let declared =
        |names: usize| (0..names).map(|n| format!(" xmlns:p{n}='{}'", long(n))).collect::<String>();
    let used = |names: usize| (0..names).map(|n| format!(" p{n}:a=''")).collect::<String>();
    vec![
        ("comments", fill(|_| "<!---->".into())),
        ("comments and text", fill(|_| "<!---->a".into())),
        ("comments within the limit", "<!---->a".repeat(12_000)),
        ("references", fill(|_| "&lt;".into())),
        ("references within the limit", "&#x10FFFF;".repeat(16_000)),
        ("sections", fill(|_| "<![CDATA[]]>".into())),
        ("elements", fill(|_| "<b/>".into())),
        ("elements within the limit", "<b a='x' b='y'>t</b>".repeat(4000)),
        (
            "attributes",
            fill(|n| format!("<b{}/>", (0..60).map(|a| format!(" a{a}_{n}=''")).collect::<String>())),
        ),
        (
            "attributes within the limit",
            (0..66)
                .map(|n| format!("<b{}/>", (0..60).map(|a| format!(" a{a}_{n}=''")).collect::<String>()))
                .collect(),
        ),
        ("identifiers", fill(|n| format!("<b ID='{}{n}'/>", "i".repeat(100)))),
        ("long identifiers", fill(|n| format!("<b ID='{}{n}'/>", "i".repeat(4000)))),
        ("long names", fill(|n| format!("<{0}{n}/>", "n".repeat(500)))),
        ("declarations", fill(|n| format!("<b xmlns:p{n}='{}'/>", long(n)))),
        ("one long namespace", format!("<r{}>{}</r>", declared(1), "<p0:b/>".repeat(4000))),
        ("many long namespaces", format!("<r{}>{}</r>", declared(60), fill_rest(&used(60)))),
        ("deep", format!("{}{}", "<b xmlns:p='urn:x'>".repeat(55), "</b>".repeat(55))),
        ("text", fill(|n| format!("<b>{}{n}</b>", "t".repeat(60_000)))),
        ("quotes", fill(|n| format!("<b a='{}{n}'/>", "\"".repeat(60_000)))),
        ("groups", fill(|n| format!("<b><c>00000000-0000-0000-0000-{n:012}</c></b>"))),
    ]
}

fn fill_rest(attributes: &str) -> String {
    let item = format!("<b{attributes}/>");
    item.repeat((ROOM - 61_000) / item.len())
}

fn places(filling: &str) -> Vec<(&'static str, String)> {
    let put = |before: &str, last: bool| {
        let at = if last { BOTH_SIGNED.rfind(before) } else { BOTH_SIGNED.find(before) }.unwrap();
        [&BOTH_SIGNED[..at], filling, &BOTH_SIGNED[at..]].concat()
    };
    let extensions = format!("<samlp:Extensions>{filling}</samlp:Extensions><samlp:Status>");
    vec![
        ("extensions", BOTH_SIGNED.replacen("<samlp:Status>", &extensions, 1)),
        ("signed info of the response", put("</DigestValue>", false)),
        ("reference of the response", put("</Reference>", false)),
        ("reference of the assertion", put("</Reference>", true)),
        ("assertion", put("</AttributeStatement>", true)),
        ("signature", put("</Signature>", true)),
    ]
}

fn slowest(keys: &[PublicKey]) -> (Duration, String) {
    let host = TestHost::default();
    let expect = Expectations { keys, ..expectations(keys) };
    let mut worst = (Duration::ZERO, String::new());
    for (what, filling) in fillings() {
        for (place, xml) in places(&filling) {
            let judge = || {
                let start = Instant::now();
                let outcome = validate(&host, xml.as_bytes(), &expect);
                (start.elapsed(), outcome.map(|_| "accepted").unwrap_or_else(|rejection| rejection.code()))
            };
            // The least of some runs: what the message costs, not what else the machine does.
            let (took, code) = (0..5).map(|_| judge()).min().unwrap();
            let line = format!("{took:>12?} {code:<24} {what}, in {place}, {} octets", xml.len());
            if took > Duration::from_millis(2) {
                println!("{line}");
            }
            if took > worst.0 {
                worst = (took, line);
            }
        }
    }
    worst
}

/// The bound is loose, for tests run unoptimised and on busy machines; `docs/testing.md` has what was measured.
#[test]
fn a_hostile_message_of_full_size_costs_little_wherever_it_is_hostile() {
    let (took, line) = slowest(&trusted());
    println!("slowest: {line}");
    assert!(took < Duration::from_millis(1500), "{line}");
}

/// A stranger's `SignedInfo` is hashed once for each key before anything is known of it.
#[test]
fn many_keys_do_not_multiply_the_cost_of_a_large_message() {
    let keys: Vec<PublicKey> = (0..super::signature::MAX_KEYS).flat_map(|_| trusted()).collect();
    let (took, line) = slowest(&keys);
    println!("slowest: {line}");
    assert!(took < Duration::from_millis(1500), "{line}");
}

#[test]
fn twice_the_message_costs_about_twice_as_much() {
    let read = |xml: &str| {
        let once = || {
            let start = Instant::now();
            let _ = Document::parse(xml.as_bytes(), Rules::MESSAGE);
            start.elapsed()
        };
        (0..9).map(|_| once()).min().unwrap()
    };
    for (what, filling) in fillings() {
        let half: usize = (0..=filling.len() / 2).rev().find(|at| filling.is_char_boundary(*at)).unwrap();
        let (small, large) = (read(&format!("<a>{}", &filling[..half])), read(&format!("<a>{filling}")));
        assert!(large < small * 6 + Duration::from_millis(2), "{what}: {small:?}, {large:?}");
    }
}
