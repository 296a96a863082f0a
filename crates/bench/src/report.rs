//! Figures for people, and the same as one JSON object.

use serde_json::{Map, Value, json};

/// What was measured, by name.
#[derive(Debug, Default)]
pub(crate) struct Report(Map<String, Value>);

impl Report {
    /// Takes a figure down.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Takes a measured figure down, with four digits: more would be noise.
    pub(crate) fn figure(&mut self, name: &str, value: f64) {
        self.set(name, rounded(value));
    }

    /// Prints it on one line.
    pub(crate) fn print(self) {
        println!("{}", Value::Object(self.0));
    }
}

/// With four digits. What is not a number is null.
pub(crate) fn rounded(value: f64) -> Value {
    let shown: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    json!(shown)
}

/// A heading.
pub(crate) fn heading(text: &str) {
    println!("\n── {text}");
}

/// A figure with its name and unit.
pub(crate) fn line(name: &str, text: &str) {
    println!("   {name:<44} {text}");
}
