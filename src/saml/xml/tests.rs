//! One test per rule of the reader; the rows are those in which common readers go wrong.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn fault(xml: impl AsRef<[u8]>) -> Fault {
    match Document::parse(xml.as_ref(), Rules::MESSAGE) {
        Ok(_) => panic!("accepted {}", String::from_utf8_lossy(xml.as_ref())),
        Err(error) => error.fault,
    }
}

fn reads(xml: impl AsRef<[u8]>) {
    if let Err(error) = Document::parse(xml.as_ref(), Rules::MESSAGE) {
        panic!("{error}: {}", String::from_utf8_lossy(xml.as_ref()));
    }
}

fn text_of(xml: &str) -> String {
    let document = Document::parse(xml.as_bytes(), Rules::MESSAGE).unwrap();
    document.root().unwrap().text_content().into_owned()
}

fn value_of(xml: &str) -> String {
    let document = Document::parse(xml.as_bytes(), Rules::MESSAGE).unwrap();
    document.root().unwrap().attribute("a").unwrap().to_owned()
}

#[test]
fn a_document_type_is_refused() {
    for xml in [
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
        "<!doctype a><a/>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
        "<a><!DOCTYPE a></a>",
    ] {
        assert_eq!(fault(xml), Fault::Doctype, "{xml}");
    }
}

#[test]
fn a_processing_instruction_is_refused() {
    for xml in ["<?x y?><a/>", "<a><?x?></a>", "<a/><?x?>"] {
        assert_eq!(fault(xml), Fault::ProcessingInstruction, "{xml}");
    }
}

#[test]
fn exactly_one_root_and_nothing_beside_it() {
    for xml in
        ["<a/><b/>", "<a></a><a></a>", "x<a/>", "<a/>x", "<a/>&#32;", "<![CDATA[]]><a/>", "", " ", "<!-- -->"]
    {
        assert_eq!(fault(xml), Fault::Root, "{xml}");
    }
    for xml in ["\n <a/> \r\n\t", "<!-- x --><a/><!-- y -->"] {
        reads(xml);
    }
}

#[test]
fn characters_that_xml_does_not_allow_are_refused_literally_and_by_reference() {
    for c in ['\0', '\u{1}', '\u{8}', '\u{b}', '\u{c}', '\u{1f}', '\u{fffe}', '\u{ffff}'] {
        assert_eq!(fault(format!("<a>{c}</a>")), Fault::Character, "{c:?}");
        assert_eq!(fault(format!("<a/>{c}")), Fault::Character, "{c:?}");
        assert_eq!(fault(format!("<a>&#{};</a>", u32::from(c))), Fault::Character, "{c:?}");
        assert_eq!(fault(format!("<a a='&#x{:x};'/>", u32::from(c))), Fault::Character, "{c:?}");
    }
    for reference in ["&#xD800;", "&#55296;", "&#xDFFF;", "&#x110000;", "&#99999999999999999999;"] {
        assert_eq!(fault(format!("<a>{reference}</a>")), Fault::Character, "{reference}");
        assert_eq!(fault(format!("<a a='{reference}'/>")), Fault::Character, "{reference}");
    }
}

#[test]
fn only_the_five_entities_and_character_references_exist() {
    assert_eq!(text_of("<a>&amp;&lt;&gt;&quot;&apos;&#65;&#x42;&#x1F600;</a>"), "&<>\"'AB😀");
    assert_eq!(value_of("<a a='&amp;&lt;&gt;&quot;&apos;&#65;&#x42;'/>"), "&<>\"'AB");
    for reference in
        ["&x;", "&nbsp;", "&AMP;", "&;", "&#;", "&#x;", "&#X41;", "&#+65;", "&#-1;", "&# 65;", "&#6_5;"]
    {
        assert_eq!(fault(format!("<a>{reference}</a>")), Fault::Reference, "{reference}");
        assert_eq!(fault(format!("<a a='{reference}'/>")), Fault::Reference, "{reference}");
    }
    for xml in ["<a>&amp</a>", "<a>& </a>", "<a>a & b</a>", "<a a='&'/>", "<a a='&amp'/>", "<a>&</a>;"] {
        assert!(matches!(fault(xml), Fault::Syntax | Fault::Reference), "{xml}");
    }
}

