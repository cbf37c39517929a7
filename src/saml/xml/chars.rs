//! Character classes of XML 1.0 (5th edition) and Namespaces in XML 1.0.

/// `Char` (XML 2.2): what a document may contain at all.
pub(super) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// `S` (XML 2.3).
pub(crate) fn is_white(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Whether the text is white space only, or empty.
pub(crate) fn all_white(text: &str) -> bool {
    text.chars().all(is_white)
}

fn starts_ncname(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
        | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
        | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{10000}'..='\u{effff}')
}

fn continues_ncname(c: char) -> bool {
    starts_ncname(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// The characters of a name, none but them, in any order: identifiers begin with a digit at some identity providers,
/// which `xs:ID` forbids and nobody minds. No XPointer looks like one.
pub(crate) fn is_nmtoken(name: &str) -> bool {
    !name.is_empty() && name.chars().all(continues_ncname)
}

/// `NCName` (Namespaces 3): a name without a colon.
pub(super) fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(starts_ncname) && chars.all(continues_ncname)
}

/// Splits a `QName` into prefix (empty where there is none) and local part; `None` where it is not one.
pub(super) fn split_qname(name: &str) -> Option<(&str, &str)> {
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) if is_ncname(prefix) => (prefix, local),
        Some(_) => return None,
        None => ("", name),
    };
    is_ncname(local).then_some((prefix, local))
}
