//! Time as a number, so that tests can set it and a 32-bit target cannot lose it.

use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// This moment plus `span`; stays at the end of time instead of wrapping.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    /// This moment minus `span`; stays at the epoch instead of wrapping.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0.checked_div(1000).unwrap_or_default()
    }

    /// The moment `seconds` after the epoch.
    #[must_use]
    pub fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Reads `YYYY-MM-DDThh:mm:ss[.fraction](Z|±hh:mm)` (RFC 3339, and the zoned form of `xs:dateTime`).
    ///
    /// A fraction finer than a millisecond is cut, not rounded. A time without a zone, a leap second, a year before
    /// 1970 and anything that is not on the calendar are refused.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits = |from: usize, to: usize| -> Option<u64> {
            let part = bytes.get(from..to)?;
            part.iter().try_fold(0u64, |sum, byte| {
                byte.is_ascii_digit()
                    .then(|| sum.saturating_mul(10).saturating_add(u64::from(byte.wrapping_sub(b'0'))))
            })
        };
        let literal = |at: usize, byte: u8| (bytes.get(at) == Some(&byte)).then_some(());
        let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
        let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
        literal(4, b'-')?;
        literal(7, b'-')?;
        literal(10, b'T')?;
        literal(13, b':')?;
        literal(16, b':')?;
        if year < 1970 || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut at = 19usize;
        let mut fraction = 0u64;
        if bytes.get(at) == Some(&b'.') {
            at = at.checked_add(1)?;
            let mut scale = 100u64;
            let first = at;
            while let Some(byte) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
                let digit = u64::from(byte.wrapping_sub(b'0'));
                fraction = fraction.saturating_add(digit.saturating_mul(scale));
                scale = scale.checked_div(10)?;
                at = at.checked_add(1)?;
            }
            if at == first {
                return None;
            }
        }
        let offset_minutes: i64 = match bytes.get(at)? {
            b'Z' => {
                at = at.checked_add(1)?;
                0
            }
            sign @ (b'+' | b'-') => {
                let (zone_hour, zone_minute) = (
                    digits(at.checked_add(1)?, at.checked_add(3)?)?,
                    digits(at.checked_add(4)?, at.checked_add(6)?)?,
                );
                literal(at.checked_add(3)?, b':')?;
                if zone_hour > 14 || zone_minute > 59 {
                    return None;
                }
                at = at.checked_add(6)?;
                let minutes = i64::try_from(zone_hour.checked_mul(60)?.checked_add(zone_minute)?).ok()?;
                if *sign == b'+' { minutes } else { minutes.checked_neg()? }
            }
            _ => return None,
        };
        if at != bytes.len() {
            return None;
        }
        let days = days_from_civil(year, month, day)?;
        let seconds = days
            .checked_mul(86_400)?
            .checked_add(hour.checked_mul(3600)?)?
            .checked_add(minute.checked_mul(60)?)?
            .checked_add(second)?;
        let seconds = i64::try_from(seconds).ok()?.checked_sub(offset_minutes.checked_mul(60)?)?;
        let seconds = u64::try_from(seconds).ok()?;
        Some(Self(seconds.checked_mul(1000)?.checked_add(fraction)?))
    }

    /// Writes `YYYY-MM-DDThh:mm:ss.mmmZ`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let (days, rest) = (self.seconds().checked_div(86_400), self.seconds().checked_rem(86_400));
        let (days, rest) = (days.unwrap_or_default(), rest.unwrap_or_default());
        let (year, month, day) = civil_from_days(days);
        let part = |value: u64, by: u64, modulo: u64| {
            value.checked_div(by).and_then(|value| value.checked_rem(modulo)).unwrap_or_default()
        };
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
            part(rest, 3600, 24),
            part(rest, 60, 60),
            part(rest, 1, 60),
            part(self.0, 1, 1000),
        )
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in_month(year: u64, month: u64) -> Option<u64> {
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => return None,
    })
}

fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    if day == 0 || day > days_in_month(year, month)? {
        return None;
    }
    let before = year.checked_sub(1)?;
    let leaps = |years: u64| -> Option<u64> {
        (years.checked_div(4)?).checked_sub(years.checked_div(100)?)?.checked_add(years.checked_div(400)?)
    };
    let mut days =
        year.checked_sub(1970)?.checked_mul(365)?.checked_add(leaps(before)?)?.checked_sub(leaps(1969)?)?;
    for earlier in 1..month {
        days = days.checked_add(days_in_month(year, earlier)?)?;
    }
    days.checked_add(day.checked_sub(1)?)
}

fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let mut rest = days;
    let mut year = 1970u64;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        match rest.checked_sub(length) {
            // The year 9999 is the last one RFC 3339 can write.
            Some(left) if year < 9999 => {
                rest = left;
                year = year.saturating_add(1);
            }
            _ => break,
        }
    }
    let mut month = 1u64;
    while let Some(length) = days_in_month(year, month) {
        match rest.checked_sub(length) {
            Some(left) if month < 12 => {
                rest = left;
                month = month.saturating_add(1);
            }
            _ => break,
        }
    }
    (year, month, rest.saturating_add(1).min(31))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn reads_the_forms_that_identity_providers_send() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600_000),
            ("2023-11-14T22:13:20.123Z", 1_700_000_000_123),
            ("2023-11-14T22:13:20.1234567Z", 1_700_000_000_123),
            ("2023-11-15T00:13:20+02:00", 1_700_000_000_000),
        ] {
            assert_eq!(UnixMillis::parse_rfc3339(text), Some(UnixMillis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_times_without_a_zone_or_off_the_calendar() {
        for text in [
            "",
            "2023-11-14T22:13:20",
            "2023-11-14 22:13:20Z",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-11-14T24:00:00Z",
            "2023-11-14T22:13:60Z",
            "2023-11-14T22:13:20.Z",
            "2023-11-14T22:13:20Zx",
            "1969-12-31T23:59:59Z",
            "+2023-11-14T22:13:20Z",
            "2023-11-14T22:13:20é",
        ] {
            assert_eq!(UnixMillis::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["1970-01-01T00:00:00.000Z", "2024-12-31T23:59:59.999Z", "2026-11-22T07:26:30.001Z"] {
            let time = UnixMillis::parse_rfc3339(text).unwrap();
            assert_eq!(time.to_rfc3339(), text);
        }
    }
}
