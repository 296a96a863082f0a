//! The file, then the environment on top of it; each key checked against the ones there are.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use super::{
    Config,
    keys::{self, Key, Kind},
    suggest,
};

const PREFIX: &str = "TOLLGATE_";
/// Variables that are read by the command line itself.
const OF_THE_COMMAND_LINE: [&str; 1] = ["TOLLGATE_CONFIG"];
/// What Kubernetes sets in every container when a service is called `tollgate`.
const OF_KUBERNETES: [&str; 2] = ["TOLLGATE_SERVICE_", "TOLLGATE_PORT"];

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML. The line itself is not quoted: it may hold a password.
    #[error("{}, line {line}: {message}", path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// A key that nobody reads.
    #[error("unknown key `{key}` in {place}; {advice}")]
    UnknownKey {
        /// The path of the key, or the name of the variable.
        key: String,
        /// The file, or the environment.
        place: String,
        /// What is near, or what there is.
        advice: String,
    },
    /// A variable that holds no value of the key's type.
    #[error("the environment variable {variable} must be {expected}")]
    NotAValue {
        /// The variable.
        variable: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A value of the wrong type or out of range.
    #[error("the configuration is not valid: {0}")]
    Invalid(String),
}

/// The configuration of a file (or of none) and of an environment.
pub(super) fn load(
    file: Option<&Path>,
    environment: BTreeMap<String, String>,
) -> Result<Config, ConfigError> {
    let known = keys::all();
    let mut table = match file {
        Some(path) => read_file(path, &known)?,
        None => Table::new(),
    };
    for (variable, text) in environment {
        let (path, kind) = find_variable(&variable, &known)?;
        let value = match kind {
            Kind::Text => Value::String(text),
            Kind::Other | Kind::Section(_) => parse_value(&text).ok_or(ConfigError::NotAValue {
                variable,
                expected: "a number, true, false or a [\"list\"]",
            })?,
        };
        put(&mut table, &path, value);
    }
    table.try_into().map_err(|error: toml::de::Error| {
        // toml says the path of the key on lines of its own.
        ConfigError::Invalid(without_type_names(&error.to_string().trim().replace('\n', " ")))
    })
}

/// serde calls a section by the name of its type, which is nobody's business but ours.
fn without_type_names(text: &str) -> String {
    const NAMED: &str = "expected struct ";
    let Some((before, after)) = text.split_once(NAMED) else { return text.to_owned() };
    let rest = after.trim_start_matches(|character: char| character.is_alphanumeric() || character == '_');
    format!("{before}expected a table (a section with keys of its own){rest}")
}

/// The variables of a process that are ours. Text that is not Unicode is kept as well as it can be: it is refused by name later.
pub(super) fn process_environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> BTreeMap<String, String> {
    variables
        .map(|(name, text)| (name.to_string_lossy().into_owned(), text.to_string_lossy().into_owned()))
        .filter(|(name, _)| {
            name.starts_with(PREFIX)
                && !OF_THE_COMMAND_LINE.contains(&name.as_str())
                && !OF_KUBERNETES.iter().any(|prefix| name.starts_with(prefix))
        })
        .collect()
}

fn read_file(path: &Path, known: &BTreeMap<String, Key>) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| ConfigError::NotToml {
        path: path.to_owned(),
        line: line_of(&text, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    refuse_unknown(&table, known, "", known, &path.display().to_string())?;
    Ok(table)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn refuse_unknown(
    table: &Table,
    here: &BTreeMap<String, Key>,
    before: &str,
    all: &BTreeMap<String, Key>,
    place: &str,
) -> Result<(), ConfigError> {
    for (name, value) in table {
        let path = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
        match (here.get(name).map(|key| &key.kind), value) {
            (None, _) => return Err(unknown(path, place, &keys::paths(all))),
            (Some(Kind::Section(keys)), Value::Table(inner)) => {
                refuse_unknown(inner, keys, &path, all, place)?;
            }
            // A section that is no table, and values of a wrong type, are named by serde.
            (Some(_), _) => {}
        }
    }
    Ok(())
}

fn find_variable<'a>(
    variable: &str,
    known: &'a BTreeMap<String, Key>,
) -> Result<(Vec<String>, &'a Kind), ConfigError> {
    let path: Vec<String> = variable
        .strip_prefix(PREFIX)
        .unwrap_or(variable)
        .to_lowercase()
        .split("__")
        .map(str::to_owned)
        .collect();
    let mut here = known;
    let mut parts = path.iter().peekable();
    while let Some(part) = parts.next() {
        match here.get(part).map(|key| &key.kind) {
            Some(Kind::Section(keys)) => here = keys,
            Some(kind) if parts.peek().is_none() => return Ok((path, kind)),
            _ => break,
        }
    }
    let candidates = keys::paths(known);
    let near = suggest::nearest(&path.join("."), &candidates).map(keys::variable);
    Err(ConfigError::UnknownKey {
        key: variable.to_owned(),
        place: "the environment".to_owned(),
        advice: advice(near),
    })
}

fn unknown(key: String, place: &str, candidates: &[String]) -> ConfigError {
    let near = suggest::nearest(&key, candidates).map(str::to_owned);
    ConfigError::UnknownKey { key, place: place.to_owned(), advice: advice(near) }
}

fn advice(near: Option<String>) -> String {
    near.map_or_else(
        || "`tollgate config` prints the keys there are".to_owned(),
        |near| format!("did you mean `{near}`?"),
    )
}

/// A TOML value by itself.
fn parse_value(text: &str) -> Option<Value> {
    let table: Table = format!("value = {text}").parse().ok()?;
    if table.len() == 1 { table.into_iter().next().map(|(_, value)| value) } else { None }
}

/// Puts a value where the path says, over what is there.
fn put(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [name] => {
            table.insert(name.clone(), value);
        }
        [section, rest @ ..] => {
            let inner = table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
            if !inner.is_table() {
                *inner = Value::Table(Table::new());
            }
            if let Some(inner) = inner.as_table_mut() {
                put(inner, rest, value);
            }
        }
    }
}
