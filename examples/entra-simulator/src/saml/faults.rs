//! *Break it*: deliberate faults, to see what the user would see.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::keys::SigningKey;

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Break {
    /// Made for another application.
    Audience,
    /// Made for another consumer endpoint.
    Recipient,
    /// Sent to another endpoint than it says.
    Destination,
    /// Two hours old.
    Expired,
    /// By a clock that is ten minutes ahead.
    Clock,
    /// The same response as the last time.
    Replay,
    /// Somebody else's assertion around the one that was signed.
    Wrapped,
    /// The signature is by nobody's key.
    Signature,
    /// By a key that the application was never told of.
    OtherKey,
    /// Nothing is signed.
    Unsigned,
    /// Another name signed in than the one that was signed for.
    Content,
    /// Made by another tenant.
    Issuer,
    /// The answer to a request that nobody made.
    InResponseTo,
    /// Not a sign-in but an error message of Entra's.
    Status,
    /// Nobody is signed in, and the request forbids to ask.
    NoPassive,
    /// With a document type.
    Doctype,
}

impl Break {
    /// All, as a page offers them: word and label.
    pub const ALL: [(Self, &'static str, &'static str); 16] = [
        (Self::Audience, "audience", "Wrong audience: made for another application"),
        (Self::Recipient, "recipient", "Wrong recipient: made for another endpoint"),
        (Self::Destination, "destination", "Wrong destination"),
        (Self::Expired, "expired", "Expired two hours ago"),
        (Self::Clock, "clock", "Clock ten minutes ahead: not valid yet"),
        (Self::Replay, "replay", "Replay: the same response once more"),
        (Self::Wrapped, "wrapped", "Wrapped: somebody else around what was signed"),
        (Self::Signature, "signature", "Signature by nobody"),
        (Self::OtherKey, "other_key", "Signed by a key the application does not know"),
        (Self::Unsigned, "unsigned", "Not signed at all"),
        (Self::Content, "content", "Name changed after signing"),
        (Self::Issuer, "issuer", "Another tenant’s issuer"),
        (Self::InResponseTo, "in_response_to", "Answer to a request nobody made"),
        (Self::Status, "status", "An error of Entra’s instead of a sign-in"),
        (Self::NoPassive, "no_passive", "Nobody is signed in, and asking is forbidden"),
        (Self::Doctype, "doctype", "With a document type"),
    ];
}

/// Keys that nobody was told of, made once.
///
/// # Errors
/// They cannot be made.
pub fn strange_key() -> Result<&'static SigningKey, String> {
    static KEY: OnceLock<Result<SigningKey, String>> = OnceLock::new();
    KEY.get_or_init(SigningKey::generate).as_ref().map_err(Clone::clone)
}

/// Faults that are put in after signing; `name` is the one that was signed for.
#[must_use]
pub fn spoil(text: String, fault: Option<Break>, name: &str) -> String {
    match fault {
        Some(Break::Signature) => swapped(&text, "<SignatureValue>"),
        Some(Break::Content) if text.contains(&format!(">{name}<")) => {
            text.replacen(&format!(">{name}<"), &format!(">x{name}<"), 1)
        }
        Some(Break::Content) => swapped(&text, "<xenc:CipherValue>"),
        Some(Break::Doctype) => format!("<!DOCTYPE samlp:Response [<!ENTITY x \"y\">]>{text}"),
        _ => text,
    }
}

/// Another letter at the first place of every such value, which stays good base64.
fn swapped(text: &str, marker: &str) -> String {
    let swap = |part: &str| {
        let replacement = if part.starts_with('A') { "B" } else { "A" };
        replacement.chars().chain(part.chars().skip(1)).collect::<String>()
    };
    let mut parts = text.split(marker);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + marker + &swap(part))
}
