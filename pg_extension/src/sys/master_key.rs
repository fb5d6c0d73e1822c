//! Where master keys come from when the server starts: a file that nobody else can read, or a command.
//!
//! A key that cannot be had stops nothing: the reason stands in the server's log, sealed columns answer as without the privilege, and the posture report tells.

use super::secret;
use crate::guc;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vpd_text::sealed::{MasterKey, read_master_keys};

/// A file or an answer is no longer than this.
const MOST_BYTES: usize = 64 * 1024;
/// A command that takes longer is stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// The master keys of this server, the current one first; none when there are none to be had.
pub(super) fn read() -> Vec<MasterKey> {
    let text = match (guc::master_key_file(), guc::master_key_command()) {
        (None, None) => return Vec::new(),
        (Some(_), Some(_)) => Err("set vpd.master_key_file or vpd.master_key_command, not both".to_owned()),
        (Some(file), None) => of_file(&file),
        (None, Some(command)) => of_command(&command),
    };
    let keys = text.and_then(|mut text| {
        let keys = read_master_keys(&text).map_err(|invalid| match invalid.line {
            0 => invalid.reason.to_owned(),
            line => format!("line {line}: {}", invalid.reason),
        });
        // SAFETY: zeros are UTF-8.
        secret::wipe(unsafe { text.as_bytes_mut() });
        keys
    });
    keys.unwrap_or_else(|reason| {
        pgrx::warning!("pg_vpd: no master key, sealed columns cannot be read: {reason}");
        Vec::new()
    })
}

fn of_file(name: &str) -> Result<String, String> {
    let metadata = fs::metadata(name).map_err(|error| format!("file \"{name}\": {error}"))?;
    // SAFETY: tells who this process works as.
    let own = unsafe { libc::geteuid() };
    let is_private = metadata.mode() & 0o077 == 0 || (metadata.uid() == 0 && metadata.mode() & 0o027 == 0);
    if !metadata.is_file() || ![own, 0].contains(&metadata.uid()) || !is_private {
        return Err(format!(
            "file \"{name}\" must be a file of the server's user with mode 0600, or of root with mode 0640, or less"
        ));
    }
    let file = File::open(name).map_err(|error| format!("file \"{name}\": {error}"))?;
    text_of(file)
}

fn of_command(command: &str) -> Result<String, String> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("vpd.master_key_command: {error}"))?;
    let group = i32::try_from(child.id()).unwrap_or_default();
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => break Err("it took longer than 10 seconds".to_owned()),
            Err(error) => break Err(error.to_string()),
        }
    };
    // SAFETY: the group is that of the command, and of whatever it left running.
    unsafe { libc::kill(-group, libc::SIGKILL) };
    let _reaped = child.wait();
    // What it wrote fits into the pipe, or it would not have ended. Somebody may still hold the other end: nobody waits for him.
    let text = child
        .stdout
        .ok_or_else(|| "it has no output".to_owned())
        .and_then(|output| {
            // SAFETY: an open descriptor of this process.
            unsafe { libc::fcntl(output.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
            text_of(output)
        });
    match status {
        Ok(status) if status.success() => text,
        Ok(status) => Err(format!("it failed ({status})")),
        Err(reason) => Err(reason),
    }
    .map_err(|reason| format!("vpd.master_key_command: {reason}"))
}

fn text_of(mut source: impl Read) -> Result<String, String> {
    let mut bytes = vec![0; MOST_BYTES + 1];
    let mut length = 0;
    let text = loop {
        match source.read(&mut bytes[length..]) {
            Ok(0) => break Ok(()),
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            Err(error) => break Err(error.to_string()),
        }
    };
    let text = text.and_then(|()| match std::str::from_utf8(&bytes[..length]) {
        Ok(_) if length > MOST_BYTES => Err("it is longer than 64 kB".to_owned()),
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err("it is not text".to_owned()),
    });
    secret::wipe(&mut bytes);
    text
}
