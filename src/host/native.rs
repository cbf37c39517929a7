//! Envoy's own signature verification, where this host proves that it has it.
//!
//! It is some twenty times faster than the same mathematics in Wasm. But not every host has it, some trap when asked,
//! and a host that says yes to everything must not be believed: so it is asked a question whose answer is known.

use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::common::{NativeSignature, NativeVerdict};
use crate::gateway::NativeCrypto;

use super::{abi, wire};

/// The question whose answer is known: RSA-2048, PKCS#1 v1.5, SHA-256. Nobody has the private key any more.
const KNOWN_MESSAGE: &[u8] = b"vestibule: known answer";
/// Its key, base64 of the DER of a `SubjectPublicKeyInfo`.
const KNOWN_KEY: &str = "\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAn/OunOB7cHo7X22dnY5mMWy/cK1dEbhtuAB2Hb7QgmbcYhSYhf72X9kn\
fQz+Yer+PZcY78qdiFb+lNSNorAzOmzG4AuP2OenJ48LxYpv0xsCd8CkYLJD4Z6cX353EEA77oA2AjCkyFnz3YgCJLGZpcpS8S6f\
W0QF66GZOkMKHyKIVuJoQO5exnJq7Z3CwBCLqe8PK+WpTYjk0iotYUciLN7hx9A85KqXoM8OES6rdLYlhUuSeigCNadh8weUrq9H\
xx44qgWM4MLJKJ0af60mru8aDKlP3gltrfjjhxx9EjhB2e1gMBZfCvPJutIN967gaMDlr7xgDk+JMypxoNn/uQIDAQAB\
";
/// Its signature, base64.
const KNOWN_SIGNATURE: &str = "\
KOnZRpoM7xKtgP+3/vldW8VOqoIXq/7n9JIHvJsf8AwmY7VNwrgz7vZDCIygcq08l+tcaAPRZxqrIaArSc5t9297VApXNgC0wTVB\
YQipiEOSOgkIErV4nQUHM51RDqG2zB0nYCZU6hv+AOOGfnBd+XRwN8nz7CIgblCrBYMtkCgrNx5T/k2jhF9NrneSDxg5Ng7ESmnj\
5g9ybuyxygwj+Sbgvo5LDS2F/xDZooFxqCkMXGpm9bD/u2OIe85yG5dD/uCLJUMhXD8Mv4S701oAe/20ry4UfXBcZCv+ybKY4Sh2\
jLdA3Ndl8d+Z4aYlGnXPkBT/cOyyH+Uik7evsqaDxw==\
";

/// What is known of the host's signature verification. One for each configuration.
pub(super) struct Native {
    allowed: bool,
    proven: Cell<Option<bool>>,
}

impl Native {
    pub(super) fn new(setting: NativeCrypto) -> Self {
        Self { allowed: matches!(setting, NativeCrypto::Auto), proven: Cell::new(None) }
    }

    /// Whether the host answered the known question right, both ways. Asked once.
    pub(super) fn is_proven(&self) -> bool {
        if !self.allowed {
            return false;
        }
        if let Some(proven) = self.proven.get() {
            return proven;
        }
        let proven = knows_the_answer().unwrap_or(false);
        self.proven.set(Some(proven));
        proven
    }

    /// Asks the host, where it is proven.
    pub(super) fn verify(&self, question: &NativeSignature<'_>) -> NativeVerdict {
        if self.is_proven() { ask(question) } else { NativeVerdict::Unavailable }
    }
}

fn ask(question: &NativeSignature<'_>) -> NativeVerdict {
    match abi::foreign_function("verify_signature", &wire::signature_question(question)) {
        Ok(answer) => wire::signature_verdict(&answer),
        Err(_) => NativeVerdict::Unavailable,
    }
}

/// A good signature must be valid, and the same signature, key and message with one octet changed must not.
fn knows_the_answer() -> Option<bool> {
    let spki = STANDARD.decode(KNOWN_KEY).ok()?;
    let signature = STANDARD.decode(KNOWN_SIGNATURE).ok()?;
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
