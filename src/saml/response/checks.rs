//! What was checked, in order: written by the checks themselves, for a person who wants to see how far a message came.

/// The checks of one validation. The last one that was begun is the one that failed, where any did.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    begun: Vec<(&'static str, bool)>,
    unknown_request: Option<String>,
}

/// How one check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The rule holds.
    Passed,
    /// There is nothing to be checked: a signature that is not there and need not be.
    Absent,
    /// The rule is broken; nothing after it was looked at.
    Failed,
}

impl Outcome {
    /// Stable public code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Absent => "absent",
            Self::Failed => "failed",
        }
    }
}

impl Checks {
    /// Begins a check; the one before it has passed.
    pub(super) fn begin(&mut self, name: &'static str) {
        self.begun.push((name, true));
    }

    /// The check that was begun last found nothing to check.
    pub(super) fn absent(&mut self) {
        if let Some((_, present)) = self.begun.last_mut() {
            *present = false;
        }
    }

    /// The message answers this request, which is none of those that are pending. It is told, and changes nothing.
    pub(super) fn answers_unknown(&mut self, request: Option<&str>) {
        self.unknown_request = request.map(str::to_owned);
    }

    /// The request that a message answers which was refused as [`super::Rejection::UnknownRequest`], as it says itself: for a
    /// person who looks at a message without the login that it belongs to. Nothing may be let in for its sake.
    #[must_use]
    pub fn unknown_request(&self) -> Option<&str> {
        self.unknown_request.as_deref()
    }

    /// Names and outcomes in order; `refused` is whether the validation ended with a rejection.
    #[must_use]
    pub fn outcomes(&self, refused: bool) -> Vec<(&'static str, Outcome)> {
        let last = self.begun.len().saturating_sub(1);
        self.begun
            .iter()
            .enumerate()
            .map(|(at, (name, present))| {
                let outcome = match present {
                    _ if refused && at == last => Outcome::Failed,
                    true => Outcome::Passed,
                    false => Outcome::Absent,
                };
                (*name, outcome)
            })
            .collect()
    }
}
