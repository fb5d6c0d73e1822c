//! Reading a dump: CSV of SQL*Plus and SQLcl, or JSON of SQLcl, as rows with their places.
//!
//! It knows no view; it is strict about form. Invariant: every line of the dump becomes a row, is known to be decoration of the
//! client program, or is reported.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::report::{Finding, Place, Report};

/// A row of a view.
#[derive(Debug)]
pub struct Row {
    /// Where it stands.
    pub place: Place,
    /// Values by column, in upper case; NULL is empty.
    fields: BTreeMap<String, String>,
}

impl Row {
    /// A value; empty for NULL and for a column that the dump does not have.
    pub fn get(&self, column: &str) -> &str {
        self.fields.get(column).map_or("", String::as_str)
    }

    /// True when the dump has the column.
    pub fn has(&self, column: &str) -> bool {
        self.fields.contains_key(column)
    }
}

/// Reads a dump that must have the given columns.
pub fn read(file: &str, content: &[u8], required: &[&str], report: &mut Report) -> Vec<Row> {
    let at = |line| Place {
        file: file.to_owned(),
        line,
    };
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let text = match std::str::from_utf8(content) {
        Ok(text) => text,
        Err(error) => {
            let line = line_of(content, error.valid_up_to());
            report.add(Finding::error(
                &at(line),
                "encoding_invalid",
                "the dump is not UTF-8: spool it with NLS_LANG=.AL32UTF8",
            ));
            return Vec::new();
        }
    };
    if let Some(offset) = text.find('\0') {
        let line = line_of(content, offset);
        report.add(Finding::error(
            &at(line),
            "encoding_invalid",
            "the dump contains a NUL",
        ));
        return Vec::new();
    }
    let rows = if text.trim_start().starts_with('{') {
        read_json(text, required, &at, report)
    } else {
        read_csv(text, required, &at, report)
    };
    rows.unwrap_or_default()
}

fn line_of(content: &[u8], offset: usize) -> u64 {
    content[..offset]
        .iter()
        .fold(1, |line, byte| line + u64::from(*byte == b'\n'))
}

fn read_csv(
    text: &str,
    required: &[&str],
    at: &impl Fn(u64) -> Place,
    report: &mut Report,
) -> Option<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut header: Option<Vec<String>> = None;
    let mut rows = Vec::new();
    let mut told = None;
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                report.add(Finding::error(&at(line), "csv_invalid", "this is no line of CSV"));
                return None;
            }
        };
        let place = at(record.position().map_or(1, csv::Position::line));
        let fields: Vec<&str> = record.iter().collect();
        if fields.len() == 1 && fields[0].trim().is_empty() {
            continue;
        }
        if let Some(count) = feedback(&fields) {
            told = Some((count, place));
            continue;
        }
        let Some(columns) = &header else {
            let columns: Vec<String> = fields.iter().map(|name| name.trim().to_uppercase()).collect();
            check_columns(&columns, required, &place, report)?;
            header = Some(columns);
            continue;
        };
        // SQL*Plus repeats the header on every page.
        let is_header = columns.len() == fields.len()
            && columns
                .iter()
                .zip(&fields)
                .all(|(column, field)| column == &field.trim().to_uppercase());
        if is_header {
            continue;
        }
        if fields.len() != columns.len() {
            let reason = format!("{} fields where the header has {}", fields.len(), columns.len());
            report.add(
                Finding::error(&place, "csv_invalid", reason)
                    .of("line", record.iter().collect::<Vec<_>>().join(",").as_str()),
            );
            continue;
        }
        rows.push(Row {
            place,
            fields: columns
                .iter()
                .cloned()
                .zip(fields.iter().map(|field| (*field).to_owned()))
                .collect(),
        });
    }
    if header.is_none() && told.as_ref().is_none_or(|(count, _)| *count != 0) {
        report.add(Finding::error(
            &at(1),
            "header_missing",
            "no header with the names of the columns: spool with set heading on",
        ));
    }
    if let Some((count, place)) = told
        && count != rows.len() as u64
        && header.is_some()
    {
        let reason = format!("the client counted {count} rows, {} are here", rows.len());
        report.add(Finding::error(&place, "rows_missing", reason));
    }
    Some(rows)
}

