//! Raw deflate, against an inflater of our own that does nothing but follow RFC 1951.

use vestibule::saml::deflate::{deflate as packed, inflate};

use crate::planted;

/// The largest message that is read.
const MOST: usize = 262_144;

/// What is deflated inflates to the same; whatever inflates does so as the RFC says, and to no more than is read.
pub fn deflate(data: &[u8]) {
    assert_eq!(inflate(&packed(data)).as_deref(), Ok(data));
    let (ours, theirs) = (inflate(data), plain(data));
    match (&ours, &theirs) {
        (Ok(ours), Some(theirs)) => assert_eq!(ours, theirs),
        (Err(_), None) => {}
        (Ok(_), None) => panic!("inflated, though it is not deflated, or to more than is read"),
        (Err(_), Some(_)) => panic!("not inflated, though it is deflated"),
    }
    if let Ok(message) = ours {
        assert!(message.len() <= MOST);
        assert_eq!(inflate(&packed(&message)).as_deref(), Ok(&message[..]));
        planted!(message.len() > 50 * data.len() && message.len() < MOST);
    }
}

struct Bits<'d> {
    data: &'d [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<usize> {
        let octet = *self.data.get(self.at / 8)?;
        self.at += 1;
        Some(usize::from(octet >> ((self.at - 1) % 8) & 1))
    }

    fn number(&mut self, bits: usize) -> Option<usize> {
        (0..bits).try_fold(0, |number, at| Some(number | self.bit()? << at))
    }

    /// A symbol of the code with these lengths (3.2.2).
    fn symbol(&mut self, code: &Code) -> Option<usize> {
        let (mut value, mut first, mut index) = (0, 0, 0);
        for length in 1..16 {
            value |= self.bit()?;
            let count = code.counts[length];
            if value < first + count {
                return code.symbols.get(index + value - first).copied();
            }
            (first, index) = ((first + count) << 1, index + count);
            value <<= 1;
        }
        None
    }
}

struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    /// `None` where the lengths make no code. One code of one bit may stand alone, and no code at all where it is not used.
    fn new(lengths: &[usize]) -> Option<Self> {
        let mut counts = [0; 16];
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|at| lengths[*at] > 0).collect();
        symbols.sort_by_key(|at| (lengths[*at], *at));
        for at in &symbols {
            counts[lengths[*at]] += 1;
        }
        let mut left = 1i64;
        for count in &counts[1..] {
            left = 2 * left - i64::try_from(*count).ok()?;
            if left < 0 {
                return None;
            }
        }
        let lonely = symbols.is_empty() || (symbols.len() == 1 && counts[1] == 1);
        (left == 0 || lonely).then_some(Self { counts, symbols })
    }
}

/// RFC 1951, and nothing for speed.
fn plain(data: &[u8]) -> Option<Vec<u8>> {
    let (mut bits, mut out) = (Bits { data, at: 0 }, Vec::new());
    loop {
        let last = bits.bit()? == 1;
        match bits.number(2)? {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let (length, inverse) = (bits.number(16)?, bits.number(16)?);
                if length != !inverse & 0xffff {
                    return None;
                }
                for _ in 0..length {
                    out.push(u8::try_from(bits.number(8)?).ok()?);
                }
            }
            1 => {
                let lengths: Vec<_> = (0..288)
                    .map(|at| match at {
                        0..144 => 8,
                        144..256 => 9,
                        256..280 => 7,
                        _ => 8,
                    })
                    .collect();
                block(&mut bits, &mut out, &Code::new(&lengths)?, &Code::new(&[5; 32])?)?;
            }
            2 => {
                let (literals, distances) = codes(&mut bits)?;
                block(&mut bits, &mut out, &literals, &distances)?;
            }
            _ => return None,
        }
        if out.len() > MOST {
            return None;
        }
        if last {
            return Some(out);
        }
    }
}

/// The two codes of a block that brings its own (3.2.7).
fn codes(bits: &mut Bits<'_>) -> Option<(Code, Code)> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let (literals, distances) = (bits.number(5)? + 257, bits.number(5)? + 1);
    let count = bits.number(4)? + 4;
    let mut lengths = [0; 19];
    for at in &ORDER[..count] {
        lengths[*at] = bits.number(3)?;
    }
    let code = Code::new(&lengths)?;
    let mut lengths = Vec::new();
    while lengths.len() < literals + distances {
        let (value, times) = match bits.symbol(&code)? {
            16 => (*lengths.last()?, 3 + bits.number(2)?),
            17 => (0, 3 + bits.number(3)?),
            18 => (0, 11 + bits.number(7)?),
            length => (length, 1),
        };
        lengths.extend(std::iter::repeat_n(value, times));
    }
    if lengths.len() > literals + distances {
        return None;
    }
    Some((Code::new(&lengths[..literals])?, Code::new(&lengths[literals..])?))
}

/// Literals and copies up to the end of the block (3.2.5).
fn block(bits: &mut Bits<'_>, out: &mut Vec<u8>, literals: &Code, distances: &Code) -> Option<()> {
    while out.len() <= MOST {
        let symbol = bits.symbol(literals)?;
        let length = match symbol {
            0..256 => {
                out.push(u8::try_from(symbol).ok()?);
                continue;
            }
            256 => return Some(()),
            257..265 => symbol - 254,
            265..285 => {
                let more = (symbol - 261) / 4;
                let base = (4 + (symbol - 265) % 4) << more;
                base + 3 + bits.number(more)?
            }
            285 => 258,
            _ => return None,
        };
        let distance = match bits.symbol(distances)? {
            near @ 0..4 => near + 1,
            far @ 4..30 => {
                let more = far / 2 - 1;
                ((2 + far % 2) << more) + 1 + bits.number(more)?
            }
            _ => return None,
        };
        let from = out.len().checked_sub(distance)?;
        for at in from..from + length {
            out.push(out[at]);
        }
    }
    None
}
