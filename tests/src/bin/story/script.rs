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

    /// A step whose figure was found in one place and counted in another; both are shown when they are equal.
    ///
    /// # Errors
    /// They differ.
    pub fn equal<T: PartialEq + Display>(
        &mut self,
        what: &str,
        found: T,
        counted: T,
        source: &str,
    ) -> Result<()> {
        let figure = format!("{found} = {counted} {source}");
        self.step(what, found == counted, &figure, || {
            format!("found {found}, counted {counted} {source}")
        })
    }

    /// A step that finds this many order lines where the file has so many.
    ///
    /// # Errors
    /// They differ.
    pub fn lines(&mut self, what: &str, found: i64, counted: i64) -> Result<()> {
        let [found, counted] = [found, counted].map(grouped);
        let figure = format!("{found} lines = {counted} in the CSV");
        self.step(what, found == counted, &figure, || {
            format!("found {found} lines, the CSV has {counted}")
        })
    }

    /// A step that finds no order line.
    ///
    /// # Errors
    /// There are some.
    pub fn nothing(&mut self, what: &str, found: i64) -> Result<()> {
        self.step(what, found == 0, "0 lines", || {
            format!("found {} lines, there should be none", grouped(found))
        })
    }

    /// A step that gets this answer.
    ///
    /// # Errors
    /// It is another one.
    pub fn answer(&mut self, what: &str, found: &str, expected: &str) -> Result<()> {
        self.step(what, found == expected, found, || {
            format!("the answer was {found} instead of {expected}")
        })
    }

    /// A step that holds or not; `figure` is what was seen.
    ///
    /// # Errors
    /// It does not hold.
    pub fn holds(&mut self, what: &str, holds: bool, figure: &str) -> Result<()> {
        self.step(what, holds, figure, || format!("it does not hold: {figure}"))
    }

    /// Prints how it went.
    pub fn end(&self) {
        let seconds = self.began.elapsed().as_secs_f64();
        let words = format!("{} steps, every figure as counted, in {seconds:.1} s.", self.step);
        println!("\n{}\n", self.bold(&words));
    }

    fn step(
        &mut self,
        what: &str,
        holds: bool,
        figure: &str,
        mismatch: impl FnOnce() -> String,
    ) -> Result<()> {
        self.step += 1;
        if !holds {
            return Err(format!("step {}, {what}: {}", self.step, mismatch()).into());
        }
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
        Ok(())
    }

    fn bold(&self, text: &str) -> String {
        if self.is_coloured {
            format!("\u{1b}[1m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
