//! What a source file reaches for: `use` trees and paths in code, resolved against the place they stand in.

use crate::lexer::{Token, tokens};
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// Something that a file reaches for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Import {
    /// A name at the root of the crate: a room, if all is well.
    Ours(String),
    /// A glob import of the crate's root.
    Everything,
    /// Another crate.
    External(String),
    /// The text of another file: `include!` or a `path` attribute.
    TextOf(&'static str),
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(name) => write!(f, "`crate::{name}`"),
            Self::Everything => f.write_str("`crate::*`"),
            Self::External(name) => write!(f, "the crate `{name}`"),
            Self::TextOf(means) => write!(f, "another file's text by {means}"),
        }
    }
}

/// `scim` of `src/scim/patch.rs`; `lib` of `src/lib.rs`; `bin` of the command line.
pub(crate) fn room_of(path: &str) -> String {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs").to_owned()
}

/// A path as written: where it starts and its words. `*` stands for a glob.
#[derive(Clone, Debug)]
struct Written {
    module: Vec<String>,
    absolute: bool,
    words: Vec<String>,
}

/// What a path means.
#[derive(Clone, Debug, PartialEq)]
enum Meaning {
    Ours(Vec<String>),
    External(Vec<String>),
}

/// Everything that the file at `path` reaches for.
pub(crate) fn imports(path: &str, source: &str) -> BTreeSet<Import> {
    let mut reader = Reader { binary: room_of(path) == "bin", ..Reader::default() };
    reader.read(&module_of(path), &tokens(source));
    reader.resolve_aliases();
    let mut found: BTreeSet<Import> = reader.texts.iter().map(|means| Import::TextOf(means)).collect();
    for written in &reader.paths {
        match reader.meaning(written) {
            Meaning::External(words) => {
                found.extend(words.first().map(|name| Import::External(name.clone())))
            }
            Meaning::Ours(words) => match words.first().map(String::as_str) {
                None => {}
                Some("*") => drop(found.insert(Import::Everything)),
                Some(name) => drop(found.insert(Import::Ours(name.to_owned()))),
            },
        }
    }
    found
}

fn module_of(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        module.pop();
    }
    module
}

#[derive(Default)]
struct Reader {
    binary: bool,
    paths: Vec<Written>,
    aliases: HashMap<String, Vec<Meaning>>,
    renames: Vec<(String, Written)>,
    local_modules: BTreeSet<String>,
    texts: Vec<&'static str>,
}

impl Reader {
    fn read(&mut self, module: &[String], tokens: &[Token]) {
        let mut modules = vec![(module.to_vec(), 0_usize)];
        let mut depth = 0_usize;
        let mut at = 0;
        while at < tokens.len() {
            let here = modules.last().expect("the file's own module stays").0.clone();
            match &tokens[at..] {
                [Token::Word(is_mod), Token::Word(name), Token::Mark(after), ..] if is_mod == "mod" => {
                    self.local_modules.insert(name.clone());
                    if *after == '{' {
                        depth += 1;
                        modules.push((here.into_iter().chain([name.clone()]).collect(), depth));
                    }
                    at += 3;
                }
                [Token::Word(a), Token::Word(b), Token::Word(name), rest @ ..]
                    if a == "extern" && b == "crate" =>
                {
                    let words = vec![if name == "self" { "crate" } else { name }.to_owned()];
                    let written = Written { module: here, absolute: name != "self", words };
                    if let [Token::Word(is_as), Token::Word(alias), ..] = rest
                        && is_as == "as"
                    {
                        self.renames.push((alias.clone(), written.clone()));
                    }
                    self.paths.push(written);
                    at += 3;
                }
                [Token::Word(is_use), ..] if is_use == "use" => {
                    at = self.use_tree(&here, &[], tokens, at + 1)
                }
                [Token::Mark('#'), Token::Mark('['), Token::Word(name), ..] if name == "path" => {
                    self.texts.push("a `path` attribute");
                    at += 3;
                }
                [Token::Word(name), Token::Mark('!'), ..] if name == "include" => {
                    self.texts.push("`include!`");
                    at += 2;
                }
                [Token::Mark('{'), ..] => (depth, at) = (depth + 1, at + 1),
                [Token::Mark('}'), ..] => {
                    if modules.len() > 1 && modules.last().is_some_and(|(_, opened)| *opened == depth) {
                        modules.pop();
                    }
                    (depth, at) = (depth.saturating_sub(1), at + 1);
                }
                [Token::Colons | Token::Word(_), ..] => at = self.path_in_code(&here, tokens, at),
                _ => at += 1,
            }
        }
    }

