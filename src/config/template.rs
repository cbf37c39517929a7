//! Templates: literal text with placeholders such as `{claim:email|lower|local}`.
//!
//! ```text
//! template    = *( literal / "{{" / "}}" / placeholder )
//! placeholder = "{" source *( "|" function ) "}"
//! source      = "name_id" / "authn_context" / "claim:" NAME
//! function    = NAME [ ":" ( text / "'" quoted "'" ) ]
//! ```
//!
//! A placeholder is a list of values that goes through its functions from left to right.

use super::node::{Node, Problem};

/// A compiled template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(pub Vec<Piece>);

/// One part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text as written; printable ASCII.
    Literal(String),
    /// What is known of the person.
    Value(Placeholder),
}

/// Values of a person, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// Where the values come from.
    pub source: Source,
    /// What is done to them, in this order.
    pub functions: Vec<Function>,
}

/// Where values come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The subject's `NameID`.
    NameId,
    /// `AuthnContextClassRef`.
    AuthnContext,
    /// All values of this attribute, by its full name.
    Claim(String),
}

/// What is done to the values of a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Function {
    /// Lower case (Unicode).
    Lower,
    /// What stands before the last `@`; with a domain, only of addresses in it, and the others are no values.
    Local(Option<String>),
    /// The first value.
    First,
    /// The value where there is exactly one, otherwise none.
    Only,
    /// One text of all, with this between them; it is percent-encoded within each.
    Join(String),
    /// This text, where there is no value.
    Default(String),
    /// Base64 of the UTF-8 octets (RFC 4648, 4).
    Base64,
    /// Percent-encoding of all but the unreserved characters (RFC 3986, 2.1 and 2.3).
    Percent,
    /// Quoted-printable of the UTF-8 octets without line breaks (RFC 2045, 6.7).
    QuotedPrintable,
}

const FUNCTIONS: &[&str] =
    &["lower", "local", "first", "only", "join", "default", "base64", "percent", "quoted_printable"];

const ALIASES: &[(&str, &str)] = &[
    ("email", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"),
    ("given_name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname"),
    ("surname", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname"),
    ("name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"),
    ("upn", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"),
    ("display_name", "http://schemas.microsoft.com/identity/claims/displayname"),
    ("object_id", "http://schemas.microsoft.com/identity/claims/objectidentifier"),
    ("tenant_id", "http://schemas.microsoft.com/identity/claims/tenantid"),
    ("groups", "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"),
    ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"),
];

/// The attribute name behind one of Entra's well-known aliases, or `name` itself.
#[must_use]
pub fn claim_name(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, full)| full)
}

impl Template {
    /// Names of the attributes that it is made of.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Value(Placeholder { source: Source::Claim(name), .. }) => Some(name.as_str()),
            _ => None,
        })
    }

    /// For tests: what this text compiles to.
    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        own(text)
    }

    /// The `NameID` and nothing else.
    #[must_use]
    pub fn name_id() -> Self {
        Self(vec![Piece::Value(Placeholder { source: Source::NameId, functions: Vec::new() })])
    }

    /// Its only placeholder, where it is nothing else.
    #[must_use]
    pub fn placeholder(&self) -> Option<&Placeholder> {
        match self.0.as_slice() {
            [Piece::Value(placeholder)] => Some(placeholder),
            _ => None,
        }
    }
}

/// What is wrong with a template, and what to write instead.
struct Fault(String, String);

fn fault(what: impl Into<String>, remedy: impl Into<String>) -> Fault {
    Fault(what.into(), remedy.into())
}

pub(super) fn read(node: &Node<'_>) -> Option<Template> {
    match compile(node.text()?) {
        Ok((template, warnings)) => {
            for Fault(what, remedy) in warnings {
                node.warn(what, remedy);
            }
            Some(template)
        }
        Err(Fault(what, remedy)) => {
            node.error(what, remedy);
            None
        }
    }
}

/// A template of our own, which a test holds to be right.
pub(super) fn own(text: &str) -> Template {
    compile(text).map(|(template, _)| template).unwrap_or_default()
}