#[test]
fn an_attribute_comes_once_by_name_and_by_expanded_name() {
    for xml in [
        "<a x='1' x='1'/>",
        "<a xmlns:p='urn:n' xmlns:q='urn:n' p:x='1' q:x='2'/>",
        "<a xmlns='urn:n' xmlns='urn:n'/>",
        "<a xmlns:p='urn:n' xmlns:p='urn:m'/>",
    ] {
        assert_eq!(fault(xml), Fault::DuplicateAttribute, "{xml}");
    }
    reads("<p:a xmlns:p='urn:n' xmlns='urn:n' x='1' p:x='2'/>");
}

#[test]
fn a_prefix_is_declared_and_never_undeclared() {
    for xml in [
        "<p:a/>",
        "<a p:x='1'/>",
        "<a><b xmlns:p='urn:n'/><p:c/></a>",
        "<xmlns:a/>",
        "<a><b xmlns:p='urn:n'/></a><p:a/>",
    ] {
        assert!(matches!(fault(xml), Fault::UnboundPrefix | Fault::Root), "{xml}");
    }
    assert_eq!(fault("<a xmlns:p='urn:n'><b xmlns:p=''/></a>"), Fault::NamespaceDeclaration);
    reads("<a xmlns='urn:n'><b xmlns=''/></a>");
}

#[test]
fn the_prefixes_xml_and_xmlns_and_their_namespaces_are_nobody_elses() {
    for xml in [
        "<a xmlns:xml='urn:x'/>",
        "<a xmlns:xmlns='urn:x'/>",
        "<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns:p='http://www.w3.org/XML/1998/&#110;amespace'/>",
    ] {
        assert_eq!(fault(xml), Fault::NamespaceDeclaration, "{xml}");
    }
    reads("<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='en'/>");
}

#[test]
fn a_relative_namespace_name_is_refused() {
    for name in ["relative", "../up", "", "1x:y", ":x", "a b:c"].iter().filter(|name| !name.is_empty()) {
        assert_eq!(fault(format!("<a xmlns='{name}'/>")), Fault::RelativeNamespace, "{name}");
    }
}

#[test]
fn an_end_tag_closes_the_element_that_is_open_letter_by_letter() {
    for xml in [
        "<a></b>",
        "<p:a xmlns:p='urn:n' xmlns:q='urn:n'></q:a>",
        "<p:a xmlns:p='urn:n' xmlns='urn:n'></a>",
        "<a><b></a></b>",
        "<a>",
        "</a>",
        "<a/></a>",
        "<a></A>",
    ] {
        assert!(matches!(fault(xml), Fault::TagMismatch | Fault::Syntax | Fault::Root), "{xml}");
    }
    reads("<a ></a\n>");
}

#[test]
fn a_name_is_a_qname() {
    for name in ["p:q:a", ":a", "a:", "1a", "-a", ".a", "a:1", "a\u{d7}b", "\u{37e}", "::", "a::b"] {
        assert!(matches!(fault(format!("<{name}/>")), Fault::Name), "{name}");
        assert!(matches!(fault(format!("<a {name}='1'/>")), Fault::Name), "{name}");
    }
    reads("<é·1 _a='1' 日='2'/>");
}

#[test]
fn the_declaration_is_of_version_1_0_and_utf_8_and_comes_first() {
    for xml in [
        "<?xml version='1.0'?><a/>",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a/>",
        "\u{feff}<?xml version='1.0' encoding='UTF-8' standalone='yes'?><a/>",
        "\u{feff}<a/>",
    ] {
        reads(xml);
    }
    for (xml, expected) in [
        ("<?xml version='1.1'?><a/>", Fault::Declaration),
        ("<?xml version='2.0'?><a/>", Fault::Declaration),
        ("<?xml?><a/>", Fault::Declaration),
        ("<?xml encoding='UTF-8'?><a/>", Fault::Declaration),
        ("<?xml encoding='UTF-8' version='1.0'?><a/>", Fault::Declaration),
        ("<?xml version='1.0' standalone='maybe'?><a/>", Fault::Declaration),
        ("<?xml version='1.0' other='x'?><a/>", Fault::Declaration),
        ("<?xml version='1&#46;0'?><a/>", Fault::Declaration),
        (" <?xml version='1.0'?><a/>", Fault::Declaration),
        ("<?xml version='1.0'?><?xml version='1.0'?><a/>", Fault::Declaration),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", Fault::Encoding),
        ("<?xml version='1.0' encoding='UTF-16'?><a/>", Fault::Encoding),
        ("<?xml version='1.0' encoding='UTF-7'?><a/>", Fault::Encoding),
    ] {
        assert_eq!(fault(xml), expected, "{xml}");
    }
    assert!(matches!(fault("<?XML version='1.0'?><a/>"), Fault::ProcessingInstruction | Fault::Declaration));
    assert!(matches!(fault("\u{feff}\u{feff}<a/>"), Fault::Root));
}

