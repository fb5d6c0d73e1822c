//! CSV files: the reader, the header, and what values may be.

use crate::load::header::{Header, optional, required};
use crate::load::reader::{Broken, Reader, Record};
use crate::load::report::Report;
use crate::load::texts::Texts;
use crate::load::value;

/// A record with its values, or why it is none.
type Read = (u32, Result<Vec<Vec<u8>>, Broken>);

/// The first byte says how the file is cut; the rest is the file.
pub fn hold(bytes: &[u8]) {
    let Some((seed, file)) = bytes.split_first() else {
        return;
    };
    let whole = records([file]);
    assert_eq!(records(file.chunks(1)), whole, "byte by byte");
    assert_eq!(records(cut(file, *seed)), whole, "cut by {seed}");
    compared(file, &whole);
    let lines = 1 + file.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    let mut before = 0;
    for (line, _) in &whole {
        assert!(
            *line > before && *line as usize <= lines,
            "line {line} after {before}"
        );
        before = *line;
    }
    let good: Vec<&Vec<Vec<u8>>> = whole.iter().filter_map(|(_, read)| read.as_ref().ok()).collect();
    checked(&good);
}

/// Parts of up to seven bytes.
fn cut(file: &[u8], seed: u8) -> Vec<&[u8]> {
    let (mut parts, mut rest, mut state) = (Vec::new(), file, u32::from(seed));
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (part, behind) = rest.split_at(((state >> 16) as usize % 8).min(rest.len()));
        parts.push(part);
        rest = behind;
    }
    parts
}

fn records<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Read> {
    let mut found = Vec::new();
    let mut sink = |record: Result<Record<'_>, (u32, Broken)>| {
        found.push(match record {
            Ok(record) => {
                let values = (0..record.width()).map(|place| record.value(place).to_vec());
                (record.line, Ok(values.collect()))
            }
            Err((line, broken)) => (line, Err(broken)),
        });
    };
    let mut reader = Reader::default();
    for part in parts {
        reader.feed(part, &mut sink);
    }
    reader.finish(&mut sink);
    found
}

/// With RFC 4180 as it stands, read at one go, up to the first record that is not good.
fn compared(file: &[u8], whole: &[Read]) {
    let mut rest = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    for (_, read) in whole {
        while let Some((b'\r' | b'\n', behind)) = rest.split_first() {
            rest = behind;
        }
        let expected = record(&mut rest);
        assert_eq!(read.as_ref().ok(), expected.as_ref());
        if expected.is_none() {
            return;
        }
    }
    assert!(
        rest.iter().all(|byte| matches!(byte, b'\r' | b'\n')),
        "{rest:?} is left"
    );
}

/// One record; none when it is against the rules, or too long.
fn record(rest: &mut &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut values = Vec::new();
    loop {
        let mut value = Vec::new();
        if let Some(mut quoted) = rest.strip_prefix(b"\"") {
            loop {
                let end = quoted.iter().position(|byte| *byte == b'"')?;
                value.extend_from_slice(&quoted[..end]);
                quoted = &quoted[end + 1..];
                match quoted.strip_prefix(b"\"") {
                    Some(behind) => quoted = behind,
                    None => break,
                }
                value.push(b'"');
            }
            *rest = quoted;
        } else {
            let end = rest
                .iter()
                .position(|byte| matches!(byte, b',' | b'\r' | b'\n' | b'"'));
            let (plain, behind) = rest.split_at(end.unwrap_or(rest.len()));
            value.extend_from_slice(plain);
            *rest = behind;
        }
        values.push(value);
        match rest.split_first() {
            Some((b',', behind)) => *rest = behind,
            None | Some((b'\r' | b'\n', _)) => return Some(values),
            Some(_) => return None,
        }
    }
}

/// The header, and the checks of values: what is good is handed on as it is.
fn checked(records: &[&Vec<Vec<u8>>]) {
    const COLUMNS: [crate::load::header::Column; 3] =
        [required("name"), optional("from"), optional("is_enabled")];
    let texts = |record: &[Vec<u8>]| -> Option<Vec<String>> {
        record
            .iter()
            .map(|bytes| value::text(bytes).ok().map(str::to_owned))
            .collect()
    };
    let mut report = Report::default();
    if let Some(names) = records.first().and_then(|record| texts(record)) {
        let header = Header::read(1, names.clone(), &COLUMNS, true, &mut report);
        assert_eq!(header.width(), names.len());
        if report.is_empty() {
            let known = (0..COLUMNS.len()).filter_map(|column| header.place(column));
            let mut places: Vec<usize> = known.chain(header.further()).collect();
            places.sort_unstable();
            assert_eq!(places, (0..names.len()).collect::<Vec<_>>(), "{names:?}");
        }
    }
    let mut kept = Texts::default();
    for (line, bytes) in records
        .iter()
        .flat_map(|record| record.iter())
        .zip(1..)
        .map(|(bytes, line)| (line, bytes))
    {
        match value::text(bytes) {
            Ok(text) => {
                let before = kept.keep("before");
                let span = kept.keep(text);
                assert_eq!((kept.text(span), kept.text(before)), (text, "before"));
                values(text);
            }
            Err(reason) => report.value(line, "name", &String::from_utf8_lossy(bytes), reason),
        }
    }
    let faults = report.into_faults();
    assert!(faults.is_sorted_by_key(|fault| fault.line));
    for fault in &faults {
        assert!(
            fault
                .value
                .as_ref()
                .is_none_or(|value| value.chars().count() <= 201)
        );
    }
}

fn values(text: &str) {
    assert!(!text.contains('\0'), "the server would end the text there");
    if let Ok(name) = value::name(text) {
        assert_eq!((name, name.trim_matches(' ')), (text, text));
        assert_eq!(value::optional_name(text), Ok(Some(text)));
    }
    if let Ok(Some(time)) = value::timestamp(text) {
        assert_eq!(time, text);
        assert!(text.is_ascii() && text.len() >= 10, "{text:?}");
        let digits = |range: std::ops::Range<usize>| text[range].parse::<u32>().unwrap_or(u32::MAX);
        assert!(
            (1..=12).contains(&digits(5..7)) && (1..=31).contains(&digits(8..10)),
            "{text:?}"
        );
    }
    if let Ok(json) = value::json(text) {
        let written = json.to_string();
        assert!(!written.contains("\\u0000"), "the server would refuse {written}");
        assert_eq!(value::json(&written), Ok(json));
    }
    if let Ok(Some(flag)) = value::boolean(text) {
        assert_eq!(
            value::boolean(if flag { "true" } else { "false" }),
            Ok(Some(flag))
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Read {
        (
            1,
            Ok(values.iter().map(|value| value.as_bytes().to_vec()).collect()),
        )
    }

    #[test]
    fn a_file_is_read_as_rfc_4180_says() {
        compared(b"\xef\xbb\xbf\n\"a\"\"\n\",b", &[read(&["a\"\n", "b"])]);
    }

    #[test]
    #[should_panic(expected = "left == right")]
    fn control_another_value_is_noticed() {
        compared(b"a,\"b\"\n", &[read(&["a", "\"b\""])]);
    }

    #[test]
    #[should_panic(expected = "is left")]
    fn control_a_record_that_is_missing_is_noticed() {
        compared(b"a\nb\n", &[read(&["a"])]);
    }
}
