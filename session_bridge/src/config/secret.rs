//! Secrets: text that comes from a file and is never printed.
//!
//! Invariant: a file that others than its owner and his group can read or write is refused, whatever secret it holds.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::identity::random_token;

/// Text that is never printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// Refuses a file that others than its owner and his group may read, or others than its owner may write.
pub fn require_private(file: &Path) -> io::Result<()> {
    let mode = fs::metadata(file)?.permissions().mode();
    if mode & 0o027 == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!(
            "mode {:03o} lets others at it, 600 or 640 is wanted",
            mode & 0o777
        ),
    ))
}

/// Reads a secret from its file; a line end after it does not count.
pub fn read_secret(file: &Path) -> io::Result<Secret> {
    require_private(file)?;
    let text = fs::read_to_string(file)?;
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is empty"));
    }
    Ok(Secret(secret.to_owned()))
}

/// Writes a random secret to a file that does not exist yet; returns false when it does.
pub fn create_secret(file: &Path) -> io::Result<bool> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let secret = random_token().map_err(io::Error::other)?;
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
    {
        Ok(mut opened) => writeln!(opened, "{secret}").map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_created_once_for_its_owner_only_and_read_back() {
        let folder = std::env::temp_dir().join(format!("vpd-secret-{}", std::process::id()));
        let file = folder.join("password");
        let _ = fs::remove_dir_all(&folder);
        assert!(create_secret(&file).unwrap());
        let first = read_secret(&file).unwrap();
        assert_eq!(first.expose().len(), 43);
        assert!(!create_secret(&file).unwrap());
        assert_eq!(read_secret(&file).unwrap().expose(), first.expose());
        assert!(!format!("{first:?}").contains(first.expose()));

        for (mode, is_private) in [
            (0o400, true),
            (0o440, true),
            (0o640, true),
            (0o660, false),
            (0o644, false),
            (0o602, false),
        ] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let refused = require_private(&file).map_err(|error| error.kind());
            let expected = if is_private {
                Ok(())
            } else {
                Err(io::ErrorKind::PermissionDenied)
            };
            assert_eq!(refused, expected, "{mode:o}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
