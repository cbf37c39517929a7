//! proxy-wasm glue, the only place that knows hostcalls.
//!
//! | module | what it does |
//! |---|---|
//! | `abi` | the host's functions with a `Result` for every status; but for the names of the callbacks and the allocator the only `unsafe` code |
//! | `allocator` | where the memory of everything comes from |
//! | `wire` | the octets that go over the boundary; pure |
//! | `native` | the host's own signature verification, after it answered a known question |
//! | `exchange_host` | the host as a [`crate::common::Host`] |
//! | `clock` | the one timer |
//! | `errands` | what the root does for streams: documents, waking |
//! | `service` | one compiled configuration and what was learned of the host |
//! | `dispatch` | the callbacks, and whose they are |
//! | `root`, `stream` | contexts: every callback becomes an event, every step is carried out |
//! | `flow` | what may still be done to one direction of a stream |

#[cfg(target_os = "wasi")]
mod abi;
#[cfg(any(target_os = "wasi", test))]
mod allocator;
#[cfg(target_os = "wasi")]
mod clock;
#[cfg(target_os = "wasi")]
mod dispatch;
#[cfg(target_os = "wasi")]
mod errands;
#[cfg(target_os = "wasi")]
mod exchange_host;
#[cfg(target_os = "wasi")]
mod flow;
#[cfg(target_os = "wasi")]
mod native;
#[cfg(target_os = "wasi")]
mod root;
#[cfg(target_os = "wasi")]
mod service;
#[cfg(target_os = "wasi")]
mod stream;
mod wire;

#[cfg(target_os = "wasi")]
#[global_allocator]
static ALLOCATOR: allocator::Kept<std::alloc::System> = allocator::Kept::new(std::alloc::System);
