//! The commands that need neither configuration nor database: files in, files out, exit codes.

#[cfg(test)]
mod jazn;
#[cfg(test)]
mod oracle;