fn compile(text: &str) -> Result<(Template, Vec<Fault>), Fault> {
    let (mut pieces, mut warnings) = (Vec::new(), Vec::new());
    let mut literal = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '{' | '}' if letters.peek() == Some(&letter) => {
                letters.next();
                literal.push(letter);
            }
            '}' => return Err(fault("has a `}` without `{`", "write }} for a brace that is meant as one")),
            '{' => {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                let parts = placeholder_parts(&mut letters)?;
                pieces.push(Piece::Value(placeholder(&parts, &mut warnings)?));
            }
            ' '..='~' => literal.push(letter),
            _ => return Err(fault("holds characters that cannot stand in a header", "use printable ASCII")),
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok((Template(pieces), warnings))
}

/// What stands between the bars, up to the closing brace; neither counts within quotes.
fn placeholder_parts(letters: &mut impl Iterator<Item = char>) -> Result<Vec<String>, Fault> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    for letter in letters {
        match letter {
            '}' if !quoted => {
                parts.push(part.trim().to_owned());
                return Ok(parts);
            }
            '|' if !quoted => parts.push(std::mem::take(&mut part).trim().to_owned()),
            _ => {
                quoted ^= letter == '\'';
                part.push(letter);
            }
        }
    }
    if quoted {
        return Err(fault("has a quote that does not end", "write ' at both ends, and '' for one within"));
    }
    Err(fault("has a `{` without `}`", "close the placeholder, or write {{ for a brace that is meant as one"))
}

fn placeholder(parts: &[String], warnings: &mut Vec<Fault>) -> Result<Placeholder, Fault> {
    let (source, functions) = parts.split_first().map_or(("", &[][..]), |(source, rest)| (source, rest));
    let source = match source.split_once(':') {
        Some(("claim", claim)) if !claim.is_empty() => Source::Claim(claim_name(claim).to_owned()),
        None if source == "name_id" => Source::NameId,
        None if source == "authn_context" => Source::AuthnContext,
        _ => {
            let what = format!("`{{{source}}}` is not a placeholder");
            return Err(fault(what, "write {name_id}, {authn_context} or {claim:NAME}"));
        }
    };
    let functions = functions.iter().map(|text| function(text, warnings)).collect::<Result<_, _>>()?;
    Ok(Placeholder { source, functions })
}

fn function(text: &str, warnings: &mut Vec<Fault>) -> Result<Function, Fault> {
    let (name, argument) = match text.split_once(':') {
        Some((name, argument)) => (name.trim(), Some(unquoted(argument)?)),
        None => (text, None),
    };
    let plain = |function: Function| match &argument {
        None => Ok(function),
        Some(_) => {
            Err(fault(format!("gives `{name}` something after a colon"), format!("write {name} alone")))
        }
    };
    match name {
        "lower" => plain(Function::Lower),
        "first" => plain(Function::First),
        "only" => plain(Function::Only),
        "base64" => plain(Function::Base64),
        "percent" => plain(Function::Percent),
        "quoted_printable" => plain(Function::QuotedPrintable),
        "local" => {
            if argument.is_none() {
                warnings.push(fault(
                    "takes people of the same name in two domains for one",
                    "write local:example.com to take the names of one domain only",
                ));
            }
            match argument {
                Some(domain) if domain.is_empty() || domain.contains('@') => {
                    Err(fault("has no domain after `local:`", "write local:example.com, or local alone"))
                }
                domain => Ok(Function::Local(domain)),
            }
        }
        "join" => {
            let separator = argument.unwrap_or_else(|| ",".to_owned());
            // An alphanumeric character or `%` may come out of the encoding that keeps the list apart.
            let apart =
                |byte: u8| (b' '..=b'~').contains(&byte) && !byte.is_ascii_alphanumeric() && byte != b'%';
            if separator.is_empty() || separator.len() > 8 || !separator.bytes().all(apart) {
                return Err(fault(
                    format!("joins with `{}`, which cannot keep values apart", printable(&separator)),
                    "use up to 8 punctuation characters other than %, such as join:; or join:'|'",
                ));
            }
            Ok(Function::Join(separator))
        }
        "default" => match argument {
            Some(text) if !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => {
                Ok(Function::Default(text))
            }
            _ => Err(fault("has no text after `default:`", "write default:none, in printable ASCII")),
        },
        _ => {
            let unknown = Problem::not_one_of(String::new(), &printable(name), "function", FUNCTIONS);
            Err(Fault(unknown.what, unknown.remedy))
        }
    }
}

