//! What a load came to: the database's summary, or a table of every fault.

use std::fmt;

use tokio_postgres::error::DbError;

use super::progress::Progress;
use crate::printable::printable;

pub use vpd_text::load::report::Fault;

/// Widest column of the table; what is longer goes on without being cut, and only its line is out of place.
const MAX_WIDTH: usize = 40;

/// What a load came to.
#[derive(Debug, Default)]
pub struct Report {
    faults: Vec<Fault>,
    summary: Option<String>,
}

impl Report {
    /// True when everything was loaded.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Adds a fault.
    pub fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Hears what the database tells: how far it is, or what the load came to.
    pub(super) fn hear(&mut self, notice: &DbError, progress: &mut Progress) {
        let Some(detail) = notice.detail() else { return };
        if detail.starts_with("code: load_done;") {
            self.summary = Some(notice.message().to_owned());
        } else if let Some((step, done, all)) = parse(detail) {
            progress.done(step, done, all);
        }
    }
}

/// Reads `code: load_progress; written 50000 1000000`.
fn parse(detail: &str) -> Option<(&str, u64, u64)> {
    let mut parts = detail.strip_prefix("code: load_progress; ")?.split(' ');
    let step = parts.next()?;
    Some((step, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.faults.is_empty() {
            return writeln!(formatter, "{}", self.summary.as_deref().unwrap_or("loaded"));
        }
        let rows: Vec<[String; 4]> = self
            .faults
            .iter()
            .map(|fault| {
                [
                    fault.line.to_string(),
                    fault.column.as_deref().map_or_else(String::new, printable),
                    fault.value.as_deref().map_or_else(String::new, quoted),
                    printable(&fault.reason),
                ]
            })
            .collect();
        let width = |column: usize, title: &str| {
            let widest = rows.iter().map(|row| row[column].chars().count()).max();
            widest.unwrap_or(0).max(title.len()).min(MAX_WIDTH)
        };
        let (line, column, value) = (width(0, "line"), width(1, "column"), width(2, "value"));
        writeln!(
            formatter,
            "{:>line$}  {:column$}  {:value$}  reason",
            "line", "column", "value"
        )?;
        for [number, name, text, reason] in &rows {
            writeln!(
                formatter,
                "{number:>line$}  {name:column$}  {text:value$}  {reason}"
            )?;
        }
        let count = rows.len();
        let noun = if count == 1 { "fault" } else { "faults" };
        writeln!(formatter, "{count} {noun}; nothing was loaded")
    }
}

/// A value as it stands in the file, in quotes, so that blanks and emptiness are seen.
fn quoted(text: &str) -> String {
    format!("\"{}\"", printable(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: i64, column: Option<&str>, value: Option<&str>, reason: &str) -> Fault {
        Fault {
            line,
            column: column.map(str::to_owned),
            value: value.map(str::to_owned),
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn the_table_has_a_line_for_each_fault_and_obeys_no_value() {
        let mut report = Report::default();
        report.add(fault(
            3,
            Some("user_name"),
            Some("\u{1b}[2Jx\n\u{202e}"),
            "is bad",
        ));
        report.add(fault(1_000_000, None, None, "has 2 values"));
        let expected = "   line  column     value                   reason\n\
                        \x20     3  user_name  \"\\u{1b}[2Jx\\n\\u{202e}\"  is bad\n\
                        1000000                                     has 2 values\n\
                        2 faults; nothing was loaded\n";
        assert_eq!(report.to_string(), expected);
    }

    #[test]
    fn progress_is_read_from_the_detail() {
        assert_eq!(
            parse("code: load_progress; written 50000 1000000"),
            Some(("written", 50_000, 1_000_000))
        );
        assert_eq!(parse("code: load_done; 1 2 3 4"), None);
        assert_eq!(parse("code: load_progress; written x 1"), None);
    }
}
