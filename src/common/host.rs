//! The one trait through which time, randomness, shared data, native cryptography, bodies, metrics and log come in.

use super::UnixMillis;

/// What the surrounding proxy (or a test) provides.
///
/// No method may block, and none is trusted to succeed: every answer that matters is a `Result` or an `Option`, and a
/// caller that gets none refuses.
pub trait Host {
    /// The wall clock.
    fn now(&self) -> UnixMillis;

    /// The time at this very moment, where [`Host::now`] may be that of the whole callback: for what is written down for
    /// others to compare with.
    fn now_anew(&self) -> UnixMillis {
        self.now()
    }

    /// Fills `buffer` from a cryptographically secure source.
    ///
    /// # Errors
    /// Where the host has no such source or it failed; the caller must not go on.
    fn random(&self, buffer: &mut [u8]) -> Result<(), HostError>;

    /// Reads a value shared by the workers of this process, with its compare-and-swap number.
    ///
    /// # Errors
    /// Where the host refused; a missing key is `Ok(None)`.
    fn shared_get(&self, key: &str) -> Result<Option<(Vec<u8>, u32)>, HostError>;

    /// Writes a shared value. With `cas`, only if it is unchanged since it was read; a missing key is always written.
    ///
    /// # Errors
    /// [`HostError::Changed`] where somebody else wrote first.
    fn shared_set(&self, key: &str, value: &[u8], cas: Option<u32>) -> Result<(), HostError>;

    /// Lets the host verify a signature natively, where it can.
    fn verify_natively(&self, question: &NativeSignature<'_>) -> NativeVerdict;

    /// Lets the host sign natively, where it can. The caller verifies what it gets.
    fn sign_natively(&self, _question: &NativeSigning<'_>) -> Option<Vec<u8>> {
        None
    }

    /// The first `length` bytes of the request body buffered so far. Legal in body, trailer and call-response events.
    ///
    /// # Errors
    /// Where no body is at hand in this phase.
    fn request_body(&self, length: usize) -> Result<Vec<u8>, HostError>;

    /// The first `length` bytes of the response body buffered so far.
    ///
    /// # Errors
    /// Where no body is at hand in this phase.
    fn response_body(&self, length: usize) -> Result<Vec<u8>, HostError>;

    /// A property of the connection, request or route, as the host encodes it.
    fn property(&self, path: &[&str]) -> Option<Vec<u8>>;

    /// Adds one to a counter of a fixed name (`vestibule.sign_on.accepted`).
    fn count(&self, metric: &str);

    /// Puts a value into a histogram of a fixed name (`vestibule.sign_on.duration_ms`).
    fn record(&self, _metric: &str, _value: u64) {}

    /// Says something of this exchange for the proxy's access log, under a fixed key (`reference`). Never personal data.
    fn tell(&self, _key: &'static str, _value: &str) {}

    /// Writes one line to the log. The line holds no secret and no personal data.
    fn log(&self, level: Level, line: &str);
}

/// Why the host did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// The function is unknown here or failed inside the host.
    Unavailable,
    /// Not possible in this phase of the exchange.
    WrongPhase,
    /// A compare-and-swap lost against another worker.
    Changed,
}

impl std::fmt::Display for HostError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the host could not do it",
            Self::WrongPhase => "not possible in this phase",
            Self::Changed => "changed by another worker",
        })
    }
}

impl std::error::Error for HostError {}

/// A signature to be verified by the host.
#[derive(Clone, Copy)]
pub struct NativeSignature<'a> {
    /// `sha256`, `sha384` or `sha512`.
    pub hash: &'static str,
    /// DER of the `SubjectPublicKeyInfo`, already checked to be strict DER of an allowed key.
    pub spki: &'a [u8],
    /// PKCS#1 v1.5 signature, or DER of an ECDSA signature.
    pub signature: &'a [u8],
    /// The signed octets, not their digest.
    pub message: &'a [u8],
}

/// Something to be signed by the host, with PKCS#1 v1.5.
#[derive(Clone, Copy)]
pub struct NativeSigning<'a> {
    /// `sha256`, `sha384` or `sha512`.
    pub hash: &'static str,
    /// DER of the private key in PKCS#8.
    pub private_key: &'a [u8],
    /// The octets to be signed, not their digest.
    pub message: &'a [u8],
}

/// What the host says of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeVerdict {
    /// The signature is right.
    Valid,
    /// The signature is wrong.
    Invalid,
    /// The host cannot tell; ask the in-Wasm implementation.
    Unavailable,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For somebody who looks for a fault.
    Debug,
    /// The audit record: one line per sign-in, refusal, rewrite, revocation.
    Info,
    /// An operator should look soon.
    Warn,
    /// Something does not work.
    Error,
}
