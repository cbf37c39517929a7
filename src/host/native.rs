//! Envoy's own signature verification, where this host proves that it has it.
//!
//! It is some twenty times faster than the same mathematics in Wasm. But not every host has it, some trap when asked,
//! and a host that says yes to everything must not be believed: so it is asked a question whose answer is known.

use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::common::{NativeSignature, NativeSigning, NativeVerdict};
use crate::gateway::NativeCrypto;

use super::{abi, wire};

/// The questions whose answers are known: this message, SHA-256. Nobody has the private keys any more.
const KNOWN_MESSAGE: &[u8] = b"vestibule: known answer";
/// A key of RSA-2048, base64 of the DER of a `SubjectPublicKeyInfo`.
const KNOWN_RSA_KEY: &str = "\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAn/OunOB7cHo7X22dnY5mMWy/cK1dEbhtuAB2Hb7QgmbcYhSYhf72X9kn\
fQz+Yer+PZcY78qdiFb+lNSNorAzOmzG4AuP2OenJ48LxYpv0xsCd8CkYLJD4Z6cX353EEA77oA2AjCkyFnz3YgCJLGZpcpS8S6f\
W0QF66GZOkMKHyKIVuJoQO5exnJq7Z3CwBCLqe8PK+WpTYjk0iotYUciLN7hx9A85KqXoM8OES6rdLYlhUuSeigCNadh8weUrq9H\
xx44qgWM4MLJKJ0af60mru8aDKlP3gltrfjjhxx9EjhB2e1gMBZfCvPJutIN967gaMDlr7xgDk+JMypxoNn/uQIDAQAB\
";
/// Its signature (PKCS#1 v1.5), base64.
const KNOWN_RSA_SIGNATURE: &str = "\
KOnZRpoM7xKtgP+3/vldW8VOqoIXq/7n9JIHvJsf8AwmY7VNwrgz7vZDCIygcq08l+tcaAPRZxqrIaArSc5t9297VApXNgC0wTVB\
YQipiEOSOgkIErV4nQUHM51RDqG2zB0nYCZU6hv+AOOGfnBd+XRwN8nz7CIgblCrBYMtkCgrNx5T/k2jhF9NrneSDxg5Ng7ESmnj\
5g9ybuyxygwj+Sbgvo5LDS2F/xDZooFxqCkMXGpm9bD/u2OIe85yG5dD/uCLJUMhXD8Mv4S701oAe/20ry4UfXBcZCv+ybKY4Sh2\
jLdA3Ndl8d+Z4aYlGnXPkBT/cOyyH+Uik7evsqaDxw==\
";

/// A key of P-256, in the same form.
const KNOWN_EC_KEY: &str = "\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEFxezXCcN8TKQ3AYimdluUfcPpjMwCqZFN21TaG5eNj64HZ53BPtDFc7aw6EIKhwk\
GnUO9okVNm9lNTcHuloTlg==\
";
/// Its signature (DER), base64.
const KNOWN_EC_SIGNATURE: &str = "\
MEQCIFm4m2gWx7uewM+GZe3r0Tm7FARVupstM8Xj6weBGrztAiB6obgqJk/Tdu6CN6qi9wpch03nGW7/FolFPK4sEVJoSw==\
";
/// `id-ecPublicKey` (RFC 5480 section 2.1.1), which the key's algorithm begins with.
const EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// What is known of the host's signature verification. One for each configuration.
pub(super) struct Native {
    allowed: bool,
    rsa: Cell<Option<bool>>,
    elliptic: Cell<Option<bool>>,
}

impl Native {
    pub(super) fn new(setting: NativeCrypto) -> Self {
        let allowed = matches!(setting, NativeCrypto::Auto);
        Self { allowed, rsa: Cell::new(None), elliptic: Cell::new(None) }
    }

    /// Whether the host answered the known question of RSA right, both ways. Asked once.
    pub(super) fn is_proven(&self) -> bool {
        self.allowed && once(&self.rsa, || knows_the_answer(KNOWN_RSA_KEY, KNOWN_RSA_SIGNATURE))
    }

    fn is_proven_for_elliptic_curves(&self) -> bool {
        self.allowed && once(&self.elliptic, || knows_the_answer(KNOWN_EC_KEY, KNOWN_EC_SIGNATURE))
    }

    /// Asks the host, where it is proven for keys of this kind.
    pub(super) fn verify(&self, question: &NativeSignature<'_>) -> NativeVerdict {
        let is_elliptic = question.spki.windows(EC_PUBLIC_KEY.len()).any(|window| window == EC_PUBLIC_KEY);
        let proven = if is_elliptic { self.is_proven_for_elliptic_curves() } else { self.is_proven() };
        if proven { ask(question) } else { NativeVerdict::Unavailable }
    }

    /// Lets the host sign, where it may be called and can (Envoy 1.37). No proof is needed beforehand: what comes is
    /// verified each time.
    pub(super) fn sign(&self, question: &NativeSigning<'_>) -> Option<Vec<u8>> {
        if !self.allowed {
            return None;
        }
        let answer = abi::foreign_function("sign", &wire::signing_question(question)).ok()?;
        wire::signature_made(&answer).map(<[u8]>::to_vec)
    }
}

/// What was found out once.
fn once(known: &Cell<Option<bool>>, find_out: impl Fn() -> Option<bool>) -> bool {
    known.get().unwrap_or_else(|| {
        let proven = find_out().unwrap_or(false);
        known.set(Some(proven));
        proven
    })
}

fn ask(question: &NativeSignature<'_>) -> NativeVerdict {
    match abi::foreign_function("verify_signature", &wire::signature_question(question)) {
        Ok(answer) => wire::signature_verdict(&answer),
        Err(_) => NativeVerdict::Unavailable,
    }
}

/// A good signature must be valid, and the same signature, key and message with one octet changed must not.
fn knows_the_answer(key: &str, signature: &str) -> Option<bool> {
    let spki = STANDARD.decode(key).ok()?;
    let signature = STANDARD.decode(signature).ok()?;
    let mut forged = signature.clone();
    if let Some(octet) = forged.last_mut() {
        *octet ^= 1;
    }
    let good = NativeSignature { hash: "sha256", spki: &spki, signature: &signature, message: KNOWN_MESSAGE };
    let wrong_signature = NativeSignature { signature: &forged, ..good };
    let wrong_message = NativeSignature { message: b"vestibule: other answer", ..good };
    Some(
        ask(&good) == NativeVerdict::Valid
            && ask(&wrong_signature) == NativeVerdict::Invalid
            && ask(&wrong_message) == NativeVerdict::Invalid,
    )
}
