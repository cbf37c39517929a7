//! The targets, one for each parser.

mod access;
mod auth;
mod c14n;
mod config;
mod deflate;
mod json;
mod logout;
mod metadata;
mod patch;
mod response;
mod scim;
mod xml;

use crate::Target;
use crate::mutate::Shape::{Brackets, Markup, Octets};

/// All targets; `fuzz/run --list` reads the names from here.
pub const ALL: &[Target] = &[
    Target { name: "path", shape: Brackets, run: scim::path },
    Target { name: "filter", shape: Brackets, run: scim::filter },
    Target { name: "query", shape: Octets, run: scim::query },
    Target { name: "patch", shape: Brackets, run: patch::patch },
    Target { name: "list", shape: Brackets, run: scim::list },
    Target { name: "resource", shape: Brackets, run: scim::resource },
    Target { name: "json", shape: Brackets, run: json::json },
    Target { name: "xml", shape: Markup, run: xml::xml },
    Target { name: "c14n", shape: Markup, run: c14n::c14n },
    Target { name: "response", shape: Markup, run: response::response },
    Target { name: "encrypted", shape: Markup, run: response::encrypted },
    Target { name: "logout", shape: Markup, run: logout::logout },
    Target { name: "metadata", shape: Markup, run: metadata::metadata },
    Target { name: "deflate", shape: Octets, run: deflate::deflate },
    Target { name: "base64", shape: Octets, run: response::base64 },
    Target { name: "cookies", shape: Octets, run: access::cookies },
    Target { name: "url", shape: Octets, run: access::url },
    Target { name: "jwt", shape: Octets, run: auth::jwt },
    Target { name: "jwk", shape: Brackets, run: auth::jwk },
    Target { name: "form", shape: Octets, run: auth::form },
    Target { name: "yaml", shape: Brackets, run: config::yaml },
    Target { name: "protobuf", shape: Octets, run: config::protobuf },
];
