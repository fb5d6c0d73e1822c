//! How far a load is: a bar on a terminal, a line now and then otherwise. On standard error, because the report is what is printed.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two lines where there is no terminal; the end of the reading and the beginning of each step are told in any case.
const PAUSE: Duration = Duration::from_secs(1);

/// What is shown.
pub struct Progress {
    bar: Option<ProgressBar>,
    told_at: Instant,
    size: u64,
    read: u64,
    step: String,
}

impl Progress {
    /// Begins with the reading of a file.
    pub fn start(size: u64) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(size);
            bar.set_style(style("{binary_bytes} of {binary_total_bytes}"));
            bar.set_message("reading");
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            bar,
            told_at: Instant::now(),
            size,
            read: 0,
            step: String::new(),
        }
    }

    /// So many more bytes were read.
    pub fn read(&mut self, count: u64) {
        self.read += count;
        if let Some(bar) = &self.bar {
            bar.inc(count);
        } else {
            let line = format!("reading: {} of {} bytes", self.read, self.size);
            self.tell(&line, self.read == self.size);
        }
        if self.read == self.size {
            self.begin("checking", None);
        }
    }

    /// So many lines were checked or written, of all.
    pub fn done(&mut self, step: &str, done: u64, all: u64) {
        let is_begun = self.step != step;
        if is_begun {
            self.begin(step, Some(all));
        }
        if let Some(bar) = &self.bar {
            bar.set_length(all);
            bar.set_position(done);
        } else {
            self.tell(&format!("{step}: {done} of {all} lines"), is_begun);
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn begin(&mut self, step: &str, all: Option<u64>) {
        step.clone_into(&mut self.step);
        if let Some(bar) = &self.bar {
            bar.set_message(step.to_owned());
            match all {
                Some(all) => {
                    bar.set_length(all);
                    bar.set_style(style("{human_pos} of {human_len} lines"));
                }
                None => bar.set_style(style("")),
            }
        }
    }

    fn tell(&mut self, line: &str, is_due: bool) {
        if is_due || self.told_at.elapsed() >= PAUSE {
            self.told_at = Instant::now();
            eprintln!("{line}");
        }
    }
}

fn style(counts: &str) -> ProgressStyle {
    let template = format!("{{msg:8}} [{{bar:40}}] {counts} {{elapsed}}");
    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
