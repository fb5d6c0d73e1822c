//! The bridge's program, as it is in service: the real binary, with a configuration file.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::{Database, Result, role};

/// Where the binary is; built when a test first asks for it.
///
/// # Errors
/// It does not build.
pub fn program() -> Result<&'static Path> {
    static PROGRAM: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    PROGRAM
        .get_or_init(build)
        .as_deref()
        .map_err(|reason| reason.clone().into())
}

fn build() -> std::result::Result<PathBuf, String> {
    let failed = |error: std::io::Error| error.to_string();
    let output = Command::new(env!("CARGO"))
        // The selection of .ci/test, or a part of it: with any other, cargo takes other features of what everything is built on,
        // and while tests wait it compiles a hundred crates anew. Beside its own tests, the program is built as well.
        .args(["test", "--quiet", "--no-run"])
        .args(["-p", "session_bridge", "-p", "vpd_tests"])
        .args(["--test", "command", "--test", "it"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stdin(Stdio::null())
        .output()
        .map_err(failed)?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    // The test's binary lies in <target>/debug/deps.
    let test = std::env::current_exe().map_err(failed)?;
    let folder = test.parent().and_then(Path::parent).ok_or("no target folder")?;
    Ok(folder.join("session-bridge"))
}

/// A folder with a configuration for a database, as an administrator has it; it goes with the value.
#[derive(Debug)]
pub struct Desk(PathBuf);

impl Desk {
    /// Sets it up.
    ///
    /// # Errors
    /// The folder could not be written.
    pub fn at(database: &Database<'_>) -> Result<Self> {
        let folder =
            std::env::temp_dir().join(format!("vpd-desk-{}-{}", std::process::id(), database.name()));
        std::fs::create_dir_all(&folder)?;
        let desk = Self(folder);
        let login = |user: &str| {
            format!(
                "user = {user:?}\nhost = {:?}\n",
                database.cluster().socket_folder()
            )
        };
        desk.write(
            "bridge.toml",
            &format!(
                "[server]\nbind = \"127.0.0.1:8480\"\n[log]\nfilter = \"error\"\n\
                 [database]\nhost = \"127.0.0.1\"\nport = {}\ndbname = {:?}\n\
                 [database.bridge]\n{}[database.keys]\n{}[database.admin]\n{}\
                 [identity]\nmode = \"oidc\"\nissuer = \"https://login.example\"\nclient_id = \"bridge\"\n",
                database.cluster().port(),
                database.name(),
                login(role::WEB),
                login(role::KEYS),
                login("postgres"),
            ),
        )?;
        Ok(desk)
    }

    /// A command of the program in this folder, nobody at the terminal.
    ///
    /// # Errors
    /// The binary does not build.
    pub fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(program()?);
        command
            .args(arguments)
            .current_dir(&self.0)
            .env_clear()
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Runs a command: its exit code, standard output and standard error.
    ///
    /// # Errors
    /// It did not start.
    pub fn run(&self, arguments: &[&str]) -> Result<(Option<i32>, String, String)> {
        let output = self.command(arguments)?.output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((output.status.code(), text(output.stdout), text(output.stderr)))
    }

    /// Where a file of the folder is.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in the folder.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write(&self, name: &str, content: &str) -> Result<()> {
        Ok(std::fs::write(self.0.join(name), content)?)
    }

    /// Reads a file of the folder.
    ///
    /// # Errors
    /// It could not be read.
    pub fn read(&self, name: &str) -> Result<String> {
        Ok(std::fs::read_to_string(self.0.join(name))?)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}
