//! Reading filters.

use super::super::name::Name;
use super::{Filter, Literal, MAX_DEPTH, Operator};

/// How literals are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A quoted literal is a JSON string (RFC 7644 figure 1).
    Strict,
    /// Quotes and backslashes inside a literal may be unescaped, as Entra's client library leaves them: the literal
    /// ends at a quote after which the filter can go on.
    Unescaped,
}

/// What may end a literal besides the end of the text.
#[derive(Clone, Copy)]
struct Place {
    bracket: bool,
    parenthesis: bool,
    depth: usize,
}

pub(super) struct Reader<'a> {
    rest: &'a str,
    mode: Mode,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, mode: Mode) -> Self {
        Self { rest: text, mode }
    }

    pub(super) fn whole_filter(mut self) -> Option<Filter> {
        let filter = self.or(Place { bracket: false, parenthesis: false, depth: 0 })?;
        self.space();
        self.rest.is_empty().then_some(filter)
    }

    /// `attribute`, `attribute[selector]` or `attribute[selector].sub`, and nothing after it.
    pub(super) fn whole_path(mut self) -> Option<(Name, Option<Filter>)> {
        self.space();
        let mut name = self.name()?;
        let mut selector = None;
        if self.eat('[') {
            if name.is_bare_urn() || name.sub.is_some() {
                return None;
            }
            selector = Some(self.or(Place { bracket: true, parenthesis: false, depth: 1 })?);
            self.space();
            if !self.eat(']') {
                return None;
            }
            if self.eat('.') {
                let sub = self.name()?;
                if sub.urn.is_some() {
                    return None;
                }
                name.sub = Some(sub.to_string());
            }
        }
        self.space();
        self.rest.is_empty().then_some((name, selector))
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, char: char) -> bool {
        match self.rest.strip_prefix(char) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The text up to white space or a character that means something in a filter.
    fn word(&self) -> (&'a str, &'a str) {
        let end = self
            .rest
            .find(|char: char| char.is_whitespace() || matches!(char, '[' | ']' | '(' | ')' | '"'))
            .unwrap_or(self.rest.len());
        self.rest.split_at_checked(end).unwrap_or((self.rest, ""))
    }

    fn name(&mut self) -> Option<Name> {
        let (word, rest) = self.word();
        let name = Name::parse(word)?;
        self.rest = rest;
        Some(name)
    }

    /// Takes `word`, in any casing, where white space or a parenthesis follows it.
    fn keyword(&mut self, keyword: &str) -> bool {
        let (word, rest) = self.word();
        let taken = word.eq_ignore_ascii_case(keyword)
            && rest.starts_with(|char: char| char.is_whitespace() || char == '(');
        if taken {
            self.rest = rest;
        }
        taken
    }

    /// Recursion is bounded by [`MAX_DEPTH`].
    fn or(&mut self, place: Place) -> Option<Filter> {
        if place.depth > MAX_DEPTH {
            return None;
        }
        let place = Place { depth: place.depth.saturating_add(1), ..place };
        let mut parts = vec![self.and(place)?];
        loop {
            self.space();
            if !self.keyword("or") {
                break;
            }
            parts.push(self.and(place)?);
        }
        Some(if parts.len() == 1 { parts.pop()? } else { Filter::Or(parts) })
    }

    fn and(&mut self, place: Place) -> Option<Filter> {
        let mut parts = vec![self.factor(place)?];
        loop {
            self.space();
            if !self.keyword("and") {
                break;
            }
            parts.push(self.factor(place)?);
        }
        Some(if parts.len() == 1 { parts.pop()? } else { Filter::And(parts) })
    }

    fn factor(&mut self, place: Place) -> Option<Filter> {
        self.space();
        let before = self.rest;
        if self.keyword("not") {
            self.space();
            if self.eat('(') {
                return Some(Filter::Not(Box::new(self.parenthesised(place)?)));
            }
            self.rest = before;
        }
        if self.eat('(') {
            return self.parenthesised(place);
        }
        let name = self.name()?;
        if name.is_bare_urn() {
            return None;
        }
        if !self.eat('[') {
            return self.comparison(name, place);
        }
        let selector = Box::new(self.or(Place { bracket: true, parenthesis: false, ..place })?);
        self.space();
        if !self.eat(']') {
            return None;
        }
        let tail = if self.eat('.') {
            // A sub-attribute has no schema of its own (RFC 7644, figure 1).
            let sub = self.name().filter(|sub| sub.urn.is_none())?;
            Some(Box::new(self.comparison(sub, place)?))
        } else {
            None
        };
        Some(Filter::Element { attribute: name, selector, tail })
    }

    fn parenthesised(&mut self, place: Place) -> Option<Filter> {
        let filter = self.or(Place { parenthesis: true, ..place })?;
        self.space();
        self.eat(')').then_some(filter)
    }

    fn comparison(&mut self, name: Name, place: Place) -> Option<Filter> {
        if !self.rest.starts_with(char::is_whitespace) {
            return None;
        }
        self.space();
        let (word, rest) = self.word();
        if word.eq_ignore_ascii_case("pr") {
            self.rest = rest;
            return Some(Filter::Present(name));
        }
        let operator = Operator::parse(word)?;
        self.rest = rest;
        if !self.rest.starts_with(|char: char| char.is_whitespace() || char == '"') {
            return None;
        }
        self.space();
        Some(Filter::Compare(name, operator, self.literal(place)?))
    }

    fn literal(&mut self, place: Place) -> Option<Literal> {
        if self.rest.starts_with('"') {
            return match self.mode {
                Mode::Strict => self.json_text(),
                Mode::Unescaped => self.unescaped_text(place),
            };
        }
        let (word, rest) = self.word();
        if word.is_empty() || word.contains(char::is_control) || rest.starts_with(['"', '[', '(']) {
            return None;
        }
        self.rest = rest;
        let is_word = matches!(word, "true" | "false" | "null")
            || (word.starts_with(|char: char| char == '-' || char.is_ascii_digit())
                && crate::common::json::parse(word.as_bytes()).is_ok_and(|value| value.is_number()));
        Some(if is_word { Literal::Word(word.to_owned()) } else { Literal::Bare(word.to_owned()) })
    }

    fn json_text(&mut self) -> Option<Literal> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find_map(|(at, char)| match char {
            _ if escaped => {
                escaped = false;
                None
            }
            '\\' => {
                escaped = true;
                None
            }
            '"' => at.checked_add(1),
            _ => None,
        })?;
        let (quoted, rest) = self.rest.split_at_checked(end)?;
        let serde_json::Value::String(text) = crate::common::json::parse(quoted.as_bytes()).ok()? else {
            return None;
        };
        // Nobody is looked up by a control character: `CORP\new` was written without escaping its backslash.
        if text.chars().any(char::is_control) {
            return None;
        }
        self.rest = rest;
        Some(Literal::Text(text))
    }

    fn unescaped_text(&mut self, place: Place) -> Option<Literal> {
        let body = self.rest.strip_prefix('"')?;
        for (at, _) in body.match_indices('"') {
            let (text, rest) = body.split_at_checked(at)?;
            let rest = rest.strip_prefix('"')?;
            if may_follow(rest, place) {
                // Written as an escape it would be taken for an unescaped backslash the next time.
                if text.contains(char::is_control) {
                    return None;
                }
                self.rest = rest;
                return Some(Literal::Text(text.to_owned()));
            }
        }
        None
    }
}

