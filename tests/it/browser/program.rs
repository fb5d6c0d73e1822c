//! A program that runs beside a test. It is never left behind: a guard, a shell that waits for the end of a pipe this
//! process holds, ends the program and everything it started, however the test ends.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use vpd_tests::Result;

/// Kills the whole group, because a browser outlives its driver.
const GUARD: &str = r#"setsid "$@" & pid=$!
cat >/dev/null
kill -s TERM -- "-$pid" 2>/dev/null
wait "$pid"
for look in 1 2 3 4 5 6 7 8 9 10; do kill -s 0 -- "-$pid" 2>/dev/null || exit 0; sleep 0.02; done
kill -s KILL -- "-$pid" 2>/dev/null"#;

/// A running program.
pub struct Program {
    guard: Child,
    output: Option<BufReader<ChildStdout>>,
    name: String,
    log: PathBuf,
}

impl Program {
    /// Starts a program; its errors go to `log`. A backtrace would reach clients in error messages, so there is none.
    pub fn start(program: &Path, arguments: &[&OsStr], log: &Path) -> Result<Self> {
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(program)
            .args(arguments)
            .env_remove("RUST_BACKTRACE")
            .env_remove("RUST_LIB_BACKTRACE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(log)?)
            .process_group(0)
            .spawn()?;
        let output = guard.stdout.take().map(BufReader::new);
        Ok(Self {
            guard,
            output,
            name: program.display().to_string(),
            log: log.to_owned(),
        })
    }

    /// The first line of its output for which `find` has an answer.
    pub fn line<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> Result<T> {
        let output = self.output.as_mut().ok_or("the program has no output")?;
        let mut line = String::new();
        while output.read_line(&mut line)? > 0 {
            if let Some(found) = find(&line) {
                return Ok(found);
            }
            line.clear();
        }
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        Err(format!("{} ended without saying what was expected: {log}", self.name).into())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // A guard that cannot be waited for still does its work.
        let _status = self.guard.wait();
    }
}
