//! What a table of attacks came to: every line that went wrong is told at one go. It is no assertion on a line by itself.

/// Lines that went wrong.
#[derive(Default)]
pub struct Findings(Vec<String>);

impl Findings {
    /// Notes what was found, unless it is right.
    pub fn expect(&mut self, is_right: bool, found: impl FnOnce() -> String) {
        if !is_right {
            self.0.push(found());
        }
    }

    /// Ends the test.
    ///
    /// # Panics
    /// A line went wrong.
    #[track_caller]
    pub fn settle(&self) {
        assert!(self.0.is_empty(), "{} of them: {:#?}", self.0.len(), self.0);
    }
}