/// What the client program says at the end: "12 rows selected.", "no rows selected".
fn feedback(fields: &[&str]) -> Option<u64> {
    // SQLcl writes thousands with a comma.
    let line = fields.join(",");
    let line = line.trim().trim_end_matches('.');
    let count = line
        .strip_suffix(" rows selected")
        .or_else(|| line.strip_suffix(" row selected"))?
        .trim();
    if count.eq_ignore_ascii_case("no") {
        Some(0)
    } else {
        count.replace(',', "").parse().ok()
    }
}

#[derive(Deserialize)]
struct Spool<'a> {
    #[serde(borrow)]
    results: Vec<ResultSet<'a>>,
}

#[derive(Deserialize)]
struct ResultSet<'a> {
    columns: Option<Vec<Column>>,
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

fn read_json(
    text: &str,
    required: &[&str],
    at: &impl Fn(u64) -> Place,
    report: &mut Report,
) -> Option<Vec<Row>> {
    let spool: Spool<'_> = match serde_json::from_str(text) {
        Ok(spool) => spool,
        Err(error) => {
            let reason = format!("this is not what SQLcl spools: {error}");
            report.add(Finding::error(&at(error.line() as u64), "json_invalid", reason));
            return None;
        }
    };
    let mut rows = Vec::new();
    for result in spool.results {
        if let Some(columns) = &result.columns {
            let columns: Vec<_> = columns.iter().map(|column| column.name.to_uppercase()).collect();
            check_columns(&columns, required, &at(1), report)?;
        }
        for item in result.items {
            // The raw text of an item is a part of the dump's text.
            let offset = (item.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
            let place = at(line_of(text.as_bytes(), offset));
            if let Some(row) = read_item(item, &place, report) {
                // SQLcl leaves out what is NULL in some versions, never the keys: those must be told by name or be there.
                let keys: Vec<String> = row.fields.keys().cloned().collect();
                if result.columns.is_some() || check_columns(&keys, required, &place, report).is_some() {
                    rows.push(row);
                }
            }
        }
    }
    Some(rows)
}

fn read_item(item: &RawValue, place: &Place, report: &mut Report) -> Option<Row> {
    let Ok(serde_json::Value::Object(values)) = serde_json::from_str(item.get()) else {
        report.add(Finding::error(place, "json_invalid", "an item is no object"));
        return None;
    };
    let mut fields = BTreeMap::new();
    for (key, value) in values {
        let column = key.to_uppercase();
        let value = match value {
            serde_json::Value::String(text) => text,
            serde_json::Value::Null => String::new(),
            serde_json::Value::Number(number) => number.to_string(),
            other => {
                let reason = "a value is neither text nor NULL";
                report.add(Finding::error(place, "json_invalid", reason).of(&column, &other.to_string()));
                return None;
            }
        };
        if value.contains('\0') {
            report
                .add(Finding::error(place, "encoding_invalid", "a value contains a NUL").of(&column, &value));
            return None;
        }
        fields.insert(column, value);
    }
    Some(Row {
        place: place.clone(),
        fields,
    })
}

fn check_columns(columns: &[String], required: &[&str], place: &Place, report: &mut Report) -> Option<()> {
    let missing: Vec<_> = required
        .iter()
        .filter(|name| !columns.iter().any(|column| column == *name))
        .copied()
        .collect();
    if missing.is_empty() {
        return Some(());
    }
    let reason = format!("the header has no column {}", missing.join(", "));
    report.add(Finding::error(place, "column_missing", reason).of("header", &columns.join(",")));
    None
}
