//! Which language a page is in (RFC 9110, 12.5.4; RFC 4647, 3.4).

use crate::config::PageSettings;

/// A language that a tenant's pages can be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Language(String);

const BUILT_IN: [&str; 2] = ["en", "de"];

impl Language {
    /// The one that a browser wants most of those there are.
    pub(super) fn wanted(accept: &str, settings: &PageSettings) -> Self {
        let mut best: Option<(u16, String)> = None;
        // As many as an honest browser sends.
        for range in accept.split(',').take(16) {
            let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
            let Some(weight) = weight_of(weight) else { continue };
            let Some(found) = known(&tag.trim().to_ascii_lowercase(), settings) else { continue };
            if weight > 0 && best.as_ref().is_none_or(|(most, _)| weight > *most) {
                best = Some((weight, found));
            }
        }
        match (best, settings.default_language.as_str()) {
            (Some((_, found)), _) => Self(found),
            (None, "") => Self("en".to_owned()),
            (None, default) => Self(default.to_owned()),
        }
    }

    pub(super) fn code(&self) -> &str {
        &self.0
    }
}

/// The tag itself or the longest that it begins with: `de-at`, then `de`.
fn known(tag: &str, settings: &PageSettings) -> Option<String> {
    let mut tag = tag;
    loop {
        if BUILT_IN.contains(&tag) || settings.texts.contains_key(tag) {
            return Some(tag.to_owned());
        }
        tag = tag.rsplit_once('-')?.0;
    }
}

/// `q=0.8` in thousandths; nothing is 1.
fn weight_of(text: &str) -> Option<u16> {
    let text = text.trim();
    if text.is_empty() {
        return Some(1000);
    }
    let value: f32 = text.strip_prefix("q=").or(text.strip_prefix("Q="))?.trim().parse().ok()?;
    // Thousandths of a number between 0 and 1 fit.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (0.0..=1.0).contains(&value).then_some((value * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn wanted(accept: &str) -> String {
        let mut settings = PageSettings::default();
        settings.texts.insert("fr".to_owned(), std::collections::BTreeMap::new());
        Language::wanted(accept, &settings).0
    }

    #[test]
    fn a_page_is_in_the_language_that_the_browser_wants_most() {
        for (accept, language) in [
            ("", "en"),
            ("de", "de"),
            ("de-AT,de;q=0.9,en;q=0.5", "de"),
            ("en-GB,en;q=0.9,de;q=0.8", "en"),
            ("es,de;q=0.4,en;q=0.5", "en"),
            ("fr-CA", "fr"),
            ("de;q=0,en;q=0.1", "en"),
            ("es", "en"),
            ("*", "en"),
            ("de;q=x", "en"),
            ("<script>", "en"),
            ("deutsch", "en"),
        ] {
            assert_eq!(wanted(accept), language, "{accept:?}");
        }
    }

    #[test]
    fn the_default_language_is_for_whoever_wants_none_that_there_is() {
        let settings = PageSettings { default_language: "de".to_owned(), ..PageSettings::default() };
        assert_eq!(Language::wanted("es", &settings).0, "de");
        assert_eq!(Language::wanted("en", &settings).0, "en");
    }
}
