//! Which keys there are, what they take and what they are for: read off the types, so that it cannot drift from them.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Config;

/// A key of the configuration: a section of further keys, or a value.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// Its doc comment.
    pub(super) description: String,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Section(BTreeMap<String, Key>),
    /// Read from the environment as it is.
    Text,
    /// Read from the environment as a TOML value: a number, a truth value, a list.
    Other,
}

/// All keys, as the section that is the whole file.
pub(super) fn all() -> BTreeMap<String, Key> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<Config>();
    section(schema.as_value()).unwrap_or_default()
}

fn section(schema: &Value) -> Option<BTreeMap<String, Key>> {
    let properties = schema.get("properties")?.as_object()?;
    Some(properties.iter().map(|(name, schema)| (name.clone(), key(schema))).collect())
}

fn key(schema: &Value) -> Key {
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    // A doc comment is wrapped by hand; its paragraphs are what was meant.
    let description = description.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    let kind = match section(schema) {
        Some(keys) => Kind::Section(keys),
        None if takes_text(schema) => Kind::Text,
        None => Kind::Other,
    };
    Key { description: description.collect::<Vec<_>>().join("\n"), kind }
}

/// Whether a schema is of a string, or of one of several constant strings.
fn takes_text(schema: &Value) -> bool {
    let is_string = |of: &Value| of == "string";
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(is_string),
        Some(one) => is_string(one),
        None => ["oneOf", "anyOf"]
            .into_iter()
            .filter_map(|key| schema.get(key)?.as_array())
            .flatten()
            .any(|one| one.get("type").is_some_and(is_string)),
    }
}

/// The full path of every value: `analytics.batch_size`.
pub(super) fn paths(keys: &BTreeMap<String, Key>) -> Vec<String> {
    fn collect(keys: &BTreeMap<String, Key>, before: &str, into: &mut Vec<String>) {
        for (name, key) in keys {
            let path = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
            match &key.kind {
                Kind::Section(keys) => collect(keys, &path, into),
                Kind::Text | Kind::Other => into.push(path),
            }
        }
    }
    let mut all = Vec::new();
    collect(keys, "", &mut all);
    all
}

/// The environment variable of a path.
pub(super) fn variable(path: &str) -> String {
    format!("TOLLGATE_{}", path.to_uppercase().replace('.', "__"))
}
