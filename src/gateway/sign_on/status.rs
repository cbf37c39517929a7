//! What the identity provider says where it did not sign somebody in (SAML Core 3.2.2.2, Entra's error codes), in words of
//! ours. The message itself is anybody's text and never shown.

use crate::gateway::pages::words::{self, Said};

/// What a person is told, and a few words that need no translation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) said: Said,
    pub(super) more: String,
}

/// For a status code (its last part) and Entra's own code, where it gave one.
pub(super) fn told(status: &str, aadsts: Option<&str>) -> Told {
    let said = of_status(status);
    match aadsts {
        Some(code) => {
            let known = words::of_entra(code.trim_start_matches("AADSTS"));
            let said = Said { text: known.unwrap_or(said.text), ..said };
            Told { said, more: format!("({code})") }
        }
        None => Told { said, more: String::new() },
    }
}

fn of_status(status: &str) -> Said {
    *match status {
        "AuthnFailed" => &words::STATUS_AUTHN_FAILED,
        "RequestDenied" => &words::STATUS_REQUEST_DENIED,
        "NoAuthnContext" => &words::STATUS_NO_AUTHN_CONTEXT,
        "InvalidNameIDPolicy" => &words::STATUS_INVALID_NAME,
        "UnknownPrincipal" => &words::STATUS_UNKNOWN_PRINCIPAL,
        "RequestUnsupported"
        | "UnsupportedBinding"
        | "VersionMismatch"
        | "RequestVersionTooHigh"
        | "RequestVersionTooLow"
        | "RequestVersionDeprecated" => &words::STATUS_UNSUPPORTED,
        "NoAvailableIDP" | "NoSupportedIDP" | "ProxyCountExceeded" => &words::STATUS_NO_PROVIDER,
        "Requester" => &words::STATUS_REQUESTER,
        "Responder" => &words::STATUS_RESPONDER,
        _ => &words::STATUS_OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn each_reason_has_words_of_its_own() {
        let codes =
            ["AuthnFailed", "RequestDenied", "NoAuthnContext", "UnknownPrincipal", "Responder", "Requester"];
        let texts: BTreeSet<&str> = codes.iter().map(|code| told(code, None).said.text.key).collect();
        assert_eq!(texts.len(), codes.len());
    }

    #[test]
    fn a_code_of_entra_is_shown_and_explained_where_it_is_known() {
        let known = told("Requester", Some("AADSTS50105"));
        assert_eq!((known.said.text.key, known.more.as_str()), ("entra.50105", "(AADSTS50105)"));
        let unknown = told("Requester", Some("AADSTS999"));
        assert_eq!((unknown.said.text.key, unknown.more.as_str()), ("status.requester.text", "(AADSTS999)"));
    }

    #[test]
    fn a_code_that_nobody_knows_is_not_repeated() {
        let told = told("<script>", None);
        assert_eq!((told.said, told.more.as_str()), (words::STATUS_OTHER, ""));
    }
}
