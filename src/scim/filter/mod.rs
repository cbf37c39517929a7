//! Filters of RFC 7644 section 3.4.2.2 as a tree, and the value paths of section 3.5.2 built on them.
//!
//! The reader takes what Entra's client library writes as well as what the RFC allows; the printer writes one canonical
//! form: single spaces, lower-case operators, only the parentheses that are needed.

mod path;
mod read;

pub use path::Path;
pub(crate) use read::Mode;

use super::name::Name;

/// How deep a filter may nest.
pub(crate) const MAX_DEPTH: usize = 24;

/// Looks at one comparison: the attribute whose element it is about, the name, the literal where there is one.
pub(crate) type Visit<'v> = dyn FnMut(Option<&Name>, &mut Name, Option<&mut Literal>) + 'v;

/// A filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// One of these holds.
    Or(Vec<Filter>),
    /// All of these hold.
    And(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// The attribute has a value.
    Present(Name),
    /// The attribute compares so with the literal.
    Compare(Name, Operator, Literal),
    /// One element of a multi-valued attribute satisfies the selector, and, in Microsoft's form, the comparison that
    /// follows the brackets.
    Element {
        /// The multi-valued attribute.
        attribute: Name,
        /// What stands between the brackets.
        selector: Box<Filter>,
        /// `].value eq "x"` as a filter on the element; not in the RFC's grammar.
        tail: Option<Box<Filter>>,
    },
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

impl Operator {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Eq, "eq"),
        (Self::Ne, "ne"),
        (Self::Co, "co"),
        (Self::Sw, "sw"),
        (Self::Ew, "ew"),
        (Self::Gt, "gt"),
        (Self::Ge, "ge"),
        (Self::Lt, "lt"),
        (Self::Le, "le"),
    ];

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(operator, _)| operator)
    }

    fn text(self) -> &'static str {
        Self::ALL.into_iter().find(|(operator, _)| *operator == self).map_or("eq", |(_, name)| name)
    }
}

/// What an attribute is compared with.
#[derive(Clone, PartialEq, Eq)]
pub enum Literal {
    /// A JSON string, decoded.
    Text(String),
    /// `true`, `false`, `null` or a number, as written.
    Word(String),
    /// Something that ought to be quoted and is not.
    Bare(String),
}

impl std::fmt::Debug for Literal {
    /// What people are looked up by does not belong into a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text",
            Self::Word(_) => "Word",
            Self::Bare(_) => "Bare",
        })
    }
}

impl std::fmt::Display for Literal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&serde_json::Value::from(text.as_str()).to_string()),
            Self::Word(word) | Self::Bare(word) => f.write_str(word),
        }
    }
}

impl Filter {
    /// Reads all of `text`.
    ///
    /// `None` where it is no filter in this mode; a text that is nested deeper than 24 levels is none.
    pub(crate) fn parse(text: &str, mode: Mode) -> Option<Self> {
        read::Reader::new(text, mode).whole_filter()
    }

    /// Calls `visit` for every comparison and presence test with the name it is about, qualified by the attribute whose
    /// element it looks at, and with the literal where there is one.
    pub(crate) fn each(&mut self, visit: &mut Visit<'_>) {
        self.each_in(None, visit);
    }

    /// Recursion is bounded by the depth that the reader allows.
    pub(crate) fn each_in(&mut self, parent: Option<&Name>, visit: &mut Visit<'_>) {
        match self {
            Self::Or(parts) | Self::And(parts) => {
                for part in parts {
                    part.each_in(parent, visit);
                }
            }
            Self::Not(inner) => inner.each_in(parent, visit),
            Self::Present(name) => visit(parent, name, None),
            Self::Compare(name, _, literal) => visit(parent, name, Some(literal)),
            Self::Element { attribute, selector, tail } => {
                visit(parent, attribute, None);
                selector.each_in(Some(attribute), visit);
                if let Some(tail) = tail {
                    tail.each_in(Some(attribute), visit);
                }
            }
        }
    }

    /// Calls `change` for every part of the tree, innermost first.
    pub(crate) fn rebuild(&mut self, change: &mut dyn FnMut(&mut Filter)) {
        match self {
            Self::Or(parts) | Self::And(parts) => {
                for part in parts {
                    part.rebuild(change);
                }
            }
            Self::Not(inner) => inner.rebuild(change),
            Self::Element { selector, tail, .. } => {
                selector.rebuild(change);
                if let Some(tail) = tail {
                    tail.rebuild(change);
                }
            }
            Self::Present(_) | Self::Compare(..) => {}
        }
        change(self);
    }

    /// The pairs of a conjunction of equalities; `None` where it is anything else.
    pub(crate) fn equalities(&self) -> Option<Vec<(&Name, &Literal)>> {
        match self {
            Self::Compare(name, Operator::Eq, literal) => Some(vec![(name, literal)]),
            Self::And(parts) => {
                let mut pairs = Vec::new();
                for part in parts {
                    match part {
                        Self::Compare(name, Operator::Eq, literal) => pairs.push((name, literal)),
                        _ => return None,
                    }
                }
                Some(pairs)
            }
            _ => None,
        }
    }

    fn write_part(&self, f: &mut std::fmt::Formatter<'_>, parenthesised: bool) -> std::fmt::Result {
        if parenthesised { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Or(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        f.write_str(" or ")?;
                    }
                    part.write_part(f, matches!(part, Self::Or(_)))?;
                }
                Ok(())
            }
            Self::And(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        f.write_str(" and ")?;
                    }
                    part.write_part(f, matches!(part, Self::Or(_) | Self::And(_)))?;
                }
                Ok(())
            }
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Present(name) => write!(f, "{name} pr"),
            Self::Compare(name, operator, literal) => write!(f, "{name} {} {literal}", operator.text()),
            Self::Element { attribute, selector, tail } => {
                write!(f, "{attribute}[{selector}]")?;
                match tail {
                    Some(tail) => write!(f, ".{tail}"),
                    None => Ok(()),
                }
            }
        }
    }
}
