//! The tables of docs/configuration.md are made from what the reader of configurations accepts: it is asked, field by
//! field, with values that are wrong, and its answers say which fields there are, of what type, within which bounds, and
//! which of them are required. A default is held against the code: with it and without it, the same must be compiled.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use vestibule::config::{Configuration, Problem, STAND_IN, read_tree};

const MARK: &str = "<!-- fields of ";

/// One step into a tree.
#[derive(Clone, Debug)]
enum Step {
    Field(String),
    First,
}

/// `tenants[].scim.tokens[]`; the top level is `the top level`.
fn steps(place: &str) -> Vec<Step> {
    let mut all = Vec::new();
    for part in place.split('.').filter(|part| !part.is_empty() && *part != "the top level") {
        let name = part.trim_end_matches("[]");
        all.push(Step::Field(name.to_owned()));
        all.extend(std::iter::repeat_n(Step::First, (part.len() - name.len()) / 2));
    }
    all
}

fn path_of(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Field(name) if path.is_empty() => path.push_str(name),
            Step::Field(name) => path.push_str(&format!(".{name}")),
            Step::First => path.push_str("[0]"),
        }
    }
    path
}

/// Puts `value` there, or takes away what is there.
fn put(tree: &mut Value, steps: &[Step], value: Option<Value>) {
    let Some((step, rest)) = steps.split_first() else {
        if let Some(value) = value {
            *tree = value;
        }
        return;
    };
    match step {
        Step::Field(name) => {
            if !tree.is_object() {
                *tree = Value::Object(Map::new());
            }
            let map = tree.as_object_mut().unwrap();
            match (rest, value) {
                ([], None) => drop(map.remove(name)),
                (_, value) => put(map.entry(name).or_insert(Value::Null), rest, value),
            }
        }
        Step::First => {
            if tree.as_array().is_none_or(Vec::is_empty) {
                *tree = json!([null]);
            }
            put(&mut tree[0], rest, value);
        }
    }
}

/// What is compiled of a tree, as text.
fn compiled(tree: &Value) -> Result<String, Vec<Problem>> {
    let text = serde_json::to_vec(tree).unwrap();
    Configuration::read(&text, &|_| Some(STAND_IN.to_owned())).map(|(read, _)| format!("{read:?}"))
}

fn problems(tree: &Value) -> Vec<Problem> {
    let text = serde_json::to_vec(tree).unwrap();
    Configuration::read(&text, &|_| Some(STAND_IN.to_owned())).err().unwrap_or_default()
}

fn document(name: &str) -> Value {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests");
    let text = std::fs::read_to_string(folder.join(format!("docs/configuration/{name}.yaml"))).unwrap();
    let certificate = std::fs::read_to_string(folder.join("vectors/idp.crt")).unwrap();
    let tree = read_tree(text.as_bytes()).unwrap();
    let key = std::fs::read_to_string(folder.join("vectors/idp.key")).unwrap();
    let tree = tree.to_string().replace("\"CERTIFICATE\"", &Value::from(certificate).to_string());
    let tree = tree.replace("\"PRIVATE_KEY\"", &Value::from(key).to_string());
    let tree: Value = serde_json::from_str(&tree).unwrap();
    assert_eq!(problems(&tree), [], "{name}.yaml");
    tree
}

/// A table of the page.
struct Table<'t> {
    tree: &'t Value,
    /// Further documents, where some fields exclude one another.
    others: &'t [Value],
    place: Vec<Step>,
}

/// What the reader says of one field.
#[derive(Default)]
struct Known {
    kinds: Vec<String>,
    /// A value that is not likely to be the default.
    other: Option<Value>,
    /// The fields that a mapping here has.
    inner: Vec<String>,
    /// The same of the entries of a list.
    inner_of_entries: Vec<String>,
}

