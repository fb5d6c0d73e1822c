//! How a request is called before it comes here: by a proxy that is trusted, in `X-Request-Id` and in `traceparent` (W3C Trace Context).
//!
//! Invariant: what comes from anybody else, or has another form, is left out, so that nobody writes what he likes into the log.

use axum::http::HeaderMap;

const MAX_ID: usize = 128;

/// The request id of a proxy.
pub fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = only(headers, "x-request-id")?;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
    (!id.is_empty() && id.len() <= MAX_ID && id.chars().all(is_plain)).then_some(id)
}

/// The trace that a request belongs to: 32 hexadecimal digits, not all of them 0.
pub fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let mut parts = only(headers, "traceparent")?.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length: usize| {
        text.len() == length
            && text
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_sound = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && is_hex(flags, 2)
        && [trace, parent].iter().all(|id| id.bytes().any(|digit| digit != b'0'))
        // Later versions may say more.
        && (version != "00" || parts.next().is_none());
    is_sound.then_some(trace)
}

fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn an_id_is_one_plain_word() {
        let id = |values: &[&str]| request_id(&headers("x-request-id", values)).map(str::to_owned);
        assert_eq!(id(&["a1-b_2.c:3"]).as_deref(), Some("a1-b_2.c:3"));
        let long = "x".repeat(MAX_ID + 1);
        for values in [&[][..], &[""], &["a", "b"], &["a b"], &["\"}{"], &["é"], &[&long]] {
            assert_eq!(id(values), None, "{values:?}");
        }
    }

    #[test]
    fn a_trace_is_what_the_standard_says() {
        let trace = |value: &str| trace_id(&headers("traceparent", &[value])).map(str::to_owned);
        let good = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(
            trace(&format!("00-{good}-b7ad6b7169203331-01")).as_deref(),
            Some(good)
        );
        assert_eq!(
            trace(&format!("cc-{good}-b7ad6b7169203331-01-more")).as_deref(),
            Some(good)
        );
        for bad in [
            "",
            good,
            &format!("ff-{good}-b7ad6b7169203331-01"),
            &format!("00-{good}-b7ad6b7169203331-01-more"),
            &format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            &format!("00-{good}-0000000000000000-01"),
            &format!("00-{}-b7ad6b7169203331-01", good.to_uppercase()),
        ] {
            assert_eq!(trace(bad), None, "{bad}");
        }
    }
}
