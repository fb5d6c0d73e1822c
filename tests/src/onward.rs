//! Pages that go on by themselves, as a browser follows them.

/// The address that a page goes on to at once; none when it stays.
#[must_use]
pub fn onward(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("<meta http-equiv=\"refresh\" content=\"0;url=")?;
    let (address, _) = rest.split_once('"')?;
    Some(address.replace("&amp;", "&"))
}