impl Table<'_> {
    fn with(&self, field: &str, value: Option<Value>) -> Value {
        let mut tree = self.tree.clone();
        put(&mut tree, &self.steps_to(field), value);
        tree
    }

    fn steps_to(&self, field: &str) -> Vec<Step> {
        let mut steps = self.place.clone();
        steps.push(Step::Field(field.to_owned()));
        steps
    }

    /// Names of all fields, in the order of the code.
    fn fields(&self) -> Vec<String> {
        let mut tree = self.tree.clone();
        put(&mut tree, &self.place, Some(json!({ NOBODY: 1 })));
        let known = known_fields(&problems(&tree), &path_of(&self.place));
        assert!(!known.is_empty(), "{} has no fields", path_of(&self.place));
        known
    }

    fn is_required(&self, field: &str) -> bool {
        let path = path_of(&self.steps_to(field));
        problems(&self.with(field, None)).iter().any(|it| it.path == path && it.what == "is missing")
    }

    /// What the reader says of a field, in the first document in which it says anything; or else where it stands alone.
    fn known(&self, field: &str) -> Known {
        let mut alone = self.tree.clone();
        put(&mut alone, &self.place, Some(json!({})));
        let trees = std::iter::once(self.tree).chain(self.others).chain([&alone]);
        trees.map(|tree| self.known_in(tree, field)).find(|known| !known.kinds.is_empty()).unwrap_or_default()
    }

    fn known_in(&self, tree: &Value, field: &str) -> Known {
        let path = path_of(&self.steps_to(field));
        let mut known = Known::default();
        let entry = format!("{path}[0]");
        let probes = [
            json!(-1),
            json!(NOBODY),
            json!([-1]),
            json!([NOBODY]),
            json!({ NOBODY: 1 }),
            json!([{ NOBODY: 1 }]),
        ];
        for probe in probes {
            let mut tree = tree.clone();
            put(&mut tree, &self.steps_to(field), Some(probe.clone()));
            let said = problems(&tree);
            for problem in &said {
                let kind = if problem.path == path {
                    kind_of(problem, &mut known)
                } else if problem.path == entry && probe.is_array() {
                    kind_of(problem, &mut Known::default()).map(|kind| format!("list of {kind}"))
                } else {
                    None
                };
                known.kinds.extend(kind);
            }
            if probe.is_object() {
                known.inner = known_fields(&said, &path);
            }
            if probe.is_array() && known.inner_of_entries.is_empty() {
                known.inner_of_entries = known_fields(&said, &entry);
            }
        }
        known
    }
}

/// No field and no choice has this name.
const NOBODY: &str = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";

fn known_fields(problems: &[Problem], path: &str) -> Vec<String> {
    let dot = if path.is_empty() { String::new() } else { format!("{path}.") };
    let unknown = problems.iter().find(|it| it.path == format!("{dot}{NOBODY}"));
    let names = unknown.and_then(|it| it.remedy.strip_prefix("the fields here are "));
    names.map(|names| names.split(", ").map(str::to_owned).collect()).unwrap_or_default()
}

fn kind_of(problem: &Problem, known: &mut Known) -> Option<String> {
    let remedy = problem.remedy.as_str();
    if let Some(range) = problem.what.strip_prefix("is not a whole number from ") {
        let last: u64 = range.split(" to ").nth(1)?.parse().ok()?;
        known.other = Some(json!(last));
        return Some(format!("number, {range}"));
    }
    if problem.what.ends_with("is not a choice here")
        || problem.what.ends_with("is nothing that can be accepted")
    {
        return Some(choices(remedy.strip_prefix("write one of ")?, known));
    }
    if problem.what.ends_with("is not a profile") {
        return Some(choices(remedy.strip_prefix("the profiles are ")?, known));
    }
    Some(match remedy {
        "write true or false" => "`true` or `false`".to_owned(),
        "write text (in quotes)" => "text".to_owned(),
        "write a list" => "list".to_owned(),
        "write a mapping with the fields env, value" => "secret".to_owned(),
        _ if remedy.starts_with("write a mapping") => "mapping".to_owned(),
        _ => return None,
    })
}

