//! The minor release of the server. Leaks of row security were mended in minors: below the floor the library warns, or refuses
//! to work when `vpd.strict_version` is on.

use pgrx::pg_sys;
use std::ffi::CStr;

/// First minor release of each major that has the known mends (CVE fixes of row security and of planner statistics).
const FLOORS: [(i32, i32); 4] = [(15, 20), (16, 16), (17, 12), (18, 7)];

/// The floor the running server is below of, as `major.minor`.
pub fn missed_floor() -> Option<String> {
    // SAFETY: the setting exists in every server; its value is a NUL-terminated string of digits.
    let number = unsafe {
        let value = pg_sys::GetConfigOption(c"server_version_num".as_ptr(), true, false);
        if value.is_null() {
            0
        } else {
            CStr::from_ptr(value).to_string_lossy().parse().unwrap_or(0)
        }
    };
    missed_floor_of(number)
}

fn missed_floor_of(number: i32) -> Option<String> {
    let (major, minor) = (number / 10_000, number % 10_000);
    let (_, floor) = FLOORS.iter().find(|(known, _)| *known == major)?;
    (minor < *floor).then(|| format!("{major}.{floor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_below_the_floor_are_named_with_it() {
        assert_eq!(missed_floor_of(150_018).as_deref(), Some("15.20"));
        assert_eq!(missed_floor_of(150_020), None);
        assert_eq!(missed_floor_of(180_004).as_deref(), Some("18.7"));
        assert_eq!(missed_floor_of(190_000), None);
    }
}
