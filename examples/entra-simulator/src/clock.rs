//! Times as Entra writes them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
#[must_use]
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|age| i64::try_from(age.as_millis()).ok())
        .unwrap_or_default()
}

/// `2026-01-31T08:15:00.123Z`: UTC, always three fractional digits.
#[must_use]
pub fn format_ms(ms: i64) -> String {
    let (days, in_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, fraction) = (in_day / 1000 % 60, in_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z")
}

/// Year, month and day of the UTC date so many days from today.
#[must_use]
pub fn date_in(days: i64) -> (i32, u8, u8) {
    let (year, month, day) = civil(now_ms().div_euclid(86_400_000) + days);
    (i32::try_from(year).unwrap_or(2000), u8::try_from(month).unwrap_or(1), u8::try_from(day).unwrap_or(1))
}

/// The civil date of a day counted from 1970-01-01 (proleptic Gregorian calendar).
fn civil(days: i64) -> (i64, i64, i64) {
    // Years are counted from 1 March of year 0, so that the leap day is the last day of its year.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::format_ms;

    #[test]
    fn times_have_three_fractional_digits_and_a_z() {
        assert_eq!(format_ms(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(format_ms(1_700_246_370_314), "2023-11-17T18:39:30.314Z");
        assert_eq!(format_ms(1_709_164_800_007), "2024-02-29T00:00:00.007Z");
        assert_eq!(format_ms(-1), "1969-12-31T23:59:59.999Z");
    }
}