fn choices(names: &str, known: &mut Known) -> String {
    known.other = names.split(", ").last().map(|name| json!(name));
    names.split(", ").map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// One cell of what was found: without what is said better by something else.
fn in_words(known: &Known) -> String {
    let mut kinds: Vec<String> = Vec::new();
    for kind in &known.kinds {
        if !kinds.contains(kind) {
            kinds.push(kind.clone());
        }
    }
    let has = |kinds: &[String], begin: &str| kinds.iter().any(|kind| kind.starts_with(begin));
    if has(&kinds, "`") {
        kinds.retain(|kind| kind != "text");
    }
    if has(&kinds, "list of ") {
        kinds.retain(|kind| kind != "list");
    }
    if has(&kinds, "list of `") {
        kinds.retain(|kind| kind != "list of text");
    }
    kinds
        .iter()
        .map(|kind| kind.replace("list of mapping", "list of mappings"))
        .collect::<Vec<_>>()
        .join("; or ")
}

/// Everything that is wrong with the page, and the page as it should be.
#[derive(Default)]
struct Made {
    lines: Vec<String>,
    faults: Vec<String>,
    /// Places that have a table.
    tables: BTreeSet<String>,
    /// Places whose fields must be in some table.
    wanted: BTreeSet<String>,
}

fn literal(cell: &str) -> Option<Value> {
    let text = cell.strip_prefix('`')?.strip_suffix('`').filter(|text| !text.contains('`'))?;
    read_tree(text.as_bytes()).ok()
}

impl Made {
    fn table(&mut self, trees: &[Value], name: &str, rows: &BTreeMap<String, (String, String)>) {
        let place = steps(name);
        let (tree, others) = trees.split_first().unwrap();
        let table = Table { tree, others, place };
        self.tables.insert(name.to_owned());
        self.lines.push("| field | type | default | meaning |".to_owned());
        self.lines.push("|---|---|---|---|".to_owned());
        let fields = table.fields();
        for gone in rows.keys().filter(|row| !fields.contains(row)) {
            self.faults.push(format!("{name}: there is no field {gone}"));
        }
        for field in &fields {
            let (default, meaning) = rows.get(field).cloned().unwrap_or_default();
            if meaning.is_empty() {
                self.faults.push(format!("{name}: {field} has no meaning yet"));
            }
            let known = table.known(field);
            let inner = if name == "the top level" { field.clone() } else { format!("{name}.{field}") };
            if known.inner.iter().any(|it| it != "env" && it != "value") {
                self.wanted.insert(inner.clone());
            }
            if known.inner_of_entries.iter().any(|it| it != "env" && it != "value") {
                self.wanted.insert(format!("{inner}[]"));
            }
            let kind = in_words(&known);
            if kind.is_empty() {
                self.faults.push(format!("{name}: nothing is known of the type of {field}"));
            }
            let default = self.default_of(&table, name, field, &default, known.other);
            self.lines.push(format!("| `{field}` | {kind} | {default} | {meaning} |"));
        }
    }

    /// The cell of the default: held against the code where it is a value.
    fn default_of(
        &mut self,
        table: &Table<'_>,
        name: &str,
        field: &str,
        said: &str,
        other: Option<Value>,
    ) -> String {
        if table.is_required(field) {
            return "required".to_owned();
        }
        let without = compiled(&table.with(field, None));
        if let (Some(value), Ok(without)) = (literal(said), &without) {
            let with = compiled(&table.with(field, Some(value.clone())));
            if with.as_ref() != Ok(without) {
                self.faults.push(format!("{name}: the default of {field} is not {value}: {with:?}"));
            }
            let other = other.or_else(|| value.as_bool().map(|flag| json!(!flag)));
            if other.as_ref().is_some_and(|it| {
                *it != value && compiled(&table.with(field, other.clone())).as_ref() == Ok(without)
            }) {
                self.faults
                    .push(format!("{name}: it is not seen what {field} is, so its default is not, either"));
            }
            return said.to_owned();
        }
        match said {
            "" | "required" => "none".to_owned(),
            _ => said.to_owned(),
        }
    }
}

/// Name, and default and meaning, of a row.
fn row(line: &str) -> Option<(String, (String, String))> {
    let cells: Vec<String> = line
        .trim()
        .trim_matches('|')
        .replace("\\|", "\u{1}")
        .split('|')
        .map(|cell| cell.trim().replace('\u{1}', "\\|"))
        .collect();
    let [field, _, default, meaning] = cells.as_slice() else { return None };
    Some((field.strip_prefix('`')?.strip_suffix('`')?.to_owned(), (default.clone(), meaning.clone())))
}

fn made(page: &str) -> Made {
    let mut made = Made::default();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        made.lines.push(line.to_owned());
        let Some(mark) = line.strip_prefix(MARK) else { continue };
        let (place, name) =
            mark.trim_end_matches(" -->").split_once(" in ").expect("a marker names its document");
        let mut rows = BTreeMap::new();
        while let Some(line) = lines.next_if(|line| line.starts_with('|')) {
            rows.extend(row(line));
        }
        let trees: Vec<Value> = name.split(", ").map(document).collect();
        made.table(&trees, place, &rows);
    }
    // A table about a mapping serves wherever the same mapping can stand.
    for place in made.wanted.clone() {
        let said = made.tables.contains(&place)
            || page.contains(&format!("<!-- {place} is described elsewhere -->"));
        if !said {
            made.faults.push(format!("{place} has fields, and there is no table of them"));
        }
    }
    made
}

#[test]
fn the_reference_of_the_configuration_is_what_the_code_makes_of_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    let made = made(&page);
    let text = made.lines.join("\n") + "\n";
    super::same_or_written(path, &page, &text);
    assert_eq!(made.faults, Vec::<String>::new());
    assert!(made.tables.len() > 20);
}

/// A wrong default, a field that is not there and a type that is not so are noticed.
#[test]
fn a_wrong_table_is_noticed() {
    let page = "<!-- fields of tenants[].session in main -->\n| `lifetime_seconds` | text | `60` | x |\n| `gone` | x | x | x |\n";
    let made = made(page);
    let faults = made.faults.join("\n");
    for fault in ["the default of lifetime_seconds is not 60", "no field gone", "idle_seconds has no meaning"]
    {
        assert!(faults.contains(fault), "{fault}: {faults}");
    }
    assert!(
        made.lines.join("\n").contains("| `lifetime_seconds` | number, 60 to 604800 |"),
        "{:?}",
        made.lines
    );
}
