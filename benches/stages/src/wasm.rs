//! The way in from the host: `benches/proxy/stages.mjs`.

use std::cell::RefCell;

// The host's clock, in microseconds.
#[link(wasm_import_module = "bench")]
unsafe extern "C" {
    safe fn now() -> f64;
}

thread_local! {
    static EXCHANGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for so many octets of input, and says where.
#[unsafe(no_mangle)]
extern "C" fn room(length: usize) -> *const u8 {
    EXCHANGED.with_borrow_mut(|octets| {
        *octets = vec![0; length];
        octets.as_ptr()
    })
}

/// Runs on what was put there; the result is where [`result`] says, and so long.
#[unsafe(no_mangle)]
extern "C" fn run() -> usize {
    let inputs = EXCHANGED.with_borrow(|octets| String::from_utf8(octets.clone()).expect("text"));
    let result = crate::run(&inputs, &|| now());
    EXCHANGED.with_borrow_mut(|octets| {
        *octets = result.into_bytes();
        octets.len()
    })
}

/// Where the result is.
#[unsafe(no_mangle)]
extern "C" fn result() -> *const u8 {
    EXCHANGED.with_borrow(|octets| octets.as_ptr())
}
