//! The web interface: pages for people, JSON for scripts.

pub mod api;
pub mod app;
pub mod http;
pub mod pages;
mod sign_in;
