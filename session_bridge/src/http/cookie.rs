//! First-party cookies.
//!
//! Invariant: every name has the prefix `__Host-`, so that only this very host, over a secure connection, can have set it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Cookie of the session token.
pub const SESSION: &str = "__Host-session";
/// Cookie of a login that is on its way.
pub const LOGIN: &str = "__Host-login";
/// Cookie of a handoff that is on its way.
pub const HANDOFF: &str = "__Host-handoff";

/// When a browser sends a cookie along with requests from other sites.
#[derive(Debug, Clone, Copy)]
pub enum SameSite {
    /// With navigation only.
    Lax,
    /// Always: for the form that comes back from the source of a handoff.
    None,
}

/// Reads a cookie. Two of the same name are none: nobody can tell which is ours.
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) if !value.is_empty() => Some(value),
        _ => None,
    }
}

/// A cookie for as long as the browser runs, or for a number of seconds. The value is ours: characters of a URL-safe token and dots.
pub fn set(
    name: &str,
    value: &str,
    same_site: SameSite,
    seconds: Option<u32>,
) -> [(HeaderName, HeaderValue); 1] {
    let same_site = match same_site {
        SameSite::Lax => "Lax",
        SameSite::None => "None",
    };
    let age = seconds
        .map(|seconds| format!("; Max-Age={seconds}"))
        .unwrap_or_default();
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite={same_site}{age}");
    let mut header = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    [(header::SET_COOKIE, header)]
}

/// Removes a cookie.
pub fn remove(name: &str) -> [(HeaderName, HeaderValue); 1] {
    set(name, "", SameSite::Lax, Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn cookie_is_found_by_its_exact_name() {
        let sent = headers(&["a=1; __Host-session=vs_x; __host-session=vs_y"]);
        assert_eq!(read(&sent, SESSION), Some("vs_x"));
        assert_eq!(read(&sent, "session"), None);
        assert_eq!(
            read(&headers(&["a=1", "__Host-session=vs_x"]), SESSION),
            Some("vs_x")
        );
        assert_eq!(read(&headers(&["__Host-session="]), SESSION), None);
    }

    #[test]
    fn two_cookies_of_one_name_are_none() {
        assert_eq!(
            read(&headers(&["__Host-session=vs_x; __Host-session=vs_y"]), SESSION),
            None
        );
        assert_eq!(
            read(&headers(&["__Host-session=vs_x", "__Host-session=vs_y"]), SESSION),
            None
        );
    }

    #[test]
    fn cookies_carry_every_attribute() {
        let [(_, value)] = set(SESSION, "vs_x", SameSite::Lax, None);
        assert_eq!(
            value.to_str().unwrap(),
            "__Host-session=vs_x; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
        let [(_, value)] = set(HANDOFF, "a.b", SameSite::None, Some(120));
        assert!(value.to_str().unwrap().ends_with("SameSite=None; Max-Age=120"));
        let [(_, value)] = remove(SESSION);
        assert!(
            value.to_str().unwrap().starts_with("__Host-session=; ")
                && value.to_str().unwrap().ends_with("Max-Age=0")
        );
    }
}
