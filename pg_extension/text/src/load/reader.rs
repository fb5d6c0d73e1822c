//! A CSV file that comes in parts, cut anywhere: bytes in, records out.
//!
//! Not here: what the columns mean. What is quoted, doubled and ended how is `csv_core`'s business; here are the parts, the limits, the numbers of
//! the lines, and the quotes that RFC 4180 does not allow and `csv_core` makes something of. Invariant: memory is bound by the limits, whatever the file holds.

use csv_core::ReadRecordResult;

/// Most bytes of one record; beyond it somebody has most likely forgotten to close a quote.
const MAX_RECORD: usize = 1024 * 1024;

/// Most bytes of one value.
pub const MAX_VALUE: usize = 64 * 1024;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One record: its values as bytes, one after the other.
pub struct Record<'a> {
    /// Line of the file where it begins, counted from 1.
    pub line: u32,
    bytes: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Record<'a> {
    /// How many values it has.
    pub fn width(&self) -> usize {
        self.ends.len()
    }

    /// A value.
    pub fn value(&self, index: usize) -> &'a [u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }
}

/// Why a stretch of the file is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The file ends inside a quoted value.
    OpenQuote,
    /// The record is longer than any may be.
    TooLong,
    /// A quote stands within a value that does not begin with one, or something stands between a quote and the end of its value.
    StrayQuote,
}

/// Where in a record a byte stands, as far as quotes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the beginning of a value.
    Start,
    /// In a value without quotes.
    Plain,
    Quoted,
    /// Behind a quote that ends a value, or is the first of two.
    AfterQuote,
}

impl Place {
    /// Where the next byte stands; none when this one has no business here.
    fn after(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Quoted, b'"') => Some(Self::AfterQuote),
            (Self::Quoted, _) | (Self::Start | Self::AfterQuote, b'"') => Some(Self::Quoted),
            (_, b',' | b'\r' | b'\n') => Some(Self::Start),
            (Self::AfterQuote, _) | (Self::Plain, b'"') => None,
            (Self::Start | Self::Plain, _) => Some(Self::Plain),
        }
    }
}

/// What the reader hands on.
pub type Sink<'s> = dyn FnMut(Result<Record<'_>, (u32, Broken)>) + 's;

/// The state between two parts.
pub struct Reader {
    csv: csv_core::Reader,
    /// What of a byte order mark has been seen, while nothing else has.
    mark: Option<Vec<u8>>,
    bytes: Vec<u8>,
    filled: usize,
    ends: Vec<usize>,
    ended: usize,
    line: u32,
    /// Where the record begins that is being read; none between two records.
    start: Option<u32>,
    is_after_return: bool,
    is_too_long: bool,
    place: Place,
    has_stray_quote: bool,
}

impl Default for Reader {
    fn default() -> Self {
        // A line end before the first record is nothing; it keeps csv_core from taking a second mark for the first.
        let mut csv = csv_core::Reader::new();
        csv.read_record(b"\n", &mut [0], &mut [0]);
        Self {
            csv,
            mark: Some(Vec::new()),
            bytes: vec![0; 4096],
            filled: 0,
            ends: vec![0; 64],
            ended: 0,
            line: 1,
            start: None,
            is_after_return: false,
            is_too_long: false,
            place: Place::Start,
            has_stray_quote: false,
        }
    }
}

impl Reader {
    /// Reads a part.
    pub fn feed(&mut self, part: &[u8], sink: &mut Sink<'_>) {
        let Some(mut mark) = self.mark.take() else {
            return self.read(part, sink);
        };
        let wanted = (BOM.len() - mark.len()).min(part.len());
        mark.extend_from_slice(&part[..wanted]);
        if mark == BOM {
            self.read(&part[wanted..], sink);
        } else if BOM.starts_with(&mark) {
            self.mark = Some(mark);
        } else {
            self.read(&mark, sink);
            self.read(&part[wanted..], sink);
        }
    }

