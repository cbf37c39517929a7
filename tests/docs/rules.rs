//! The pages in docs/rules are made from the catalogue of rules and one small case for each, which the code explains.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Map, Value};
use vestibule::scim::explain::{Explained, Outcome, explain};

/// A page: its file, the letters of the rules that are on it, its title, and what stands under it.
const PAGES: &[(&str, &str, &str, &str)] = &[
    (
        "transport",
        "T",
        "Rules T: paths, media types, the flag",
        "What Entra's client does to every request, whatever it is about.",
    ),
    ("filters", "F", "Rules F: filters", "How searches are read and written anew."),
    (
        "patch",
        "P",
        "Rules P: changes",
        "How PATCH requests are repaired. P20 is the one that keeps a group from being emptied.",
    ),
    (
        "resources",
        "C",
        "Rules C: creates and replacements",
        "How resources that are sent whole are repaired.",
    ),
    (
        "responses",
        "R",
        "Rules R: answers",
        "What of the application's answers is made into what Entra expects.",
    ),
    (
        "choices",
        "X",
        "Rules X: what an operator chooses",
        "All of them are off unless `scim.abilities` asks for them; P22 is one of them as well.",
    ),
    (
        "authentication",
        "A",
        "Rules A: who may provision",
        "How each credential is judged. `<jwt>` stands for the token of the case, signed well; all ways in are described in [scim-authentication.md](../scim-authentication.md).",
    ),
];

/// Rules that change nothing, and decisions on credentials: they are not in the catalogue, but have their case.
const BESIDE: &[(&str, &str)] = &[
    ("P26", "leaves additions and removals in their order"),
    ("C11", "leaves two primary elements to the application, which refuses them"),
    ("R0", "lets a disabled user be found as before"),
    ("R10", "lets 429 and Retry-After pass"),
    ("A0", "asks for a bearer token where there is none"),
    ("A1", "compares a static secret token with the hashes of the configuration"),
    ("A2", "takes Entra's own token of the configured directory, application and audience only"),
    ("A3", "gives a token of its own for a client's secret"),
    ("A4", "gives a token of its own for a token of Entra's (workload identity federation)"),
];

/// What an operator must switch on for the case, in words.
const NEEDS: &[(&str, &str)] = &[
    ("P12", "The application's `/Schemas`, or `scim.schemas.attributes`, says that `badge` is an integer."),
    ("P22", "With `scim.abilities: {remove_all_members: refuse}`."),
    (
        "X1",
        "With `scim.abilities: {unknown_attributes: drop}` and `scim.schemas: {supported: [userName, displayName, active]}`.",
    ),
    ("X2", "With `scim.abilities: {user_name: drop}`."),
    ("X3", "With `scim.abilities: {groups: false}`."),
    ("X4", "With `scim.abilities: {discovery: own}`."),
    (
        "R8",
        "Entra calls `https://edge.example/scim/v2/entra`, and the application believes that it is `https://app.example/scim/v2`.",
    ),
    ("R11", "With a credential of the gateway's own, `scim.application.credential: {bearer: …}`."),
    ("R13", "With `scim.validator: true`."),
    ("R14", "With a credential of the gateway's own for the application."),
    ("A1", "The token is none of those whose hashes are configured."),
    ("A2", "The token is of another directory than the configured one."),
    ("A3", "The client `entra` has two secrets, of which one is being replaced."),
];

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules"))
}

struct Listed {
    id: String,
    says: String,
    certainty: &'static str,
}

fn listed() -> Vec<Listed> {
    let catalogue = vestibule::scim::catalogue();
    let known = catalogue.iter().map(|rule| Listed {
        id: rule.id.to_owned(),
        says: rule.says.to_owned(),
        certainty: rule.certainty.name(),
    });
    let beside = BESIDE.iter().map(|(id, says)| Listed {
        id: (*id).to_owned(),
        says: (*says).to_owned(),
        certainty: if id.starts_with('A') { "certain" } else { "changes nothing" },
    });
    let mut all: Vec<Listed> = known.chain(beside).collect();
    all.sort_by_key(|rule| (rule.id[..1].to_owned(), rule.id[1..].parse::<u32>().unwrap()));
    all
}

