//! What is wrong with a file: line, column, value and reason of every fault.

/// Most faults that are kept; of the others only their number is told.
const MAX_FAULTS: usize = 100_000;

/// Most letters of a value that are repeated.
const MAX_VALUE_CHARS: usize = 200;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line of the file where the record begins; the header is line 1.
    pub line: i64,
    /// Column; none when it is not one value that is wrong.
    pub column: Option<String>,
    /// The value as it stands in the file, shortened when it is long.
    pub value: Option<String>,
    /// What is wrong.
    pub reason: String,
}

/// All faults of a file.
#[derive(Debug, Default)]
pub struct Report {
    faults: Vec<Fault>,
    left_out: u64,
    last_line: i64,
}

impl Report {
    /// A value is wrong.
    pub fn value(&mut self, line: u32, column: &str, value: &str, reason: impl Into<String>) {
        self.add(
            line,
            Some(shortened(column)),
            Some(shortened(value)),
            reason.into(),
        );
    }

    /// A column is missing, or has no business being there.
    pub fn column(&mut self, line: u32, column: &str, reason: impl Into<String>) {
        self.add(line, Some(shortened(column)), None, reason.into());
    }

    /// A line is wrong as a whole.
    pub fn line(&mut self, line: u32, reason: impl Into<String>) {
        self.add(line, None, None, reason.into());
    }

    /// True while nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Every fault, in the order of the file.
    pub fn into_faults(mut self) -> Vec<Fault> {
        self.faults.sort_by_key(|fault| fault.line);
        if self.left_out > 0 {
            self.faults.push(Fault {
                line: self.last_line,
                column: None,
                value: None,
                reason: format!("and {} more faults that are not listed", self.left_out),
            });
        }
        self.faults
    }

    fn add(&mut self, line: u32, column: Option<String>, value: Option<String>, reason: String) {
        let line = i64::from(line);
        self.last_line = self.last_line.max(line);
        if self.faults.len() == MAX_FAULTS {
            self.left_out += 1;
            return;
        }
        self.faults.push(Fault {
            line,
            column,
            value,
            reason,
        });
    }
}

/// A value as it is repeated.
pub fn shortened(value: &str) -> String {
    match value.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}
