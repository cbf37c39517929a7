//! Rows of the catalogue of attacks that need no corpus: over our own vectors, natively and as Wasm.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::vectors_test::{ASSERTION_SIGNED, BOTH_SIGNED, RESPONSE_SIGNED, judge_with, trusted};

fn code(xml: &str) -> &'static str {
    judge_with(xml, &trusted(), |_| {}).map(|_| "accepted").unwrap_or_else(|rejection| rejection.code())
}

/// The one `Signature` element.
fn signature(xml: &str) -> &str {
    const END: &str = "</Signature>";
    let (begin, end) = (xml.find("<Signature ").unwrap(), xml.find(END).unwrap());
    &xml[begin..end + END.len()]
}

#[test]
fn row_1_12_the_signature_of_another_message_is_refused() {
    let stolen = signature(RESPONSE_SIGNED);
    let own = signature(ASSERTION_SIGNED);
    assert_ne!(stolen, own);
    assert_eq!(code(&ASSERTION_SIGNED.replacen(own, stolen, 1)), "signature_reference");
    // The same identifier, another content.
    assert_eq!(code(&ASSERTION_SIGNED.replacen(">ada@", ">bda@", 1)), "signature_digest");
}

#[test]
fn row_2_4_base64_may_hold_white_space_and_nothing_else() {
    let (before, rest) = ASSERTION_SIGNED.split_once("<SignatureValue>").unwrap();
    let (value, after) = rest.split_once("</SignatureValue>").unwrap();
    let with = |value: String| format!("{before}<SignatureValue>{value}</SignatureValue>{after}");
    let (one, two) = value.split_at(40);
    assert_eq!(code(&with(format!("\n{one}\r\n {two}\t"))), "accepted");
    assert_eq!(code(&with(format!("{one}<!-- -->{two}"))), "signature_structure");
    for odd in ["-", "\u{a0}", "=", "&#0;", "<?x?>"] {
        assert_ne!(code(&with(format!("{one}{odd}{two}"))), "accepted", "{odd:?}");
    }
}

#[test]
fn row_3_3_names_that_some_readers_write_back_differently_are_refused() {
    for (old, new) in [
        ("<samlp:Status>", "<samlp::Status>"),
        ("<samlp:Status>", "<:Status>"),
        (" Version=\"2.0\"", " :Version=\"2.0\""),
        ("<samlp:Status>", "<!x><samlp:Status>"),
        ("<samlp:Status>", "<samlp:Status x:y=\"\">"),
    ] {
        assert!(ASSERTION_SIGNED.contains(old), "{old}");
        assert_ne!(code(&ASSERTION_SIGNED.replacen(old, new, 1)), "accepted", "{new}");
    }
}

/// CVE-2017-11427 and its kin: comments are not part of what was signed, so anybody can put one in.
#[test]
fn row_4_1_a_comment_in_the_name_never_shortens_it() {
    for xml in [ASSERTION_SIGNED, RESPONSE_SIGNED, BOTH_SIGNED] {
        let name = judge_with(xml, &trusted(), |_| {}).unwrap().identity.name_id;
        assert!(name.len() > 3);
        for at in 1..name.len() {
            let (one, two) = name.split_at(at);
            let parted = xml.replacen(&format!(">{name}<"), &format!(">{one}<!--x-->{two}<"), 1);
            assert_ne!(parted, *xml);
            // Refusing would be as good; another name would not.
            if let Ok(accepted) = judge_with(&parted, &trusted(), |_| {}) {
                assert_eq!(accepted.identity.name_id, name);
            }
        }
    }
}
