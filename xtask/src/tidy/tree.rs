//! The files that the rules look at: everything in the repository but what tools made.

use std::{fs, path::Path};

use anyhow::Context;

/// Directories that tools made, by name. A directory with a `CACHEDIR.TAG`, such as a target directory of another name, is
/// skipped as well.
const MADE_BY_TOOLS: [&str; 5] = ["target", "node_modules", "dist", "__pycache__", ".venv"];
/// Hidden directories that are ours.
const HIDDEN_AND_OURS: [&str; 3] = [".cargo", ".ci", ".config"];

/// One file, by its path from the root of the repository, with `/` between the parts.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// Empty for what is not UTF-8.
    pub(crate) text: String,
}

impl File {
    /// Whether it is test code as a whole: an integration test, a bench, or a `tests.rs` beside its module.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.split('/').any(|part| part == "tests" || part == "benches")
    }
}

/// The repository.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
}

impl Tree {
    /// Reads every file under `root`.
    pub(crate) fn load(root: &Path) -> anyhow::Result<Self> {
        let mut tree = Self::default();
        tree.read_directory(root, "")?;
        tree.files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(tree)
    }

    /// The files whose names end in `.{extension}`.
    pub(crate) fn with_extension<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| {
            Path::new(&file.path).extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
        })
    }

    /// Whether there is a file or a directory of this path.
    pub(crate) fn contains(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        path.is_empty()
            || self.files.iter().any(|file| {
                file.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
    }

    fn read_directory(&mut self, root: &Path, prefix: &str) -> anyhow::Result<()> {
        let directory = root.join(prefix);
        let reading = || format!("reading the directory {}", directory.display());
        for entry in fs::read_dir(&directory).with_context(reading)? {
            let entry = entry.with_context(reading)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            let kind = entry.file_type().with_context(reading)?;
            if kind.is_dir() {
                let hidden = name.starts_with('.') && !HIDDEN_AND_OURS.contains(&name.as_str());
                let made =
                    MADE_BY_TOOLS.contains(&name.as_str()) || entry.path().join("CACHEDIR.TAG").exists();
                if !hidden && !made {
                    self.read_directory(root, &path)?;
                }
            } else if kind.is_file() {
                let content = fs::read(entry.path()).with_context(|| format!("reading {path}"))?;
                let bytes = u64::try_from(content.len())?;
                self.files.push(File { path, bytes, text: String::from_utf8(content).unwrap_or_default() });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Tree {
    /// A tree of these paths and texts.
    fn from(files: [(&str, &str); N]) -> Self {
        let file = |(path, text): (&str, &str)| File {
            path: path.to_owned(),
            bytes: u64::try_from(text.len()).unwrap_or(u64::MAX),
            text: text.to_owned(),
        };
        Self { files: files.into_iter().map(file).collect() }
    }
}