fn printable(text: &str) -> String {
    text.chars().take(32).filter(|letter| (' '..='~').contains(letter)).collect()
}

/// The argument itself: within quotes everything counts, and two quotes are one.
fn unquoted(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    let Some(rest) = text.strip_prefix('\'') else {
        if text.contains('\'') {
            return Err(fault(
                "has a quote within a text",
                "put all of it in quotes, and write '' for one within",
            ));
        }
        return Ok(text.to_owned());
    };
    match rest.strip_suffix('\'') {
        Some(inside) if !inside.replace("''", "").contains('\'') => Ok(inside.replace("''", "'")),
        _ => Err(fault("has something beside a quoted text", "write '' for a quote within")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn functions(text: &str) -> Vec<Function> {
        own(text).placeholder().unwrap_or_else(|| panic!("{text}")).functions.clone()
    }

    fn refused(text: &str) -> String {
        let Err(Fault(what, remedy)) = compile(text) else { panic!("{text}") };
        format!("{what}; {remedy}")
    }

    #[test]
    fn functions_come_in_the_order_they_are_written() {
        assert_eq!(
            functions("{claim:email | lower|local:n.example|default:none}"),
            [Function::Lower, Function::Local(Some("n.example".into())), Function::Default("none".into())]
        );
        assert_eq!(functions("{claim:groups|join}"), [Function::Join(",".into())]);
        assert_eq!(functions("{claim:groups|join:;}"), [Function::Join(";".into())]);
        assert_eq!(functions("{claim:urn:x:y|only|percent}"), [Function::Only, Function::Percent]);
        assert_eq!(
            functions("{name_id|first|base64|quoted_printable}"),
            [Function::First, Function::Base64, Function::QuotedPrintable]
        );
    }

    #[test]
    fn within_quotes_bars_braces_and_spaces_are_text() {
        assert_eq!(functions("{claim:groups|join:'|'}"), [Function::Join("|".into())]);
        assert_eq!(functions("{claim:groups|join:', '}"), [Function::Join(", ".into())]);
        assert_eq!(functions("{name_id|default:'a }|'' b'}"), [Function::Default("a }|' b".into())]);
    }

    #[test]
    fn a_doubled_brace_is_one() {
        assert_eq!(own("a{{b}}c").0, [Piece::Literal("a{b}c".into())]);
        assert_eq!(own("{{{name_id}}}").0.len(), 3);
    }

    #[test]
    fn what_is_wrong_is_told_with_what_to_write() {
        for (text, said) in [
            ("{nobody}", "`{nobody}` is not a placeholder; write {name_id}"),
            ("{claim:}", "is not a placeholder"),
            ("{}", "is not a placeholder"),
            ("{name_id", "without `}`"),
            ("name_id}", "without `{`"),
            ("{name_id|lowr}", "`lowr` is not a function; did you mean lower?"),
            ("{name_id|}", "is not a function; the functions are lower, local"),
            ("{name_id|lower:x}", "write lower alone"),
            ("{claim:groups|join:a}", "cannot keep values apart"),
            ("{claim:groups|join:%}", "cannot keep values apart"),
            ("{claim:groups|join:''}", "cannot keep values apart"),
            ("{claim:groups|join:'|}", "a quote that does not end"),
            ("{claim:x|default}", "write default:none"),
            ("{claim:x|default:it's's}", "a quote within a text"),
            ("{claim:email|local:}", "no domain"),
            ("gr\u{fc}n", "printable ASCII"),
        ] {
            assert!(refused(text).contains(said), "{text}: {}", refused(text));
        }
    }

    #[test]
    fn names_without_their_domain_are_warned_about() {
        let warnings = |text| compile(text).map(|(_, warnings)| warnings.len()).unwrap_or_default();
        assert_eq!((warnings("{claim:email|local}"), warnings("{claim:email|local:n.example}")), (1, 0));
    }
}
