use super::*;
use std::collections::{BTreeMap, BTreeSet};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn body(reply: Reply) -> String {
    String::from_utf8(reply.body).unwrap()
}

fn header<'r>(reply: &'r Reply, name: &str) -> &'r str {
    reply.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str()).unwrap_or_default()
}

fn view<'a>(settings: &'a PageSettings, language: &str) -> View<'a> {
    View::of(settings, &Headers::from([("accept-language", language)]))
}

fn settings(language: &str, texts: &[(&str, &str)]) -> PageSettings {
    let texts: BTreeMap<String, String> =
        texts.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    PageSettings { texts: BTreeMap::from([(language.to_owned(), texts)]), ..PageSettings::default() }
}

#[test]
fn markup_in_a_text_is_shown_not_run() {
    let settings = settings(
        "en",
        &[("no_access.title", "<b>"), ("no_access.text", "\"><script>"), ("label.start", "'")],
    );
    let reply = page_with(
        &view(&settings, "en"),
        403,
        &words::NO_ACCESS,
        "<i>",
        &Offer::Link("/?\"", &words::TO_THE_START),
        None,
    );
    let body = body(reply);
    assert!(
        !body.contains("<script>")
            && !body.contains("<b>")
            && !body.contains("/?\"")
            && !body.contains("<i>")
    );
    assert!(body.contains("&lt;b&gt;") && body.contains("&#39;</a>"));
}

#[test]
fn a_form_for_another_site_runs_the_one_script_that_submits_it() {
    let settings = PageSettings::default();
    let fields = [("SAMLRequest", "<\"'".to_owned())];
    let reply = carry(&view(&settings, ""), &words::CARRY_SIGN_IN, "https://idp.example/?a=1&b=\"", &fields);
    let policy = header(&reply, "content-security-policy").to_owned();
    let body = body(reply);
    assert!(body.contains("action=\"https://idp.example/?a=1&amp;b=&quot;\""));
    assert!(body.contains("name=\"SAMLRequest\" value=\"&lt;&quot;&#39;\""));
    assert!(body.contains("<button type=\"submit\">"));
    assert_eq!(body.matches("<script").count(), 1);
    assert!(policy.starts_with("default-src 'none'"));
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe"));
}

#[test]
fn a_page_runs_no_script_and_is_kept_nowhere() {
    let settings = PageSettings::default();
    for said in words::PAGES {
        let reply = page(&view(&settings, ""), 200, said, &Offer::Nothing, None);
        assert!(header(&reply, "content-security-policy").starts_with("default-src 'none'"));
        assert!(!header(&reply, "content-security-policy").contains("script-src"));
        assert_eq!(header(&reply, "cache-control"), "no-store");
        assert!(!body(reply).contains("<script"));
    }
}

#[test]
fn the_policy_names_the_style_that_stands_in_the_page_and_no_other() {
    let settings = PageSettings { style: "h1{color:red}".to_owned(), ..PageSettings::default() };
    let reply = page(&view(&settings, ""), 200, &words::SIGNED_OUT, &Offer::Nothing, None);
    let policy = header(&reply, "content-security-policy").to_owned();
    let body = body(reply);
    let style = body.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    assert!(style.ends_with("h1{color:red}"));
    assert!(policy.contains(&format!("style-src 'sha256-{}'", STANDARD.encode(sha256(style.as_bytes())))));
}

#[test]
fn every_page_says_its_title_language_and_heading_to_a_screen_reader() {
    let settings = PageSettings::default();
    for language in ["en", "de"] {
        for said in words::PAGES {
            let body = body(page(&view(&settings, language), 200, said, &Offer::Nothing, None));
            let title = body.split("<title>").nth(1).unwrap().split('<').next().unwrap();
            assert!(!title.is_empty());
            assert!(body.contains(&format!("<html lang=\"{language}\">")));
            assert!(body.contains(&format!("<main><h1>{title}</h1>")));
        }
    }
}

#[test]
fn every_text_is_there_in_english_and_in_german_under_a_key_of_its_own() {
    let keys: BTreeSet<&str> = words::keys().into_iter().collect();
    assert_eq!(keys.len(), words::keys().len());
    let all =
        words::PAGES.iter().flat_map(|said| [said.title, said.text]).chain(words::LABELS.iter().copied());
    for words in all {
        assert!(!words.english.is_empty() && !words.german.is_empty(), "{}", words.key);
        assert!(words.english != words.german, "{} is not translated", words.key);
    }
    for code in words::ENTRA {
        let words = words::of_entra(code).unwrap();
        assert!(words.english != words.german && words.key == format!("entra.{code}"));
    }
}

#[test]
fn an_operators_text_takes_the_place_of_ours_in_its_language_only() {
    let settings = settings("de", &[("no_access.title", "Gesperrt")]);
    let shown =
        |language| body(page(&view(&settings, language), 403, &words::NO_ACCESS, &Offer::Nothing, None));
    assert!(shown("de").contains("<h1>Gesperrt</h1>"));
    assert!(shown("en").contains("<h1>No access</h1>"));
}

#[test]
fn a_language_of_the_operators_falls_back_to_english_text_by_text() {
    let settings = settings("fr", &[("no_access.title", "Accès refusé")]);
    let shown = body(page(&view(&settings, "fr"), 403, &words::NO_ACCESS, &Offer::Nothing, None));
    assert!(shown.contains("<html lang=\"fr\">") && shown.contains("<h1>Accès refusé</h1>"));
    assert!(shown.contains("You have no access to this page."));
}

#[test]
fn help_stands_beside_a_reference() {
    let settings =
        PageSettings { support: Some("mailto:help@a.example".to_owned()), ..PageSettings::default() };
    let reference = Reference("0123456789".to_owned());
    let with = body(page(&view(&settings, ""), 403, &words::NO_ACCESS, &Offer::Nothing, Some(&reference)));
    assert!(with.contains("href=\"mailto:help@a.example\"") && with.contains("<code>0123456789</code>"));
    let without = body(page(&view(&settings, ""), 200, &words::SIGNED_OUT, &Offer::Nothing, None));
    assert!(!without.contains("mailto:"));
}

#[test]
fn the_microsoft_button_has_its_own_logo_and_words_and_the_label_above() {
    let settings = PageSettings::default();
    let ways = [
        Way {
            link: "/a?b&c".to_owned(),
            name: "entra",
            label: Some("Fabrikam <GmbH>"),
            brand: Brand::Microsoft,
        },
        Way { link: "/d".to_owned(), name: "other", label: None, brand: Brand::None },
    ];
    for (language, text) in [("en", "Sign in with Microsoft"), ("de", "Mit Microsoft anmelden")] {
        let body = body(page(&view(&settings, language), 200, &words::CHOICE, &Offer::Ways(&ways), None));
        assert!(body.contains(&format!("<span>{text}</span></a>")));
        assert!(body.contains(
            "<span class=\"of\">Fabrikam &lt;GmbH&gt;</span><a class=\"way microsoft\" href=\"/a?b&amp;c\">"
        ));
        for colour in ["#f25022", "#7fba00", "#00a4ef", "#ffb900"] {
            assert!(body.contains(colour));
        }
        assert!(body.contains("<a class=\"way\" href=\"/d\">other</a>"));
    }
}
