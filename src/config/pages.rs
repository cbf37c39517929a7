//! The pages that people see: their texts, their looks, where help is to be had.

use std::collections::BTreeMap;

use super::node::Node;

/// How pages of one tenant differ from those that are built in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageSettings {
    /// Texts by language (`de`, `pt-br`, in lower case) and key.
    pub texts: BTreeMap<String, BTreeMap<String, String>>,
    /// CSS behind our own.
    pub style: String,
    /// Where help is to be had: a URL of `https:` or `mailto:`.
    pub support: Option<String>,
    /// The language of a browser that asks for none we have; `en` where it is empty.
    pub default_language: String,
}

/// `pages` of a tenant.
pub(super) fn read(node: &Node<'_>) -> Option<PageSettings> {
    let fields = node.fields(&["texts", "style", "support", "default_language"]);
    let texts = fields.get("texts").map(|node| read_texts(&node)).unwrap_or_default();
    let style = match fields.get("style") {
        Some(node) => read_style(&node),
        None => Some(String::new()),
    };
    let support = match fields.get("support") {
        Some(node) => read_support(&node).map(Some),
        None => Some(None),
    };
    let default_language = match fields.get("default_language") {
        Some(node) => node.text().and_then(|text| {
            let known = matches!(text, "en" | "de") || texts.contains_key(text);
            if !known {
                node.error(
                    format!("there are no texts in `{text}`"),
                    "write en, de, or a language of `texts`",
                );
            }
            known.then(|| text.to_owned())
        }),
        None => Some(String::new()),
    };
    Some(PageSettings { texts, style: style?, support: support?, default_language: default_language? })
}

fn read_texts(node: &Node<'_>) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut languages = BTreeMap::new();
    for (language, node) in node.entries() {
        let plain = (2..=16).contains(&language.len())
            && language
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !plain {
            node.error(
                format!("`{language}` is not a language"),
                "write a tag in lower case, such as de or pt-br",
            );
            continue;
        }
        let texts = node.entries().into_iter();
        let texts = texts.filter_map(|(key, node)| Some((key.to_owned(), node.text()?.to_owned()))).collect();
        languages.insert(language.to_owned(), texts);
    }
    languages
}

/// The style stands in an element of the page: what could end that is refused, and so is what the page's own policy
/// would not load.
fn read_style(node: &Node<'_>) -> Option<String> {
    let text = node.text()?;
    let lower = text.to_ascii_lowercase();
    if text.contains(['<', '\\'])
        || lower.contains("@import")
        || lower.contains("url(")
        || text.len() > 16_384
    {
        node.error(
            "has `<`, a backslash, `@import`, `url(`, or more than 16384 octets",
            "pages load nothing: write rules for colours, fonts and sizes only",
        );
        return None;
    }
    Some(text.to_owned())
}

fn read_support(node: &Node<'_>) -> Option<String> {
    let text = node.text()?;
    let known = text.starts_with("https://") || text.starts_with("mailto:");
    if !known || !text.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
        node.error(format!("`{text}` is not an address"), "write https://… or mailto:…");
        return None;
    }
    Some(text.to_owned())
}
