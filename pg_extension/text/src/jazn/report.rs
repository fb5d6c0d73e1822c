//! What became of a file: what was taken and as what, and what was not and why.

use std::collections::BTreeMap;
use std::fmt;

use crate::oracle::name::escaped;

/// Something that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Line.
    pub line: u32,
    /// What it is in the file.
    pub what: String,
    /// What it became.
    pub became: String,
}

/// Something that was not taken, or not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Line.
    pub line: u32,
    /// What it is in the file.
    pub what: String,
    /// Why, and what to do.
    pub reason: String,
}

/// The report.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order of the file.
    pub taken: Vec<Taken>,
    /// In the order of the file.
    pub left: Vec<Left>,
    /// Elements without a meaning here: how many, and the line of the first.
    pub ignored: BTreeMap<String, (usize, u32)>,
}

impl Report {
    /// Notes what was taken.
    pub fn take(&mut self, line: u32, what: impl Into<String>, became: impl Into<String>) {
        self.taken.push(Taken {
            line,
            what: what.into(),
            became: became.into(),
        });
    }

    /// Notes what was not.
    pub fn leave(&mut self, line: u32, what: impl Into<String>, reason: impl Into<String>) {
        self.left.push(Left {
            line,
            what: what.into(),
            reason: reason.into(),
        });
    }

    /// Notes an element without a meaning here.
    pub fn ignore(&mut self, line: u32, element: &str) {
        let entry = self.ignored.entry(element.to_owned()).or_insert((0, line));
        entry.0 += 1;
        entry.1 = entry.1.min(line);
    }

    /// Puts it in the order of the file.
    pub fn finish(&mut self) {
        self.taken.sort_by_key(|taken| taken.line);
        self.left.sort_by_key(|left| left.line);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "taken ({})", self.taken.len())?;
        for taken in &self.taken {
            writeln!(
                formatter,
                "  line {}: {} -> {}",
                taken.line,
                escaped(&taken.what),
                escaped(&taken.became)
            )?;
        }
        writeln!(formatter, "not taken ({})", self.left.len() + self.ignored.len())?;
        for left in &self.left {
            writeln!(
                formatter,
                "  line {}: {}: {}",
                left.line,
                escaped(&left.what),
                escaped(&left.reason)
            )?;
        }
        for (element, (count, line)) in &self.ignored {
            writeln!(
                formatter,
                "  line {line}: <{}>, {count} in all: it has no meaning here",
                escaped(element)
            )?;
        }
        Ok(())
    }
}
