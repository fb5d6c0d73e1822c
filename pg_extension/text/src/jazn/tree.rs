//! The XML file as a tree, within limits.
//!
//! Invariant: no document type declaration, so no entity, inner or outer, is ever expanded; no more than a bounded size, number and
//! depth of elements, of attributes in each, and of declared namespaces: the parser compares each of these with all others.

use roxmltree::{Document, Node, ParsingOptions};

/// Largest file.
const LARGEST: usize = 32 * 1024 * 1024;
/// Most elements and texts.
const MOST_NODES: u32 = 2_000_000;
/// Deepest nesting; the format needs fewer than fifteen.
const DEEPEST: usize = 40;

/// Most attributes of an element; the format has one or two.
const MOST_ATTRIBUTES: usize = 100;
/// Most declarations of namespaces in all; the format has one. Each is copied to the elements below it.
const MOST_NAMESPACES: usize = 1_000;

/// Checks the file's limits and gives its text.
pub fn text(content: &[u8]) -> Result<&str, String> {
    if content.len() > LARGEST {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    std::str::from_utf8(content).map_err(|error| {
        let line = 1 + content[..error.valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        format!("line {line}: it is not UTF-8; convert it first")
    })
}

/// Reads the text.
pub fn parse(text: &str) -> Result<Document<'_>, String> {
    check_tags(text)?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => {
            "it has a document type declaration, which Oracle's files do not have and which is refused: entities can be bombs".to_owned()
        }
        roxmltree::Error::NodesLimitReached => format!("it has more than {MOST_NODES} elements"),
        other => other.to_string(),
    })
}

/// A look at the text before it is parsed, which costs memory for every level, and time for every two attributes of an element. It counts what looks
/// like tags and is no judge of what is well-formed.
fn check_tags(text: &str) -> Result<(), String> {
    let (mut depth, mut namespaces) = (0_usize, 0);
    let mut rest = text;
    while let Some(begin) = rest.find('<') {
        rest = &rest[begin + 1..];
        let skipped = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>"), ("!", ">")]
            .into_iter()
            .find(|(opening, _)| rest.starts_with(opening));
        if let Some((_, closing)) = skipped {
            let Some(end) = rest.find(closing) else {
                return Ok(());
            };
            rest = &rest[end + closing.len()..];
        } else if let Some(end) = end_of_tag(rest) {
            let tag = &rest[..end];
            if tag.starts_with('/') {
                depth = depth.saturating_sub(1);
            } else if !tag.ends_with('/') {
                depth += 1;
            }
            let (attributes, declared) = attributes_of(tag);
            namespaces += declared;
            if attributes > MOST_ATTRIBUTES {
                return Err(format!("an element has more than {MOST_ATTRIBUTES} attributes"));
            }
            if namespaces > MOST_NAMESPACES {
                return Err(format!("it declares more than {MOST_NAMESPACES} namespaces"));
            }
            if depth > DEEPEST {
                return Err(format!("elements are nested more than {DEEPEST} deep"));
            }
            rest = &rest[end + 1..];
        } else {
            return Ok(());
        }
    }
    Ok(())
}

/// Where a tag ends; a sign in quotes does not end it.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    for (place, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(place),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if byte == open => quote = None,
            _ => (),
        }
    }
    None
}

/// How many attributes a tag has, and how many of them declare a namespace.
fn attributes_of(tag: &str) -> (usize, usize) {
    let (mut attributes, mut namespaces) = (0, 0);
    let mut rest = tag;
    // A sign of equality in a value is none of an attribute.
    while let Some(equals) = rest.find('=') {
        attributes += 1;
        let name = rest[..equals].trim_end().rsplit([' ', '\t', '\r', '\n']).next();
        if name.is_some_and(|name| name == "xmlns" || name.starts_with("xmlns:")) {
            namespaces += 1;
        }
        rest = rest[equals + 1..].trim_start();
        let Some(quote) = rest.chars().next().filter(|quote| ['"', '\''].contains(quote)) else {
            continue;
        };
        match rest[1..].find(quote) {
            Some(end) => rest = &rest[end + 2..],
            None => break,
        }
    }
    (attributes, namespaces)
}

/// Where each line of the file begins. The parser's own count goes through the text from its beginning for every question.
#[derive(Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// Finds the lines of a text.
    pub fn of(text: &str) -> Self {
        Self(
            text.bytes()
                .enumerate()
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(place, _)| place)
                .collect(),
        )
    }
}

/// An element of the file.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    node: Node<'a, 'a>,
    lines: &'a Lines,
}

impl<'a> Element<'a> {
    /// The outermost element.
    pub fn root(document: &'a Document<'a>, lines: &'a Lines) -> Self {
        Self {
            node: document.root_element(),
            lines,
        }
    }

    /// Name without its namespace.
    pub fn name(self) -> &'a str {
        self.node.tag_name().name()
    }

    /// Line, counted from 1.
    pub fn line(self) -> u32 {
        let before = self.lines.0.partition_point(|end| *end < self.node.range().start);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }

    /// Elements right below.
    pub fn children(self) -> impl Iterator<Item = Element<'a>> {
        self.node
            .children()
            .filter(Node::is_element)
            .map(move |node| Element { node, ..self })
    }

    /// Elements of a name right below.
    pub fn named(self, name: &'static str) -> impl Iterator<Item = Element<'a>> {
        self.children().filter(move |child| child.name() == name)
    }

    /// Elements of a name below lists of another name.
    pub fn listed(self, list: &'static str, name: &'static str) -> impl Iterator<Item = Element<'a>> {
        self.named(list).flat_map(move |list| list.named(name))
    }

    /// The text of the first element of a name right below, without white space around it; `None` when there is none, or nothing in it.
    pub fn text(self, name: &'static str) -> Option<String> {
        let child = self.named(name).next()?;
        let text: String = child
            .node
            .children()
            .filter(Node::is_text)
            .filter_map(|node| node.text())
            .collect();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}
