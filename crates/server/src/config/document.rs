//! The effective configuration as a TOML file that explains itself.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{
    Config, ConfigError,
    keys::{self, Key, Kind},
};

/// Columns of a comment.
const WIDTH: usize = 100;

/// As TOML: every key with its documentation, its environment variable and, where it differs, its default.
pub(super) fn documented(config: &Config) -> Result<String, ConfigError> {
    let table =
        |config: &Config| Table::try_from(config).map_err(|error| ConfigError::Invalid(error.to_string()));
    let mut text = String::new();
    section(&mut text, &keys::all(), "", &table(config)?, &table(&Config::default())?);
    Ok(text)
}

fn section(text: &mut String, keys: &BTreeMap<String, Key>, before: &str, values: &Table, defaults: &Table) {
    let path_of = |name: &String| if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
    // Values first: in TOML, what stands after a section's head belongs to the section.
    for (name, key) in keys.iter().filter(|(_, key)| !matches!(key.kind, Kind::Section(_))) {
        comment(text, &key.description);
        line(text, &format!("# Environment: {}", keys::variable(&path_of(name))));
        match (values.get(name), defaults.get(name)) {
            (Some(value), default) => {
                if let Some(default) = default.filter(|default| *default != value) {
                    line(text, &format!("# Default: {default}"));
                }
                line(text, &format!("{name} = {value}"));
            }
            (None, _) => line(text, &format!("# {name} =")),
        }
        text.push('\n');
    }
    let empty = Table::new();
    let inner = |of: &Table, name: &String| of.get(name).and_then(Value::as_table).unwrap_or(&empty).clone();
    for (name, key) in keys {
        if let Kind::Section(keys) = &key.kind {
            comment(text, &key.description);
            line(text, &format!("[{}]", path_of(name)));
            section(text, keys, &path_of(name), &inner(values, name), &inner(defaults, name));
        }
    }
}

fn comment(text: &mut String, description: &str) {
    for paragraph in description.lines() {
        let mut current = String::from("#");
        for word in paragraph.split_whitespace() {
            if current.len() + 1 + word.len() > WIDTH && current.len() > 1 {
                line(text, &current);
                current.truncate(1);
            }
            current.push(' ');
            current.push_str(word);
        }
        line(text, &current);
    }
}

fn line(text: &mut String, content: &str) {
    text.push_str(content);
    text.push('\n');
}

/// A connection URL, or a `key=value` connection string, without its password.
pub(super) fn without_password(url: &str) -> String {
    const HIDDEN: &str = "…";
    if let Some((scheme, rest)) = url.split_once("://") {
        // A password may hold what somebody forgot to escape: of all before the last @ only the user is shown.
        let (before, after) =
            rest.rsplit_once('@').map_or((None, rest), |(before, after)| (Some(before), after));
        let shown = before.map_or_else(String::new, |before| {
            let user = before.split([':', '/', '?']).next().unwrap_or_default();
            if user == before { format!("{user}@") } else { format!("{user}:{HIDDEN}@") }
        });
        let (host_and_path, query) = after.split_once('?').unwrap_or((after, ""));
        let query: Vec<String> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| match pair.split_once('=') {
                Some((name, _)) if name.to_lowercase().contains("password") => format!("{name}={HIDDEN}"),
                _ => pair.to_owned(),
            })
            .collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        return format!("{scheme}://{shown}{host_and_path}{query}");
    }
    // `host=db password='a b' user=x`: a quoted value may hold spaces, so all from the password on is hidden.
    match url.to_lowercase().find("password") {
        Some(start) => {
            url.get(..start).map_or_else(|| HIDDEN.to_owned(), |shown| format!("{shown}password={HIDDEN}"))
        }
        None => url.to_owned(),
    }
}