    /// Reads the end.
    pub fn finish(&mut self, sink: &mut Sink<'_>) {
        if let Some(mark) = self.mark.take().filter(|mark| !mark.is_empty()) {
            self.read(&mark, sink);
        }
        let Some(start) = self.start else { return };
        // A line end completes a record, unless it stands inside a quoted value.
        self.read(b"\n", sink);
        if self.start.is_some() {
            self.start = None;
            sink(Err((start, Broken::OpenQuote)));
        }
    }

    fn read(&mut self, mut part: &[u8], sink: &mut Sink<'_>) {
        while !part.is_empty() {
            if self.start.is_none() {
                part = self.skip_line_ends(part);
                if part.is_empty() {
                    return;
                }
                self.start = Some(self.line);
            }
            let (result, read, written, ended) =
                self.csv
                    .read_record(part, &mut self.bytes[self.filled..], &mut self.ends[self.ended..]);
            self.count_lines(&part[..read]);
            self.look_at_quotes(&part[..read]);
            part = &part[read..];
            self.filled += written;
            self.ended += ended;
            match result {
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return,
                ReadRecordResult::OutputFull => self.make_room(),
                ReadRecordResult::OutputEndsFull if self.ends.len() < MAX_RECORD / 64 => {
                    self.ends.resize(self.ends.len() * 2, 0);
                }
                ReadRecordResult::OutputEndsFull => {
                    self.is_too_long = true;
                    self.ended = 0;
                }
                ReadRecordResult::Record => self.hand_on(sink),
            }
        }
    }

    /// The values of a record that is too long are dropped as they come.
    fn make_room(&mut self) {
        if self.bytes.len() < MAX_RECORD {
            self.bytes.resize(self.bytes.len() * 2, 0);
        } else {
            self.is_too_long = true;
            self.filled = 0;
        }
    }

    fn hand_on(&mut self, sink: &mut Sink<'_>) {
        let line = self.start.take().unwrap_or(self.line);
        if self.is_too_long {
            sink(Err((line, Broken::TooLong)));
        } else if self.has_stray_quote {
            sink(Err((line, Broken::StrayQuote)));
        } else {
            sink(Ok(Record {
                line,
                bytes: &self.bytes[..self.filled],
                ends: &self.ends[..self.ended],
            }));
        }
        self.is_too_long = false;
        self.place = Place::Start;
        self.has_stray_quote = false;
        self.filled = 0;
        self.ended = 0;
    }

    fn look_at_quotes(&mut self, bytes: &[u8]) {
        let is_plain = matches!(self.place, Place::Start | Place::Plain) && !bytes.contains(&b'"');
        let bytes = if is_plain {
            // Only the last one decides where the next stands.
            &bytes[bytes.len().saturating_sub(1)..]
        } else {
            bytes
        };
        for byte in bytes {
            match self.place.after(*byte) {
                Some(place) => self.place = place,
                None => {
                    self.has_stray_quote = true;
                    self.place = Place::Plain;
                }
            }
        }
    }

