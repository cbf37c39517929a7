//! Vestibule stands in front of an application that knows nothing about Microsoft Entra ID and is never modified.
//!
//! It is one Envoy filter (proxy-wasm): it authenticates Entra's SCIM client and turns its requests into strict
//! RFC 7644, it is the SAML 2.0 service provider for the application, and a user deactivated through SCIM loses
//! every session.
//!
//! The rooms of the house, and who may know whom:
//!
//! | room | what it does | may import |
//! |---|---|---|
//! | [`common`] | plain types every room speaks: header lists, identity, time, the [`common::Host`] trait, strict JSON | nothing of ours |
//! | [`crypto`] | the one door to cryptographic primitives | `common` |
//! | [`config`] | what an operator writes, compiled to a validated form | `common`, `crypto` |
//! | [`scim`], [`saml`], [`access`] | provisioning, service provider, sessions and policies; they do not import one another | `common`, `crypto`, `config` |
//! | [`gateway`] | one HTTP exchange as a state machine without I/O | all of the above |
//! | `host` | proxy-wasm glue; compiled for `wasm32-wasip1` only | all of the above |
//!
//! `tests/walls.rs` reads the imports and holds these walls.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::string_slice, clippy::unreachable))]

pub mod access;
pub mod common;
pub mod config;
pub mod crypto;
pub mod gateway;
pub mod saml;
pub mod scim;

#[cfg(any(target_os = "wasi", test))]
mod host;
