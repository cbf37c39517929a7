//! As much of Rust's lexical structure as finding imports needs: words and marks, without comments and literals.

/// A word or a mark of a source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An identifier or keyword, `r#` taken off.
    Word(String),
    /// `::`.
    Colons,
    /// Any other single character.
    Mark(char),
}

/// The tokens of a text; comments, strings, characters and lifetimes leave none.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let text: Vec<char> = source.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        at += match rest {
            ['/', '/', ..] => rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => string(rest),
            ['\'', ..] => character_or_lifetime(rest),
            ['r', '#', first, ..] if is_word(*first) && !first.is_ascii_digit() => {
                let length = word(&rest[2..]);
                found.push(Token::Word(rest[2..2 + length].iter().collect()));
                2 + length
            }
            [first, ..] if is_word(*first) => match prefixed_literal(rest) {
                Some(length) => length,
                None => {
                    let length = word(rest);
                    found.push(Token::Word(rest[..length].iter().collect()));
                    length
                }
            },
            [':', ':', ..] => {
                found.push(Token::Colons);
                2
            }
            [mark, ..] => {
                if !mark.is_whitespace() {
                    found.push(Token::Mark(*mark));
                }
                1
            }
            [] => break,
        };
    }
    found
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn word(text: &[char]) -> usize {
    text.iter().position(|&c| !is_word(c)).unwrap_or(text.len())
}

fn block_comment(text: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Length of a string that starts with its quote.
fn string(text: &[char]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

fn raw_string(text: &[char]) -> Option<usize> {
    let hashes = text.iter().position(|&c| c != '#')?;
    if text[hashes] != '"' {
        return None;
    }
    let mut at = hashes + 1;
    while at < text.len() {
        let closes =
            text[at] == '"' && text[at + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes;
        if closes {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(at)
}

/// Length of `r"…"`, `b"…"`, `br#"…"#`, `c"…"`, `b'…'` and the like; `None` where the word is just a word.
fn prefixed_literal(text: &[char]) -> Option<usize> {
    match text {
        ['b', '\'', ..] => Some(1 + character_or_lifetime(&text[1..])),
        ['b' | 'c', '"', ..] => Some(1 + string(&text[1..])),
        ['b' | 'c', 'r', '"' | '#', ..] => raw_string(&text[2..]).map(|length| length + 2),
        ['r', '"' | '#', ..] => raw_string(&text[1..]).map(|length| length + 1),
        _ => None,
    }
}

fn character_or_lifetime(text: &[char]) -> usize {
    match text {
        ['\'', '\\', _, rest @ ..] => {
            3 + rest.iter().position(|&c| c == '\'').map_or(rest.len(), |end| end + 1)
        }
        ['\'', _, '\'', ..] => 3,
        ['\'', rest @ ..] => 1 + word(rest),
        _ => 1,
    }
}
