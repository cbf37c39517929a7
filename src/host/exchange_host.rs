//! The proxy as a [`Host`].

use std::cell::OnceCell;

use crate::common::{Host, HostError, Level, NativeSignature, NativeSigning, NativeVerdict, UnixMillis};

use super::abi::{self, Buffer};
use super::service::Service;

/// The proxy as one callback sees it.
pub(super) struct ExchangeHost<'a> {
    service: &'a Service,
    request_body: Option<usize>,
    response_body: Option<usize>,
    has_stream: bool,
    /// One callback is one moment: what is decided in it must not see two times, and each look costs a call.
    time: OnceCell<UnixMillis>,
}

impl<'a> ExchangeHost<'a> {
    /// With so many octets of body at hand in each direction; `None` where the host must not be asked for any.
    pub(super) fn new(
        service: &'a Service,
        request_body: Option<usize>,
        response_body: Option<usize>,
    ) -> Self {
        Self { service, request_body, response_body, has_stream: true, time: OnceCell::new() }
    }

    /// Where there is no stream.
    pub(super) fn outside_streams(service: &'a Service) -> Self {
        Self { has_stream: false, ..Self::new(service, None, None) }
    }
}

/// The wall clock. Where the host has none it is the end of the year 9999, when everything has expired.
pub(super) fn now() -> UnixMillis {
    const NANOSECONDS_IN_A_MILLISECOND: u64 = 1_000_000;
    const END_OF_TIME: UnixMillis = UnixMillis(253_402_300_799_000);
    abi::now_nanoseconds().map_or(END_OF_TIME, |time| UnixMillis(time / NANOSECONDS_IN_A_MILLISECOND))
}

/// The first `length` octets of what is at hand. A body that comes out shorter is not passed off as the whole.
fn body(kind: Buffer, at_hand: Option<usize>, length: usize) -> Result<Vec<u8>, HostError> {
    let wanted = at_hand.ok_or(HostError::WrongPhase)?.min(length);
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let bytes = abi::buffer(kind, wanted)?;
    if bytes.len() == wanted { Ok(bytes) } else { Err(HostError::Unavailable) }
}

impl Host for ExchangeHost<'_> {
    fn now(&self) -> UnixMillis {
        *self.time.get_or_init(now)
    }

    fn now_anew(&self) -> UnixMillis {
        now()
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        abi::random(buffer)
    }

    fn shared_get(&self, key: &str) -> Result<Option<(Vec<u8>, u32)>, HostError> {
        abi::shared_get(key)
    }

    fn shared_set(&self, key: &str, value: &[u8], cas: Option<u32>) -> Result<(), HostError> {
        abi::shared_set(key, value, cas)
    }

    fn verify_natively(&self, question: &NativeSignature<'_>) -> NativeVerdict {
        self.service.native.verify(question)
    }

    fn sign_natively(&self, question: &NativeSigning<'_>) -> Option<Vec<u8>> {
        self.service.native.sign(question)
    }

    fn request_body(&self, length: usize) -> Result<Vec<u8>, HostError> {
        body(Buffer::RequestBody, self.request_body, length)
    }

    fn response_body(&self, length: usize) -> Result<Vec<u8>, HostError> {
        body(Buffer::ResponseBody, self.response_body, length)
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        abi::property(path)
    }

    fn count(&self, metric: &str) {
        self.service.count(metric);
    }

    fn record(&self, metric: &str, value: u64) {
        self.service.record(metric, value);
    }

    fn tell(&self, key: &'static str, value: &str) {
        if self.has_stream {
            // Envoy puts `wasm.` before it.
            let _the_access_log_goes_without = abi::set_property(&format!("vestibule.{key}"), value);
        }
    }

    fn log(&self, level: Level, line: &str) {
        abi::log(level, line);
    }
}
