//! License expressions as crates state them: names of SPDX joined by `AND`, `OR` and `WITH`, and by `/`, which was once written for `OR`.

use std::str::FromStr;

use anyhow::{Context, bail, ensure};

/// What a crate asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// One license, with its exception where it has one.
    Name(String),
    /// All of these.
    All(Vec<Expression>),
    /// One of these.
    Any(Vec<Expression>),
}

impl Expression {
    /// Whether it is met by those licenses for which `may` says so.
    pub(super) fn is_met(&self, may: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Name(name) => may(name),
            Self::All(parts) => parts.iter().all(|part| part.is_met(may)),
            Self::Any(parts) => parts.iter().any(|part| part.is_met(may)),
        }
    }
}

impl FromStr for Expression {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        ensure!(!text.trim().is_empty(), "it names no license");
        let spaced = text.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut rest = words.as_slice();
        let expression = any(&mut rest).with_context(|| format!("`{text}` cannot be read"))?;
        ensure!(rest.is_empty(), "`{text}` cannot be read from `{}` on", rest.join(" "));
        Ok(expression)
    }
}

/// `AND` binds closer than `OR`.
fn any(rest: &mut &[&str]) -> anyhow::Result<Expression> {
    joined(rest, "OR", Expression::Any, |rest| joined(rest, "AND", Expression::All, one))
}

fn joined(
    rest: &mut &[&str],
    by: &str,
    join: fn(Vec<Expression>) -> Expression,
    part: fn(&mut &[&str]) -> anyhow::Result<Expression>,
) -> anyhow::Result<Expression> {
    let mut parts = vec![part(rest)?];
    while let Some((_, behind)) = rest.split_first().filter(|(word, _)| **word == by) {
        *rest = behind;
        parts.push(part(rest)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { join(parts) })
}

fn one(rest: &mut &[&str]) -> anyhow::Result<Expression> {
    let (word, behind) = rest.split_first().context("it ends too soon")?;
    *rest = behind;
    match *word {
        "(" => {
            let inside = any(rest)?;
            let closed = rest.split_first().filter(|(word, _)| **word == ")");
            (_, *rest) = closed.context("a bracket is not closed")?;
            Ok(inside)
        }
        ")" | "OR" | "AND" | "WITH" => bail!("`{word}` stands where a license is expected"),
        name => Ok(Expression::Name(match rest {
            ["WITH", exception, behind @ ..] => {
                let name = format!("{name} WITH {exception}");
                *rest = behind;
                name
            }
            _ => name.to_owned(),
        })),
    }
}
