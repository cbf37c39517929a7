//! Rules in their order, found by the first segment of the path that they are about: a request is compared with those of
//! its own part of the application, however many there are.

use std::collections::HashMap;
use std::ops::Deref;

use super::rules::{PathMatch, Rule};
use crate::common::path::folded;

/// See the module.
#[derive(Debug, Default)]
pub struct RuleList {
    rules: Vec<Rule>,
    /// Places of rules about paths that begin with this segment, folded; ascending.
    by_segment: HashMap<String, Vec<usize>>,
    /// Places of all others; ascending.
    anywhere: Vec<usize>,
}

impl RuleList {
    /// The rules that can be about this path, read in any case, in their order. The others are about other paths.
    pub fn about(&self, path: &str) -> impl Iterator<Item = &Rule> {
        let folded = folded(path);
        let mut own = self.by_segment.get(first_segment(&folded)).map_or(&[][..], Vec::as_slice);
        let mut anywhere = self.anywhere.as_slice();
        std::iter::from_fn(move || {
            let from = match (own.first(), anywhere.first()) {
                (Some(one), Some(other)) if one > other => &mut anywhere,
                (Some(_), _) => &mut own,
                (None, _) => &mut anywhere,
            };
            let (at, rest) = from.split_first()?;
            *from = rest;
            self.rules.get(*at)
        })
    }
}

impl From<Vec<Rule>> for RuleList {
    fn from(rules: Vec<Rule>) -> Self {
        let (mut by_segment, mut anywhere) = (HashMap::<String, Vec<usize>>::new(), Vec::new());
        for (at, rule) in rules.iter().enumerate() {
            match segment_of(rule) {
                Some(segment) => by_segment.entry(segment).or_default().push(at),
                None => anywhere.push(at),
            }
        }
        Self { rules, by_segment, anywhere }
    }
}

impl Deref for RuleList {
    type Target = [Rule];

    fn deref(&self) -> &[Rule] {
        &self.rules
    }
}

/// With what segment every path begins that this rule is about. Only of ASCII, which folds by itself, whatever follows.
fn segment_of(rule: &Rule) -> Option<String> {
    let (PathMatch::Exact(path) | PathMatch::Prefix(path)) = &rule.path else { return None };
    let segment = first_segment(path);
    (!segment.is_empty() && segment.is_ascii()).then(|| segment.to_ascii_lowercase())
}

fn first_segment(path: &str) -> &str {
    path.strip_prefix('/').and_then(|path| path.split('/').next()).unwrap_or_default()
}
