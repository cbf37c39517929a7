//! The host's functions, with a `Result` for every status.
//!
//! A status that is not expected must not be a panic, which is an outage of the worker: here it is a number that is looked
//! at. This is the only module with `unsafe` code, but for the names of the callbacks in [`super::dispatch`] and for
//! [`super::allocator`].

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{HeaderEdit, Headers, HostError, Level};

use super::wire;

mod raw {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub(super) fn proxy_log(level: u32, data: *const u8, size: usize) -> u32;
        pub(super) fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
        pub(super) fn proxy_get_buffer_bytes(
            kind: u32,
            start: usize,
            length: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_set_buffer_bytes(
            kind: u32,
            start: usize,
            length: usize,
            data: *const u8,
            size: usize,
        ) -> u32;
        pub(super) fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
        pub(super) fn proxy_replace_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_add_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
        pub(super) fn proxy_get_property(
            path: *const u8,
            path_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_get_shared_data(
            key: *const u8,
            key_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
            cas: *mut u32,
        ) -> u32;
        pub(super) fn proxy_set_shared_data(
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
            cas: u32,
        ) -> u32;
        pub(super) fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
        pub(super) fn proxy_call_foreign_function(
            name: *const u8,
            name_size: usize,
            argument: *const u8,
            argument_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
        pub(super) safe fn proxy_increment_metric(id: u32, offset: i64) -> u32;
        pub(super) safe fn proxy_record_metric(id: u32, value: u64) -> u32;
        pub(super) fn proxy_set_property(
            path: *const u8,
            path_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) safe fn proxy_continue_stream(stream: u32) -> u32;
        pub(super) safe fn proxy_close_stream(stream: u32) -> u32;
        pub(super) safe fn proxy_set_effective_context(context: u32) -> u32;
        pub(super) safe fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
        pub(super) fn proxy_http_call(
            cluster: *const u8,
            cluster_size: usize,
            headers: *const u8,
            headers_size: usize,
            body: *const u8,
            body_size: usize,
            trailers: *const u8,
            trailers_size: usize,
            timeout: u32,
            token: *mut u32,
        ) -> u32;
    }

    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        pub(super) fn random_get(buffer: *mut u8, size: usize) -> i32;
        pub(super) fn environ_sizes_get(count: *mut usize, size: *mut usize) -> i32;
        pub(super) fn environ_get(entries: *mut *mut u8, text: *mut u8) -> i32;
    }

    unsafe extern "C" {
        // Of the C library.
        pub(super) fn __wasm_call_ctors();
    }
}

/// Statuses of the ABI (`proxy_status_t` as Envoy numbers it).
const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;
const CAS_MISMATCH: u32 = 8;
const INTERNAL_FAILURE: u32 = 10;

/// The host refuses to fill more than this at once.
const RANDOM_PIECE: usize = 65_536;

/// Kinds of metrics.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(super) enum Metric {
    Counter = 0,
    Histogram = 2,
}

/// Header and trailer maps.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(super) enum Map {
    RequestHeaders = 0,
    RequestTrailers = 1,
    ResponseHeaders = 2,
    ResponseTrailers = 3,
    CallHeaders = 6,
}

/// Buffers.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(super) enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    CallBody = 4,
    PluginConfiguration = 7,
}

/// The two directions of an HTTP stream.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Direction {
    Request = 0,
    Response = 1,
}

fn check(status: u32) -> Result<(), HostError> {
    match status {
        OK => Ok(()),
        // The map, the buffer or the stream is not there (any more).
        NOT_FOUND | BAD_ARGUMENT => Err(HostError::WrongPhase),
        CAS_MISMATCH => Err(HostError::Changed),
        _ => Err(HostError::Unavailable),
    }
}

