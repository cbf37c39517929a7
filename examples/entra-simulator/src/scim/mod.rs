//! The provisioning client.

pub mod attributes;
pub mod client;
pub mod credential;
pub mod health;
pub mod job;
pub mod log;
pub mod requests;
pub mod task;

/// The enterprise extension of RFC 7643 section 4.3.
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
