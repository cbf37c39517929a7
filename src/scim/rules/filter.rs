//! Rules of filters: F6 F4 F8 F3 F5 F2.

use super::super::filter::{Filter, Literal, Mode, Path};
use super::super::name::Name;
use super::super::rule::{Certainty, Context, Notes, Rule};
use super::super::schema::{self, ResourceKind, ValueType};

/// A text and, once it has been read, its tree.
pub(crate) struct Reading<T> {
    pub(crate) text: String,
    pub(crate) tree: Option<T>,
}

/// Rules that make a filter readable.
pub(crate) const READ_FILTER: &[&Rule<Reading<Filter>>] = &[&F6];
/// The same for PATCH paths.
pub(crate) const READ_PATH: &[&Rule<Reading<Path>>] = &[&F6_PATH];
/// Rules on the tree, in order. Names come first, because types hang on them.
pub(crate) const TREE: &[&Rule<Filter>] = &[&F8, &F5, &F3, &F4, &F2];
/// Those of them that apply inside the brackets of a PATCH path.
pub(crate) const SELECTOR: &[&Rule<Path>] = &[&F8_PATH, &F3_PATH, &F4_PATH];

const F6_ID: &str = "F6";
const F6_SAYS: &str = "reads quotes and backslashes that the client left unescaped in a literal";

const F6: Rule<Reading<Filter>> = Rule {
    id: F6_ID,
    says: F6_SAYS,
    certainty: Certainty::Partly,
    apply: |reading, context, notes| unescaped(reading, Filter::parse, context, notes, "query.filter"),
};

const F6_PATH: Rule<Reading<Path>> = Rule {
    id: F6_ID,
    says: F6_SAYS,
    certainty: Certainty::Partly,
    apply: |reading, context, notes| unescaped(reading, Path::parse, context, notes, "Operations.path"),
};

fn unescaped<T: PartialEq>(
    reading: &mut Reading<T>,
    parse: fn(&str, Mode) -> Option<T>,
    context: &Context<'_>,
    notes: &mut Notes<'_>,
    place: &str,
) {
    let literally = context.settings.literal_backslash && reading.text.contains('\\');
    if reading.tree.is_some() && !literally {
        return;
    }
    let tree = parse(&reading.text, Mode::Unescaped);
    if tree.is_some() && tree != reading.tree {
        // Where the operator has said what a backslash is, nothing is left to judge.
        let is_said = literally && reading.tree.is_some();
        reading.tree = tree;
        if is_said { notes.mark(place) } else { notes.judge(place) }
    }
}

const F8: Rule<Filter> = Rule {
    id: "F8",
    says: "gives attribute names in a filter the spelling of the schema",
    certainty: Certainty::Certain,
    apply: |filter, context, notes| {
        if spell_filter(filter, None, context.kind) {
            notes.mark("query.filter");
        }
    },
};

const F8_PATH: Rule<Path> = Rule {
    id: "F8",
    says: "gives attribute names in a selector the spelling of the schema",
    certainty: Certainty::Certain,
    apply: |path, context, notes| {
        let Path { name, selector } = path;
        if let Some(selector) = selector
            && spell_filter(selector, Some(name), context.kind)
        {
            notes.mark("Operations.path");
        }
    },
};

fn spell_filter(filter: &mut Filter, parent: Option<&Name>, kind: &ResourceKind) -> bool {
    let mut changed = false;
    filter.each_in(parent, &mut |parent, name, _| {
        changed |= match parent {
            None => spell(kind, name),
            Some(parent) => {
                let known = schema::sub_attribute(kind, &parent.with_sub(&name.attribute));
                known.is_some_and(|known| set(&mut name.attribute, known.name))
            }
        };
    });
    changed
}

/// Gives a name the spelling of the schema; a name that no schema knows stays as it is.
pub(crate) fn spell(kind: &ResourceKind, name: &mut Name) -> bool {
    let mut changed = false;
    if let Some(urn) = &mut name.urn
        && let Some(known) = schema::known_urn(urn)
    {
        changed |= set(urn, known);
    }
    if let Some(known) = schema::sub_attribute(kind, name)
        && let Some(sub) = &mut name.sub
    {
        changed |= set(sub, known.name);
    }
    if let Some(known) = schema::attribute(kind, name) {
        changed |= set(&mut name.attribute, known.name);
    }
    changed
}

fn set(text: &mut String, spelling: &str) -> bool {
    let differs = text != spelling;
    if differs {
        spelling.clone_into(text);
    }
    differs
}

