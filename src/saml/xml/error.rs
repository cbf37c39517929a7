//! Why a document was refused by the reader.

/// One rule of the reader, and where the document broke it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XmlError {
    /// The rule.
    pub fault: Fault,
    /// Offset in octets at which the offending token begins.
    pub at: usize,
}

/// The rules of the reader. Each is a reason to refuse a document before anything is understood of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More octets, levels, elements, attributes or declarations than allowed.
    Limit(&'static str),
    /// Not UTF-8, or declared as something else.
    Encoding,
    /// A character XML 1.0 does not allow, literally or by reference.
    Character,
    /// The XML declaration is malformed, misplaced or not of version 1.0.
    Declaration,
    /// A document type declaration.
    Doctype,
    /// A processing instruction.
    ProcessingInstruction,
    /// A comment where none is allowed, or a malformed one.
    Comment,
    /// A reference that is neither a character reference nor one of the five predefined entities.
    Reference,
    /// Markup that does not match the grammar.
    Syntax,
    /// A start tag without its end tag, or the reverse.
    TagMismatch,
    /// A name that is not a `QName`.
    Name,
    /// A prefix without a declaration.
    UnboundPrefix,
    /// A declaration that Namespaces in XML 1.0 forbids (undeclared prefix, `xml` or `xmlns` bound anew).
    NamespaceDeclaration,
    /// A namespace name that is not an absolute URI; canonical XML has no form for it.
    RelativeNamespace,
    /// One attribute twice, literally or by its expanded name.
    DuplicateAttribute,
    /// No root element, more than one, or text beside it.
    Root,
}

impl XmlError {
    /// Stable public code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.fault {
            Fault::Limit(_) => "xml_limit",
            Fault::Encoding => "xml_encoding",
            Fault::Character => "xml_character",
            Fault::Declaration => "xml_declaration",
            Fault::Doctype => "xml_doctype",
            Fault::ProcessingInstruction => "xml_processing_instruction",
            Fault::Comment => "xml_comment",
            Fault::Reference => "xml_reference",
            Fault::Syntax => "xml_syntax",
            Fault::TagMismatch => "xml_tag_mismatch",
            Fault::Name => "xml_name",
            Fault::UnboundPrefix => "xml_unbound_prefix",
            Fault::NamespaceDeclaration => "xml_namespace_declaration",
            Fault::RelativeNamespace => "xml_relative_namespace",
            Fault::DuplicateAttribute => "xml_duplicate_attribute",
            Fault::Root => "xml_root",
        }
    }
}

impl std::fmt::Display for XmlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.fault {
            Fault::Limit(what) => write!(f, "{} ({what}) at octet {}", self.code(), self.at),
            _ => write!(f, "{} at octet {}", self.code(), self.at),
        }
    }
}

impl std::error::Error for XmlError {}
