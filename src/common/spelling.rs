//! Every way in which servers are known to read one path.
//!
//! Servers decode, merge, cut and resolve paths in different orders, and nobody can know in which order the one behind
//! us does. So a path that could be read in more than one way is refused, unless the operator allows that kind of
//! spelling by name; then all texts that any chain of these steps makes of it are readings of it, and each of them
//! must be let in.

use super::path::PathProblem;

/// Kinds of spelling that are allowed, each by the name that its refusal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spellings(u16);

impl Spellings {
    /// None, which is the default.
    pub const NONE: Self = Self(0);

    /// Also this kind. [`PathProblem::NotAbsolute`] and [`PathProblem::TooAmbiguous`] cannot be allowed.
    #[must_use]
    pub fn with(self, problem: PathProblem) -> Self {
        Self(self.0 | Self::bit(problem))
    }

    /// Whether this kind is allowed.
    #[must_use]
    pub fn allow(self, problem: PathProblem) -> bool {
        self.0 & Self::bit(problem) != 0
    }

    fn bit(problem: PathProblem) -> u16 {
        let at = PathProblem::ALLOWABLE.iter().position(|have| *have == problem);
        at.and_then(|at| u32::try_from(at).ok()).and_then(|at| 1u16.checked_shl(at)).unwrap_or(0)
    }
}

/// Most readings of one path, and longest path in octets that may have several: each is judged.
const MOST: usize = 32;
const LONGEST: usize = 4096;

/// Something that a server may do to a path; gives nothing where nothing changes.
type Step = fn(&[u8]) -> Vec<u8>;

const STEPS: [Step; 13] = [
    decode_but_separators,
    |path| decode(path, |_| false),
    wide_escapes,
    overlong,
    backslashes,
    without_parameters,
    |path| cut(path, |byte| byte == b';'),
    |path| cut(path, |byte| matches!(byte, b'?' | b'#')),
    |path| cut(path, |byte| byte == 0),
    without_controls,
    merged,
    without_authority,
    resolved,
];

/// All readings of a path without query; the one that is decoded once comes first.
pub(super) fn readings(raw: &[u8], allowed: Spellings) -> Result<Vec<String>, PathProblem> {
    written(raw, allowed)?;
    let decoded = decode(raw, |_| false);
    let ambiguous_escape = has_escape(&decoded);
    if ambiguous_escape {
        demand(allowed, PathProblem::DoubleEscape)?;
    }
    // What need not be escaped may stay so: a route of the proxy compares the octets as they came.
    let kept = decode(raw, |byte| is_plain(byte) || is_special(byte) || (byte == b'%' && ambiguous_escape));
    let mut found: Vec<(Vec<u8>, Spellings)> = Vec::new();
    add(&mut found, decoded, allowed)?;
    add(&mut found, kept, allowed)?;
    let mut at = 0usize;
    while let Some((path, allowed)) = found.get(at).cloned() {
        for step in STEPS {
            add(&mut found, step(&path), allowed)?;
        }
        add(&mut found, trimmed(&path), allowed)?;
        if let Some(path) = lookalikes(&path) {
            // Nobody wrote these characters: they are signs of some script, and few servers take them for ASCII.
            let allowed = Spellings(allowed.0 | !Spellings::bit(PathProblem::DotSegment));
            add(&mut found, path, allowed)?;
        }
        at = at.saturating_add(1);
    }
    let mut texts: Vec<String> = Vec::new();
    for (path, _) in found {
        for text in texts_of(path) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    Ok(texts)
}

/// A reading more, unless it is one already.
fn add(found: &mut Vec<(Vec<u8>, Spellings)>, path: Vec<u8>, allowed: Spellings) -> Result<(), PathProblem> {
    if found.iter().any(|(have, _)| *have == path) {
        return Ok(());
    }
    check(&path, allowed)?;
    if !found.is_empty() && (found.len() >= MOST || path.len() > LONGEST) {
        return Err(PathProblem::TooAmbiguous);
    }
    found.push((path, allowed));
    Ok(())
}

fn demand(allowed: Spellings, problem: PathProblem) -> Result<(), PathProblem> {
    if allowed.allow(problem) { Ok(()) } else { Err(problem) }
}

/// What is wrong with the path as it is written, escapes and all.
fn written(raw: &[u8], allowed: Spellings) -> Result<(), PathProblem> {
    let mut rest = raw;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        let mut value = *byte;
        if value == b'%' {
            let Some((escaped, tail)) = escape(rest) else {
                demand(allowed, PathProblem::BadEscape)?;
                continue;
            };
            (value, rest) = (escaped, tail);
            match value {
                b'/' => demand(allowed, PathProblem::EncodedSlash)?,
                b'?' => demand(allowed, PathProblem::Delimiter)?,
                _ => {}
            }
        }
        match value {
            b'\\' => demand(allowed, PathProblem::Backslash)?,
            b';' => demand(allowed, PathProblem::Semicolon)?,
            b'#' => demand(allowed, PathProblem::Delimiter)?,
            0..=0x1f | 0x7f => demand(allowed, PathProblem::Control)?,
            _ => {}
        }
    }
    Ok(())
}

