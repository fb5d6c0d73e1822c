//! What an import found: errors, what needs a hand, notes. In text or in JSON.

use std::fmt;

use serde::Serialize;

use super::name::{escaped, shown};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A line that is not understood. Nothing is written.
    Error,
    /// Something that the script cannot do.
    Hand,
    /// Something to know.
    Note,
}

/// Where in a dump.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Place {
    /// File.
    pub file: String,
    /// Line, counted from 1.
    pub line: u64,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is, for programs.
    pub code: &'static str,
    /// File and line; none for what is true of the whole.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// Column of the view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The value in question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The object in question, in Oracle's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What is wrong, or what to do.
    pub reason: String,
}

impl Finding {
    /// A finding without a place.
    pub fn new(severity: Severity, code: &'static str, reason: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            place: None,
            column: None,
            value: None,
            object: None,
            reason: reason.into(),
        }
    }

    /// An error of a line.
    pub fn error(place: &Place, code: &'static str, reason: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, reason).at(place)
    }

    /// In a line.
    #[must_use]
    pub fn at(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    /// Of a column with a value.
    #[must_use]
    pub fn of(mut self, column: &str, value: &str) -> Self {
        self.column = Some(column.to_owned());
        self.value = Some(value.to_owned());
        self
    }

    /// About an object.
    #[must_use]
    pub fn about(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }
}

/// How much was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Policies that the script adds.
    pub policies: usize,
    /// Policies that the script leaves out.
    pub left_out: usize,
    /// Policy groups.
    pub groups: usize,
    /// Driving contexts.
    pub driving_contexts: usize,
    /// Application contexts.
    pub contexts: usize,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// How much was read.
    pub counts: Counts,
    /// In order of severity, file and line.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// True when a line is in error.
    pub fn has_errors(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    /// Puts the findings in order.
    pub(super) fn finish(&mut self) {
        self.findings.sort_by(|a, b| {
            let key = |finding: &Finding| {
                let place = finding.place.clone().unwrap_or_default();
                (finding.severity, place.file, place.line)
            };
            key(a).cmp(&key(b))
        });
        self.findings.dedup();
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists only: it cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts;
        writeln!(
            formatter,
            "{} policies, {} left out; {} policy groups; {} driving contexts; {} application contexts",
            counts.policies, counts.left_out, counts.groups, counts.driving_contexts, counts.contexts
        )?;
        for (severity, title) in [
            (Severity::Error, "errors"),
            (Severity::Hand, "needs a hand"),
            (Severity::Note, "notes"),
        ] {
            let findings: Vec<_> = self
                .findings
                .iter()
                .filter(|finding| finding.severity == severity)
                .collect();
            if findings.is_empty() {
                continue;
            }
            writeln!(formatter, "\n{title} ({})", findings.len())?;
            for finding in findings {
                writeln!(formatter, "  {finding}")?;
            }
        }
        if self.has_errors() {
            writeln!(
                formatter,
                "\nnothing is written while lines are in error (--force leaves them out)"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(formatter, "{}:{}: ", escaped(&place.file), place.line)?;
        }
        if let Some(object) = &self.object {
            write!(formatter, "{}: ", shown(object))?;
        }
        if let (Some(column), Some(value)) = (&self.column, &self.value) {
            write!(formatter, "{} = \"{}\": ", shown(column), shown(value))?;
        }
        write!(formatter, "{} [{}]", escaped(&self.reason), self.code)
    }
}
