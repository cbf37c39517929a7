//! A strict, namespace-complete XML reader and the immutable tree it builds.
//!
//! Only what SAML needs: UTF-8, XML 1.0, no document type, no processing instruction, the five predefined entities.
//! quick-xml finds where tokens begin and end; every rule of XML 1.0 and Namespaces in XML 1.0 that matters for
//! equality of trees is checked here, on the token itself.

mod chars;
mod error;
mod reader;
mod tag;
mod text;
mod tree;

#[cfg(test)]
mod tests;

pub(crate) use chars::{all_white, is_nmtoken, is_white};
pub use error::{Fault, XmlError};
pub use reader::{Limits, Rules};
pub use tree::{Attribute, Content, Declaration, Document, Element, NamespaceId};

/// The namespace bound to `xml` by definition.
pub(crate) const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace bound to `xmlns` by definition.
pub(crate) const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";
