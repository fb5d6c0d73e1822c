//! Import of Oracle's policy store: what becomes of a file written by the rules of Oracle's schema, of odd ones and of hostile ones.

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod odd;
#[cfg(test)]
mod origins;
#[cfg(test)]
mod sample;

use vpd_text::jazn::{Conversion, convert};

/// The sample: three application roles, nested members, two permission sets.
pub const SAMPLE: &str = include_str!("purchasing.xml");

/// A conversion that must work.
#[cfg(test)]
pub fn converted(text: &str) -> Conversion {
    convert(text.as_bytes(), None).unwrap()
}

/// A file with one application of this content.
pub fn application(content: &str) -> String {
    format!(
        "<jazn-data><policy-store><applications><application><name>A</name>\n{content}\n</application></applications></policy-store></jazn-data>"
    )
}

/// The reasons for what was not taken in a line.
pub fn reasons(conversion: &Conversion, line: u32) -> String {
    conversion
        .report
        .left
        .iter()
        .filter(|left| left.line == line)
        .map(|left| format!("{}: {}\n", left.what, left.reason))
        .collect()
}
