//! The printed story: chapters, numbered steps, and beside each the figure it was checked against.
//! Invariant: a step is printed as done only after its comparison held.

use std::fmt::Display;
use std::io::{IsTerminal, stdout};
use std::time::Instant;

use vpd_tests::Result;
use vpd_tests::superstore::{LINES, grouped};

const WIDTH: usize = 64;

/// What has been told so far.
pub struct Script {
    step: usize,
    began: Instant,
    is_coloured: bool,
}

impl Script {
    /// Prints the title.
    pub fn begin() -> Self {
        let script = Self {
            step: 0,
            began: Instant::now(),
            is_coloured: stdout().is_terminal(),
        };
        println!(
            "\n{}",
            script.bold("pg_vpd: one login, two front ends, rows under policy")
        );
        println!(
            "Sample – Superstore, {} order lines; every figure is counted twice.",
            grouped(LINES as i64)
        );
        script
    }

    /// Prints the title of a chapter.
    pub fn chapter(&self, title: &str) {
        println!("\n{}", self.bold(title));
    }

    /// A step whose figure was found in one place and expected from another; both are shown when they are equal.
    ///
    /// # Errors
    /// They differ.
    pub fn equal<T: PartialEq + Display>(
        &mut self,
        what: &str,
        found: &T,
        expected: &T,
        source: &str,
    ) -> Result<()> {
        if found != expected {
            return Err(self.mismatch(what, &found.to_string(), &format!("{expected} ({source})")));
        }
        self.done(what, &format!("{found} = {expected} {source}"));
        Ok(())
    }

    /// A step that holds or not; `figure` is what was seen.
    ///
    /// # Errors
    /// It does not hold.
    pub fn holds(&mut self, what: &str, holds: bool, figure: &str) -> Result<()> {
        if !holds {
            return Err(self.mismatch(what, figure, "otherwise"));
        }
        self.done(what, figure);
        Ok(())
    }

    /// Prints how it went.
    pub fn end(&self) {
        let seconds = self.began.elapsed().as_secs_f64();
        let words = format!("{} steps, every figure as counted, in {seconds:.1} s.", self.step);
        println!("\n{}\n", self.bold(&words));
    }

    fn done(&mut self, what: &str, figure: &str) {
        self.step += 1;
        let mark = if self.is_coloured {
            "\u{1b}[32m✓\u{1b}[0m"
        } else {
            "✓"
        };
        println!(
            "{:>4} {mark} {what:.<WIDTH$} {figure}",
            self.step,
            what = format!("{what} ")
        );
    }

    fn mismatch(&self, what: &str, found: &str, expected: &str) -> vpd_tests::Error {
        format!(
            "step {}, \"{what}\": found {found}, expected {expected}",
            self.step + 1
        )
        .into()
    }

    fn bold(&self, text: &str) -> String {
        if self.is_coloured {
            format!("\u{1b}[1m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
