//! How a statement of ours is planned. In debug builds only, and never declared: a test declares it where it looks.

use super::{Answer, require_ready};
use crate::error::Error;
use crate::sys::spi::{self, Shape};
use crate::sys::user;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn own_plan(text: &str, parameters: i32, is_scan: bool) -> Answer<Option<String>> {
    require_ready()?;
    if !user::is_superuser() {
        return Err(Error::argument("this is for superusers", "Ask a superuser.").into());
    }
    let shape = if is_scan { Shape::Scan } else { Shape::LookUp };
    let parameters = usize::try_from(parameters).unwrap_or_default();
    Ok(spi::plan_of(text, parameters, shape))
}
