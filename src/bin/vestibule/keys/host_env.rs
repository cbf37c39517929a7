//! Which variables Envoy hands over to the filter: a new one is listed beside one that is there already.

use crate::check::document::{self, Place};

/// What such lists are called, in Envoy, Envoy Gateway and Istio.
pub(super) const NAMES: &str = "host_env_keys (Envoy Gateway: hostKeys; Istio: vmConfig.env)";

/// The text with `new` in every list that hands over one of `old`; `None` where there is no such list, or one that cannot
/// be changed line by line.
pub(super) fn hand_over(text: &str, old: &[&str], new: &str) -> Option<String> {
    let documents = document::read(text).ok()?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut places: Vec<(usize, String)> = Vec::new();
    for place in documents.iter().flat_map(|document| Place::top(document).all()) {
        let strings = ["host_env_keys", "host_keys"].iter().flat_map(|name| place.each(name));
        let named = place.each("env").into_iter().filter(|entry| entry.text_of("value_from") == Some("HOST"));
        let named = named.filter_map(|entry| entry.get("name"));
        let listed: Vec<Place<'_>> = strings.chain(named).collect();
        if listed.iter().any(|entry| entry.text() == Some(new)) {
            continue;
        }
        let beside = listed.iter().find_map(|entry| {
            let name = entry.text().filter(|name| old.contains(name))?;
            Some((entry.line().checked_sub(1)?, name.to_owned()))
        });
        places.extend(beside);
    }
    if places.is_empty() {
        return None;
    }
    places.sort_unstable();
    for (at, name) in places.into_iter().rev() {
        let line = lines.get(at)?.clone();
        let start = word(&line, &name)?;
        let end = start.checked_add(name.len())?;
        let (before, after) = (line.get(..start)?, line.get(end..)?);
        match (innermost(before), before.trim_start()) {
            (Some('['), _) => *lines.get_mut(at)? = format!("{before}{name}, {new}{after}"),
            (Some('{'), begins) if begins.starts_with("- {") => {
                lines.insert(at.checked_add(1)?, format!("{before}{new}{after}"));
            }
            (None, "- ") => lines.insert(at.checked_add(1)?, format!("{before}{new}")),
            _ => return None,
        }
    }
    Some(format!("{}\n", lines.join("\n")))
}

/// Where a name stands in a line as a word of its own.
fn word(line: &str, name: &str) -> Option<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = line.get(..*at).and_then(|text| text.chars().next_back());
        let after = at.checked_add(name.len()).and_then(|end| line.get(end..)?.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// The bracket that is open at the end of a piece of a line.
fn innermost(text: &str) -> Option<char> {
    let mut open = Vec::new();
    for c in text.chars() {
        match c {
            '[' | '{' => open.push(c),
            ']' | '}' => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}