/// What is wrong with a reading.
fn check(path: &[u8], allowed: Spellings) -> Result<(), PathProblem> {
    match std::str::from_utf8(path) {
        Ok(text) if text.chars().any(char::is_control) => demand(allowed, PathProblem::Control)?,
        Ok(_) => {}
        Err(_) => demand(allowed, PathProblem::NotUtf8)?,
    }
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            b"." | b".." => demand(allowed, PathProblem::DotSegment)?,
            b"" if segments.peek().is_some() => demand(allowed, PathProblem::EmptySegment)?,
            segment if matches!(segment.last(), Some(b'.' | b' ')) => {
                demand(allowed, PathProblem::TrailingDot)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Octets that stand for themselves in a path (RFC 3986, `pchar`), so that they need no escape.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte)
}

/// Octets whose escape may not be the same as themselves.
fn is_special(byte: u8) -> bool {
    byte.is_ascii_control() || b"/\\;?#".contains(&byte)
}

/// The octet of `XX` behind a `%`, and what follows.
fn escape(rest: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, tail) = rest.split_first_chunk::<2>()?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let [high, low] = *digits;
    let value = digit(high)?.checked_mul(16)?.checked_add(digit(low)?)?;
    Some((u8::try_from(value).ok()?, tail))
}

fn has_escape(path: &[u8]) -> bool {
    path.windows(3).any(
        |window| matches!(window, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()),
    )
}

fn decode(path: &[u8], keep: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match escape(tail).filter(|_| *byte == b'%') {
            Some((value, tail)) if !keep(value) => {
                out.push(value);
                rest = tail;
            }
            _ => out.push(*byte),
        }
    }
    out
}

fn decode_but_separators(path: &[u8]) -> Vec<u8> {
    decode(path, |byte| matches!(byte, b'/' | b'\\'))
}

/// `%uXXXX`, as some servers of Microsoft's read it.
fn wide_escapes(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, tail)) = rest.split_first() {
        match rest.strip_prefix(b"%u").or_else(|| rest.strip_prefix(b"%U")).and_then(wide) {
            Some((char, tail)) => {
                out.extend(char.to_string().bytes());
                rest = tail;
            }
            None => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    out
}

fn wide(rest: &[u8]) -> Option<(char, &[u8])> {
    let (high, tail) = escape(rest)?;
    let (low, tail) = escape(tail)?;
    Some((char::from_u32(u32::from(u16::from_be_bytes([high, low])))?, tail))
}

/// ASCII in too many octets (`C0 AF` for `/`), as careless decoders of UTF-8 read it.
fn overlong(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, tail)) = rest.split_first() {
        let (ascii, tail) = match *rest {
            [lead @ (0xc0 | 0xc1), low, ..] => (Some(((lead & 1) << 6) | (low & 0x3f)), rest.get(2..)),
            [0xe0, middle @ (0x80 | 0x81), low, ..] => {
                (Some(((middle & 1) << 6) | (low & 0x3f)), rest.get(3..))
            }
            [0xf0, 0x80, middle @ (0x80 | 0x81), low, ..] => {
                (Some(((middle & 1) << 6) | (low & 0x3f)), rest.get(4..))
            }
            _ => (None, Some(tail)),
        };
        out.push(ascii.unwrap_or(*byte));
        rest = tail.unwrap_or_default();
    }
    out
}

