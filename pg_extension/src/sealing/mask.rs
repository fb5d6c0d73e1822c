//! What stands for a sealed column in statements of sessions that may not unseal, as expressions.

use super::catalogue::{Hidden, keys};
use super::column::Modifier;
use crate::error::{Error, Result};
use vpd_text::sealed::{Kind, mask_form};

/// A mask in the words of SQL.
pub struct Mask {
    /// Where the value stays: for who has the privilege, and as an envelope where nobody is attached.
    pub visible_when: String,
    /// What stands for it; `None` for NULL.
    pub value: Option<String>,
}

/// The mask of a column.
pub fn mask(modifier: i32, kind: Kind) -> Result<Mask> {
    let key = Modifier::of(modifier).key()?.ok_or_else(Error::key_not_named)?;
    let privilege = key.privilege.replace('\'', "''");
    Ok(Mask {
        visible_when: format!("NOT vpd.is_established() OR vpd.has_privilege('{privilege}')"),
        value: match key.hidden {
            Hidden::Null => None,
            Hidden::Mask(_) | Hidden::Error => Some(format!(
                "vpd.sealed_mask('{}', CAST(NULL AS vpd.{}))",
                key.name,
                kind.type_name()
            )),
        },
    })
}

/// The mask of a key as a value of a sealed type; an error for a key that refuses.
pub fn mask_value(name: &str) -> Result<Vec<u8>> {
    let keys = keys();
    let key = keys.named(name)?;
    match &key.hidden {
        Hidden::Mask(mask) => Ok(mask_form(mask)),
        Hidden::Null | Hidden::Error => Err(Error::unseal_refused(&key.name)),
    }
}
