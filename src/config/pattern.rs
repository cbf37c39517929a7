//! Regular expressions over paths: linear time, the whole path, bounded.

use regex_lite::{Regex, RegexBuilder};

use super::node::Node;

/// A compiled expression that must match the whole of a path.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    as_written: Regex,
    any_case: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

/// Longest expression in octets, and largest program that it may become.
const LONGEST: usize = 512;
const LARGEST_PROGRAM: usize = 32 * 1024;

impl Pattern {
    /// Longest path, in octets, that is compared. The time is linear in it, but it is the client's.
    pub const LONGEST_PATH: usize = 1024;

    /// As the operator wrote it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it matches the whole path as it is.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.as_written.is_match(path)
    }

    /// Whether it matches the whole of a folded path without regard to case.
    #[must_use]
    pub fn matches_any_case(&self, folded: &str) -> bool {
        self.any_case.is_match(folded)
    }
}

pub(super) fn read(node: &Node<'_>) -> Option<Pattern> {
    let source = node.text()?;
    if source.len() > LONGEST {
        node.error(format!("is longer than {LONGEST} octets"), "use several rules, or a prefix");
        return None;
    }
    if !source.is_ascii() || ["\\x", "\\u", "\\U"].iter().any(|escape| source.contains(escape)) {
        node.error("names characters outside ASCII", "use a class such as [^/]+ for them");
        return None;
    }
    if !source.starts_with('/') {
        node.error(
            "does not begin with /, as every path does",
            "write it for the whole path, from / to its end; it needs no anchors",
        );
        return None;
    }
    // By itself first: what closes our group would change what is anchored.
    let compiled = compile(source, false)
        .and_then(|_| compile(&whole(source), false))
        .and_then(|as_written| Ok((as_written, compile(&whole(source), true)?)));
    match compiled {
        Ok((as_written, any_case)) => Some(Pattern { source: source.to_owned(), as_written, any_case }),
        Err(error) => {
            node.error(format!("is no regular expression: {error}"), "mend it, or use prefix or exact");
            None
        }
    }
}

fn whole(source: &str) -> String {
    format!(r"\A(?:{source})\z")
}

fn compile(source: &str, any_case: bool) -> Result<Regex, regex_lite::Error> {
    RegexBuilder::new(source).case_insensitive(any_case).size_limit(LARGEST_PROGRAM).nest_limit(32).build()
}
