//! The callbacks of the ABI, and whose they are.
//!
//! Nothing is taken for granted of the host: a number that was never given out, one that is given out twice, an answer to a
//! call that nobody made, a callback after the end are no faults of ours, and a trap would be an outage of the worker.
//! Whatever cannot be told to an exchange goes no further.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::abi;
use super::root::Root;
use super::stream::Stream;

/// What the host does with what it holds.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Action {
    /// Lets it go on.
    Continue = 0,
    /// Keeps it back.
    Pause = 1,
}

thread_local! {
    static CONTEXTS: Contexts = const { Contexts::new() };
}

/// All contexts of this VM.
struct Contexts {
    roots: RefCell<BTreeMap<u32, Rc<RefCell<Root>>>>,
    streams: RefCell<BTreeMap<u32, Rc<Stream>>>,
    /// Whose calls are under way, by token.
    calls: RefCell<BTreeMap<u32, u32>>,
    /// In whose callback we are.
    active: Cell<u32>,
}

impl Contexts {
    const fn new() -> Self {
        Self {
            roots: RefCell::new(BTreeMap::new()),
            streams: RefCell::new(BTreeMap::new()),
            calls: RefCell::new(BTreeMap::new()),
            active: Cell::new(0),
        }
    }

    fn root(&self, id: u32) -> Option<Rc<RefCell<Root>>> {
        self.roots.try_borrow().ok()?.get(&id).cloned()
    }

    fn stream(&self, id: u32) -> Option<Rc<Stream>> {
        self.streams.try_borrow().ok()?.get(&id).cloned()
    }

    /// A root context has no root of its own. A stream of a root that is not known has no configuration, and is refused.
    /// A number that is in use stays what it is: its owner may be in the middle of something.
    fn create(&self, id: u32, root: u32) {
        if self.root(id).is_some() || self.stream(id).is_some() {
            return;
        }
        if root == 0 {
            if let Ok(mut roots) = self.roots.try_borrow_mut() {
                roots.insert(id, Rc::new(RefCell::new(Root::new(id))));
            }
            return;
        }
        let service = self.root(root).and_then(|root| root.try_borrow().ok()?.service());
        if let Ok(mut streams) = self.streams.try_borrow_mut() {
            streams.insert(id, Rc::new(Stream::new(id, service)));
        }
    }

    /// Acts on a root; `otherwise` where it is not known.
    fn with_root<T>(&self, id: u32, otherwise: T, act: impl FnOnce(&mut Root) -> T) -> T {
        let Some(root) = self.root(id) else { return otherwise };
        let Ok(mut root) = root.try_borrow_mut() else { return otherwise };
        self.active.set(id);
        act(&mut root)
    }

    /// Acts on a stream; nothing of one that is not known goes on.
    fn with_stream(&self, id: u32, act: impl FnOnce(&Stream) -> Action) -> Action {
        self.stream(id).map_or(Action::Pause, |stream| {
            self.active.set(id);
            act(&stream)
        })
    }

    fn call_made(&self, token: u32) -> bool {
        let Ok(mut calls) = self.calls.try_borrow_mut() else { return false };
        match calls.entry(token) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(self.active.get());
                true
            }
            // Two calls of one number: nobody could tell whose answer it is.
            std::collections::btree_map::Entry::Occupied(_) => false,
        }
    }

    fn call_answered(&self, context: u32, token: u32, headers: usize, body: usize) {
        let owner = self.calls.try_borrow_mut().ok().and_then(|mut calls| calls.remove(&token));
        let Some(owner) = owner else { return };
        // The host acts upon the context that it names, unless told otherwise.
        if owner != context && abi::set_effective_context(owner).is_err() {
            // What the call was for is known to have failed. Nothing may be done to a stream from here, where the host would
            // do it to another one: a stream that made the call itself stays held until the host ends it.
            self.with_root(owner, (), |root| root.call_lost(token));
            return;
        }
        if let Some(stream) = self.stream(owner) {
            self.active.set(owner);
            stream.call_answered(token, headers, body);
        } else {
            self.with_root(owner, (), |root| root.call_answered(token, headers, body));
        }
    }

    fn forget_calls(&self, is_forgotten: impl Fn(u32, u32) -> bool) {
        if let Ok(mut calls) = self.calls.try_borrow_mut() {
            calls.retain(|token, owner| !is_forgotten(*token, *owner));
        }
    }

    fn delete(&self, id: u32) {
        self.forget_calls(|_, owner| owner == id);
        // Taken out first: what goes with it may look here.
        let stream = self.streams.try_borrow_mut().ok().and_then(|mut streams| streams.remove(&id));
        let root = self.roots.try_borrow_mut().ok().and_then(|mut roots| roots.remove(&id));
        drop((stream, root));
    }
}

/// A call was made in the present callback: its answer comes to the context of that callback. False where the host gave it
/// the number of another call, whose answer cannot be told from its own.
pub(super) fn call_made(token: u32) -> bool {
    CONTEXTS.with(|contexts| contexts.call_made(token))
}

/// Nobody waits for the answer to this call any more: hosts answer no call of a stream that is gone.
pub(super) fn call_forgotten(token: u32) {
    CONTEXTS.with(|contexts| contexts.forget_calls(|one, _| one == token));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    if abi::construct() {
        std::panic::set_hook(Box::new(|information| abi::log_critical(&information.to_string())));
    }
}

/// Room for octets that the host hands over; null where there is none.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    abi::make_room(size)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(id: u32, root: u32) {
    CONTEXTS.with(|contexts| contexts.create(id, root));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_root: u32, _size: usize) -> bool {
    true
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(id: u32, size: usize) -> bool {
    CONTEXTS.with(|contexts| {
        contexts.with_root(id, false, |root| {
            // What the configuration before this one asked for is of no use to it.
            contexts.forget_calls(|_, owner| owner == id);
            root.configure(size)
        })
    })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(id: u32) {
    CONTEXTS.with(|contexts| contexts.with_root(id, (), |root| root.tick()));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(id: u32, _count: usize, end: u32) -> Action {
    CONTEXTS.with(|contexts| contexts.with_stream(id, |stream| stream.request_headers(end != 0)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(id: u32, size: usize, end: u32) -> Action {
    CONTEXTS.with(|contexts| contexts.with_stream(id, |stream| stream.request_body(size, end != 0)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(id: u32, _count: usize) -> Action {
    CONTEXTS.with(|contexts| contexts.with_stream(id, Stream::request_trailers))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(id: u32, _count: usize, end: u32) -> Action {
    CONTEXTS.with(|contexts| contexts.with_stream(id, |stream| stream.response_headers(end != 0)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(id: u32, size: usize, end: u32) -> Action {
    CONTEXTS.with(|contexts| contexts.with_stream(id, |stream| stream.response_body(size, end != 0)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(id: u32, _count: usize) -> Action {
    CONTEXTS.with(|contexts| contexts.with_stream(id, Stream::response_trailers))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(
    id: u32,
    token: u32,
    headers: usize,
    body: usize,
    _trailers: usize,
) {
    CONTEXTS.with(|contexts| contexts.call_answered(id, token, headers, body));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(id: u32) {
    CONTEXTS.with(|contexts| {
        contexts.with_stream(id, |stream| {
            stream.done();
            Action::Continue
        })
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(id: u32) -> bool {
    proxy_on_log(id);
    true
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(id: u32) {
    CONTEXTS.with(|contexts| contexts.delete(id));
}
