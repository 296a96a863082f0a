//! The notices: the text of every license of every crate, each text once, with those whose text it is.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use super::expression::Expression;

/// For crates without a text of their license: what they mean by its name.
const STANDARD: [(&str, &str); 2] =
    [("MIT", include_str!("texts/MIT.txt")), ("BSD-3-Clause", include_str!("texts/BSD-3-Clause.txt"))];
/// What is in these directories is not a part of what is built.
const APART: [&str; 7] = ["tests", "test", "benches", "bench", "examples", "fuzz", "docs"];
/// A file that is named like a license, and is a part of the program.
const CODE: [&str; 8] = ["rs", "c", "h", "go", "py", "json", "toml", "html"];

/// What one crate asks to go along with it.
#[derive(Debug)]
pub(super) struct Notice {
    /// Name, version and license.
    of: String,
    texts: Vec<String>,
}

impl Notice {
    /// Of the crate in this directory.
    pub(super) fn read(of: String, license: &str, directory: &Path) -> anyhow::Result<Self> {
        let expression: Expression = license.parse()?;
        let is_met_by = |wanted: &str| expression.is_met(&|name| name == wanted);
        let mut files = Vec::new();
        find(directory, &mut files).with_context(|| format!("reading {}", directory.display()))?;
        // Where there is a choice, it is taken under MIT, and needs no other text.
        let is_mit = |file: &&PathBuf| file.parent() == Some(directory) && lowercase(file).contains("mit");
        if is_met_by("MIT") && files.iter().any(|file| is_mit(&file)) {
            files.retain(|file| is_mit(&file) || lowercase(file).starts_with("notice"));
        }
        let mut texts = files.iter().map(|file| read(file)).collect::<anyhow::Result<Vec<_>>>()?;
        if texts.is_empty() {
            let Some((_, text)) = STANDARD.iter().find(|(name, _)| is_met_by(name)) else {
                bail!("{of} has no text of its license: add it in xtask/src/licenses/texts");
            };
            texts.push(tidied(text));
        }
        Ok(Self { of, texts })
    }

    /// Of something whose text is in this file.
    pub(super) fn of(of: String, file: &Path) -> anyhow::Result<Self> {
        Ok(Self { of, texts: vec![read(file)?] })
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(tidied(&String::from_utf8_lossy(&bytes)))
}

/// Files with licenses and notices, those of libraries that the crate brings along included, in the order of their paths.
fn find(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    let names: Vec<String> = entries.iter().map(|path| lowercase(path)).collect();
    let has_license = names.iter().any(|name| name.starts_with("licen"));
    for (path, name) in entries.iter().zip(&names) {
        if path.is_dir() {
            if !APART.contains(&name.as_str()) {
                find(path, files)?;
            }
            continue;
        }
        let is_code = path.extension().is_some_and(|extension| CODE.iter().any(|code| extension == *code));
        // A COPYING beside a LICENSE is the other choice.
        let is_wanted =
            ["licence", "license", "notice", "copyright"].iter().any(|start| name.starts_with(start))
                || (name.starts_with("copying") && !has_license);
        if is_wanted && !is_code {
            files.push(path.clone());
        }
    }
    Ok(())
}

fn lowercase(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// Without what editors put at ends of lines and files.
fn tidied(text: &str) -> String {
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// All of them in one text.
pub(super) fn text(notices: &[Notice]) -> String {
    // Texts that differ in where lines are broken are one.
    let mut by_text: BTreeMap<String, (&str, Vec<&str>)> = BTreeMap::new();
    for Notice { of, texts } in notices {
        for text in texts {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let (_, whose) = by_text.entry(words).or_insert((text, Vec::new()));
            if whose.last() != Some(&of.as_str()) {
                whose.push(of);
            }
        }
    }
    let mut sections: Vec<String> =
        by_text.into_values().map(|(text, whose)| format!("{}\n\n{text}\n", whose.join("\n"))).collect();
    sections.sort();
    sections.insert(
        0,
        "What others made and is within the program tollgate, or builds it, and under which licenses.\n"
            .to_owned(),
    );
    sections.join(&format!("\n{}\n\n", "=".repeat(80)))
}
