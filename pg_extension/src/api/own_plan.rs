//! Development builds alone: how a statement of the library is planned. No install script declares it.

use super::{Answer, require_ready};
use crate::sys::spi::{self, Shape};
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn explain_own_statement(text: &str, is_look_up: bool) -> Answer<Option<String>> {
    require_ready()?;
    let shape = if is_look_up { Shape::LookUp } else { Shape::Scan };
    Ok(spi::explain(text, shape))
}
