//! What the identity provider says where it did not sign somebody in (SAML Core 3.2.2.2, Entra's error codes), in words of
//! ours. The message itself is anybody's text and never shown.

/// Title and text for a status code (its last part) and Entra's own code, where it gave one.
pub(super) fn told(status: &str, aadsts: Option<&str>) -> (&'static str, String) {
    let (title, text) = of_status(status);
    match aadsts {
        Some(code) => {
            let digits = code.trim_start_matches("AADSTS");
            let text = of_entra(digits).unwrap_or(text);
            (title, format!("{text} ({code})"))
        }
        None => (title, text.to_owned()),
    }
}

fn of_status(status: &str) -> (&'static str, &'static str) {
    match status {
        "AuthnFailed" => (
            "Your organisation did not sign you in",
            "The sign-in service could not make sure who you are. Check the account you chose and try again.",
        ),
        "RequestDenied" => (
            "Your organisation refused this sign-in",
            "The sign-in service does not allow you to use this application. Ask your administrator for access.",
        ),
        "NoAuthnContext" => (
            "Another way of signing in is needed",
            "You signed in, but not in the way this application asks for.",
        ),
        "InvalidNameIDPolicy" => (
            "This application is not set up correctly",
            "The sign-in service cannot give the kind of user name that this application asks for. Tell your \
             administrator.",
        ),
        "UnknownPrincipal" => (
            "You are not known there",
            "The sign-in service does not know you. Check the account you chose, or ask your administrator.",
        ),
        "RequestUnsupported"
        | "UnsupportedBinding"
        | "VersionMismatch"
        | "RequestVersionTooHigh"
        | "RequestVersionTooLow"
        | "RequestVersionDeprecated" => (
            "This application is not set up correctly",
            "The sign-in service does not understand how this application asks. Tell your administrator.",
        ),
        "NoAvailableIDP" | "NoSupportedIDP" | "ProxyCountExceeded" => (
            "Your organisation's sign-in service cannot be reached",
            "The sign-in was passed on, and nobody could answer it. Please try again later.",
        ),
        "Requester" => (
            "This application is not set up correctly",
            "The sign-in service refused what this application asks for. Tell your administrator.",
        ),
        "Responder" => (
            "Your organisation's sign-in service has a problem",
            "The sign-in service could not complete the sign-in. Please try again later.",
        ),
        _ => (
            "Your organisation did not sign you in",
            "The sign-in service answered with an error. Please try again, or ask your administrator.",
        ),
    }
}

/// The codes that an administrator meets, of those that arrive here at all.
fn of_entra(digits: &str) -> Option<&'static str> {
    Some(match digits {
        "50003" | "50146" => {
            "The application has no signing certificate at Entra. Your administrator must make one."
        }
        "50011" => {
            "The reply URL of this application is not registered at Entra. Your administrator must register the assertion \
             consumer's URL exactly."
        }
        "50020" => "Your account belongs to another organisation and is no guest of this one.",
        "50105" => {
            "You are not assigned to this application. Ask your administrator to assign you or one of your groups."
        }
        "50196" => {
            "Entra has noticed that signing in goes round in circles. Allow cookies for this site and try again."
        }
        "53003" => "A Conditional Access policy of your organisation does not allow this sign-in.",
        "700016" => {
            "Entra does not know this application. Your administrator must compare the Identifier with entity_id, and the \
             tenant."
        }
        "650056" | "65005" => {
            "The Identifier at Entra is not the entity_id of this application. Tell your administrator."
        }
        "75003" => {
            "Entra answers by POST only; the application asks for something else. Tell your administrator."
        }
        "75005" | "7500529" => {
            "Entra could not read the request of this application. Tell your administrator."
        }
        "75008" => {
            "Entra did not expect the request at this address. Your administrator must compare sso_url."
        }
        "75011" => {
            "You signed in in another way than this application asks for. Your administrator should not ask for one: take \
             authn_context away."
        }
        "75016" => {
            "Entra does not know the kind of name that is asked for. Your administrator must change name_id_format."
        }
        "76021" => "Entra wants the request signed. Your administrator must configure a signing key.",
        "76026" => "The request was too old when it arrived. Your administrator must compare the clocks.",
        "90015" => {
            "The request was too long for Entra. Your administrator should shorten hints, or send it by POST."
        }
        "501241" => {
            "The attribute that your user name is made of is empty. Your administrator must fill it or choose another."
        }
        _ => return None,
    })
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
        let texts: BTreeSet<String> = codes.iter().map(|code| told(code, None).1).collect();
        assert_eq!(texts.len(), codes.len());
    }

    #[test]
    fn a_code_of_entra_is_shown_and_explained_where_it_is_known() {
        let (_, known) = told("Requester", Some("AADSTS50105"));
        assert!(known.contains("not assigned") && known.ends_with("(AADSTS50105)"));
        let (_, unknown) = told("Requester", Some("AADSTS999"));
        assert!(unknown.ends_with("(AADSTS999)"));
    }

    #[test]
    fn a_code_that_nobody_knows_is_not_repeated() {
        let (title, text) = told("<script>", None);
        assert!(!title.contains("script") && !text.contains("script"));
    }
}
