//! What the values of a file may be. Each check gives the value as it will be written, or what is wrong with it.

use super::reader::MAX_VALUE;
use serde_json::Value;

/// A value, or what is wrong with it.
pub type Checked<T> = Result<T, &'static str>;

const MAX_NAME_CHARS: usize = 256;

/// Bytes of a file as text.
pub fn text(bytes: &[u8]) -> Checked<&str> {
    if bytes.len() > MAX_VALUE {
        return Err("is longer than 65536 bytes");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    let is_odd = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    if text.contains(is_odd) {
        return Err("contains a control character");
    }
    Ok(text)
}

/// The name of something: not empty, no blanks around it, no line ends in it.
pub fn name(text: &str) -> Checked<&str> {
    if text.is_empty() {
        return Err("is missing");
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err("begins or ends with a blank");
    }
    if text.len() > MAX_NAME_CHARS && text.chars().count() > MAX_NAME_CHARS {
        return Err("is longer than 256 characters");
    }
    // The server's locales count the line and paragraph separators among the control characters.
    if text.contains(|letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')) {
        return Err("contains a control character");
    }
    Ok(text)
}

/// The name of something, or nothing.
pub fn optional_name(text: &str) -> Checked<Option<&str>> {
    if text.is_empty() {
        return Ok(None);
    }
    name(text).map(Some)
}

/// Yes, no, or nothing.
pub fn boolean(text: &str) -> Checked<Option<bool>> {
    match text.to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "true" | "t" | "yes" | "y" | "on" | "1" => Ok(Some(true)),
        "false" | "f" | "no" | "n" | "off" | "0" => Ok(Some(false)),
        _ => Err("is neither true nor false"),
    }
}

/// Levels of a document that can be read wherever it is wrapped.
pub const MAX_LEVELS: usize = 100;

/// Digits of a number, written without an exponent.
const MAX_DIGITS: i64 = 1000;

/// The name by which the reader of JSON marks numbers: no member has it.
pub const NUMBER_MARK: &str = "$serde_json::private::Number";

/// A JSON value, with numbers as the server's jsonb writes them.
pub fn json(text: &str) -> Checked<Value> {
    let mut value: Value = serde_json::from_str(text).map_err(|_| "is no JSON value")?;
    settle(&mut value, MAX_LEVELS)?;
    Ok(value)
}

fn settle(value: &mut Value, levels: usize) -> Checked<()> {
    let inside = levels
        .checked_sub(1)
        .ok_or("is nested more than 100 levels deep")?;
    match value {
        // The server's jsonb holds no such character, and would say so without a line number.
        Value::String(text) if text.contains('\0') => return Err("contains a control character"),
        Value::Array(values) => {
            for value in values {
                settle(value, inside)?;
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                if name.contains('\0') {
                    return Err("contains a control character");
                }
                if name == NUMBER_MARK {
                    return Err("has a member of a name that is taken");
                }
                settle(value, inside)?;
            }
        }
        Value::Number(number) => {
            let plain = plain(&number.to_string()).ok_or("has a number of more than 1000 digits")?;
            *number = serde_json::from_str(&plain).map_err(|_| "is no JSON value")?;
        }
        Value::String(_) | Value::Null | Value::Bool(_) => (),
    }
    Ok(())
}

/// A number without an exponent, as the server writes it; none when it has too many digits.
fn plain(number: &str) -> Option<String> {
    let (sign, number) = number
        .strip_prefix('-')
        .map_or(("", number), |number| ("-", number));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().ok()?;
    let digits = format!("{whole}{fraction}");
    let count = i64::try_from(digits.len()).ok()?;
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    if count > MAX_DIGITS || !(-MAX_DIGITS..=MAX_DIGITS).contains(&point) {
        return None;
    }
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    let digits = format!("{}{digits}{}", zeros(1 - point), zeros(point - count));
    let (whole, fraction) = digits.split_at(usize::try_from(point.max(1)).ok()?);
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let dot = if fraction.is_empty() { "" } else { "." };
    // The server knows no zero below zero.
    let is_zero = whole == "0" && fraction.bytes().all(|digit| digit == b'0');
    let sign = if is_zero { "" } else { sign };
    Some(format!("{sign}{whole}{dot}{fraction}"))
}

/// A point in time as ISO 8601 writes it, which the server then reads without surprises: `2026-11-22`, `2026-11-22 04:00`, with seconds,
/// with an offset; or nothing.
pub fn timestamp(text: &str) -> Checked<Option<&str>> {
    const WRONG: &str = "is no date or time; write 2026-11-22 or 2026-11-22T04:00:00Z";
    if text.is_empty() {
        return Ok(None);
    }
    if is_timestamp(text.as_bytes()) {
        Ok(Some(text))
    } else {
        Err(WRONG)
    }
}

