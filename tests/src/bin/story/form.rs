//! The hidden fields of a page's form, as a browser would send them back.
//! It is no HTML parser: it reads the forms the bridge writes, and finds nothing in others.

/// Names and values of `<input type="hidden" name="…" value="…">`, in order.
pub fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let inputs = page.split("<input").skip(1);
    inputs
        .filter_map(|rest| rest.split_once('>').map(|(input, _)| input))
        .filter(|input| attribute(input, "type").as_deref() == Some("hidden"))
        .filter_map(|input| {
            Some((
                attribute(input, "name")?,
                attribute(input, "value").unwrap_or_default(),
            ))
        })
        .collect()
}

fn attribute(input: &str, name: &str) -> Option<String> {
    let (_, rest) = input.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    // The ampersand comes last, so that an escaped escape stays one.
    let plain = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    Some(plain.iter().fold(value.to_owned(), |text, (escape, character)| {
        text.replace(escape, character)
    }))
}

#[cfg(test)]
mod tests {
    use super::hidden_fields;

    #[test]
    fn hidden_fields_come_back_unescaped() {
        let page = r#"<form><input type="hidden" name="state" value="a&amp;lt;b"><input type="text" name="username">
            <input type="hidden" name="empty" value=""></form>"#;
        let expected =
            [("state", "a&lt;b"), ("empty", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(hidden_fields(page), expected);
    }
}