/// Whether a filter can go on with `rest` after a literal: the end, what closes the place, or ` and <attribute> `.
fn may_follow(rest: &str, place: Place) -> bool {
    let trimmed = rest.trim_start();
    if trimmed.is_empty() {
        return !place.bracket && !place.parenthesis;
    }
    if (place.bracket && trimmed.starts_with(']')) || (place.parenthesis && trimmed.starts_with(')')) {
        return true;
    }
    if trimmed.len() == rest.len() {
        return false;
    }
    let mut reader = Reader::new(trimmed, Mode::Strict);
    if !reader.keyword("and") && !reader.keyword("or") {
        return false;
    }
    reader.space();
    if reader.rest.starts_with('(') || reader.keyword("not") {
        return true;
    }
    if reader.name().is_none() {
        return false;
    }
    if reader.rest.starts_with('[') {
        return true;
    }
    reader.space();
    let (word, _) = reader.word();
    word.eq_ignore_ascii_case("pr") || Operator::parse(word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn print(text: &str, mode: Mode) -> Option<String> {
        Filter::parse(text, mode).map(|filter| filter.to_string())
    }

    #[test]
    fn the_canonical_form_has_single_spaces_and_needed_parentheses_only() {
        for (text, want) in [
            (r#"userName eq "a""#, r#"userName eq "a""#),
            (r#"  userName   EQ  "a"  "#, r#"userName eq "a""#),
            (r#"(userName eq "a")"#, r#"userName eq "a""#),
            (r#"a eq 1 and (b eq 2 or c eq 3)"#, r#"a eq 1 and (b eq 2 or c eq 3)"#),
            (r#"a eq 1 AND b pr OR not(c eq true)"#, r#"a eq 1 and b pr or not (c eq true)"#),
            (r#"emails[type eq "work" and value co "@n"]"#, r#"emails[type eq "work" and value co "@n"]"#),
            (r#"emails[type eq "work"].value eq "x]""#, r#"emails[type eq "work"].value eq "x]""#),
            (r#"name.givenName sw "\u0041\"\\""#, r#"name.givenName sw "A\"\\""#),
            (r#"externalId eq ada.lo"#, r#"externalId eq ada.lo"#),
            (r#"not eq "a""#, r#"not eq "a""#),
        ] {
            assert_eq!(print(text, Mode::Strict).as_deref(), Some(want), "{text}");
            assert_eq!(print(want, Mode::Strict).as_deref(), Some(want), "{want}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in [
            "",
            "userName",
            "userName eq",
            r#"userName is "a""#,
            r#"userName eq "a" and"#,
            r#"userName eq "a" or or b pr"#,
            r#"(userName eq "a""#,
            r#"userName eq "a")"#,
            r#"emails[type eq "work""#,
            r#"emails[type eq "work"] eq "a""#,
            r#"userName eq "a"b"#,
            r#"userName eq a b"#,
            r#"userName eq "a"; drop"#,
        ] {
            assert_eq!(print(text, Mode::Strict), None, "{text}");
        }
        let deep = format!("{}a pr{}", "(".repeat(100_000), ")".repeat(100_000));
        assert_eq!(print(&deep, Mode::Strict), None);
    }

    #[test]
    fn an_unescaped_literal_ends_where_the_filter_can_go_on() {
        for (text, want) in [
            (r#"displayName eq "Team "Blue" NL""#, r#"displayName eq "Team \"Blue\" NL""#),
            (r#"displayName eq "CORP\Audit""#, r#"displayName eq "CORP\\Audit""#),
            (r#"a eq "x"y" and b eq "z""#, r#"a eq "x\"y" and b eq "z""#),
            (r#"emails[type eq "a"b"].value eq "c""#, r#"emails[type eq "a\"b"].value eq "c""#),
            (r#"a eq "say "and" so""#, r#"a eq "say \"and\" so""#),
            (r#"(a eq "b")c" )"#, r#"a eq "b\")c""#),
        ] {
            let got = print(text, Mode::Unescaped);
            if text.starts_with('(') {
                // The first reading wins: `b` closed by the parenthesis leaves text over, so it is refused.
                assert_eq!(got, None);
            } else {
                assert_eq!(got.as_deref(), Some(want), "{text}");
            }
        }
    }

    #[test]
    fn a_backslash_that_would_make_a_control_character_was_not_an_escape() {
        assert_eq!(print(r#"displayName eq "CORP\new""#, Mode::Strict), None);
        assert_eq!(
            print(r#"displayName eq "CORP\new""#, Mode::Unescaped).as_deref(),
            Some(r#"displayName eq "CORP\\new""#)
        );
    }

    #[test]
    fn a_control_character_in_a_literal_is_refused_in_every_reading() {
        for control in ['\0', '\t', '\n', '\u{7f}', '\u{85}'] {
            for mode in [Mode::Strict, Mode::Unescaped] {
                assert_eq!(print(&format!("displayName eq \"a{control}b\""), mode), None, "{control:?}");
                assert_eq!(print(&format!("displayName eq a{control}b"), mode), None, "{control:?}");
            }
        }
    }
}
