//! Static pages of an application, read once at start.
//!
//! Invariant: a request names a key of a map and never a path, so that nothing outside the folders can be asked for.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::config::App;

/// A folder of pages cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("pages {path}: {source}")]
pub struct PageError {
    path: PathBuf,
    source: std::io::Error,
}

/// Pages by their path in a URL.
#[derive(Debug, Default)]
pub struct Pages(HashMap<String, (&'static str, Bytes)>);

impl Pages {
    /// Reads the folders of an application.
    pub fn read(app: &App) -> Result<Self, PageError> {
        let mut pages = Self::default();
        if let Some(folder) = &app.pages {
            pages.read_folder(folder, "/")?;
        }
        if let Some(folder) = &app.shared_pages {
            pages.read_folder(folder, "/shared/")?;
        }
        if let Some(index) = pages.0.get("/index.html").cloned() {
            pages.0.insert("/".to_owned(), index);
        }
        Ok(pages)
    }

    /// The page at a path.
    pub fn find(&self, path: &str) -> Option<Response> {
        let (kind, body) = self.0.get(path)?;
        Some(([(CONTENT_TYPE, *kind)], body.clone()).into_response())
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> Result<(), PageError> {
        let failed = |source| PageError {
            path: folder.to_owned(),
            source,
        };
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            // Links are left alone: they lead out of the folder.
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                self.read_folder(&path, &format!("{prefix}{name}/"))?;
            } else if let (true, Some(media_type)) = (kind.is_file(), media_type(&path)) {
                let body = fs::read(&path).map_err(|source| PageError { path, source })?;
                self.0
                    .insert(format!("{prefix}{name}"), (media_type, body.into()));
            }
        }
        Ok(())
    }
}

/// Types of files that are pages; others in the folder are not served.
fn media_type(path: &Path) -> Option<&'static str> {
    Some(match path.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        _ => return None,
    })
}
