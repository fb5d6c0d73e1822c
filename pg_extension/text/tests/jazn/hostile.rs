//! Files made to do harm: refused, quickly, without reading anything else.

use std::time::{Duration, Instant};

use vpd_text::jazn::convert;

use super::{application, converted};

fn refused(text: &str) -> String {
    let begun = Instant::now();
    let reason = convert(text.as_bytes(), None).unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "it took too long: {reason}"
    );
    reason
}

#[test]
fn document_types_and_with_them_all_entities_are_refused() {
    let bomb = "<!DOCTYPE jazn-data [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><jazn-data>&b;</jazn-data>";
    let outer = "<!DOCTYPE jazn-data [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><jazn-data>&x;</jazn-data>";
    let parameter = "<!DOCTYPE jazn-data SYSTEM \"http://127.0.0.1:1/x.dtd\"><jazn-data/>";
    for text in [bomb, outer, parameter] {
        assert!(refused(text).contains("document type"), "{text}");
    }
    let undefined = application("<app-roles><app-role><name>&x;</name></app-role></app-roles>");
    assert!(!refused(&undefined).contains("root:"));
}

#[test]
fn deep_nesting_is_refused_before_it_costs_anything() {
    let deep = format!("<jazn-data>{}", "<a>".repeat(3_000_000));
    assert!(refused(&deep).contains("nested"));
    let hidden = format!("<jazn-data>{}", "<a x='>'>".repeat(1_000_000));
    assert!(refused(&hidden).contains("nested"));
    let wide = format!("<jazn-data>{}</jazn-data>", "<a/>".repeat(1_000_000));
    assert!(
        convert(wide.as_bytes(), None).is_ok(),
        "a wide file is no deep one"
    );
}

#[test]
fn attributes_and_namespaces_are_bounded() {
    let attributes = |count: usize| -> String { (0..count).map(|n| format!(" a{n}='x'")).collect() };
    let many = format!("<jazn-data{}/>", attributes(200_000));
    assert!(refused(&many).contains("attributes"));
    let spread = format!(
        "<jazn-data>{}</jazn-data>",
        format!("<a{}/>", attributes(200)).repeat(1000)
    );
    assert!(refused(&spread).contains("attributes"));
    let namespaces = format!(
        "<jazn-data>{}</jazn-data>",
        "<a xmlns:b\n=\"c\"/>".repeat(200_000)
    );
    assert!(refused(&namespaces).contains("namespaces"));
    let good = format!("<jazn-data{} b=\"x='1' y='2'\"/>", attributes(50));
    assert!(convert(good.as_bytes(), None).is_ok());
}

#[test]
fn size_and_number_of_elements_are_bounded() {
    let large = format!("<jazn-data>{}</jazn-data>", " ".repeat(33 << 20));
    assert!(refused(&large).contains("larger"));
    let many = format!("<jazn-data>{}</jazn-data>", "<a/>".repeat(2_100_000));
    assert!(refused(&many).contains("more than"));
}

#[test]
fn what_is_no_such_file_is_refused() {
    for text in [
        "",
        "<",
        "jazn",
        "<jazn-data>",
        "<other/>",
        "<a></b>",
        "<jazn-data/><jazn-data/>",
    ] {
        assert!(!refused(text).is_empty(), "{text}");
    }
    let reason = convert(b"<jazn-data>\n\xff</jazn-data>", None).unwrap_err();
    assert!(reason.contains("line 2") && reason.contains("UTF-8"), "{reason}");
}

#[test]
fn hostile_names_stay_names_and_the_terminal_is_safe() {
    let name = "x'); DROP TABLE vpd.authority; --$$ \u{1f600}";
    let conversion = converted(&application(&format!(
        "<app-roles><app-role><name>{name}</name></app-role><app-role><name>&#27;[31m&#x202e;</name></app-role></app-roles>"
    ).replace("&#27;", "&#x9b;")));
    assert_eq!(conversion.document["roles"][0]["name"], name);
    let told = conversion.report.to_string();
    assert!(!told.contains('\u{9b}'), "{told:?}");
}