/// JSON as a person writes it: what is short stays in one line.
fn pretty(value: &Value, indent: usize) -> String {
    let short = spaced(value);
    if short.chars().count() + indent <= 100 {
        return short;
    }
    let (inner, outer) = (" ".repeat(indent + 2), " ".repeat(indent));
    match value {
        Value::Array(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|entry| format!("{inner}{}", pretty(entry, indent + 2))).collect();
            format!("[\n{}\n{outer}]", entries.join(",\n"))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| {
                    format!("{inner}{}: {}", Value::from(name.as_str()), pretty(value, indent + 2))
                })
                .collect();
            format!("{{\n{}\n{outer}}}", members.join(",\n"))
        }
        other => other.to_string(),
    }
}

fn spaced(value: &Value) -> String {
    match value {
        Value::Array(entries) => format!("[{}]", entries.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), spaced(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A request or an answer. Headers are shown where they say something: those that `other` has as well are left out.
fn message(of: &Value, other: &Value, page: &mut String) {
    match (of["method"].as_str(), of["status"].as_u64()) {
        (Some(method), _) => writeln!(page, "{method} {}", of["path"].as_str().unwrap_or_default()).unwrap(),
        (None, Some(status)) => writeln!(page, "{status}").unwrap(),
        _ => writeln!(page, "{}", pretty(of, 0)).unwrap(),
    }
    let headers = |of: &Value| of["headers"].as_object().cloned().unwrap_or_else(Map::new);
    let have = headers(other);
    for (name, value) in headers(of) {
        let same = have.iter().any(|(other, had)| other.eq_ignore_ascii_case(&name) && *had == value);
        let usual = other.is_null() && value == "application/scim+json";
        if !same && !usual {
            writeln!(page, "{name}: {}", value.as_str().unwrap_or_default()).unwrap();
        }
    }
    match &of["body"] {
        Value::Null => {}
        Value::String(text) => writeln!(page, "\n{text}").unwrap(),
        body => writeln!(page, "\n{}", pretty(body, 0)).unwrap(),
    }
}

fn block(title: &str, messages: &[(&Value, &Value)], page: &mut String) {
    writeln!(page, "{title}\n\n```text").unwrap();
    for (at, (of, other)) in messages.iter().enumerate() {
        if at > 0 {
            page.push('\n');
        }
        message(of, other, page);
    }
    page.push_str("```\n\n");
}

fn section(rule: &Listed, case: &Value, explained: &Explained) -> String {
    const NONE: &Value = &Value::Null;
    let mut page = format!("## {}\n\n{}: {} ({}).\n", rule.id, rule.id, rule.says, rule.certainty);
    if let Some((_, needs)) = NEEDS.iter().find(|(id, _)| *id == rule.id) {
        writeln!(page, "{needs}").unwrap();
    }
    page.push('\n');
    let (request, json) = (&case["request"], &explained.json);
    let answer = &case["upstream_response"];
    let is_answer = rule.id.starts_with('R') && !answer.is_null();
    let asked: Vec<(&Value, &Value)> =
        json["upstream_requests"].as_array().into_iter().flatten().map(|it| (it, NONE)).collect();
    let answers = case.pointer("/context/upstream_responses").and_then(Value::as_array);
    if is_answer {
        block("Entra asks:", &[(request, NONE)], &mut page);
        block("The application answers:", &[(answer, &json["response"])], &mut page);
        block("Entra gets:", &[(&json["response"], answer)], &mut page);
    } else {
        let goes_on = json.get("method").is_some();
        block("Entra sends:", &[(request, if goes_on { json } else { NONE })], &mut page);
        if goes_on {
            block("The application gets:", &[(json, request)], &mut page);
        } else if asked.is_empty() {
            let reply = ["short_circuit", "response", "decision"]
                .iter()
                .map(|name| &json[*name])
                .find(|it| !it.is_null())
                .unwrap_or(json);
            let reply = reply.get("token_response").unwrap_or(reply);
            block("Entra gets, without the application:", &[(reply, NONE)], &mut page);
        } else {
            for (at, (own, _)) in asked.iter().enumerate() {
                block("The application gets:", &[(own, NONE)], &mut page);
                if let Some(answer) = answers.and_then(|answers| answers.get(at)) {
                    block("It answers:", &[(answer, NONE)], &mut page);
                }
            }
            block("Entra gets:", &[(&json["response"], NONE)], &mut page);
        }
    }
    let rules: Vec<&str> = json["rules"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|id| *id != rule.id)
        .collect();
    if !rules.is_empty() {
        writeln!(page, "Here {} took part, too.\n", rules.join(", ")).unwrap();
    }
    writeln!(
        page,
        "`vestibule scim explain docs/rules/cases/{}.json`: [the case](cases/{}.json).\n",
        rule.id, rule.id
    )
    .unwrap();
    page
}

/// Whether a case is refused without what an operator has set.
fn is_refused_anyway(case: &Value) -> bool {
    let mut case = case.clone();
    case.as_object_mut().unwrap().remove("context");
    explain(case.to_string().as_bytes()).outcome == Outcome::Refused
}

#[test]
fn every_rule_has_a_page_with_an_example_that_the_code_made() {
    let rules = listed();
    let mut sections: Vec<(String, String)> = Vec::new();
    let mut faults = Vec::new();
    for rule in &rules {
        let path = folder().join(format!("cases/{}.json", rule.id));
        let Ok(text) = std::fs::read(&path) else {
            faults.push(format!("{} has no case", rule.id));
            continue;
        };
        let case: Value = serde_json::from_slice(&text).unwrap();
        let explained = explain(&text);
        if explained.outcome == Outcome::Unusable {
            faults.push(format!("{}: {}", rule.id, explained.json));
        }
        let unclear = explained.json["notes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it.as_str().unwrap().ends_with("means nothing here"));
        let told = explained.json["rules"].as_array().unwrap().iter().any(|it| it == rule.id.as_str());
        // A refusal leaves no record; that it is this rule's is seen where the operator does not ask for it.
        let asked_for = ["P22", "X3"].contains(&rule.id.as_str());
        let silent = asked_for || BESIDE.iter().any(|(id, _)| *id == rule.id);
        if asked_for && (explained.outcome != Outcome::Refused || is_refused_anyway(&case)) {
            faults.push(format!("{}: the case is not refused, or is without the setting", rule.id));
        }
        if unclear || told == silent {
            let json = &explained.json;
            faults.push(format!("{}: the case shows {}, notes {}", rule.id, json["rules"], json["notes"]));
        }
        sections.push((rule.id.clone(), section(rule, &case, &explained)));
    }
    let cases = std::fs::read_dir(folder().join("cases")).unwrap().count();
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(cases, rules.len(), "a case without a rule");
    for (name, letters, title, intro) in PAGES {
        let mine = sections.iter().filter(|(id, _)| letters.contains(&id[..1]));
        let text: String = mine.map(|(_, section)| section.as_str()).collect();
        let note = "Made from the code by `tools/make-docs.sh`; how sure a rule is and the order in which rules are applied: [scim.md](../scim.md).";
        let made = format!("# {title}\n\n{intro}\n{note}\n\n{}\n", text.trim_end());
        let path = folder().join(format!("{name}.md"));
        let is = std::fs::read_to_string(&path).unwrap_or_default();
        super::same_or_written(path.to_str().unwrap(), &is, &made);
    }
    let page_of = |id: &str| PAGES.iter().find(|(_, letters, ..)| letters.contains(&id[..1])).unwrap().0;
    let mut index = String::from(
        "# The rules of provisioning, with examples\n\nEach rule is shown on one small case, which the code of the filter explains: what comes in, what goes on. \
         `vestibule scim explain` does the same for a case of yours ([scim.md](scim.md#what-becomes-of-one-request)).\n\n| rule | what it does |\n|---|---|\n",
    );
    for rule in &rules {
        writeln!(
            index,
            "| [{}](rules/{}.md#{}) | {} |",
            rule.id,
            page_of(&rule.id),
            rule.id.to_lowercase(),
            rule.says
        )
        .unwrap();
    }
    index.push_str("\nA5 is not a rewrite: a token of the application's own authorization server is let in where that server, or its keys, say that it is good ([scim-authentication.md](scim-authentication.md)).\n");
    let path = folder().join("../scim-rules.md");
    let is = std::fs::read_to_string(&path).unwrap_or_default();
    super::same_or_written(path.to_str().unwrap(), &is, &index);
}