const F5: Rule<Filter> = Rule {
    id: "F5",
    says: "asks a reference for its value: manager and members become manager.value and members.value",
    certainty: Certainty::Judgement,
    apply: |filter, context, notes| {
        let mut changed = false;
        filter.each(&mut |parent, name, literal| {
            if parent.is_some() || name.dotted {
                return;
            }
            let manager =
                *context.kind == ResourceKind::User && name.attribute.eq_ignore_ascii_case("manager");
            let members =
                *context.kind == ResourceKind::Group && name.attribute.eq_ignore_ascii_case("members");
            if manager && name.urn.is_none() {
                name.urn = Some(schema::ENTERPRISE.into());
                // F8 has gone before and knew no such attribute without its schema.
                "manager".clone_into(&mut name.attribute);
                changed = true;
            }
            if name.sub.is_none()
                && literal.is_some()
                && ((manager && name.is_of(schema::ENTERPRISE))
                    || (members && schema::attribute(context.kind, name).is_some()))
            {
                name.sub = Some("value".into());
                changed = true;
            }
        });
        if changed {
            notes.mark("query.filter");
        }
    },
};

const F3: Rule<Filter> = Rule {
    id: "F3",
    says: "compares a Boolean attribute with true or false, not with a text",
    certainty: Certainty::Certain,
    apply: |filter, context, notes| {
        if type_booleans(filter, None, context) {
            notes.mark("query.filter");
        }
    },
};

const F3_PATH: Rule<Path> = Rule {
    id: "F3",
    says: "compares a Boolean attribute in a selector with true or false, not with a text",
    certainty: Certainty::Certain,
    apply: |path, context, notes| {
        let Path { name, selector } = path;
        if let Some(selector) = selector
            && type_booleans(selector, Some(name), context)
        {
            notes.mark("Operations.path");
        }
    },
};

/// The name that a comparison is about, seen from the resource.
fn full(parent: Option<&Name>, name: &Name) -> Name {
    match parent {
        Some(parent) => parent.with_sub(&name.attribute),
        None => name.clone(),
    }
}

fn type_booleans(filter: &mut Filter, parent: Option<&Name>, context: &Context<'_>) -> bool {
    let mut changed = false;
    filter.each_in(parent, &mut |parent, name, literal| {
        let Some(literal) = literal else { return };
        let (Literal::Text(text) | Literal::Bare(text)) = &*literal else { return };
        let Some(value) = super::boolean(text) else { return };
        let name = full(parent, name);
        let types = &context.settings.declared_types;
        if schema::value_type(context.kind, &name, types) == Some(ValueType::Boolean) {
            *literal = Literal::Word(value.to_string());
            changed = true;
        }
    });
    changed
}

const F4: Rule<Filter> = Rule {
    id: "F4",
    says: "quotes a literal that was left bare",
    certainty: Certainty::Judgement,
    apply: |filter, context, notes| {
        if quote(filter, None, context) {
            notes.mark("query.filter");
        }
    },
};

const F4_PATH: Rule<Path> = Rule {
    id: "F4",
    says: "quotes a literal that was left bare in a selector",
    certainty: Certainty::Judgement,
    apply: |path, context, notes| {
        let Path { name, selector } = path;
        if let Some(selector) = selector
            && quote(selector, Some(name), context)
        {
            notes.mark("Operations.path");
        }
    },
};

fn quote(filter: &mut Filter, parent: Option<&Name>, context: &Context<'_>) -> bool {
    let mut changed = false;
    filter.each_in(parent, &mut |parent, name, literal| {
        let Some(literal) = literal else { return };
        let name = full(parent, name);
        let is_text = || {
            schema::value_type(context.kind, &name, &context.settings.declared_types) == Some(ValueType::Text)
        };
        let text = match &*literal {
            Literal::Bare(text) => text,
            // A number is a literal by itself, but not one that a text can equal.
            Literal::Word(text) if !matches!(text.as_str(), "true" | "false" | "null") && is_text() => text,
            _ => return,
        };
        *literal = Literal::Text(text.clone());
        changed = true;
    });
    changed
}

const F2: Rule<Filter> = Rule {
    id: "F2",
    says: "moves a comparison after the brackets of a value path into them",
    certainty: Certainty::Certain,
    apply: |filter, _, notes| {
        let mut changed = false;
        filter.rebuild(&mut |part| {
            let Filter::Element { selector, tail, .. } = part else { return };
            let Some(tail) = tail.take() else { return };
            let selected = std::mem::replace(selector.as_mut(), Filter::And(Vec::new()));
            let mut parts = match selected {
                Filter::And(parts) => parts,
                other => vec![other],
            };
            parts.push(*tail);
            **selector = Filter::And(parts);
            changed = true;
        });
        if changed {
            notes.mark("query.filter");
        }
    },
};

#[cfg(test)]
mod tests {
    use super::super::super::rule::{Settings, run};
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Runs one rule alone; the kind follows from the attribute names that the tables use.
    fn alone(rule: &'static Rule<Filter>, kind: &ResourceKind, text: &str) -> (String, usize) {
        let settings = Settings::default();
        let mut filter = Filter::parse(text, Mode::Strict).unwrap();
        let mut trail = Vec::new();
        run(&[rule], &mut filter, &Context { kind, settings: &settings }, &mut trail).unwrap();
        (filter.to_string(), trail.len())
    }

    fn table(rule: &'static Rule<Filter>, kind: &ResourceKind, cases: &[(&str, &str)]) {
        for (from, to) in cases {
            assert_eq!(alone(rule, kind, from), ((*to).to_owned(), usize::from(from != to)), "{from}");
            assert_eq!(alone(rule, kind, to), ((*to).to_owned(), 0), "twice: {to}");
        }
    }

