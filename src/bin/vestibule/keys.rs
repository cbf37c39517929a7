//! `vestibule keys`: the keys that seal sessions, and how one takes the place of another.

mod host_env;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use crate::check::document::{self, Located, Place, Tree};
use crate::output::{self, Failure};
use crate::token;

/// What can be done with keys.
#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key of 256 random bits
    New,
    /// Put a new key before those of a configuration, or take the oldest away
    Rotate {
        /// The plugin configuration, or Envoy's configuration with it inside (YAML)
        config: PathBuf,
        /// Environment variable of the new key [default: VESTIBULE_KEY_<id>]
        #[arg(long, value_name = "NAME", conflicts_with = "retire")]
        env: Option<String>,
        /// Take the oldest key away; do so after the longest session
        #[arg(long)]
        retire: bool,
        /// Change the file instead of printing the list
        #[arg(long)]
        write: bool,
    },
}

/// Runs one of them.
pub(crate) fn run(command: &KeysCommand, as_json: bool) -> Result<ExitCode, Failure> {
    match command {
        KeysCommand::New => {
            let key = token::random()?;
            if as_json { output::json(&json!({"key": key}))? } else { output::line(&key)? }
        }
        KeysCommand::Rotate { config, env, retire, write } => {
            let rotation = Rotation::plan(config, env.as_deref(), *retire)?;
            if *write {
                std::fs::write(config, &rotation.file).map_err(|error| Failure::of(config, error))?;
            }
            rotation.report(config, *write, as_json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A changed file, and what it means.
struct Rotation {
    file: String,
    /// The list as it then stands, line by line.
    list: Vec<String>,
    /// The new key: its variable and its value.
    new: Option<(String, String)>,
    retired: Option<String>,
    /// Whether the file also says, beside the old variable, that Envoy hands over the new one.
    handed_over: bool,
}

impl Rotation {
    fn plan(config: &Path, env: Option<&str>, retire: bool) -> Result<Self, Failure> {
        let text = output::read(config)?;
        let text = String::from_utf8(text).map_err(|_| Failure::of(config, "is not UTF-8"))?;
        let keys = find(&text).map_err(|why| Failure::of(config, why))?;
        let file: Vec<&str> = text.lines().collect();
        let lines = edit(&file, &keys, env, retire).map_err(|why| Failure::of(config, why))?;
        let Edited { lines, new, retired, from, to } = lines;
        let new = match new {
            Some(variable) => Some((variable, token::random()?)),
            None => None,
        };
        let list = lines.get(from..to).unwrap_or_default().to_vec();
        let mut file = format!("{}\n", lines.join("\n"));
        let mut handed_over = false;
        if let Some((variable, _)) = &new {
            let old: Vec<&str> = keys.entries.iter().filter_map(|entry| entry.variable.as_deref()).collect();
            if let Some(changed) = host_env::hand_over(&file, &old, variable) {
                (file, handed_over) = (changed, true);
            }
        }
        Ok(Self { file, list, new, retired, handed_over })
    }

    fn report(&self, config: &Path, written: bool, as_json: bool) -> Result<(), Failure> {
        if as_json {
            return output::json(&json!({
                "keys": self.list,
                "written": written,
                "variable": self.new.as_ref().map(|(variable, _)| variable),
                "key": self.new.as_ref().map(|(_, key)| key),
                "retired": self.retired,
                "handed_over": self.handed_over,
            }));
        }
        let verb = if written { "now has" } else { "should have (--write changes it)" };
        output::line(&format!("{} {verb}:", config.display()))?;
        for line in &self.list {
            output::line(line)?;
        }
        if let Some((variable, key)) = &self.new {
            let list = match (self.handed_over, written) {
                (true, true) => format!("It is listed under {} now.", host_env::NAMES),
                (true, false) => format!("--write lists it under {}, too.", host_env::NAMES),
                (false, _) => format!(
                    "List it under {} in Envoy's configuration, or the filter cannot read it and refuses to start.",
                    host_env::NAMES
                ),
            };
            output::line(&format!(
                "\nSet for every Envoy, before the change is rolled out:\n{variable}={key}\n{list}"
            ))?;
            output::line(
                "\nSessions sealed with the old key stay good. Take it away after the longest session: --retire\n\
                 Where several Envoys are updated one after another, let all of them have the new key in the second\n\
                 place first: one that does not know it yet has people sign in anew.",
            )?;
        }
        if let Some(id) = &self.retired {
            output::line(&format!(
                "\n`{id}` no longer opens anything: whoever has only its sessions signs in again."
            ))?;
        }
        Ok(())
    }
}

/// An entry of the list `keys`.
struct Entry {
    id: String,
    /// The environment variable that its secret is taken from.
    variable: Option<String>,
    /// Its lines, from 0; the end is not part of it.
    from: usize,
    to: usize,
}

/// The list `keys` of a plugin configuration, wherever in the file it stands.
struct Keys {
    entries: Vec<Entry>,
}

fn find(text: &str) -> Result<Keys, String> {
    let documents = document::read(text).map_err(|error| format!("line {}: {}", error.line, error.what))?;
    let mut found = Vec::new();
    for document in &documents {
        for place in Place::top(document).all() {
            match &place.node.value {
                Tree::Map(_) if place.get("tenants").is_some() => {
                    found.extend(place.get("keys").map(|keys| entries(keys.node, 0)));
                }
                Tree::Text { text: inner, literal: true } if inner.contains("tenants") => {
                    let Ok(inside) = document::read(inner) else { continue };
                    let keys = inside.iter().find_map(|it| it.get("tenants").and(it.get("keys")));
                    found.extend(keys.map(|keys| entries(keys, place.line().saturating_sub(1))));
                }
                _ => {}
            }
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(entries), true) if !entries.is_empty() => Ok(Keys { entries }),
        (Some(_), true) => Err("`keys` is no list of mappings in a block of YAML".to_owned()),
        (Some(_), false) => Err("has several configurations; change them by hand".to_owned()),
        (None, _) => Err("has no `keys` beside `tenants`".to_owned()),
    }
}

fn entries(keys: &Located, before: usize) -> Vec<Entry> {
    let Tree::List(list) = &keys.value else { return Vec::new() };
    let entry = |node: &Located| {
        let id = node.get("id")?.text()?.to_owned();
        let line = |at: usize| before.saturating_add(at).saturating_sub(1);
        let variable = node.get("secret").and_then(|secret| secret.get("env")).and_then(Located::text);
        let variable = variable.map(str::to_owned);
        Some(Entry { id, variable, from: line(node.line), to: line(last_line(node)).saturating_add(1) })
    };
    list.iter().filter_map(entry).collect()
}

fn last_line(node: &Located) -> usize {
    let below = match &node.value {
        Tree::List(list) => list.iter().map(last_line).max(),
        Tree::Map(map) => map.iter().map(|(_, node)| last_line(node)).max(),
        Tree::Plain(_) | Tree::Text { .. } => None,
    };
    below.unwrap_or(node.line).max(node.line)
}

struct Edited {
    lines: Vec<String>,
    new: Option<String>,
    retired: Option<String>,
    from: usize,
    to: usize,
}

fn edit(file: &[&str], keys: &Keys, env: Option<&str>, retire: bool) -> Result<Edited, String> {
    let (Some(first), Some(last)) = (keys.entries.first(), keys.entries.last()) else {
        return Err("has no key".to_owned());
    };
    for entry in &keys.entries {
        let begins = file.get(entry.from).is_some_and(|line| line.trim_start().starts_with("- "));
        if !begins {
            return Err(format!("the key `{}` does not begin a line with `- `; change it by hand", entry.id));
        }
    }
    let mut lines: Vec<String> = file.iter().map(|line| (*line).to_owned()).collect();
    if retire {
        if keys.entries.len() < 2 {
            return Err(format!("`{}` is the only key: without it nobody could sign in", first.id));
        }
        lines.drain(last.from..last.to.min(lines.len()));
        return Ok(Edited {
            lines,
            new: None,
            retired: Some(last.id.clone()),
            from: first.from,
            to: last.from,
        });
    }
    let id = next_id(keys);
    let variable = env.map_or_else(
        || format!("VESTIBULE_KEY_{}", id.to_ascii_uppercase().replace('-', "_")),
        str::to_owned,
    );
    if variable.is_empty() || !variable.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(format!("`{variable}` is no name of an environment variable"));
    }
    let indent: String =
        file.get(first.from).map(|line| line.chars().take_while(|c| *c == ' ').collect()).unwrap_or_default();
    lines.insert(first.from, format!("{indent}- {{id: {id}, secret: {{env: {variable}}}}}"));
    Ok(Edited { lines, new: Some(variable), retired: None, from: first.from, to: last.to.saturating_add(1) })
}

/// `k2` after `k1`; a number behind any other name.
fn next_id(keys: &Keys) -> String {
    let first = keys.entries.first().map_or("k", |entry| entry.id.as_str());
    let stem = first.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = first.strip_prefix(stem).and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(1);
    let taken = |id: &String| keys.entries.iter().any(|entry| entry.id == *id);
    (number.saturating_add(1)..u32::MAX)
        .map(|number| format!("{stem}{number}"))
        .find(|id| !taken(id))
        .unwrap_or_else(|| "new".to_owned())
}
