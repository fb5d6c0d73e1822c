//! The first record of a file: which column stands where.

use super::report::Report;
use super::value;

/// A column that a kind of file may have.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name in the header.
    pub name: &'static str,
    /// Whether a file without it is refused.
    pub is_required: bool,
}

/// A column that every file of the kind has.
pub const fn required(name: &'static str) -> Column {
    Column {
        name,
        is_required: true,
    }
}

/// A column that may be left out.
pub const fn optional(name: &'static str) -> Column {
    Column {
        name,
        is_required: false,
    }
}

/// The columns of a file.
#[derive(Debug)]
pub struct Header {
    names: Vec<String>,
    /// Place in the list of known columns; none for a further one.
    known: Vec<Option<usize>>,
    places: Vec<Option<usize>>,
}

impl Header {
    /// Reads the header; what is wrong with it goes into the report. Further columns are taken where the kind is open.
    pub fn read(
        line: u32,
        names: Vec<String>,
        columns: &[Column],
        is_open: bool,
        report: &mut Report,
    ) -> Self {
        let mut header = Self {
            known: Vec::with_capacity(names.len()),
            places: vec![None; columns.len()],
            names,
        };
        for (place, name) in header.names.iter().enumerate() {
            let known = columns.iter().position(|column| column.name == name);
            if header.names[..place].contains(name) {
                report.column(line, name, "stands twice in the header");
            } else if let Some(known) = known {
                header.places[known] = Some(place);
            } else if !is_open {
                let expected: Vec<_> = columns.iter().map(|column| column.name).collect();
                let reason = format!("is no column of this kind; there are {}", expected.join(", "));
                report.column(line, name, reason);
            } else if let Err(reason) = value::name(name) {
                report.column(line, name, format!("the name of column {} {reason}", place + 1));
            }
            header.known.push(known);
        }
        for (column, place) in columns.iter().zip(&header.places) {
            if column.is_required && place.is_none() {
                report.column(line, column.name, "is missing in the header");
            }
        }
        header
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.names.len()
    }

    /// Name of the column at a place.
    pub fn name(&self, place: usize) -> &str {
        &self.names[place]
    }

    /// Where a known column stands, by its place in the list.
    pub fn place(&self, known: usize) -> Option<usize> {
        self.places[known]
    }

    /// Places of the columns that are not on the list.
    pub fn further(&self) -> impl Iterator<Item = usize> + '_ {
        self.known
            .iter()
            .enumerate()
            .filter(|(_, known)| known.is_none())
            .map(|(place, _)| place)
    }
}

/// One line below a header: its values as text. What is no text was reported, and is not looked at again.
pub struct Line<'a> {
    /// Line of the file where it begins.
    pub number: u32,
    /// The header.
    pub header: &'a Header,
    /// The values, one for each column of the header.
    pub values: Vec<&'a str>,
    /// Places of values that are no text; they stand as empty ones.
    pub bad: Vec<usize>,
}

impl<'a> Line<'a> {
    /// The value of a known column; empty when the file has no such column.
    pub fn value(&self, known: usize) -> &'a str {
        self.header.place(known).map_or("", |place| self.values[place])
    }

    /// Checks the value of a known column.
    pub fn check<T>(
        &self,
        known: usize,
        check: impl FnOnce(&'a str) -> value::Checked<T>,
        report: &mut Report,
    ) -> Option<T> {
        if self
            .header
            .place(known)
            .is_some_and(|place| self.bad.contains(&place))
        {
            return None;
        }
        let value = self.value(known);
        check(value)
            .map_err(|reason| {
                let column = self
                    .header
                    .place(known)
                    .map_or("", |place| self.header.name(place));
                report.value(self.number, column, value, reason);
            })
            .ok()
    }
}