    #[test]
    fn f2_moves_the_comparison_into_the_brackets() {
        table(
            &F2,
            &ResourceKind::User,
            &[
                (r#"emails[type eq "work"].value eq "x""#, r#"emails[type eq "work" and value eq "x"]"#),
                (r#"a[b eq 1 or c eq 2].d eq "x""#, r#"a[(b eq 1 or c eq 2) and d eq "x"]"#),
                (r#"a[b eq 1 and c eq 2].d pr"#, r#"a[b eq 1 and c eq 2 and d pr]"#),
                (r#"not (a[b eq 1].d eq 2) and e pr"#, r#"not (a[b eq 1 and d eq 2]) and e pr"#),
                (r#"emails[type eq "work"]"#, r#"emails[type eq "work"]"#),
                (
                    r#"displayName eq "a[type eq 1].value eq 2""#,
                    r#"displayName eq "a[type eq 1].value eq 2""#,
                ),
            ],
        );
    }

    #[test]
    fn f3_types_the_literal_of_a_boolean_and_of_nothing_else() {
        table(
            &F3,
            &ResourceKind::User,
            &[
                (r#"roles[primary eq "True"].value eq "True""#, r#"roles[primary eq true].value eq "True""#),
                (r#"active eq "FALSE""#, "active eq false"),
                (r#"title eq "True""#, r#"title eq "True""#),
                (r#"active eq "maybe""#, r#"active eq "maybe""#),
            ],
        );
    }

    #[test]
    fn f4_quotes_bare_words_and_numbers_that_are_compared_with_text() {
        table(
            &F4,
            &ResourceKind::User,
            &[
                ("externalId eq ada.lo", r#"externalId eq "ada.lo""#),
                ("externalId eq 4417", r#"externalId eq "4417""#),
                ("active eq true", "active eq true"),
                ("badge eq 7", "badge eq 7"),
                ("title eq null", "title eq null"),
            ],
        );
    }

    #[test]
    fn f5_asks_references_for_their_value() {
        let manager = format!("{}:manager", schema::ENTERPRISE);
        table(
            &F5,
            &ResourceKind::User,
            &[
                (r#"id eq "u" and manager eq "m""#, &format!(r#"id eq "u" and {manager}.value eq "m""#)),
                (r#"Manager eq "m""#, &format!(r#"{manager}.value eq "m""#)),
                (&format!(r#"{manager} eq "m""#), &format!(r#"{manager}.value eq "m""#)),
                (r#"members eq "m""#, r#"members eq "m""#),
                (r#"emails eq "m""#, r#"emails eq "m""#),
            ],
        );
        table(
            &F5,
            &ResourceKind::Group,
            &[
                (r#"id eq "g" and members eq "u""#, r#"id eq "g" and members.value eq "u""#),
                (r#"members[value eq "u"]"#, r#"members[value eq "u"]"#),
                ("members pr", "members pr"),
            ],
        );
    }

    #[test]
    fn f8_gives_names_the_spelling_of_the_schema() {
        table(
            &F8,
            &ResourceKind::User,
            &[
                (r#"USERNAME eq "x""#, r#"userName eq "x""#),
                (r#"emails[Type eq "work"].Value eq "x""#, r#"emails[type eq "work"].value eq "x""#),
                (r#"name.GivenName eq "x""#, r#"name.givenName eq "x""#),
                (
                    r#"URN:ietf:params:scim:schemas:core:2.0:user:username eq "x""#,
                    r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "x""#,
                ),
                (r#"BadgeNo eq "x""#, r#"BadgeNo eq "x""#),
            ],
        );
    }

    #[test]
    fn f6_reads_what_the_client_left_unescaped() {
        for (text, literally, want, records) in [
            (r#"displayName eq "Team "Blue" NL""#, false, r#"displayName eq "Team \"Blue\" NL""#, 1),
            (r#"displayName eq "CORP\Audit""#, false, r#"displayName eq "CORP\\Audit""#, 1),
            (r#"displayName eq "CORP\new""#, false, r#"displayName eq "CORP\\new""#, 1),
            (r#"displayName eq "a\\b""#, false, r#"displayName eq "a\\b""#, 0),
            (r#"displayName eq "a\\b""#, true, r#"displayName eq "a\\\\b""#, 1),
            (r#"displayName eq "plain""#, true, r#"displayName eq "plain""#, 0),
        ] {
            let settings = Settings { literal_backslash: literally, ..Settings::default() };
            let context = Context { kind: &ResourceKind::Group, settings: &settings };
            let mut reading = Reading { text: text.into(), tree: Filter::parse(text, Mode::Strict) };
            let mut trail = Vec::new();
            run(READ_FILTER, &mut reading, &context, &mut trail).unwrap();
            assert_eq!((reading.tree.unwrap().to_string().as_str(), trail.len()), (want, records), "{text}");
        }
    }
}
