//! An error and its causes as one line for whoever ran the command.

use tollgate_store::StoreError;

/// The causes, outermost first, each said once. What is below a [`StoreError`] is not shown: PostgreSQL's own text quotes
/// rows, and the store has said what may be said.
pub fn explain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let said = cause.to_string();
        if !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
        if cause.downcast_ref::<StoreError>().is_some() {
            break;
        }
    }
    text
}
