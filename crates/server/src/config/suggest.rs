//! What somebody probably meant.

/// The candidate nearest to what was typed, if one is near: by its last part alone when only the section is wrong.
pub(super) fn nearest<'a>(typed: &str, candidates: &'a [String]) -> Option<&'a str> {
    let last = |path: &'a str| path.rsplit('.').next().unwrap_or(path);
    let typed_last = typed.rsplit('.').next().unwrap_or(typed);
    // A third of the letters wrong is a typing error; more is another word.
    let tolerated = |text: &str| (text.chars().count() / 3).max(1);
    candidates
        .iter()
        .filter_map(|candidate| {
            let whole = distance(typed, candidate);
            let part = distance(typed_last, last(candidate));
            let is_near = whole <= tolerated(typed) || part <= tolerated(typed_last);
            is_near.then_some(((part, whole), candidate.as_str()))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: letters inserted, removed or replaced.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, in_a) in a.chars().enumerate() {
        let mut diagonal = row.first().copied().unwrap_or_default();
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        let mut left = i + 1;
        for (in_b, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            let replaced = diagonal + usize::from(in_a != *in_b);
            left = replaced.min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