fn backslashes(path: &[u8]) -> Vec<u8> {
    path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()
}

/// Each segment without what follows its first `;`.
fn without_parameters(path: &[u8]) -> Vec<u8> {
    by_segment(path, |segment| segment.split(|byte| *byte == b';').next().unwrap_or_default())
}

/// Each segment without the dots and spaces at its end; dot segments stay.
fn trimmed(path: &[u8]) -> Vec<u8> {
    by_segment(path, |mut segment| {
        while !matches!(segment, b"." | b"..") {
            let Some((b'.' | b' ', rest)) = segment.split_last() else { break };
            segment = rest;
        }
        segment
    })
}

fn by_segment(path: &[u8], change: impl Fn(&[u8]) -> &[u8]) -> Vec<u8> {
    path.split(|byte| *byte == b'/').map(change).collect::<Vec<_>>().join(&b'/')
}

/// Up to the first octet at which it ends; the root where nothing is before it.
fn cut(path: &[u8], ends: impl Fn(u8) -> bool) -> Vec<u8> {
    path.split(|byte| ends(*byte)).next().unwrap_or_default().to_vec()
}

fn without_controls(path: &[u8]) -> Vec<u8> {
    path.iter().copied().filter(|byte| !byte.is_ascii_control()).collect()
}

fn merged(path: &[u8]) -> Vec<u8> {
    let mut out = path.to_vec();
    out.dedup_by(|byte, before| *byte == b'/' && *before == b'/');
    out
}

/// `//host/path` is the path of another host to some.
fn without_authority(path: &[u8]) -> Vec<u8> {
    let Some(rest) = path.strip_prefix(b"//") else { return path.to_vec() };
    match rest.iter().position(|byte| *byte == b'/').and_then(|at| rest.get(at..)) {
        Some(path) => path.to_vec(),
        None => b"/".to_vec(),
    }
}

/// RFC 3986, 5.2.4.
fn resolved(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    kept.pop();
                }
                if last {
                    kept.push(b"");
                }
            }
            segment => kept.push(segment),
        }
    }
    let mut out = Vec::with_capacity(path.len());
    for segment in kept {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    if out.is_empty() { b"/".to_vec() } else { out }
}

/// Characters that look like ASCII, as it: what normalisation (NFKC) and tables of best fit make of them.
fn lookalikes(path: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(path).ok().filter(|text| !text.is_ascii())?;
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match u32::from(char) {
            0x2044 | 0x2215 | 0x29f8 => out.push('/'),
            0x2216 | 0x29f5 | 0xfe68 => out.push('\\'),
            0x2024 | 0xfe52 => out.push('.'),
            0x2025 => out.push_str(".."),
            0x2026 => out.push_str("..."),
            0x037e | 0xfe54 => out.push(';'),
            0xfe56 => out.push('?'),
            0xfe5f => out.push('#'),
            0xfe6a => out.push('%'),
            0x017f => out.push('s'),
            0x212a => out.push('K'),
            wide @ 0xff01..=0xff5e => out.extend(char::from_u32(wide.saturating_sub(0xfee0))),
            _ => out.push(char),
        }
    }
    Some(out.into_bytes()).filter(|out| out != path)
}

/// The text of a reading; without UTF-8, what decoders make of it that replace, and those that take it for Latin-1.
fn texts_of(path: Vec<u8>) -> Vec<String> {
    match String::from_utf8(path) {
        Ok(text) => vec![text],
        Err(error) => {
            let latin = error.as_bytes().iter().map(|byte| char::from(*byte)).collect();
            vec![String::from_utf8_lossy(error.as_bytes()).into_owned(), latin]
        }
    }
}
