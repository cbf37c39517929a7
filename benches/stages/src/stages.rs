//! The stages. Each checks once that it does what it is said to do, and then does nothing else.

use std::hint::black_box;
use std::rc::Rc;

use serde_json::Value;
use vestibule::access::Session;
use vestibule::common::test_host::TestHost;
use vestibule::common::{Headers, UnixMillis};
use vestibule::crypto::{DecryptionKey, KeyRing, MasterKey, PublicKey};
use vestibule::gateway::{Event, Gateway, Step};
use vestibule::saml::c14n::{MAX_OUTPUT, Method, canonicalize};
use vestibule::saml::encryption::Decryptor;
use vestibule::saml::signature::{Relaxed, Trust, verify_enveloped};
use vestibule::saml::xml::{Document, Rules};
use vestibule::scim::{Incoming, Normalised, Settings, Upstream, normalise, repair};

type Work = Box<dyn FnMut()>;
/// Makes the work for one input; the second argument is all that was handed over.
type Prepare = fn(&Value, &Value) -> Work;

/// All stages, by name.
pub(crate) const ALL: [(&str, Prepare); 9] = [
    ("parse", parse),
    ("canonicalise", canonicalise),
    ("verify", verify),
    ("decrypt", decrypt),
    ("open_cookie", open_cookie),
    ("policy", policy),
    ("tenants", policy),
    ("patch", patch),
    ("list", list),
];

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

fn host(all: &Value) -> TestHost {
    TestHost::at(all["now"].as_u64().expect("the time"))
}

fn parse(input: &Value, _: &Value) -> Work {
    let xml = text(input);
    Box::new(move || drop(black_box(Document::parse(xml.as_bytes(), Rules::MESSAGE).expect("it is read"))))
}

/// A document for as long as the program runs, so that work can hold on to what it is made of.
fn document(input: &Value) -> &'static Document<'static> {
    let xml: &'static str = Box::leak(text(input).into_boxed_str());
    Box::leak(Box::new(Document::parse(xml.as_bytes(), Rules::MESSAGE).expect("it is read")))
}

fn canonicalise(input: &Value, _: &Value) -> Work {
    let document = document(input);
    let method = Method::default();
    Box::new(move || {
        let root = document.root().expect("a root");
        black_box(canonicalize(root, &method, None, MAX_OUTPUT).expect("it has canonical octets"));
    })
}

/// Of the assertion, RSA-2048 in this very code: the host's own verification is faster.
fn verify(input: &Value, all: &Value) -> Work {
    let document = document(input);
    let keys = vec![PublicKey::from_certificate(&text(&all["certificate"])).expect("a certificate")];
    let host = host(all);
    Box::new(move || {
        let root = document.root().expect("a root");
        let assertion = root.children().find(|one| one.local() == "Assertion").expect("an assertion");
        let trust = Trust { keys: &keys, now: UnixMillis(host.time.get()), relaxed: Relaxed::default() };
        let signed = verify_enveloped(&host, assertion, trust).ok().flatten().expect("it is signed");
        black_box(signed);
    })
}

fn decrypt(input: &Value, all: &Value) -> Work {
    let document = document(input);
    let keys = vec![DecryptionKey::from_pem(&text(&all["decryption_key"])).expect("a key")];
    let host = host(all);
    Box::new(move || {
        let root = document.root().expect("a root");
        let wrapper = root.children().find(|one| one.local() == "EncryptedAssertion").expect("one");
        let length = Decryptor::new(&keys, false, None).decrypt(&host, wrapper, |octets| Some(octets.len()));
        black_box(length.expect("it can be decrypted"));
    })
}

/// Opens a sealed session and reads it, as the first request of a session does.
fn open_cookie(input: &Value, all: &Value) -> Work {
    let masters = [MasterKey::new("k1", &[7; 32]).expect("a key")];
    let ring = KeyRing::derive(&masters, "session").expect("a ring");
    let sealed = ring.seal(&host(all), text(input).as_bytes(), &["demo", "localhost"]).expect("it is sealed");
    Box::new(move || {
        let plain = ring.open(&sealed, &["demo", "localhost"]).expect("it opens");
        black_box(serde_json::from_slice::<Session>(&plain).expect("a session"));
    })
}

/// A whole exchange on a public route: so many rules stand before the one that matches, or so many tenants beside.
fn policy(input: &Value, all: &Value) -> Work {
    let secret = |_: &str| Some("0123456789abcdef0123456789abcdef".to_owned());
    let (gateway, _) = Gateway::compile(text(input).as_bytes(), &secret).expect("a configuration");
    let (gateway, host) = (Rc::new(gateway), host(all));
    gateway.prepare(&host).expect("it starts");
    let headers: Vec<(Vec<u8>, Vec<u8>)> = all["headers"]
        .as_array()
        .expect("headers")
        .iter()
        .map(|pair| (text(&pair[0]).into_bytes(), text(&pair[1]).into_bytes()))
        .collect();
    Box::new(move || {
        let mut exchange = gateway.exchange();
        let event = Event::RequestHeaders { headers: Headers::new(headers.clone()), end: true };
        assert!(matches!(black_box(exchange.on(event, &host)), Step::Continue(_)));
        // A host of tests remembers what it was told.
        host.lines.borrow_mut().clear();
    })
}

fn scim_settings() -> Settings {
    Settings {
        public_base: "https://localhost:8443/scim/v2/entra".to_owned(),
        application_base: "/app-scim/v2".to_owned(),
        own_credential: true,
        ..Settings::default()
    }
}

fn patch(input: &Value, _: &Value) -> Work {
    let (body, settings) = (text(input), scim_settings());
    Box::new(move || {
        let incoming = Incoming {
            method: "PATCH",
            path: "/Users/u-1",
            accept: None,
            content_type: Some("application/scim+json; charset=utf-8"),
            content_encoding: None,
            body: Some(body.as_bytes()),
        };
        let Ok(Normalised::Forward(outgoing)) = normalise(&incoming, &settings) else {
            panic!("not rewritten")
        };
        assert!(!outgoing.applied.is_empty());
        black_box(outgoing);
    })
}

fn list(input: &Value, _: &Value) -> Work {
    let (body, settings) = (text(input), scim_settings());
    let incoming = Incoming {
        method: "GET",
        path: "/Users?startIndex=1&count=100",
        accept: None,
        content_type: None,
        content_encoding: None,
        body: None,
    };
    let Ok(Normalised::Forward(outgoing)) = normalise(&incoming, &settings) else { panic!("not forwarded") };
    let shape = outgoing.shape;
    Box::new(move || {
        let upstream = Upstream {
            status: 200,
            content_type: Some("application/scim+json"),
            location: None,
            body: body.as_bytes(),
        };
        let repaired = repair(&shape, &upstream, &settings);
        assert!(repaired.status == 200 && repaired.body.is_some());
        black_box(repaired);
    })
}
