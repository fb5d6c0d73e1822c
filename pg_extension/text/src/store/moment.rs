//! Moments in UTC, in their one spelling: what comes earlier, and what is past.

use crate::load::value;
use serde_json::{Value, json};

const REST_OF_YEAR: [u8; 15] = *b"-00-00T00:00:00";

/// `2027-01-31T00:00:00Z`, with a fraction where there is one. The database knows years of up to six digits.
pub fn normal(value: &Value) -> Option<Value> {
    let text = value.as_str()?;
    let body = text.strip_suffix('Z')?;
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    let (year, rest) = whole.split_at_checked(whole.len().checked_sub(REST_OF_YEAR.len())?)?;
    let is_year = year.bytes().all(|byte| byte.is_ascii_digit())
        && (year.len() == 4 || (matches!(year.len(), 5 | 6) && !year.starts_with('0')));
    let is_shaped = is_year
        && rest.bytes().zip(REST_OF_YEAR).all(|(byte, shape)| {
            if shape == b'0' {
                byte.is_ascii_digit()
            } else {
                byte == shape
            }
        })
        && fraction.len() <= 6
        && fraction.bytes().all(|byte| byte.is_ascii_digit());
    // The calendar comes again after 400 years, and the check knows years of four digits.
    let is_day = || {
        let year = year.parse::<u32>().unwrap_or(0);
        year > 0 && value::timestamp(&format!("{}{rest}Z", 2000 + year % 400)).is_ok()
    };
    let is_shaped = is_shaped && is_day();
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    is_shaped.then(|| json!(format!("{whole}{dot}{fraction}Z")))
}

/// Whether a moment is no later than now, both in their one spelling.
pub fn is_past(moment: &str, now: &str) -> bool {
    place(moment) <= place(now)
}

/// What a moment in its one spelling is put in order by. A year of more digits is later.
pub(super) fn place(moment: &str) -> (Option<usize>, &str) {
    (moment.find('-'), moment.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_one_spelling() {
        assert_eq!(
            normal(&json!("2027-01-31T00:00:00.500Z")),
            Some(json!("2027-01-31T00:00:00.5Z"))
        );
        assert_eq!(
            normal(&json!("2027-01-31T00:00:00.000Z")),
            Some(json!("2027-01-31T00:00:00Z"))
        );
        for far in ["10000-01-01T00:00:00Z", "294276-12-31T23:59:59.999999Z"] {
            assert_eq!(normal(&json!(far)), Some(json!(far)));
        }
        for bad in [
            "0010000-01-01T00:00:00Z",
            "01000-01-01T00:00:00Z",
            "999-01-01T00:00:00Z",
            "2027-01-31",
            "2027-01-31T00:00:00",
            "2027-01-31T00:00:00+01",
            "infinity",
            "Z",
        ] {
            assert_eq!(normal(&json!(bad)), None, "{bad}");
        }
    }

    #[test]
    fn moments_are_compared_by_what_they_mean() {
        let now = "2027-01-31T12:00:00Z";
        for past in [
            "2027-01-31T12:00:00Z",
            "2026-12-31T00:00:00Z",
            "0999-01-01T00:00:00Z",
        ] {
            assert!(is_past(past, now), "{past}");
        }
        for future in ["2027-01-31T12:00:00.5Z", "10000-01-01T00:00:00Z"] {
            assert!(!is_past(future, now), "{future}");
        }
    }
}