    /// Empty lines are none of anybody's, and the next record begins behind them.
    fn skip_line_ends<'p>(&mut self, part: &'p [u8]) -> &'p [u8] {
        let count = part
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        self.count_lines(&part[..count]);
        &part[count..]
    }

    /// A line ends with LF, CR, or both.
    fn count_lines(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        if !bytes.contains(&b'\r') && !self.is_after_return {
            let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
            return;
        }
        for (place, byte) in bytes.iter().enumerate() {
            let is_after_return = match place {
                0 => self.is_after_return,
                _ => bytes[place - 1] == b'\r',
            };
            if *byte == b'\r' || (*byte == b'\n' && !is_after_return) {
                self.line = self.line.saturating_add(1);
            }
        }
        self.is_after_return = *last == b'\r';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records with their lines, whatever the parts are.
    fn records(file: &[u8]) -> Vec<(u32, Vec<String>)> {
        let read = |size: usize| {
            let mut found = Vec::new();
            let mut reader = Reader::default();
            let mut sink = |record: Result<Record<'_>, (u32, Broken)>| match record {
                Ok(record) => {
                    let values = (0..record.width())
                        .map(|index| String::from_utf8_lossy(record.value(index)).into_owned())
                        .collect();
                    found.push((record.line, values));
                }
                Err((line, broken)) => found.push((line, vec![format!("{broken:?}")])),
            };
            for part in file.chunks(size) {
                reader.feed(part, &mut sink);
            }
            reader.finish(&mut sink);
            found
        };
        let whole = read(file.len().max(1));
        for size in [1, 2, 3, 5, 7] {
            assert_eq!(read(size), whole, "in parts of {size}");
        }
        whole
    }

    fn expected(records: &[(u32, &[&str])]) -> Vec<(u32, Vec<String>)> {
        records
            .iter()
            .map(|(line, values)| (*line, values.iter().map(|value| (*value).to_owned()).collect()))
            .collect()
    }

    #[test]
    fn mark_line_ends_quotes_and_empty_lines() {
        assert_eq!(
            records(b"\xef\xbb\xbfa,b\r\n1,\"x\r\ny\"\"\"\r\n\r\n2,\n3,z"),
            expected(&[
                (1, &["a", "b"]),
                (2, &["1", "x\r\ny\""]),
                (5, &["2", ""]),
                (6, &["3", "z"])
            ])
        );
        assert_eq!(
            records(b"a\rb\rc"),
            expected(&[(1, &["a"]), (2, &["b"]), (3, &["c"])])
        );
        assert_eq!(records(b""), []);
        assert_eq!(records(b"\xef\xbb\xbf\n\n"), []);
        assert_eq!(records(b"\xef\xbb"), vec![(1, vec!["\u{fffd}".to_owned()])]);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_told_with_the_line_where_its_record_begins() {
        assert_eq!(
            records(b"a,b\n1,2\n3,\"x\n5,6\n"),
            expected(&[(1, &["a", "b"]), (2, &["1", "2"]), (3, &["OpenQuote"])])
        );
    }

    #[test]
    fn a_quote_where_none_may_be_is_told() {
        assert_eq!(
            records(b"a,b\n1,x\"y\n2,\"x\"y\n3,\"x\" \n4, \"x\"\n5,\"\"\"\"\n6,\"\"\n"),
            expected(&[
                (1, &["a", "b"]),
                (2, &["StrayQuote"]),
                (3, &["StrayQuote"]),
                (4, &["StrayQuote"]),
                (5, &["StrayQuote"]),
                (6, &["5", "\""]),
                (7, &["6", ""]),
            ])
        );
        assert_eq!(records(b"a\"b"), expected(&[(1, &["StrayQuote"])]));
    }

    #[test]
    fn of_two_byte_order_marks_the_second_is_part_of_the_file() {
        assert_eq!(
            records(b"\xef\xbb\xbf\xef\xbb\xbfa,b\n"),
            expected(&[(1, &["\u{feff}a", "b"])])
        );
    }

    #[test]
    fn after_a_record_that_is_too_long_the_next_one_is_read() {
        let mut file = b"a,b\n1,".to_vec();
        file.resize(3 * MAX_RECORD, b'x');
        file.extend_from_slice(b"\n2,y\n");
        let mut found = Vec::new();
        let mut reader = Reader::default();
        let mut sink = |record: Result<Record<'_>, (u32, Broken)>| {
            found.push(record.map(|record| (record.line, record.value(1).to_vec())));
        };
        for part in file.chunks(60_000) {
            reader.feed(part, &mut sink);
        }
        reader.finish(&mut sink);
        assert_eq!(
            found,
            [
                Ok((1, b"b".to_vec())),
                Err((2, Broken::TooLong)),
                Ok((3, b"y".to_vec()))
            ]
        );
    }
}