thread_local! {
    /// Rooms that were made for the host and are not claimed yet.
    static ROOMS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Room for octets that the host hands over; null where there is none. Claimed by [`given`].
pub(super) fn make_room(size: usize) -> *mut u8 {
    let mut room = Vec::new();
    if room.try_reserve_exact(size).is_err() {
        return std::ptr::null_mut();
    }
    room.resize(size, 0);
    let data = room.as_mut_ptr();
    let kept = ROOMS.with(|rooms| {
        let Ok(mut rooms) = rooms.try_borrow_mut() else { return false };
        if rooms.try_reserve(1).is_err() {
            return false;
        }
        rooms.push(room);
        true
    });
    if kept { data } else { std::ptr::null_mut() }
}

/// The room at `data` with its first `size` octets; `None` where no such room was made. Rooms that nobody claims are
/// freed: each is claimed by the call it was made for, or never.
fn claim(data: *const u8, size: usize) -> Option<Vec<u8>> {
    let rooms = ROOMS.with(|rooms| rooms.try_borrow_mut().ok().map(|mut rooms| std::mem::take(&mut *rooms)));
    if data.is_null() || size == 0 {
        return Some(Vec::new());
    }
    let mut room = rooms?.into_iter().find(|room| std::ptr::eq(room.as_ptr(), data))?;
    if size > room.len() {
        return None;
    }
    room.truncate(size);
    Some(room)
}

/// Calls a function that hands octets over, whatever its status: some allocate and then fail. Octets of which the host
/// tells another place or size than it was given room for are a failure of the call.
fn given(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> (u32, Vec<u8>) {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    let status = call(&raw mut data, &raw mut size);
    match claim(data, size) {
        Some(octets) => (status, octets),
        None if status == OK => (INTERNAL_FAILURE, Vec::new()),
        None => (status, Vec::new()),
    }
}

/// Writes to the log of the proxy.
pub(super) fn log(level: Level, line: &str) {
    let level = match level {
        Level::Debug => 1,
        Level::Info => 2,
        Level::Warn => 3,
        Level::Error => 4,
    };
    let line = wire::log_line(line);
    // SAFETY: the host reads `line.len()` octets at the pointer during the call.
    let _cannot_be_helped = unsafe { raw::proxy_log(level, line.as_ptr(), line.len()) };
}

/// Writes that this VM is about to trap.
pub(super) fn log_critical(line: &str) {
    const CRITICAL: u32 = 5;
    // SAFETY: the host reads `line.len()` octets at the pointer during the call.
    let _cannot_be_helped = unsafe { raw::proxy_log(CRITICAL, line.as_ptr(), line.len()) };
}

/// Runs the constructors of what is linked in, before anything else. False where they have run: a second time would undo
/// what was built upon the first.
pub(super) fn construct() -> bool {
    static CONSTRUCTED: AtomicBool = AtomicBool::new(false);
    if CONSTRUCTED.swap(true, Ordering::Relaxed) {
        return false;
    }
    // SAFETY: the linker makes this function; it is called here alone, and once.
    unsafe { raw::__wasm_call_ctors() }
    true
}

/// A variable of the environment, where it is there and text. Asked of the host each time: the C library ends the VM where
/// the host fails.
pub(super) fn environment(name: &str) -> Option<String> {
    let (mut count, mut size) = (0, 0);
    // SAFETY: the host writes two numbers to live places.
    if unsafe { raw::environ_sizes_get(&raw mut count, &raw mut size) } != 0 {
        return None;
    }
    let mut entries: Vec<*mut u8> = Vec::new();
    entries.try_reserve_exact(count).ok()?;
    entries.resize(count, std::ptr::null_mut());
    let mut text: Vec<u8> = Vec::new();
    text.try_reserve_exact(size).ok()?;
    text.resize(size, 0);
    // SAFETY: the host writes as many pointers and octets as it said, for which there is room.
    if unsafe { raw::environ_get(entries.as_mut_ptr(), text.as_mut_ptr()) } != 0 {
        return None;
    }
    let value = text.split(|octet| *octet == 0).find_map(|entry| {
        let (before, after) = entry.split_at_checked(name.len())?;
        if before == name.as_bytes() { after.strip_prefix(b"=") } else { None }
    })?;
    String::from_utf8(value.to_vec()).ok()
}

/// Nanoseconds since 1970.
pub(super) fn now_nanoseconds() -> Option<u64> {
    let mut time = 0;
    // SAFETY: the host writes eight octets to a live `u64`.
    let status = unsafe { raw::proxy_get_current_time_nanoseconds(&raw mut time) };
    (status == OK).then_some(time)
}

/// Fills `buffer` from the proxy's random source.
pub(super) fn random(buffer: &mut [u8]) -> Result<(), HostError> {
    for piece in buffer.chunks_mut(RANDOM_PIECE) {
        // SAFETY: the host writes `piece.len()` octets to a live slice.
        let errno = unsafe { raw::random_get(piece.as_mut_ptr(), piece.len()) };
        if errno != 0 {
            return Err(HostError::Unavailable);
        }
    }
    Ok(())
}

/// `length` octets from the front of a buffer; fewer where it holds fewer.
pub(super) fn buffer(kind: Buffer, length: usize) -> Result<Vec<u8>, HostError> {
    let (status, bytes) = given(|data, size| {
        // SAFETY: the host writes a pointer and a size to live places.
        unsafe { raw::proxy_get_buffer_bytes(kind as u32, 0, length, data, size) }
    });
    check(status)?;
    Ok(bytes)
}

/// Puts `bytes` in the place of all `held` octets of a buffer.
pub(super) fn replace_buffer(kind: Buffer, held: usize, bytes: &[u8]) -> Result<(), HostError> {
    // SAFETY: the host reads `bytes.len()` octets at the pointer during the call.
    check(unsafe { raw::proxy_set_buffer_bytes(kind as u32, 0, held, bytes.as_ptr(), bytes.len()) })
}

/// All pairs of a map, in one pass.
pub(super) fn pairs(map: Map) -> Result<Headers, HostError> {
    let (status, bytes) = given(|data, size| {
        // SAFETY: the host writes a pointer and a size to live places.
        unsafe { raw::proxy_get_header_map_pairs(map as u32, data, size) }
    });
    check(status)?;
    wire::read_pairs(bytes).ok_or(HostError::Unavailable)
}

/// Applies one edit to a map. Refuses names and values that would be more than one header.
pub(super) fn edit(map: Map, edit: &HeaderEdit) -> Result<(), HostError> {
    match edit {
        HeaderEdit::Set(name, value) => {
            check_pair(name, value)?;
            // SAFETY: the host reads both slices during the call.
            check(unsafe {
                raw::proxy_replace_header_map_value(
                    map as u32,
                    name.as_ptr(),
                    name.len(),
                    value.as_ptr(),
                    value.len(),
                )
            })
        }
        HeaderEdit::Add(name, value) => {
            check_pair(name, value)?;
            if !wire::is_addable_name(name) {
                return Err(HostError::WrongPhase);
            }
            // SAFETY: the host reads both slices during the call.
            check(unsafe {
                raw::proxy_add_header_map_value(
                    map as u32,
                    name.as_ptr(),
                    name.len(),
                    value.as_ptr(),
                    value.len(),
                )
            })
        }
        HeaderEdit::Remove(name) => {
            if !wire::is_removable_name(name) {
                return Err(HostError::WrongPhase);
            }
            // SAFETY: the host reads the slice during the call.
            check(unsafe { raw::proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
        }
    }
}

fn check_pair(name: &[u8], value: &[u8]) -> Result<(), HostError> {
    if wire::is_writable_name(name) && wire::is_field_value(value) {
        Ok(())
    } else {
        Err(HostError::Unavailable)
    }
}

/// A property; `None` where there is none or the host failed.
pub(super) fn property(path: &[&str]) -> Option<Vec<u8>> {
    let path = wire::property_path(path);
    let (status, bytes) = given(|data, size| {
        // SAFETY: the host reads the path during the call and writes a pointer and a size to live places.
        unsafe { raw::proxy_get_property(path.as_ptr(), path.len(), data, size) }
    });
    (status == OK).then_some(bytes)
}

/// A shared value with its compare-and-swap number.
pub(super) fn shared_get(key: &str) -> Result<Option<(Vec<u8>, u32)>, HostError> {
    let mut cas = 0;
    let (status, bytes) = given(|data, size| {
        // SAFETY: the host reads the key during the call and writes a pointer, a size and a number to live places.
        unsafe { raw::proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut cas) }
    });
    if status == NOT_FOUND {
        return Ok(None);
    }
    check(status)?;
    Ok(Some((bytes, cas)))
}

/// Writes a shared value; with `cas` only if nobody else did since.
pub(super) fn shared_set(key: &str, value: &[u8], cas: Option<u32>) -> Result<(), HostError> {
    // SAFETY: the host reads both slices during the call.
    check(unsafe {
        raw::proxy_set_shared_data(
            key.as_ptr(),
            key.len(),
            value.as_ptr(),
            value.len(),
            // Nought means "unconditionally"; the host never gives it out.
            cas.unwrap_or(0),
        )
    })
}

/// Answers the client. `details` goes to the access log (`%RESPONSE_CODE_DETAILS%`).
pub(super) fn local_response<T: AsRef<[u8]>>(
    status: u16,
    details: &str,
    headers: &[(T, T)],
    body: &[u8],
) -> Result<(), HostError> {
    const NOT_GRPC: i32 = -1;
    let headers = wire::write_pairs(headers).ok_or(HostError::Unavailable)?;
    // SAFETY: the host reads all slices during the call.
    check(unsafe {
        raw::proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NOT_GRPC,
        )
    })
}

/// Lets a held direction go on.
pub(super) fn continue_stream(direction: Direction) -> Result<(), HostError> {
    check(raw::proxy_continue_stream(direction as u32))
}

/// Breaks the stream off.
pub(super) fn close_stream(direction: Direction) -> Result<(), HostError> {
    check(raw::proxy_close_stream(direction as u32))
}

/// Makes another context the one that calls act upon.
pub(super) fn set_effective_context(context: u32) -> Result<(), HostError> {
    check(raw::proxy_set_effective_context(context))
}

/// Lets `on_tick` come every so many milliseconds; 0 stops it.
pub(super) fn set_tick_period(milliseconds: u32) -> Result<(), HostError> {
    check(raw::proxy_set_tick_period_milliseconds(milliseconds))
}

/// Calls a function that only some hosts have. Some hosts trap on a name they do not know: ask only where the
/// configuration allows it.
pub(super) fn foreign_function(name: &str, argument: &[u8]) -> Result<Vec<u8>, HostError> {
    let (status, bytes) = given(|data, size| {
        // SAFETY: the host reads both slices during the call and writes a pointer and a size to live places.
        unsafe {
            raw::proxy_call_foreign_function(
                name.as_ptr(),
                name.len(),
                argument.as_ptr(),
                argument.len(),
                data,
                size,
            )
        }
    });
    check(status)?;
    Ok(bytes)
}

/// The number of a counter of this name.
pub(super) fn define_metric(kind: Metric, name: &str) -> Result<u32, HostError> {
    let mut id = 0;
    // SAFETY: the host reads the name during the call and writes a number to a live place.
    check(unsafe { raw::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Puts a value into a histogram.
pub(super) fn record(histogram: u32, value: u64) -> Result<(), HostError> {
    check(raw::proxy_record_metric(histogram, value))
}

/// Sets filter state of the stream that the present callback is of: `wasm.NAME` for the access log.
pub(super) fn set_property(name: &str, value: &str) -> Result<(), HostError> {
    // SAFETY: the host reads both slices during the call.
    check(unsafe { raw::proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Makes an HTTP call: the number that its answer will have.
pub(super) fn http_call(
    cluster: &str,
    headers: &[u8],
    body: &[u8],
    timeout_ms: u32,
) -> Result<u32, HostError> {
    const NO_TRAILERS: [u8; 4] = [0; 4];
    let mut token = 0;
    // SAFETY: the host reads all slices during the call and writes a number to a live place.
    check(unsafe {
        raw::proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            body.as_ptr(),
            body.len(),
            NO_TRAILERS.as_ptr(),
            NO_TRAILERS.len(),
            timeout_ms,
            &raw mut token,
        )
    })?;
    Ok(token)
}

/// Adds one to a counter.
pub(super) fn increment(counter: u32) -> Result<(), HostError> {
    check(raw::proxy_increment_metric(counter, 1))
}
