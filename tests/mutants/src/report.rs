//! Counts per operator, refusals by code, and times by size.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::run::{Mutant, Verdict};

/// A message may take this long whatever its size: two signatures, one decryption, three keys.
const FIXED: Duration = Duration::from_millis(25);
/// And this long for each octet.
const PER_OCTET: Duration = Duration::from_nanos(300);

#[derive(Default)]
struct Count {
    made: usize,
    harmless: usize,
    accepted: usize,
    refused: BTreeMap<&'static str, usize>,
}

/// All that was counted.
#[derive(Default)]
pub struct Report {
    /// Mutants.
    pub made: usize,
    /// Those that had to be accepted.
    pub harmless: usize,
    /// Those that were accepted.
    pub accepted: usize,
    /// Mutants that broke a promise, with number and reason.
    pub wrong: Vec<String>,
    operators: BTreeMap<&'static str, Count>,
    seeds: BTreeMap<&'static str, Count>,
    /// By size in powers of two of KiB: how many, the longest time, and its mutant.
    times: BTreeMap<u32, (usize, Duration, u64)>,
}

impl Report {
    /// Whether this took longer than linear time allows. Unoptimised code is twenty times slower.
    #[must_use]
    pub fn is_slow(&self, mutant: &Mutant, took: Duration) -> bool {
        let size = u32::try_from(mutant.message.size()).unwrap_or(u32::MAX);
        let allowed = FIXED + PER_OCTET * size;
        took > if cfg!(debug_assertions) { allowed * 20 } else { allowed }
    }

    /// Adds one mutant.
    pub fn add(&mut self, number: u64, mutant: &Mutant, verdict: &Verdict, took: Duration) {
        self.made += 1;
        self.harmless += usize::from(mutant.harmless);
        self.accepted += usize::from(matches!(verdict, Verdict::AsSigned));
        if let Verdict::Wrong(why) = verdict {
            self.wrong
                .push(format!("mutant {number} of {} by {:?}: {why}", mutant.seed.name, mutant.operators));
        }
        if self.is_slow(mutant, took) {
            self.wrong.push(format!("mutant {number} took {took:?} for {} octets", mutant.message.size()));
        }
        self.seeds.entry(mutant.seed.name.as_str()).or_default().add(mutant, verdict);
        let mut names = mutant.operators.clone();
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.operators.entry(name).or_default().add(mutant, verdict);
        }
        let class = (mutant.message.size() / 1024).max(1).ilog2();
        let slowest = self.times.entry(class).or_default();
        slowest.0 += 1;
        if took > slowest.1 {
            (slowest.1, slowest.2) = (took, number);
        }
    }

    /// Adds all that another report has.
    pub fn merge(&mut self, other: Self) {
        self.made += other.made;
        self.harmless += other.harmless;
        self.accepted += other.accepted;
        self.wrong.extend(other.wrong);
        for (mine, theirs) in [(&mut self.operators, other.operators), (&mut self.seeds, other.seeds)] {
            for (name, count) in theirs {
                mine.entry(name).or_default().merge(count);
            }
        }
        for (class, (count, took, number)) in other.times {
            let slowest = self.times.entry(class).or_default();
            slowest.0 += count;
            if took > slowest.1 {
                (slowest.1, slowest.2) = (took, number);
            }
        }
    }

    /// How many codes of refusal were seen.
    #[must_use]
    pub fn codes(&self) -> usize {
        self.by_code().len()
    }

    fn by_code(&self) -> BTreeMap<&'static str, usize> {
        let mut codes = BTreeMap::new();
        for (code, count) in self.seeds.values().flat_map(|count| &count.refused) {
            *codes.entry(*code).or_default() += count;
        }
        codes
    }

    /// Whether every operator was used.
    #[must_use]
    pub fn unused(&self) -> Vec<&'static str> {
        let names = crate::harmless::OPERATORS.iter().map(|(name, _)| *name);
        let names = names.chain(crate::hostile::OPERATORS.iter().map(|(name, _)| *name));
        let names = names.chain(crate::wrapping::OPERATORS.iter().map(|(name, _)| *name));
        let names = names.chain(crate::hostile::LAST.iter().map(|(name, _)| *name));
        names.filter(|name| !self.operators.contains_key(name)).collect()
    }

    /// The report as Markdown.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} mutants: {} accepted with the values that were signed, {} refused, {} wrong. {} were harmless ({:.1} %), and \
             all of them had to be accepted.\n",
            self.made,
            self.accepted,
            self.by_code().values().sum::<usize>(),
            self.wrong.len(),
            self.harmless,
            100.0 * self.harmless as f64 / self.made.max(1) as f64,
        );
        table(&mut text, "operator", &self.operators);
        table(&mut text, "made of", &self.seeds);
        text.push_str("\n| refused as | times |\n|---|---:|\n");
        let mut codes: Vec<_> = self.by_code().into_iter().collect();
        codes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (code, count) in codes {
            let _ = writeln!(text, "| `{code}` | {count} |");
        }
        text.push_str("\n| size | mutants | slowest | nanoseconds per octet | its number |\n|---|---:|---:|---:|---:|\n");
        for (class, (count, took, number)) in &self.times {
            let least = 1usize << class;
            let per_octet = took.as_nanos() / (least as u128 * 1024);
            let _ =
                writeln!(text, "| {least} KiB and more | {count} | {took:.2?} | {per_octet} | {number} |");
        }
        for why in self.wrong.iter().take(20) {
            let _ = writeln!(text, "\nWRONG: {why}");
        }
        text
    }
}

impl Count {
    fn add(&mut self, mutant: &Mutant, verdict: &Verdict) {
        self.made += 1;
        self.harmless += usize::from(mutant.harmless);
        match verdict {
            Verdict::AsSigned => self.accepted += 1,
            Verdict::Refused(code) => *self.refused.entry(code).or_default() += 1,
            Verdict::Wrong(_) => {}
        }
    }

    fn merge(&mut self, other: Self) {
        self.made += other.made;
        self.harmless += other.harmless;
        self.accepted += other.accepted;
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
    }
}

fn table(text: &mut String, what: &str, counts: &BTreeMap<&'static str, Count>) {
    let _ = writeln!(text, "\n| {what} | made | harmless | accepted | refused | most often as |");
    text.push_str("|---|---:|---:|---:|---:|---|\n");
    for (name, count) in counts {
        let mut codes: Vec<_> = count.refused.iter().collect();
        codes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let codes: Vec<String> =
            codes.iter().take(4).map(|(code, count)| format!("`{code}` {count}")).collect();
        let refused: usize = count.refused.values().sum();
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {refused} | {} |",
            count.made,
            count.harmless,
            count.accepted,
            codes.join(", ")
        );
    }
}
