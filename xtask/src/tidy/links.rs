//! Every relative link of the documentation leads somewhere.

use super::{Finding, Tree, tree::File};

/// The findings of every Markdown file.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("md").flat_map(|file| check_file(tree, file)).collect()
}

fn check_file(tree: &Tree, file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_code = false;
    for (line, number) in file.text.lines().zip(1_usize..) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in targets(line).filter(|target| is_relative(target)) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() {
                continue;
            }
            let leads_somewhere = resolve(&file.path, path).is_some_and(|resolved| tree.contains(&resolved));
            if !leads_somewhere {
                let message =
                    format!("the link to `{target}` leads nowhere: mend the path, relative to this file");
                findings.push(Finding::new(&file.path, number, message));
            }
        }
    }
    findings
}

/// Targets of `[text](target)` in a line, those inside `code` left out.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let outside_code = line.split('`').step_by(2);
    outside_code.flat_map(|part| {
        let after_each_text = part.split("](").skip(1);
        // The text of a link may itself be code, so `](` can open the part.
        after_each_text.filter_map(|after| after.split([')', ' ']).next())
    })
}

/// Not an address, not a path of Rust's documentation.
fn is_relative(target: &str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:") && !target.contains("::")
}

/// The path from the root of the repository; `None` when it leaves it.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if let Some(absolute) = target.strip_prefix('/') {
        return Some(absolute.to_owned());
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}
