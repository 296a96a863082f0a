//! Names and other short texts, checked before they reach SQL, so that the message is ours and says what to do.

use crate::StoreError;

/// Longest name, in characters: longer ones are pasted by mistake, and no table or label shows them.
pub(crate) const MAX_NAME_CHARS: usize = 200;
/// Longest free text (descriptions, source ids, URLs), in characters.
pub(crate) const MAX_TEXT_CHARS: usize = 2_000;

/// A name: not empty, no control characters (NUL, which PostgreSQL cannot store, among them), no white space
/// around it, at most [`MAX_NAME_CHARS`]. `what` starts the message.
pub(crate) fn check_name(what: &str, text: &str) -> Result<(), StoreError> {
    if text.is_empty() {
        return Err(StoreError::refused(format!("{what} is empty; give it at least one character")));
    }
    if text.trim() != text {
        return Err(StoreError::refused(format!(
            "{what} {text:?} starts or ends with white space; remove it"
        )));
    }
    check(what, text, MAX_NAME_CHARS)
}

/// A free text: no control characters, at most [`MAX_TEXT_CHARS`].
pub(crate) fn check_text(what: &str, text: &str) -> Result<(), StoreError> {
    check(what, text, MAX_TEXT_CHARS)
}

fn check(what: &str, text: &str, most: usize) -> Result<(), StoreError> {
    if let Some(control) = text.chars().find(|character| character.is_control()) {
        return Err(StoreError::refused(format!(
            "{what} contains the control character {:?}; remove it",
            control.to_string()
        )));
    }
    if text.chars().nth(most).is_some() {
        return Err(StoreError::refused(format!("{what} is longer than {most} characters; shorten it")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