#[test]
fn octets_that_are_not_utf_8_are_refused() {
    for octets in [&b"<a>\xff</a>"[..], b"<a>\xc0\xaf</a>", b"<a>\xed\xa0\x80</a>", b"\xff\xfe<\0a\0/\0>\0"] {
        assert_eq!(fault(octets), Fault::Encoding);
    }
}

#[test]
fn line_ends_become_line_feeds_and_white_space_in_attributes_becomes_spaces() {
    assert_eq!(text_of("<a>p\r\nq\rr\ns&#13;&#10;t</a>"), "p\nq\nr\ns\r\nt");
    assert_eq!(text_of("<a><![CDATA[p\r\nq\r]]></a>"), "p\nq\n");
    assert_eq!(value_of("<a a='p\r\nq\rr\ns\tt&#13;&#10;&#9;'/>"), "p q r s t\r\n\t");
}

#[test]
fn text_is_never_cut_by_a_comment_a_section_or_a_reference() {
    assert_eq!(text_of("<a>admin<!-- x -->.evil<![CDATA[<&]]>&amp;z</a>"), "admin.evil<&&z");
    let document = Document::parse(b"<a>x<!-- -->y</a>", Rules::MESSAGE).unwrap();
    assert_eq!(document.root().unwrap().text().unwrap(), "xy");
    let document = Document::parse(b"<a>x<b/>y</a>", Rules::MESSAGE).unwrap();
    assert_eq!(document.root().unwrap().text(), None);
}

#[test]
fn a_comment_is_well_formed_and_refused_where_octets_are_canonical() {
    for xml in [
        "<a><!-- -- --></a>",
        "<a><!-- ---></a>",
        "<a><!----->x</a>",
        "<a><!--></a>",
        "<a><!- x --></a>",
        "<a><!-- x",
    ] {
        assert!(matches!(fault(xml), Fault::Comment | Fault::Syntax), "{xml}");
    }
    let error = Document::parse(b"<a><!-- --></a>", Rules::CANONICAL).unwrap_err();
    assert_eq!(error.fault, Fault::Comment);
}

#[test]
fn markup_that_is_not_of_the_grammar_is_refused() {
    for xml in [
        "<a",
        "<a b/>",
        "<a b=c/>",
        "<a b='c/>",
        "<a b='1'c='2'/>",
        "<a b='<'/>",
        "<a b = '1' = '2'/>",
        "< a/>",
        "<a / >",
        "<a>]]></a>",
        "<a><![CDATA[x]]</a>",
        "<a><![cdata[x]]></a>",
        "<a><b</a>",
        "<a>></a><",
        "<>x</>",
        "<a/ b='1'>",
        "</>",
        "<a></a b='1'>",
        "<a><!ELEMENT a></a>",
    ] {
        let fault = fault(xml);
        let expected = matches!(fault, Fault::Syntax | Fault::Name | Fault::TagMismatch | Fault::Root);
        assert!(expected, "{xml}: {fault:?}");
    }
    reads("<a b = '1'\n\tc\r=\"'2\" />");
    reads("<a>></a>");
}

#[test]
fn there_is_a_bound_to_everything() {
    let limits = Limits::MESSAGE;
    let many = |count: usize, item: fn(usize) -> String| (0..count).map(item).collect::<String>();
    assert!(matches!(fault(format!("<a>{}</a>", " ".repeat(limits.bytes))), Fault::Limit(_)));
    assert!(matches!(fault(many(limits.depth + 1, |_| "<a>".into())), Fault::Limit(_)));
    assert!(matches!(fault(format!("<a>{}</a>", "<b/>".repeat(limits.elements))), Fault::Limit(_)));
    let attributes = many(limits.attributes + 1, |n| format!(" a{n}='1'"));
    assert!(matches!(fault(format!("<a{attributes}/>")), Fault::Limit(_)));
    let declarations = many(limits.attributes + 1, |n| format!(" xmlns:a{n}='urn:x'"));
    assert!(matches!(fault(format!("<a{declarations}/>")), Fault::Limit(_)));
    assert!(matches!(fault(format!("<a a='{}'/>", "x".repeat(limits.attribute_bytes + 1))), Fault::Limit(_)));
    assert!(matches!(fault(format!("<a>{}</a>", "x".repeat(limits.text_bytes + 1))), Fault::Limit(_)));
    assert!(matches!(fault(format!("<a>{}</a>", "&lt;".repeat(limits.text_bytes))), Fault::Limit(_)));
    let tokens = "&lt;".repeat(limits.tokens);
    assert!(matches!(fault(format!("<a>{tokens}</a>")), Fault::Limit("tokens")));
    let all = many(limits.all_attributes / 50 + 1, |_| {
        format!("<b{}/>", (0..50).map(|a| format!(" a{a}=''")).collect::<String>())
    });
    assert!(matches!(fault(format!("<a>{all}</a>")), Fault::Limit("attributes")));
    let name = format!("urn:{}", "x".repeat(limits.namespace_bytes));
    assert!(matches!(fault(format!("<a xmlns='{name}'/>")), Fault::Limit(_)));
}

