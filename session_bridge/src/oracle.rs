//! The command `oracle-import`: files in, a script and a report out. What becomes of a dump stands in `vpd_text::oracle`.
//!
//! Invariant: nothing is written when a line of a dump is not understood, unless the caller insists.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use vpd_text::oracle::{Source, View, import};

/// Arguments of `session-bridge oracle-import`.
#[derive(Debug, Args)]
#[command(
    after_help = "A dump is what SQL*Plus (set markup csv on) or SQLcl (set sqlformat csv, set sqlformat json) spools for\n\
                  SELECT * FROM DBA_POLICIES and its kin. In a folder the files are found by name: dba_policies.csv, dba_policies.json, …\n\
                  Nothing is written while a line is in error. No database is connected to: read the script, then run it with psql."
)]
pub struct Arguments {
    /// Folder with the dumps.
    folder: Option<PathBuf>,
    /// Dump of DBA_POLICIES.
    #[arg(long, value_name = "FILE")]
    policies: Option<PathBuf>,
    /// Dump of DBA_POLICY_GROUPS.
    #[arg(long, value_name = "FILE")]
    policy_groups: Option<PathBuf>,
    /// Dump of DBA_POLICY_CONTEXTS: driving contexts.
    #[arg(long, value_name = "FILE")]
    policy_contexts: Option<PathBuf>,
    /// Dump of DBA_POLICY_ATTRIBUTES: attributes that context-sensitive policies are associated with (12c and later).
    #[arg(long, value_name = "FILE")]
    policy_attributes: Option<PathBuf>,
    /// Dump of DBA_SEC_RELEVANT_COLS.
    #[arg(long, value_name = "FILE")]
    sec_relevant_cols: Option<PathBuf>,
    /// Dump of DBA_CONTEXT: application contexts.
    #[arg(long, value_name = "FILE")]
    context: Option<PathBuf>,
    /// Dump of OWNER, OBJECT_NAME, OBJECT_TYPE from DBA_OBJECTS, which tells tables from views and synonyms.
    #[arg(long, value_name = "FILE")]
    objects: Option<PathBuf>,
    /// Write the script to this file, which must not exist; standard output otherwise.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Form of the report.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    report: Form,
    /// Write the report to this file, which must not exist; standard error otherwise.
    #[arg(long, value_name = "FILE")]
    report_output: Option<PathBuf>,
    /// Keep Oracle's upper case instead of folding names to lower case.
    #[arg(long)]
    keep_case: bool,
    /// Write the script although lines are in error; those lines are left out.
    #[arg(long)]
    force: bool,
}

/// Form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Runs the command; false when lines were in error.
///
/// # Errors
/// A file could not be read or written, or no dump was named.
pub fn run(arguments: &Arguments) -> Result<bool, String> {
    let sources = arguments.sources()?;
    let import = import(&sources, arguments.keep_case);
    let report = match arguments.report {
        Form::Text => import.report.to_string(),
        Form::Json => import.report.to_json(),
    };
    let is_sound = !import.report.has_errors();
    if is_sound || arguments.force {
        match &arguments.output {
            Some(file) => write_new(file, &import.script)?,
            None => print(&mut std::io::stdout(), &import.script)?,
        }
    }
    match &arguments.report_output {
        Some(file) => write_new(file, &report)?,
        None => print(&mut std::io::stderr(), &report)?,
    }
    Ok(is_sound)
}

impl Arguments {
    fn sources(&self) -> Result<Vec<Source>, String> {
        let named = [
            (View::Policies, &self.policies),
            (View::PolicyGroups, &self.policy_groups),
            (View::PolicyContexts, &self.policy_contexts),
            (View::PolicyAttributes, &self.policy_attributes),
            (View::RelevantColumns, &self.sec_relevant_cols),
            (View::Contexts, &self.context),
            (View::Objects, &self.objects),
        ];
        let mut sources = Vec::new();
        for (view, file) in named {
            let file = match (file, &self.folder) {
                (Some(file), _) => Some(file.clone()),
                (None, Some(folder)) => find(folder, view)?,
                (None, None) => None,
            };
            if let Some(file) = file {
                let content = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
                sources.push(Source {
                    view,
                    file: file.display().to_string(),
                    content,
                });
            }
        }
        if sources.is_empty() {
            return Err("no dump: name a folder or files, see --help".to_owned());
        }
        Ok(sources)
    }
}

/// The dump of a view in a folder. Two candidates are an error: one of them would be ignored.
fn find(folder: &Path, view: View) -> Result<Option<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut found = None;
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let (Some(stem), Some(extension)) = (path.file_stem(), path.extension()) else {
            continue;
        };
        let stem = stem.to_string_lossy().to_lowercase();
        let is_dump = ["csv", "json", "txt", "lst"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known));
        let is_of_view = stem == view.file_stem() || stem == view.file_stem().replacen("dba_", "all_", 1);
        if !(is_dump && is_of_view) {
            continue;
        }
        if let Some(other) = found.replace(path.clone()) {
            return Err(format!(
                "{} and {} are dumps of the same view: name one of them with an option",
                other.display(),
                path.display()
            ));
        }
    }
    Ok(found)
}

/// A script that somebody reviewed is not overwritten.
fn write_new(file: &Path, text: &str) -> Result<(), String> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut opened| opened.write_all(text.as_bytes()))
        .map_err(|error| format!("{}: {error}", file.display()))
}

fn print(stream: &mut impl Write, text: &str) -> Result<(), String> {
    stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush())
        .map_err(|error| error.to_string())
}
