//! Makes a mutant of each number, has it judged, and holds the outcome against what was signed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vestibule::saml::response::Accept;

use crate::judge::{Judge, Message};
use crate::random::Random;
use crate::report::Report;
use crate::seeds::{SETTING, Seed, Values};
use crate::{harmless, hostile, wrapping};

/// One of five mutants is harmless.
const HARMLESS_ONE_IN: usize = 5;
/// Rarely is so much the message's own cost.
const SUSPICIOUS: Duration = Duration::from_millis(if cfg!(debug_assertions) { 100 } else { 3 });
/// Parts of two signed messages: whoever signs in is one of their persons.
const OF_TWO: [&str; 2] = ["part of another message", "signature of another message"];

/// A message, and how it came to be.
pub struct Mutant {
    /// What it was made of.
    pub seed: &'static Seed,
    /// The operators, in their order.
    pub operators: Vec<&'static str>,
    /// Whether it must be accepted.
    pub harmless: bool,
    /// Whether it is judged with every relaxation there is.
    pub relaxed: bool,
    /// What arrives.
    pub message: Message,
}

/// The mutant of this number; `None` where the operators that were drawn find nothing to change.
#[must_use]
pub fn mutant(number: u64) -> Option<Mutant> {
    let mut random = Random::of_mutant(number);
    let seed: &'static Seed = random.of(&SETTING.seeds)?;
    // A private-key operation takes ten times as long as all else.
    if seed.encrypted && !random.once_in(4) {
        return None;
    }
    if random.once_in(HARMLESS_ONE_IN) {
        harmless_of(seed, &mut random)
    } else {
        hostile_of(seed, &mut random)
    }
}

fn harmless_of(seed: &'static Seed, random: &mut Random) -> Option<Mutant> {
    let (mut xml, mut operators) = (seed.xml.to_owned(), Vec::new());
    for _ in 0..=random.below(4) {
        let (name, operator) = *random.of(&harmless::OPERATORS)?;
        if let Some(changed) = operator(seed, &xml, random) {
            xml = changed;
            operators.push(name);
        }
    }
    let message = if random.once_in(5) {
        operators.push("line breaks of the form");
        Message::Form(wrapped_form(&xml, random))
    } else {
        Message::Octets(xml.into_bytes())
    };
    if operators.is_empty() {
        return None;
    }
    Some(Mutant { seed, operators, harmless: true, relaxed: random.once_in(4), message })
}

/// Base64 (RFC 4648, 4) with white space between.
fn wrapped_form(xml: &str, random: &mut Random) -> String {
    let right = STANDARD.encode(xml);
    let width = [76, 64, 1, 4096][random.below(4)];
    let between = ["\r\n", "\n", " ", "\t"][random.below(4)];
    let mut form = String::new();
    for line in right.as_bytes().chunks(width) {
        form.push_str(&String::from_utf8_lossy(line));
        form.push_str(between);
    }
    form
}

fn hostile_of(seed: &'static Seed, random: &mut Random) -> Option<Mutant> {
    let (mut xml, mut operators) = (seed.xml.to_owned(), Vec::new());
    if random.once_in(4) {
        let (name, operator) = *random.of(&wrapping::OPERATORS)?;
        if let Some(changed) = operator(seed, &xml, random) {
            xml = changed;
            operators.push(name);
        }
    }
    let last = random.once_in(8);
    let times = if operators.is_empty() && !last { 1 + random.below(3) } else { random.below(3) };
    for _ in 0..times {
        // Now and then a harmless change hides a hostile one.
        let (name, changed) = if random.once_in(8) {
            let (name, operator) = *random.of(&harmless::OPERATORS)?;
            (name, operator(seed, &xml, random))
        } else {
            let (name, operator) = *random.of(&hostile::OPERATORS)?;
            (name, operator(seed, &xml, random))
        };
        if let Some(changed) = changed {
            xml = changed;
            operators.push(name);
        }
    }
    let message = if last {
        let (name, operator) = *random.of(&hostile::LAST)?;
        operators.push(name);
        operator(&xml, random)
    } else {
        Message::Octets(xml.into_bytes())
    };
    if operators.is_empty() {
        return None;
    }
    Some(Mutant { seed, operators, harmless: false, relaxed: random.once_in(2), message })
}

/// What became of a mutant.
pub enum Verdict {
    /// Accepted, with values that were signed.
    AsSigned,
    /// Refused, with this code.
    Refused(&'static str),
    /// Accepted with other values, refused though harmless, or a panic: with the reason.
    Wrong(String),
}

/// Judges a mutant.
#[must_use]
pub fn judge(judge: &Judge, mutant: &Mutant) -> Verdict {
    let needs: Vec<&str> = mutant.seed.needs.iter().map(String::as_str).collect();
    let relaxed: &[&str] = if mutant.relaxed { &Accept::NAMES } else { &needs };
    let outcome = catch_unwind(AssertUnwindSafe(|| judge.judge(&mutant.message, relaxed)));
    match outcome {
        Err(_) => Verdict::Wrong("it panicked".to_owned()),
        Ok(Ok(values)) if was_signed(mutant, &values) => Verdict::AsSigned,
        Ok(Ok(values)) => Verdict::Wrong(format!("accepted as {values:?}")),
        Ok(Err(code)) if mutant.harmless => Verdict::Wrong(format!("refused as {code}, though harmless")),
        Ok(Err(code)) => Verdict::Refused(code),
    }
}

fn was_signed(mutant: &Mutant, values: &Values) -> bool {
    let of_two = mutant.operators.iter().any(|name| OF_TWO.contains(name));
    *values == mutant.seed.values || (of_two && SETTING.seeds.iter().any(|seed| seed.values == *values))
}

#[cfg(not(target_arch = "wasm32"))]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let outcome = work();
    (outcome, start.elapsed())
}

/// There is no clock.
#[cfg(target_arch = "wasm32")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    (work(), Duration::ZERO)
}

/// Judges `count` mutants from the number `first` on; those numbers that make none are passed over.
#[must_use]
pub fn run(first: u64, count: usize) -> Report {
    let provider = Judge::default();
    let mut report = Report::default();
    let mut number = first;
    while report.made < count {
        if let Some(mutant) = mutant(number) {
            let (verdict, mut took) = timed(|| judge(&provider, &mutant));
            // What else the machine does is no cost of the message: the least of some runs counts.
            for _ in 0..8 {
                if took < SUSPICIOUS {
                    break;
                }
                took = took.min(timed(|| judge(&provider, &mutant)).1);
            }
            report.add(number, &mutant, &verdict, took);
        }
        number += 1;
    }
    report
}
