//! The harness proved, and its short form.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::judge::{Judge, Message};
use crate::run::{Mutant, Verdict, judge, run};
use crate::seeds::SETTING;
use crate::wrapping::about_mallory;

/// As Wasm the run has to stay within seconds.
const COUNT: usize = if cfg!(target_arch = "wasm32") { 2_000 } else { 50_000 };

fn of(seed: usize, xml: &str, harmless: bool) -> Mutant {
    Mutant {
        seed: &SETTING.seeds[seed],
        operators: Vec::new(),
        harmless,
        relaxed: false,
        message: Message::Octets(xml.as_bytes().to_vec()),
    }
}

#[test]
fn every_seed_is_accepted_with_the_values_that_its_maker_wrote() {
    let provider = Judge::default();
    for (number, seed) in SETTING.seeds.iter().enumerate() {
        match judge(&provider, &of(number, seed.xml, true)) {
            Verdict::AsSigned => {}
            Verdict::Refused(code) => panic!("{}: {code}", seed.name),
            Verdict::Wrong(why) => panic!("{}: {why}", seed.name),
        }
    }
}

/// A harness that cannot see a wrong sign-in proves nothing.
#[test]
fn a_message_about_somebody_else_would_be_noticed() {
    let provider = Judge::default();
    let (ada, grace) = (&SETTING.seeds[0], &SETTING.seeds[1]);
    assert!(matches!(judge(&provider, &of(0, grace.xml, false)), Verdict::Wrong(_)));
    assert!(matches!(judge(&provider, &of(0, "<x/>", true)), Verdict::Wrong(_)));
    let mallory = about_mallory(ada, ada.xml, true);
    assert!(mallory.contains(">mallory@example.test<") && mallory.contains("ID=\"_assertion-ada\""));
    assert!(matches!(judge(&provider, &of(0, &mallory, false)), Verdict::Refused("signature_digest")));
}

#[test]
fn no_mutant_signs_in_anybody_whom_the_signer_did_not_sign_and_all_harmless_ones_are_accepted() {
    #[cfg(not(target_arch = "wasm32"))]
    let report = {
        let halves = [0, 10_000_000_000].map(|first| std::thread::spawn(move || run(first, COUNT / 2)));
        halves.into_iter().map(|half| half.join().unwrap()).reduce(|mut all, more| {
            all.merge(more);
            all
        })
    }
    .unwrap();
    #[cfg(target_arch = "wasm32")]
    let report = run(0, COUNT);
    println!("{}", report.text());
    assert!(report.wrong.is_empty(), "{}", report.wrong.join("\n"));
    assert!(report.harmless * 20 > report.made, "too few harmless ones");
    assert!(report.unused().is_empty(), "{:?}", report.unused());
    assert!(report.codes() > 40, "the mutants reach too few rules");
}