    /// A path in code: `a::b`, `::a::b`. One word alone names nothing outside.
    fn path_in_code(&mut self, module: &[String], tokens: &[Token], start: usize) -> usize {
        let absolute = tokens[start] == Token::Colons;
        let mut at = start + usize::from(absolute);
        let mut words = Vec::new();
        while let Some(Token::Word(word)) = tokens.get(at) {
            words.push(word.clone());
            at += 1;
            if tokens.get(at) != Some(&Token::Colons) {
                break;
            }
            at += 1;
        }
        // `<T as Trait>::name` starts with `::` but goes on from a type.
        let continues = absolute && start > 0 && matches!(tokens[start - 1], Token::Mark('>'));
        if words.len() > 1 && !continues {
            self.paths.push(Written { module: module.to_vec(), absolute, words });
        }
        at.max(start + 1)
    }

    /// One `use` tree below `before`; gives the place behind it.
    fn use_tree(&mut self, module: &[String], before: &[String], tokens: &[Token], start: usize) -> usize {
        let mut at = start;
        let mut absolute = false;
        let mut words = before.to_vec();
        loop {
            match tokens.get(at) {
                Some(Token::Colons) => {
                    absolute |= words.is_empty();
                    at += 1;
                }
                Some(Token::Word(word)) if word == "as" => break,
                Some(Token::Word(word)) => {
                    // `{self}` names what stands before the brace.
                    if word != "self" || words.is_empty() {
                        words.push(word.clone());
                    }
                    at += 1;
                }
                Some(Token::Mark('*')) => {
                    words.push("*".to_owned());
                    at += 1;
                }
                Some(Token::Mark('{')) => {
                    at += 1;
                    while !matches!(tokens.get(at), None | Some(Token::Mark('}'))) {
                        at = self.use_tree(module, &words, tokens, at);
                        at += usize::from(tokens.get(at) == Some(&Token::Mark(',')));
                    }
                    return at + 1;
                }
                _ => break,
            }
        }
        let written = Written { module: module.to_vec(), absolute, words };
        let mut name = written.words.last().cloned().unwrap_or_default();
        if let (Some(Token::Word(_)), Some(Token::Word(alias))) = (tokens.get(at), tokens.get(at + 1)) {
            name.clone_from(alias);
            at += 2;
        }
        self.renames.push((name, written.clone()));
        self.paths.push(written);
        at.max(start + 1)
    }

    /// An alias may stand for an alias; more than a few steps are not followed.
    fn resolve_aliases(&mut self) {
        for _ in 0..4 {
            let mut aliases: HashMap<String, Vec<Meaning>> = HashMap::new();
            for (name, written) in &self.renames {
                if !["*", "_", "self", "super", "crate"].contains(&name.as_str()) {
                    aliases.entry(name.clone()).or_default().push(self.meaning(written));
                }
            }
            self.aliases = aliases;
        }
    }

    fn meaning(&self, written: &Written) -> Meaning {
        let Some(first) = written.words.first().map(String::as_str) else { return Meaning::Ours(Vec::new()) };
        let behind = &written.words[1..];
        if written.absolute {
            return self.outside(first, behind);
        }
        match first {
            "crate" if self.binary => Meaning::External(Vec::new()),
            "crate" => Meaning::Ours(behind.to_vec()),
            "self" | "super" => {
                let ups = written
                    .words
                    .iter()
                    .take_while(|word| ["self", "super"].contains(&word.as_str()))
                    .count();
                let supers = written.words[..ups].iter().filter(|word| *word == "super").count();
                let kept = written.module.len().saturating_sub(supers);
                let place = written.module[..kept].iter().chain(&written.words[ups..]).cloned().collect();
                if self.binary { Meaning::External(Vec::new()) } else { Meaning::Ours(place) }
            }
            _ => self.aliased(first, behind).unwrap_or_else(|| {
                if self.local_modules.contains(first) {
                    Meaning::External(Vec::new())
                } else {
                    self.outside(first, behind)
                }
            }),
        }
    }

    /// The worst of what a name may stand for in this file: scopes are not told apart.
    fn aliased(&self, name: &str, behind: &[String]) -> Option<Meaning> {
        let meanings = self.aliases.get(name)?;
        let foreign = |meaning: &&Meaning| matches!(meaning, Meaning::Ours(words) if words.is_empty());
        match meanings.iter().find(foreign).or_else(|| meanings.first())? {
            Meaning::Ours(words) => Some(Meaning::Ours(words.iter().chain(behind).cloned().collect())),
            Meaning::External(words) => Some(Meaning::External(words.clone())),
        }
    }

    fn outside(&self, first: &str, behind: &[String]) -> Meaning {
        if first == "vestibule" {
            Meaning::Ours(behind.to_vec())
        } else {
            Meaning::External([first.to_owned()].into_iter().chain(behind.iter().cloned()).collect())
        }
    }
}