fn is_timestamp(text: &[u8]) -> bool {
    let Some((date, rest)) = text.split_at_checked(10) else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (number(&date[..4]), number(&date[5..7]), number(&date[8..]))
    else {
        return false;
    };
    if date[4] != b'-' || date[7] != b'-' || year == 0 || !(1..=12).contains(&month) {
        return false;
    }
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=days).contains(&day) && (rest.is_empty() || is_time(rest))
}

/// `T04:00`, `T04:00:00.25Z`, ` 04:00+02`, ` 04:00-03:30`.
fn is_time(text: &[u8]) -> bool {
    let Some((b'T' | b't' | b' ', text)) = text.split_first() else {
        return false;
    };
    let is_offset = |byte: &u8| matches!(byte, b'Z' | b'z' | b'+' | b'-');
    let (clock, offset) = text.split_at(text.iter().position(is_offset).unwrap_or(text.len()));
    let offset_is_good = match offset {
        [] | b"Z" | b"z" => true,
        [_, rest @ ..] => {
            let parts: Vec<_> = rest.split(|byte| *byte == b':').collect();
            parts.len() <= 2
                && parts.iter().enumerate().all(|(place, part)| {
                    part.len() == 2 && number(part).is_some_and(|value| value < [15, 60][place])
                })
        }
    };
    let (clock, fraction) = match clock.iter().position(|byte| *byte == b'.') {
        Some(place) => (&clock[..place], Some(&clock[place + 1..])),
        None => (clock, None),
    };
    let parts: Vec<_> = clock.split(|byte| *byte == b':').collect();
    let fraction_is_good = fraction.is_none_or(|digits| {
        parts.len() == 3 && (1..=6).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
    });
    offset_is_good
        && fraction_is_good
        && (2..=3).contains(&parts.len())
        && parts.iter().enumerate().all(|(place, part)| {
            part.len() == 2 && number(part).is_some_and(|value| value < [24, 60, 60][place])
        })
}

fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_server_does() {
        for (given, written) in [
            ("1e3", "1000"),
            ("-1.5E2", "-150"),
            ("0.001e5", "100"),
            ("1.25e-2", "0.0125"),
            (
                "123456789012345678901234567890.5",
                "123456789012345678901234567890.5",
            ),
            ("0", "0"),
            ("1.50", "1.50"),
            ("12.5e1", "125"),
            ("12.345e1", "123.45"),
        ] {
            assert_eq!(plain(given).as_deref(), Some(written), "{given}");
        }
        for long in ["1e1001", "1e-5000", "1e99999999999999999999", &"9".repeat(1001)] {
            assert_eq!(plain(long), None, "{long}");
        }
    }

    #[test]
    fn a_document_that_could_not_be_read_again_is_refused() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(json(&nested(MAX_LEVELS - 1)).is_ok());
        assert!(json(&nested(MAX_LEVELS + 1)).is_err());
        assert!(json(&format!("{{\"a\": 1, \"{NUMBER_MARK}\": \"x\"}}")).is_err());
        assert!(json("1e999999").is_err());
    }

    #[test]
    fn times_are_those_of_iso_8601() {
        for good in [
            "2026-11-22",
            "2024-02-29",
            "2026-11-22 04:00",
            "2026-11-22T04:00:59.123456Z",
            "2026-11-22 04:00:00+02",
            "2026-11-22t04:00-03:30",
        ] {
            assert_eq!(timestamp(good), Ok(Some(good)));
        }
        for bad in [
            "22.11.2026",
            "2026-11-2",
            "2026-13-01",
            "2026-02-29",
            "2026-02-30",
            "2026-11-22 24:00",
            "2026-11-22 4:00",
            "2026-11-22T",
            "2026-11-22 04:00:00+",
            "2026-11-22 04:00:00+15",
            "2026-11-22 04:00.5",
            "0000-01-01",
            "tomorrow",
            "infinity",
            "2026-11-22é",
            "éééééé",
        ] {
            assert!(timestamp(bad).is_err(), "{bad}");
        }
        assert_eq!(timestamp(""), Ok(None));
    }

    #[test]
    fn numbers_in_json_keep_their_last_digit() {
        for number in ["3.3333333333333334e+42", "0.30000000000000004", "-17"] {
            assert_eq!(json(number).map(|value| value.to_string()), Ok(number.to_owned()));
        }
    }

    #[test]
    fn names_have_no_blanks_around_and_no_control_characters() {
        assert_eq!(name("Ana María"), Ok("Ana María"));
        assert!(name("").is_err() && name(" a").is_err() && name("a ").is_err());
        assert!(name("a\nb").is_err() && name(&"é".repeat(257)).is_err());
        assert_eq!(name(&"é".repeat(256)).map(str::len), Ok(512));
    }

    #[test]
    fn texts_are_utf_8_without_control_characters() {
        assert_eq!(text("a\nb\tc".as_bytes()), Ok("a\nb\tc"));
        assert!(text(b"\xff").is_err() && text(b"a\0b").is_err() && text(b"\x1b[31m").is_err());
    }
}