#[test]
fn what_is_encrypted_may_be_as_long_as_the_message_leaves_room_for() {
    let limits = Limits::MESSAGE;
    let text = "A".repeat(limits.bytes - "<CipherValue></CipherValue>".len());
    let xml = format!("<CipherValue>{text}</CipherValue>");
    let document = Document::parse(xml.as_bytes(), Rules::MESSAGE).unwrap();
    assert_eq!(document.root().unwrap().text_content(), text);
    let long = "A".repeat(limits.text_bytes + 1);
    let beside = format!("<a><CipherValue>{long}</CipherValue>{long}</a>");
    assert!(matches!(fault(beside), Fault::Limit("octets of a text")));
}

#[test]
fn the_tree_keeps_prefixes_namespaces_and_order() {
    let xml = "<p:a xmlns:p='urn:p' xmlns='urn:d' x='1' p:y='2'><b/>t<!--c--><p:c xmlns:p='urn:q'/></p:a>";
    let document = Document::parse(xml.as_bytes(), Rules::MESSAGE).unwrap();
    let root = document.root().unwrap();
    assert!(root.is("urn:p", "a") && root.prefix() == "p");
    assert_eq!((root.attribute("x"), root.attribute("y")), (Some("1"), None));
    let children: Vec<_> =
        root.children().map(|child| (child.prefix(), child.namespace_name(), child.local())).collect();
    assert_eq!(children, [("", "urn:d", "b"), ("p", "urn:q", "c")]);
    assert!(root.children().all(|child| child.parent() == Some(root)));
    assert_eq!(root.descendants().count(), 3);
    assert!(root.has_text() && root.has_comment());
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn a_hostile_document_of_full_size_is_read_in_milliseconds() {
    let fill = |head: &str, item: &dyn Fn(usize) -> String, tail: &str| {
        let mut xml = String::from(head);
        let mut n = 0;
        while xml.len() < Limits::MESSAGE.bytes - 2000 {
            xml.push_str(&item(n));
            n += 1;
        }
        xml + tail
    };
    let open = Limits { elements: 1_000_000, attributes: 1_000_000, depth: 1_000_000, ..Limits::MESSAGE };
    let deep = "<a xmlns:p='urn:x'>".repeat(10_000);
    for (what, xml) in [
        ("attributes", fill("<a", &|n| format!(" a{n}=''"), "/>")),
        ("declarations", fill("<a", &|n| format!(" xmlns:a{n}='urn:{n}'"), "/>")),
        ("elements", fill("<a>", &|_| "<b/>".into(), "</a>")),
        ("redeclared", fill("<a>", &|n| format!("<b xmlns:p{n}='urn:{n}'/>"), "</a>")),
        ("depth", format!("{deep}{}", "</a>".repeat(10_000))),
        ("references", fill("<a>", &|_| "&lt;".into(), "</a>")),
        ("comments", fill("<a>", &|_| "<!---->".into(), "</a>")),
        ("quotes", fill("<a x='", &|_| "\"".into(), "'/>")),
        ("lone ampersands", fill("<a x='", &|_| "&".into(), "'/>")),
        ("end tags", fill("<a>", &|_| "</".into(), "</a>")),
        ("unclosed", fill("<a>", &|_| "<".into(), "</a>")),
        ("unclosed comments", fill("<a>", &|_| "<!--".into(), "</a>")),
        ("doctype", fill("<!DOCTYPE a [", &|_| "<!ENTITY".into(), "]><a/>")),
    ] {
        for limits in [Limits::MESSAGE, open] {
            let start = std::time::Instant::now();
            let _ = Document::parse(xml.as_bytes(), Rules { limits, ..Rules::MESSAGE });
            let took = start.elapsed();
            println!("{what}: {took:?}");
            assert!(took.as_millis() < 1500, "{what}: {took:?}");
        }
    }
}
