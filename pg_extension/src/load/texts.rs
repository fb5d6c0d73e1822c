//! Many texts in one piece of memory.

/// Where a text stands.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    start: u32,
    length: u32,
}

/// The texts.
#[derive(Default)]
pub struct Texts(String);

impl Texts {
    /// Keeps a text. The limit on a load keeps them below what a span can tell.
    pub fn keep(&mut self, text: &str) -> Span {
        let number = |length| u32::try_from(length).unwrap_or(u32::MAX);
        let span = Span {
            start: number(self.0.len()),
            length: number(text.len()),
        };
        self.0.push_str(text);
        span
    }

    /// A text that was kept.
    pub fn text(&self, span: Span) -> &str {
        let start = span.start as usize;
        &self.0[start..start + span.length as usize]
    }
}
