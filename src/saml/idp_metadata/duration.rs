//! `xs:duration` (XML Schema Part 2, 3.2.6), as far as a cache needs it.

use std::time::Duration;

/// Reads `PnYnMnDTnHnMnS`. A year counts 365 days and a month 30: it is only about when to look again. `None` for a
/// negative one and for anything that is none.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (rest, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let date = part(date, &[('Y', 365 * 86_400), ('M', 30 * 86_400), ('D', 86_400)])?;
    let time = part(time, &[('H', 3600), ('M', 60), ('S', 1)])?;
    Some(Duration::from_secs(date.checked_add(time)?))
}

/// Seconds of one half: numbers, each with its unit, in this order, none twice. A fraction of a second is cut.
fn part(mut text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut sum = 0u64;
    for (unit, seconds) in units {
        let digits: &str = text.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
        let Some(rest) = text.strip_prefix(digits).and_then(|rest| rest.strip_prefix(*unit)) else {
            continue;
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let fraction_is_sound = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
        if !fraction_is_sound || (digits.contains('.') && *unit != 'S') {
            return None;
        }
        sum = sum.checked_add(whole.parse::<u64>().ok()?.checked_mul(*seconds)?)?;
        text = rest;
    }
    text.is_empty().then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn durations_are_read_as_the_schema_writes_them() {
        for (text, seconds) in [
            ("PT1H", 3600),
            ("P1D", 86_400),
            ("PT5M30.5S", 330),
            ("P1Y2M3DT4H5M6S", (365 + 60 + 3) * 86_400 + 4 * 3600 + 5 * 60 + 6),
            ("PT0S", 0),
            ("P2M", 60 * 86_400),
            ("PT604800S", 604_800),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_duration() {
        for text in [
            "",
            "P",
            "PT",
            "-PT1H",
            "PT-1H",
            "1H",
            "PT1",
            "P1H",
            "PT1M1H",
            "PT1H1H",
            "P1.5D",
            "PT1.S",
            "PT.5S",
            "P1DT",
            " PT1H",
            "PT1H ",
            "P99999999999999999999D",
            "P999999999999999999Y",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
