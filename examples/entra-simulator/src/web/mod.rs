//! The web interface: pages for people, JSON for scripts.

pub mod api;
pub mod app;
mod guard;
pub mod http;
pub mod pages;
pub mod router;
pub mod sessions;
mod sign_in;
