//! The packaged extension under test: the tree that `cargo pgrx package` leaves.
//! It builds nothing; a missing tree is an error that says how to get one.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::Result;

/// A packaged extension, not installed anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Extension {
    tree: PathBuf,
}

impl Extension {
    /// The debug build, from `PG_VPD_EXT` or `.local/ext`.
    ///
    /// # Errors
    /// There is no such tree.
    pub fn debug() -> Result<Self> {
        Self::find("PG_VPD_EXT", ".local/ext")
    }

    /// The release build, from `PG_VPD_EXT_RELEASE` or `.local/ext-release`; for measurements.
    ///
    /// # Errors
    /// There is no such tree.
    pub fn release() -> Result<Self> {
        Self::find("PG_VPD_EXT_RELEASE", ".local/ext-release")
    }

    /// Copies the tree, readable by the server's user.
    /// A copy, because the server's user may not reach the checkout, and a build may replace the tree meanwhile.
    pub(crate) fn copy_to(&self, target: &Path) -> Result<()> {
        copy_readable(&self.tree, target)
    }

    /// The folder of the library in a tree.
    pub(crate) fn library_folder(tree: &Path) -> Result<PathBuf> {
        folder_of(tree, "pg_vpd.so")
    }

    /// Whether another extension was put into the tree, to be measured beside this one.
    #[must_use]
    pub fn comes_with(&self, other: &str) -> bool {
        folder_of(&self.tree, &format!("{other}.control")).is_ok()
    }

    fn find(variable: &str, default: &str) -> Result<Self> {
        let tree = env::var_os(variable).map_or_else(|| workspace().join(default), PathBuf::from);
        match Self::library_folder(&tree) {
            Ok(_) => Ok(Self { tree }),
            Err(error) => {
                Err(format!("no packaged extension ({error}): set {variable} or make {default}").into())
            }
        }
    }
}

/// The folder of a file in a tree.
fn folder_of(tree: &Path, file: &str) -> Result<PathBuf> {
    let mut folders = vec![tree.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == file) {
                return Ok(folder);
            }
        }
    }
    Err(format!("no {file} under {}", tree.display()).into())
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn copy_readable(source: &Path, target: &Path) -> Result<()> {
    fs::create_dir_all(target)?;
    fs::set_permissions(target, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let copy = target.join(entry.file_name());
        if entry.path().is_dir() {
            copy_readable(&entry.path(), &copy)?;
        } else {
            fs::copy(entry.path(), &copy)?;
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o644))?;
        }
    }
    Ok(())
}
