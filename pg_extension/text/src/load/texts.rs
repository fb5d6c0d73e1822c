//! Many texts in one piece of memory.

/// Where a text stands.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    start: usize,
    length: u32,
}

impl Span {
    /// How many bytes there are.
    pub fn bytes(self) -> usize {
        self.length as usize
    }
}

/// The texts.
#[derive(Default)]
pub struct Texts(String);

impl Texts {
    /// Keeps a text. Whoever keeps pieces of the file, each once, keeps less than the limit on a load.
    pub fn keep(&mut self, text: &str) -> Span {
        let span = Span {
            start: self.0.len(),
            // A line is shorter than 1 MiB.
            length: u32::try_from(text.len()).unwrap_or(u32::MAX),
        };
        self.0.push_str(text);
        span
    }

    /// A text that was kept.
    pub fn text(&self, span: Span) -> &str {
        &self.0[span.start..span.start + span.bytes()]
    }
}
